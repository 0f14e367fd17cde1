"""Negatives: corrupted valid cells, so that training can separate valid from invalid (paper, App. B.2).

The published code corrupts an axis-aligned block of half the side, an eighth of the cell. Its shares are the default;
the other kinds are real ways to fail, for comparison.
"""

import functools
from collections.abc import Callable, Mapping

import numpy as np
from scipy.special import ndtr

from voxplore.errors import VoxploreError
from voxplore.ranges import Seed, within
from voxplore.unitcells import UnitCells, pack

__all__ = ["KINDS", "MIXES", "degrade", "degrade_cells"]

Block = tuple[slice, slice, slice]

#: Named shares of the kinds. "published" is what the published code does; the others are for comparison (our choice).
MIXES: dict[str, dict[str, float]] = {
    "published": {"noise": 0.2, "void_block": 0.2, "other_block": 0.2, "noise_block": 0.4},
    "scatter": {"scatter": 1.0},
    "failures": {"broken_struts": 0.4, "floating_islands": 0.4, "closed_faces": 0.2},
    "all": {
        "noise": 0.1,
        "void_block": 0.1,
        "other_block": 0.1,
        "noise_block": 0.2,
        "scatter": 0.1,
        "broken_struts": 0.15,
        "floating_islands": 0.15,
        "closed_faces": 0.1,
    },
}
_TRIES = 30
_BATCH = 256


def degrade(
    voxels: np.ndarray,
    rng: np.random.Generator,
    others: np.ndarray | None = None,
    mix: str | Mapping[str, float] = "published",
) -> np.ndarray:
    """One negative for each cell: Bool (n, d, d, d) -> Bool (n, d, d, d), the same for the same generator state.

    others: Bool (m, d, d, d), the cells that "other_block" takes its blocks from; by default the batch itself.
    mix: a name in MIXES, or the share of each kind in KINDS (they are scaled to sum to 1).
    No negative equals its cell: where a corruption changes nothing (a void block of void), noise takes its place.
    """
    kinds, shares = _shares(mix)
    negatives = voxels.copy()
    pool = voxels if others is None else others
    drawn = rng.choice(len(kinds), size=len(voxels), p=shares)
    for i, kind in enumerate(drawn):
        # A step of at least 1 within the batch: "another" cell is never the cell itself.
        row = rng.integers(len(pool)) if others is not None else (i + rng.integers(1, max(len(pool), 2))) % len(pool)
        KINDS[kinds[kind]](negatives[i], rng, pool[row])
    for negative, cell in zip(negatives, voxels, strict=True):
        while np.array_equal(negative, cell):
            _noise_block(negative, rng, cell)
    return negatives


@within
def degrade_cells(cells: UnitCells, mix: str, seed: Seed = 0) -> UnitCells:
    """One negative for each cell, under its id; mix: a name in MIXES or in KINDS. The same for the same seed."""
    rng = np.random.default_rng(seed)
    shares = {mix: 1.0} if mix in KINDS else mix
    rows = [pack(degrade(voxels, rng, mix=shares)) for voxels in cells.batches(_BATCH)]
    packed = np.concatenate([np.zeros((0, cells.packed.shape[1]), np.uint8), *rows])
    source = str(cells.about.get("name", "cells"))
    about = {"name": f"{source}, {mix}", "source": f"{source}, degraded by voxplore", "seed": seed}
    index = {key: cells.index[key] for key in ("id", "source_id") if key in cells.index}
    return UnitCells(packed, cells.resolution, index, about)


def _shares(mix: str | Mapping[str, float]) -> tuple[list[str], np.ndarray]:
    if isinstance(mix, str):
        if mix not in MIXES:
            raise VoxploreError("mix of negatives", expected=" or ".join([*MIXES, *KINDS]), got=repr(mix))
        mix = MIXES[mix]
    unknown = sorted(set(mix) - set(KINDS))
    shares = np.array(list(mix.values()), dtype=np.float64)
    if unknown or not (shares >= 0).all() or not 0 < shares.sum() < np.inf:
        raise VoxploreError("mix of negatives", expected=f"positive shares of {', '.join(KINDS)}", got=str(dict(mix)))
    return list(mix), shares / shares.sum()


def _block(side: int, rng: np.random.Generator) -> Block:
    """A random axis-aligned block of half the side, inside the cell."""
    half = side // 2
    x, y, z = (int(corner) for corner in rng.integers(0, side - half + 1, 3))
    return slice(x, x + half), slice(y, y + half), slice(z, z + half)


