"""`voxplore refine`: repair cells, and say what that did."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from voxplore.cli.common import CellsPath, Engine, Out, Overwrite

if TYPE_CHECKING:
    from voxplore.refine import Change
    from voxplore.unitcells import UnitCells

__all__ = ["Command"]


@dataclass(frozen=True)
class Command:
    """Repair cells: drop what floats, join loose parts, symmetrise what nearly is symmetric, keep the density.

    Writes the cells with a column that says what was done to each, and refinement.json with scores before and after.
    With --train, trains the learned refiner on CELLS instead and writes it.
    """

    cells: CellsPath
    """Folder or file of cells."""
    out: Out
    """Folder to write."""
    method: Literal["geometric", "learned", "both"] = "geometric"
    """By geometry, by the network, or by the network and then by geometry."""
    reference: Path | None = None
    """Also score novelty, validity and vun against this set (as in `evaluate`) before and after."""
    refiner: Path | None = None
    """Folder of a trained refiner; by default the shipped one."""
    train: bool = False
    """Train a refiner on CELLS (their training split) and write it to OUT: about five minutes."""
    engine: Engine = "local"
    """Where the work is done: processes on this machine, or Ray."""
    workers: int | None = None
    """Processes; by default one a core."""
    overwrite: Overwrite = False

    def run(self) -> str:
        from voxplore import files
        from voxplore.unitcells import load_cells

        files.refuse_existing(self.out, self.overwrite)
        return self._train() if self.train else self._refine(load_cells(self.cells))

    def _train(self) -> str:
        from voxplore.refine import Refiner
        from voxplore.unitcells import load_cells

        cells = load_cells(self.cells)
        refiner = Refiner().fit(cells.split("train") if "split" in cells.index else cells)
        refiner.save(self.out, self.overwrite)
        return f"refiner in {self.out}, trained for {refiner.trained['seconds']:.0f} s"

    def _refine(self, cells: "UnitCells") -> str:
        from voxplore import benchmark, files
        from voxplore.refine import compare, refine
        from voxplore.unitcells import load_cells

        known = benchmark.reference_of(load_cells(self.reference)).reference if self.reference else None
        refined = refine(cells, self.method, self.refiner, workers=self.workers, engine=self.engine)
        lines = compare(cells, refined, known)
        scores = {line.label: {"before": line.before, "after": line.after} for line in lines}
        with files.staged_folder(self.out, self.overwrite) as stage:
            refined.write_into(stage)
            files.write_json(stage / "refinement.json", {**refined.about["refinement"], "scores": scores})
        changed = int((refined.index["refined_voxels"] > 0).sum())
        return "\n".join([f"{changed} of {len(cells)} cells changed, in {self.out}", *_table(lines)])


def _table(lines: list["Change"]) -> list[str]:
    width = max(len(line.label) for line in lines)
    rows = [f"  {'':<{width}}   before    after"]
    for label, before, after in lines:
        rows.append(f"  {label:<{width}}  {'' if before is None else f'{before:.3f}':>7}  {after:7.3f}")
    return rows
