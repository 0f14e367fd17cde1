"""Refinement of a whole set, with what was done written into index and provenance; and the set before and after."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from voxplore import __version__, metrics
from voxplore.errors import VoxploreError
from voxplore.metrics.scores import GATE
from voxplore.parallel import map_items
from voxplore.ranges import Workers, within
from voxplore.unitcells import UnitCells, pack, unpack

from . import struts
from .geometric import DENSITY_SLACK, PART_SHARE, PERIODICITY_FLOOR, SYMMETRY_FLOOR, Repair, repair

if TYPE_CHECKING:
    from .learned import Refiner

__all__ = ["METHODS", "Change", "by_struts", "compare", "refine"]

#: "both": the learned method first, then the geometric one. "struts": cells of a truss drawn anew from straight struts.
METHODS = ("geometric", "learned", "both", "struts")


@within
def refine(
    cells: UnitCells,
    method: str = "geometric",
    refiner: "Refiner | str | Path | None" = None,
    *,
    workers: Workers | None = 1,
    engine: str = "local",
) -> UnitCells:
    """Repaired cells, in the order and with the ids of `cells`; the same on any number of workers.

    method: "geometric" (see `repair`), "learned" (a network trained to undo damage), "both", the learned first, or
    "struts" (see `struts.fit_struts`; the columns of `struts.as_struts` are added).
    refiner: a trained one or its folder; by default the shipped one. Every cell has in the index `refined`, what was
    done to it in words, and `refined_voxels`, how many differ; `about` has the method under "refinement", and the name
    says "refined". Raises VoxploreError for an unknown method.
    """
    if method not in METHODS:
        raise VoxploreError("method", expected=" or ".join(METHODS), got=repr(method))
    if method == "struts":
        return by_struts(cells, struts.fits_of(cells, workers, engine))
    about: dict[str, Any] = {"method": method, "voxplore_version": __version__, "cells_sha256": cells.sha256()}
    packed, notes = np.asarray(cells.packed), [""] * len(cells)
    if method != "geometric":
        packed, about["refiner"] = _learned(packed, cells.resolution, refiner)
        changed = _unequal(packed, np.asarray(cells.packed))
        notes = [f"learned refiner changed {count} voxels" if count else "" for count in changed.tolist()]
    if method != "learned":
        work = partial(_repair_row, resolution=cells.resolution)
        done = list(map_items(work, list(packed), workers=workers, engine=engine))
        notes = ["; ".join(filter(None, (note, _words(what)))) for note, (_, what) in zip(notes, done, strict=True)]
        packed = np.stack([row for row, _ in done]) if done else packed
        about |= {"part_share": PART_SHARE, "density_slack": DENSITY_SLACK}
        about |= {"symmetry_floor": SYMMETRY_FLOOR, "periodicity_floor": PERIODICITY_FLOOR}
    return _noted(cells, UnitCells(packed, cells.resolution, dict(cells.index), dict(cells.about)), notes, about)


def by_struts(cells: UnitCells, fits: list[struts.StrutFit | None]) -> UnitCells:
    """The cells drawn anew from their strut fits, as `refine(cells, "struts")` gives them."""
    notes = [
        f"{len(fit.net.start)} straight struts of radius {fit.radius:.3f}, IoU {fit.iou:.2f} with the cell as it was"
        if fit
        else "unchanged: no net of straight struts stands for it"
        for fit in fits
    ]
    about = {"method": "struts", "voxplore_version": __version__, "cells_sha256": cells.sha256()}
    return _noted(cells, struts.as_struts(cells, fits), notes, {**about, "least_iou": struts.LEAST_IOU})


def _noted(before: UnitCells, after: UnitCells, notes: list[str], about: dict[str, Any]) -> UnitCells:
    """The refined cells with what was done to each in the index, and with what, in `about`."""
    index = {name: column for name, column in after.index.items() if name != "relative_density"}
    index["refined"] = np.array([note or "unchanged" for note in notes], dtype=np.str_)
    index["refined_voxels"] = _unequal(np.asarray(after.packed), np.asarray(before.packed))
    name = f"{before.about.get('name', 'cells')}, refined"
    return UnitCells(after.packed, after.resolution, index, {**before.about, "name": name, "refinement": about})


class Change(NamedTuple):
    """One line of `compare`: a score before and after; `before` is None where the line is a change itself."""

    label: str
    before: float | None
    after: float


def compare(before: UnitCells, after: UnitCells, reference: Any = None) -> list[Change]:
    """What refinement did to n cells: means of scores, shares of cells, and how far the cells moved.

    reference: adds novelty, diversity, valid and vun of `evaluate`. How far density and ungated novelty moved is the
    mean of the absolute changes over the cells that pass the gate before.
    """
    lines = [Change(label, *(float(score(cells).mean()) for cells in (before, after))) for label, score in _SCORES]
    kept, passing = _passes(before), _passes(after)
    lines.append(Change("newly pass the gate", None, float((passing & ~kept).mean())))
    lines.append(Change("no longer pass the gate", None, float((kept & ~passing).mean())))
    if kept.any():
        moved = np.abs(after.relative_density() - before.relative_density())[kept].mean()
        lines.append(Change("|change| of density, gate passed before", None, float(moved)))
    if reference is None:
        return lines
    known = metrics.neighbours.as_reference(reference)
    found = [metrics.evaluate(cells, known) for cells in (before, after)]
    for key in ("novelty", "novelty_ungated", "diversity", "valid", "vun"):
        lines.append(Change(metrics.METRIC[key].label, *(float(scores.mean[key]) for scores in found)))
    if kept.any():
        one, other = (scores.columns["novelty_ungated"][kept] for scores in found)
        lines.append(Change("change of S_nov ungated, gate passed before", None, float((other - one).mean())))
        lines.append(Change("|change| of S_nov ungated, gate passed before", None, float(np.abs(other - one).mean())))
    return lines


_SCORES = (
    ("S_sym", metrics.symmetry),
    ("S_per", metrics.periodicity),
    ("S_con", metrics.connectivity),
    ("relative density", UnitCells.relative_density),
    ("passes the gate", lambda cells: _passes(cells)),
    ("in one part", lambda cells: metrics.connectivity(cells) == 1),
    ("spans all axes", lambda cells: metrics.quality.components(cells).spans.all(axis=1)),
)


def _passes(cells: UnitCells) -> np.ndarray:
    """Bool (n,): whether each cell passes the gate of benchmark v1."""
    scores = (metrics.symmetry(cells), metrics.periodicity(cells), metrics.connectivity(cells))
    return np.all([score > GATE for score in scores], axis=0)


def _learned(packed: np.ndarray, resolution: int, refiner: Any) -> tuple[np.ndarray, dict[str, Any]]:
    """In this process: the cells pass one by one, so their number changes nothing."""
    from .learned import SHIPPED, Refiner, load_refiner

    network = refiner if isinstance(refiner, Refiner) else load_refiner(refiner or SHIPPED)
    rows = [pack(network.repair(unpack(row[None], resolution)[0])[None])[0] for row in packed]
    facts = {"sha256": network.checksum(), "trained": network.trained}
    return (np.stack(rows) if rows else packed), facts


def _repair_row(row: np.ndarray, resolution: int) -> tuple[np.ndarray, Repair]:
    cell, what = repair(unpack(row[None], resolution)[0])
    return pack(cell[None])[0], what


def _unequal(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return np.bitwise_count(one ^ other).sum(axis=1, dtype=np.int64)


def _words(what: Repair) -> str:
    said = []
    if what.dropped:
        said.append(f"dropped {what.dropped} loose voxels")
    if what.parts_joined:
        said.append(f"joined {what.parts_joined} parts by {what.bridge_voxels} voxels")
    if what.symmetry_voxels:
        said.append(f"made symmetric in {what.symmetry_voxels} voxels")
    if what.face_voxels:
        said.append(f"met {what.face_voxels} voxels at faces")
    if what.density_voxels:
        said.append(f"{'grew' if what.density_voxels > 0 else 'thinned'} {abs(what.density_voxels)} voxels")
    return "; ".join(said)
