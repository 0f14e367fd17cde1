"""`vun`: the share of cells that are valid, unique and novel (benchmark v1).

*Valid*: the largest periodic component holds at least 99.5 % of the solid and spans all three axes; S_per reaches the
reference's floor; the relative density lies within [0.5 min, 1.2 max] of the reference and below 0.9. *Unique*: no
earlier cell of the set is equivalent. *Novel*: no reference cell is, and none of the 5 nearest is after thickening or
thinning to the cell's density. *Equivalent*: IoU of 0.9 or more under one of the 48 operations of the cube and the
eight half-period shifts. Other shifts are not tested. Two empty cells are not equivalent (their IoU is 0).

Bounds only discard; every verdict is counted in voxels and decided in integers.
"""

from dataclasses import dataclass

import numpy as np

from voxplore import kernels
from voxplore.kernels.distance import signed_distance
from voxplore.unitcells import UnitCells, as_voxels

from . import quality
from .neighbours import Reference, as_reference

__all__ = ["DEFAULT_PERIODICITY_FLOOR", "VunResult", "at_level", "resize", "vun"]

DEFAULT_PERIODICITY_FLOOR = 0.5
#: IoU from which on two cells are equivalent, as a fraction of integers.
EQUIVALENT = (9, 10)
NEAREST = 5
_LARGEST_SHARE = (995, 1000)
_DENSITY_RANGE = (0.5, 1.2)
_DENSITY_LIMIT = 0.9

REASONS = (
    "empty",
    "not connected",
    "does not span all axes",
    "faces differ",
    "relative density out of range",
    "repeats an earlier cell",
    "equivalent to a reference cell",
    "equivalent to a thickened or thinned reference cell",
)


@dataclass(frozen=True, eq=False)
class VunResult:
    """The verdict on n cells: Bool (n,) `valid`, `unique`, `novel`.

    repeats: int64 (n,), the earlier cell that it is equivalent to, or -1. equals: the reference cell, or -1.
    reasons: n texts, empty where the cell is valid, unique and novel.
    """

    valid: np.ndarray
    unique: np.ndarray
    novel: np.ndarray
    repeats: np.ndarray
    equals: np.ndarray
    reasons: tuple[str, ...]

    @property
    def found(self) -> np.ndarray:
        """Bool (n,): valid, unique and novel."""
        return self.valid & self.unique & self.novel

    @property
    def share(self) -> float:
        """The headline `vun`; 0 for no cells."""
        return float(self.found.mean()) if len(self.found) else 0.0


def vun(
    samples: UnitCells | np.ndarray,
    reference: UnitCells | np.ndarray | Reference,
    *,
    periodicity_floor: float | None = None,
) -> VunResult:
    """Which of n cells are valid, unique and novel against the reference.

    periodicity_floor: least S_per of a valid cell; by default the reference's own (`about`), 0.5 where it has none.
    """
    reference = as_reference(reference)
    bits = reference.prepare(samples)
    floor = periodicity_floor if periodicity_floor is not None else floor_of(reference)
    failures = _validity(samples, bits, reference, floor)
    cells = kernels.orbits(bits, reference.resolution)
    repeats = kernels.first_equivalent(cells, cells, EQUIVALENT, earlier=True, threads=reference.threads)
    rows = reference.distinct_rows
    direct = kernels.first_equivalent(cells, reference.orbits, EQUIVALENT, rows=rows, threads=reference.threads)
    undecided = np.flatnonzero((direct < 0) & (bits.solid > 0))
    resized = np.full(len(bits), -1, np.int64)
    resized[undecided] = _equal_after_resizing(cells.rows(undecided), reference)
    failures += [repeats >= 0, direct >= 0, resized >= 0]
    reasons = tuple(
        "; ".join(text for text, failed in zip(REASONS, flags, strict=True) if failed)
        for flags in zip(*(column.tolist() for column in failures), strict=True)
    )
    valid = ~np.any(failures[:5], axis=0)
    equals = np.where(direct >= 0, direct, resized)
    return VunResult(valid, repeats < 0, equals < 0, repeats, equals, reasons)


def floor_of(reference: Reference) -> float:
    """The S_per that a valid cell must reach: from the reference's `about`, 0.5 where it has none."""
    floor = reference.about.get("periodicity_floor")
    return DEFAULT_PERIODICITY_FLOOR if floor is None else float(floor)


