"""`voxplore refine`: repair cells, and say what that did."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from voxplore.cli.common import CellsPath, Engine, Out, Overwrite, Result, Verb
from voxplore.errors import VoxploreError
from voxplore.ranges import Millimetres, Workers

if TYPE_CHECKING:
    from voxplore.refine import Change

__all__ = ["Command"]


@dataclass(frozen=True)
class Command(Verb):
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
    struts: bool = False
    """Instead: draw each cell of a truss anew from straight struts of one radius that stand for it, and write their
    graphs (JSON, and 3MF beam lattices) to OUT/struts. Cells that no such net stands for stay as they are."""
    size: Millimetres = 10.0
    """Edge of a cell in millimetres, for the beam lattices of --struts."""
    reference: Path | None = None
    """Also score novelty, validity and vun against this set (as in `evaluate`) before and after."""
    refiner: Path | None = None
    """Folder of a trained refiner; by default the shipped one."""
    train: bool = False
    """Train a refiner on CELLS (their training split) and write it to OUT: about five minutes."""
    engine: Engine = "local"
    """Where the work is done: processes on this machine, or Ray."""
    workers: Workers | None = None
    """Processes; by default one a core."""
    overwrite: Overwrite = False

    def run(self) -> Result:
        from voxplore import storage
        from voxplore.data.opening import load_cells
        from voxplore.workflows.refine import refine_cells, train_refiner

        if self.struts and (self.train or self.method != "geometric"):
            raise VoxploreError("refine", expected="--struts without --method and --train", got="more than one of them")
        storage.refuse_existing(self.out, self.overwrite)
        cells = load_cells(self.cells)
        if self.train:
            seconds = train_refiner(cells, self.out, self.overwrite).trained["seconds"]
            return Result(f"refiner in {self.out}, trained for {seconds:.0f} s", out=self.out, seconds=seconds)
        found = refine_cells(
            cells,
            self.out,
            method="struts" if self.struts else self.method,
            refiner=self.refiner,
            reference=load_cells(self.reference) if self.reference else None,
            workers=self.workers,
            engine=self.engine,
            overwrite=self.overwrite,
            size=self.size,
        )
        changed = f"{found.changed} of {storage.counted(len(cells), 'cell')} changed, in {self.out}"
        text = "\n".join([changed, *_table(found.changes)])
        changes = {one.label: {"before": one.before, "after": one.after} for one in found.changes}
        return Result(text, n=len(cells), out=self.out, changed=found.changed, changes=changes)


def _table(lines: list["Change"]) -> list[str]:
    width = max(len(line.label) for line in lines)
    rows = [f"  {'':<{width}}   before    after"]
    for label, before, after in lines:
        rows.append(f"  {label:<{width}}  {'' if before is None else f'{before:.3f}':>7}  {after:7.3f}")
    return rows
