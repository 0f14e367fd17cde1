"""`evaluate`: benchmark v1 for any set of cells, and the reference rows of every table.

The five metrics of the paper (App. C.2), gated as its published code does, the same ungated, and `vun`.
"""

from typing import Any

import numpy as np

from voxplore.errors import VoxploreError
from voxplore.unitcells import UnitCells

from . import discovery, quality, spread
from .neighbours import Cells, Reference, as_cells, as_reference
from .scorecard import BENCHMARK, Scores
from .table import METRIC, METRICS

__all__ = ["GATE", "METRIC", "METRICS", "Scores", "evaluate", "open_voxels", "reference_rows"]

#: S_nov and S_div count a cell only where S_sym, S_per and S_con all exceed this (published code).
GATE = 0.5
_CHUNK = 128


def evaluate(
    samples: Cells,
    reference: Cells | Reference,
    *,
    held_out: Cells | None = None,
    vun: bool = True,
    name: str | None = None,
) -> Scores:
    """Score cells against a reference set (the training split in its six orientations) by benchmark v1.

    A cell that fails the gate gets novelty 0 and adds no neighbour to diversity; `novelty_ungated` and
    `diversity_ungated` count every cell that has solid. held_out: adds the Wasserstein distance of the relative
    densities to it. vun: also judge which cells are valid, unique and novel. `vendi` and `pairwise_distance` are of
    the first 1,000 cells.
    Raises VoxploreError where either set is empty or their resolutions differ.
    """
    samples = as_cells(samples)
    if len(samples) == 0:
        raise VoxploreError("samples", expected="at least one cell", came="none")
    reference = as_reference(reference)
    columns = _quality_columns(samples)
    diversity = _neighbour_columns(samples, reference, columns)
    similar = spread.pairwise_iou(samples[: spread.MOST])
    values = {
        "diversity": diversity[0],
        "diversity_ungated": diversity[1],
        "vendi": spread.vendi(similar),
        "pairwise_distance": spread.pairwise_distance(similar),
    }
    if vun:
        verdict = discovery.vun(samples, reference)
        columns |= {"valid": verdict.valid, "unique": verdict.unique, "novel": verdict.novel}
        columns["reasons"] = np.array(verdict.reasons)
        values["vun"] = verdict.share
    if held_out is not None:
        held_out = as_cells(held_out)
        values["density_distance"] = wasserstein(columns["relative_density"], held_out.relative_density())
    mean = {key: float(column.mean()) for key, column in columns.items() if key in METRIC} | values
    less = 1 if len(samples) > 1 else 0
    std = {key: float(column.std(ddof=less)) for key, column in columns.items() if key in METRIC}
    empty = int(np.count_nonzero(columns["relative_density"] == 0))
    title = name or str(samples.about.get("name", "cells"))
    ordered = {key: mean[key] for key in METRIC if key in mean}
    return Scores(title, len(samples), empty, ordered, std, columns, _provenance(samples, reference, held_out))


def reference_rows(
    reference: Cells | Reference, train: Cells, held_out: Cells, *, n: int = 1000, seed: int = 0, vun: bool = True
) -> dict[str, Scores]:
    """What every table shows beside a generator: "held-out", "training" and "noise", up to n cells each.

    Cells are drawn without replacement by `seed`; noise is uniform on [0, 1), solid from 0.5 on.
    """
    reference = as_reference(reference)
    rng = np.random.default_rng(seed)
    d = reference.resolution
    noise = UnitCells.from_voxels(rng.random((n, d, d, d), dtype=np.float32) >= 0.5, name="noise")
    rows = {"held-out": _drawn(held_out, n, rng), "training": _drawn(train, n, rng), "noise": noise}
    return {name: evaluate(row, reference, held_out=held_out, vun=vun, name=name) for name, row in rows.items()}


def _drawn(cells: Cells, n: int, rng: np.random.Generator) -> UnitCells:
    cells = as_cells(cells)
    return cells[np.sort(rng.permutation(len(cells))[:n])]