def _validity(
    samples: UnitCells | np.ndarray, bits: kernels.PackedBits, reference: Reference, floor: float
) -> list[np.ndarray]:
    """What speaks against each cell: Bool (n,) for each of the first five REASONS."""
    found = quality.components(samples)
    volume = reference.resolution**3
    density = bits.solid / volume
    least, most = reference.bits.solid.min() / volume, reference.bits.solid.max() / volume
    low, high = _DENSITY_RANGE[0] * least, _DENSITY_RANGE[1] * most
    failures = (
        bits.solid == 0,
        found.largest * _LARGEST_SHARE[1] < found.solid * _LARGEST_SHARE[0],
        ~found.spans.all(axis=1),
        quality.periodicity(samples) < floor,
        (density < low) | (density > high) | (density >= _DENSITY_LIMIT),
    )
    return [np.asarray(column) for column in failures]


def _equal_after_resizing(cells: kernels.Orbits, reference: Reference) -> np.ndarray:
    """For each cell one of its nearest reference cells that is equivalent once resized to its density, or -1.

    Nearest: by IoU as the cells lie, at most one row of each source.
    """
    nearest = kernels.nearest(cells.bits, reference.bits, NEAREST, reference.groups, reference.threads).index
    pairs = np.stack([np.repeat(np.arange(len(nearest)), nearest.shape[1]), nearest.ravel()], axis=1)
    pairs = pairs[pairs[:, 1] >= 0]
    pairs = pairs[_within_reach(cells, reference, pairs)]
    rows = np.unique(pairs[:, 1])

    def equal_to(row: int) -> np.ndarray:
        queries = pairs[pairs[:, 1] == row, 0]
        distance = signed_distance(kernels.voxels_of(reference.bits.words[row], reference.resolution))
        resized = np.stack([at_level(distance, int(cells.bits.solid[query])) for query in queries])
        known = kernels.orbits(reference.prepare(resized), reference.resolution)
        own = cells.rows(queries)
        need = -(-EQUIVALENT[0] * (own.bits.solid + known.bits.solid) // sum(EQUIVALENT))
        paired = np.stack([np.arange(len(queries))] * 2, axis=1)
        return queries[kernels.reach(own, known, paired, need, threads=1)]

    out = np.full(len(cells), -1, np.int64)
    for row, equal in zip(rows, kernels.map_threads(equal_to, rows, reference.threads), strict=True):
        out[equal] = np.where(out[equal] < 0, row, out[equal])
    return out


def _within_reach(cells: kernels.Orbits, reference: Reference, pairs: np.ndarray) -> np.ndarray:
    """Bool (m,): the pairs for which resizing can lead to IoU 0.9. Exact: it discards only what cannot.

    A thickened reference T holds the reference B. IoU(A, T) >= 0.9 leaves at most |A| / 9 voxels of T outside A, so
    |A and B| >= |B| - |A| / 9. A thinned T lies in B, so |A and B| >= |A and T| >= 0.9 |A|.
    """
    a, b = cells.bits.solid[pairs[:, 0]], reference.bits.solid[pairs[:, 1]]
    need = np.where(a > b, -(-(9 * b - a) // 9), -(-9 * a // 10))
    out = np.empty(len(pairs), bool)
    # A map from A onto B is a map from B onto A; starting from the cell with less solid, most maps fail sooner. Half a
    # period of an odd number of voxels is rounded, and its maps have no exact inverse.
    back = (a > b) & (reference.resolution % 2 == 0)
    out[~back] = kernels.reach(cells, reference.orbits, pairs[~back], need[~back], reference.threads)
    turned = pairs[back][:, ::-1]
    order = np.argsort(turned[:, 0], kind="stable")
    found = np.empty(len(turned), bool)
    found[order] = kernels.reach(reference.orbits, cells, turned[order], need[back][order], reference.threads)
    out[back] = found
    return out


def resize(voxels: np.ndarray, solid: int) -> np.ndarray:
    """Thicken or thin one cell Bool (d, d, d) to `solid` voxels by a periodic distance transform.

    The cells that can come out are the level sets of the signed distance between voxel centres, to the nearest solid
    voxel outside and to the nearest void voxel inside; the one whose number of voxels is closest is taken, the smaller
    of two equally close. An empty or a full cell stays as it is.
    """
    return at_level(signed_distance(as_voxels(voxels)[0]), solid)


def at_level(distance: np.ndarray, solid: int) -> np.ndarray:
    if distance.min() == distance.max():
        return distance < 0
    least = int(distance.min())
    counts = np.bincount((distance - least).ravel())
    levels = np.flatnonzero(counts)
    sizes = np.cumsum(counts)[levels]
    return distance <= least + levels[np.argmin(np.abs(sizes - solid))]
