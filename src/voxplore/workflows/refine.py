"""Cells repaired and written with their scores before and after, and a refiner trained and written."""

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from voxplore import storage
from voxplore.data.synthetic.periodic import strut_graph
from voxplore.errors import VoxploreError
from voxplore.export.beams import beam_lattice
from voxplore.export.write import file_names
from voxplore.ranges import Millimetres, Workers, within
from voxplore.unitcells import UnitCells
from voxplore.workflows.evaluate import reference_of

if TYPE_CHECKING:
    from voxplore.refine import Change, Refiner, StrutFit

__all__ = ["Refined", "refine_cells", "train_refiner"]


class Refined(NamedTuple):
    """How many cells were changed, and what that did to the scores."""

    changed: int
    changes: list["Change"]


@within
def refine_cells(
    cells: UnitCells,
    out: str | Path,
    *,
    method: str = "geometric",
    refiner: str | Path | None = None,
    reference: UnitCells | None = None,
    workers: Workers | None = None,
    engine: str = "local",
    overwrite: bool = False,
    size: Millimetres = 10.0,
) -> Refined:
    """Repair cells (see `voxplore.refine`) and write them to `out`, with refinement.json: scores before and after.

    Method "struts" also writes each net to struts/<id>.json, a graph in cell edges that `build graphs` reads, and
    struts/<id>.3mf, a beam lattice of cells of `size` millimetres. reference: a set as `evaluate` takes it; adds
    novelty, validity and vun against it.
    """
    from voxplore.refine import by_struts, compare, fits_of, refine

    storage.refuse_existing(Path(out), overwrite)
    known = reference_of(reference).reference if reference is not None else None
    if known is not None and known.resolution != cells.resolution:
        expected = f"cells at {cells.resolution}^3 as those to repair (`voxplore build own --resample`)"
        raise VoxploreError("reference", expected=expected, got=f"{known.resolution}^3")
    storage.stage(f"repairing {storage.counted(len(cells), 'cell')}")
    fits = fits_of(cells, workers, engine) if method == "struts" else []
    refined = by_struts(cells, fits) if fits else refine(cells, method, refiner, workers=workers, engine=engine)
    storage.stage("scoring them before and after")
    changes = compare(cells, refined, known)
    scores = {change.label: {"before": change.before, "after": change.after} for change in changes}
    with storage.staged_folder(out, overwrite) as stage:
        refined.write_into(stage)
        storage.write_json(stage / "refinement.json", {**refined.about["refinement"], "scores": scores})
        if fits:
            _write_struts(stage / "struts", cells, fits, size)
    return Refined(int((refined.index["refined_voxels"] > 0).sum()), changes)


def _write_struts(folder: Path, cells: UnitCells, fits: list["StrutFit | None"], size: float) -> None:
    folder.mkdir()
    names = file_names([str(name) for name in cells.index["id"].tolist()])
    for name, fit in zip(names, fits, strict=True):
        if fit is None:
            continue
        graph = strut_graph(name, fit.net.segments())
        found = {"name": name, "nodes": graph.nodes.tolist(), "bars": graph.edges.tolist()}
        storage.write_json(folder / f"{name}.json", {**found, "radius": fit.radius, "iou": fit.iou})
        lattice = beam_lattice(size * graph.nodes, graph.edges, size * fit.radius, name)
        (folder / f"{name}.3mf").write_bytes(lattice)


def train_refiner(cells: UnitCells, out: str | Path, overwrite: bool = False) -> "Refiner":
    """Train a refiner on the training split of the cells, or on all where they have none, and write it to `out`."""
    from voxplore.refine import Refiner

    storage.refuse_existing(Path(out), overwrite)
    refiner = Refiner().fit(cells.split("train") if "split" in cells.index else cells)
    refiner.save(out, overwrite)
    return refiner