def _noise(cell: np.ndarray, rng: np.random.Generator, other: np.ndarray) -> None:
    """Gaussian noise of sigma .1 to .3 on the whole cell, then > 1/2: each voxel flips with chance Phi(-1 / (2 sigma)).

    Uniform hits with repetition, as many as a Poisson draw says, hit each voxel or not independently with that chance
    exactly; few voxels flip, so it is fifty times faster than a Gaussian for each.
    """
    chance = ndtr(-0.5 / rng.uniform(0.1, 0.3))
    hits = rng.poisson(-np.log1p(-chance) * cell.size)
    places = rng.integers(0, cell.size, hits)
    flat = cell.reshape(-1)
    flat[places] = ~flat[places]


def _void_block(cell: np.ndarray, rng: np.random.Generator, other: np.ndarray) -> None:
    cell[_block(len(cell), rng)] = False


def _other_block(cell: np.ndarray, rng: np.random.Generator, other: np.ndarray) -> None:
    block = _block(len(cell), rng)
    cell[block] = other[block]


def _noise_block(cell: np.ndarray, rng: np.random.Generator, other: np.ndarray) -> None:
    """The block becomes Gaussian noise of sigma .3 to .6 where it exceeds 1/2: 5 to 20 % solid, voxel by voxel."""
    block = _block(len(cell), rng)
    chance = ndtr(-0.5 / rng.uniform(0.3, 0.6))
    cell[block] = rng.random((len(cell) // 2,) * 3, dtype=np.float32) < chance


def _scatter(cell: np.ndarray, rng: np.random.Generator, other: np.ndarray) -> None:
    """An eighth of the voxels, each picked alone, becomes void or such noise: the other reading of App. B.2."""
    chance = ndtr(-0.5 / rng.uniform(0.3, 0.6)) if rng.random() < 0.5 else 0.0
    picked = rng.integers(0, 256, cell.shape, dtype=np.uint8) < 32
    cell[picked] = rng.random(np.count_nonzero(picked), dtype=np.float32) < chance


def _broken_struts(cell: np.ndarray, rng: np.random.Generator, other: np.ndarray) -> None:
    """One to four balls, radius 6 to 12 % of the side, cut out of the solid, periodic: stubs remain."""
    solid = np.flatnonzero(cell)
    for _ in range(int(rng.integers(1, 5)) if len(solid) else 0):
        centre = np.unravel_index(solid[rng.integers(len(solid))], cell.shape)
        cell[_ball(centre, len(cell), len(cell) * rng.uniform(0.06, 0.12))] = False


def _floating_islands(cell: np.ndarray, rng: np.random.Generator, other: np.ndarray) -> None:
    """Up to five solid balls, radius 2 to 6 % of the side, where the void around them is clear by a voxel."""
    for _ in range(int(rng.integers(1, 6))):
        radius = len(cell) * rng.uniform(0.02, 0.06)
        for centre in rng.integers(0, len(cell), (_TRIES, 3)):
            if not cell[_ball(centre, len(cell), radius + 1.5)].any():
                cell[_ball(centre, len(cell), radius)] = True
                break


def _closed_faces(cell: np.ndarray, rng: np.random.Generator, other: np.ndarray) -> None:
    """One to three of the six faces closed by a solid film, one or two voxels thick, and its opposite left as it is."""
    for axis in rng.permutation(3)[: rng.integers(1, 4)]:
        film = int(rng.integers(1, 3))
        layers = slice(0, film) if rng.random() < 0.5 else slice(len(cell) - film, None)
        np.moveaxis(cell, axis, 0)[layers] = True


def _ball(centre: np.ndarray | tuple, side: int, radius: float) -> tuple[np.ndarray, ...]:
    """Indices of the voxels within `radius` of a voxel, periodic."""
    # Radii in half voxels: few distinct balls, each computed once.
    offsets = _ball_offsets(round(2 * max(radius, 0.5)))
    return tuple((offsets + np.asarray(centre)).T % side)


@functools.lru_cache(maxsize=64)
def _ball_offsets(diameter: int) -> np.ndarray:
    reach = np.arange(-(diameter // 2), diameter // 2 + 1)
    grid = np.stack(np.meshgrid(reach, reach, reach, indexing="ij"), axis=-1).reshape(-1, 3)
    return grid[4 * (grid**2).sum(axis=1) <= diameter**2]


#: How each kind corrupts a cell: (cell, generator, another cell) -> None, in place.
KINDS: dict[str, Callable[[np.ndarray, np.random.Generator, np.ndarray], None]] = {
    "noise": _noise,
    "void_block": _void_block,
    "other_block": _other_block,
    "noise_block": _noise_block,
    "scatter": _scatter,
    "broken_struts": _broken_struts,
    "floating_islands": _floating_islands,
    "closed_faces": _closed_faces,
}