def _quality_columns(samples: UnitCells) -> dict[str, np.ndarray]:
    found = quality.components(samples)
    solid = np.maximum(found.solid, 1)
    scores = {
        "symmetry": quality.symmetry(samples),
        "periodicity": quality.periodicity(samples),
        "connectivity": found.largest / solid,
    }
    return {
        "id": samples.index["id"] if "id" in samples.index else np.arange(len(samples)).astype(str),
        **scores,
        "quality": sum(scores.values(), np.zeros(len(samples))) / 3,
        "connectivity_in_box": found.largest_in_box / solid,
        "relative_density": found.solid / samples.resolution**3,
    }


def _neighbour_columns(samples: UnitCells, reference: Reference, columns: dict[str, np.ndarray]) -> tuple[float, float]:
    """Add the columns that need the reference; S_div gated and ungated."""
    counted = np.all([columns[key] > GATE for key in ("symmetry", "periodicity", "connectivity")], axis=0)
    solid = columns["relative_density"] > 0
    index, iou = reference.nearest(samples)
    opened, opened_iou = _opened_iou(samples, reference)
    ids = reference.index.get("id")
    columns |= {
        "counted": counted,
        "nearest_id": ids[index] if ids is not None else index.astype(str),
        "nearest_iou": iou,
        "novelty": np.where(counted, 1 - iou, 0.0),
        "novelty_ungated": np.where(solid, 1 - iou, 0.0),
        "novelty_opened": np.where(counted & opened, 1 - opened_iou, 0.0),
    }
    n = len(samples)
    return len(np.unique(index[counted])) / n, len(np.unique(index[solid])) / n


def _opened_iou(samples: UnitCells, reference: Reference) -> tuple[np.ndarray, np.ndarray]:
    """For each cell after a one-voxel opening: whether solid is left, and its IoU with the nearest reference cell."""
    parts = [UnitCells.from_voxels(open_voxels(part)) for part in samples.batches(_CHUNK)]
    cells = UnitCells.concatenate(parts)
    return np.asarray(cells.packed.any(axis=1)), reference.nearest(cells)[1]


def open_voxels(voxels: np.ndarray) -> np.ndarray:
    """One-voxel opening of Bool (n, d, d, d), periodic: erosion, then dilation, by a voxel and its 6 neighbours.

    What is thinner than three voxels goes, so that novelty cannot come from specks alone (our choice of element).
    """
    shifts = [(way, axis) for axis in (1, 2, 3) for way in (1, -1)]
    eroded = voxels.copy()
    for way, axis in shifts:
        eroded &= np.roll(voxels, way, axis)
    dilated = eroded.copy()
    for way, axis in shifts:
        dilated |= np.roll(eroded, way, axis)
    return dilated


def wasserstein(left: np.ndarray, right: np.ndarray) -> float:
    """First Wasserstein distance of two samples of numbers: the area between their distribution functions."""
    points = np.sort(np.concatenate([left, right]))
    below_left = np.searchsorted(np.sort(left), points[:-1], side="right") / len(left)
    below_right = np.searchsorted(np.sort(right), points[:-1], side="right") / len(right)
    return float((np.abs(below_left - below_right) * np.diff(points)).sum())


def _provenance(samples: UnitCells, reference: Reference, held_out: UnitCells | None) -> dict[str, Any]:
    from voxplore import __version__

    about: dict[str, Any] = {
        "benchmark": BENCHMARK,
        "voxplore_version": __version__,
        "samples": _identity(samples) | {key: samples.about[key] for key in ("made",) if key in samples.about},
        "reference": {"name": reference.name, "n": len(reference), "sha256": reference.sha256},
        "periodicity_floor": discovery.floor_of(reference),
    }
    if held_out is not None:
        about["held_out"] = _identity(held_out)
    return about


def _identity(cells: UnitCells) -> dict[str, Any]:
    return {"name": cells.about.get("name", "cells"), "n": len(cells), "sha256": cells.sha256()}
