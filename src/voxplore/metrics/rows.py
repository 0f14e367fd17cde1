"""The scores that each cell has by itself, a block of cells at a time: what `evaluate` then sums up."""

from collections.abc import Iterator

import numpy as np

from voxplore import kernels
from voxplore.unitcells import UnitCells

from . import quality
from .neighbours import Reference

__all__ = ["BLOCK", "GATE", "open_voxels", "score_blocks"]

#: S_nov and S_div count a cell only where S_sym, S_per and S_con all exceed this (published code).
GATE = 0.5
#: Cells scored at once.
BLOCK = 512
_CHUNK = 128


def score_blocks(
    samples: UnitCells, reference: Reference, *, first: int = 0, five: bool = False
) -> Iterator[dict[str, np.ndarray]]:
    """Columns (at most BLOCK,) of the cells from `first` on, block by block, each on a thread of its own.

    five: leave out novelty after an opening. `nearest` is the row of the nearest reference cell. No memory is held but
    that of the blocks in work.
    """
    starts = range(first, len(samples), BLOCK)
    threads = 1 if len(starts) > 1 else reference.threads

    def block(start: int) -> dict[str, np.ndarray]:
        cells = samples.part(start, start + BLOCK)
        columns = _quality_columns(cells)
        return columns | _neighbour_columns(cells, reference, columns, five, threads)

    yield from kernels.map_threads(block, starts, reference.threads)


def _quality_columns(samples: UnitCells) -> dict[str, np.ndarray]:
    found = quality.components(samples)
    solid = np.maximum(found.solid, 1)
    scores = {
        "symmetry": quality.symmetry(samples),
        "periodicity": quality.periodicity(samples),
        "connectivity": found.largest / solid,
    }
    return {
        "id": samples.index["id"],
        **scores,
        "quality": sum(scores.values(), np.zeros(len(samples))) / 3,
        "connectivity_in_box": found.largest_in_box / solid,
        "relative_density": found.solid / samples.resolution**3,
    }


def _neighbour_columns(
    samples: UnitCells, reference: Reference, columns: dict[str, np.ndarray], five: bool, threads: int | None
) -> dict[str, np.ndarray]:
    counted = np.all([columns[key] > GATE for key in ("symmetry", "periodicity", "connectivity")], axis=0)
    solid = columns["relative_density"] > 0
    index, iou = reference.nearest(samples, threads)
    ids = reference.index.get("id")
    found = {
        "counted": counted,
        "nearest_id": ids[index] if ids is not None else index.astype(str),
        "nearest_iou": iou,
        "novelty": np.where(counted, 1 - iou, 0.0),
        "novelty_ungated": np.where(solid, 1 - iou, 0.0),
    }
    if not five:
        opened, opened_iou = _opened_iou(samples, reference, threads)
        found["novelty_opened"] = np.where(counted & opened, 1 - opened_iou, 0.0)
    return {**found, "nearest": index}


def _opened_iou(samples: UnitCells, reference: Reference, threads: int | None) -> tuple[np.ndarray, np.ndarray]:
    """For each cell after a one-voxel opening: whether solid is left, and its IoU with the nearest reference cell."""
    parts = [UnitCells.from_voxels(open_voxels(part)) for part in samples.batches(_CHUNK)]
    cells = UnitCells.concatenate(parts)
    return np.asarray(cells.packed.any(axis=1)), reference.nearest(cells, threads)[1]


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
