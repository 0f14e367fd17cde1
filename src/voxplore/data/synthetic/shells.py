"""Shells made on the spot: level sets as mirrored octants, the offline stand-in for the published shells.

Cell i of a seed is drawn until it is sound: density in range, one periodic component, no sealed void, no thin wall.
"""

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from voxplore.data.synthetic.levelsets import SHARES, LevelSet, draw_level_set, octant_solid
from voxplore.data.synthetic.octants import OCTANT, check_resolution, mirror_octant, resize_octant
from voxplore.errors import VoxploreError
from voxplore.parallel import map_items
from voxplore.ranges import Count, Resolution, Seed, Workers, within
from voxplore.unitcells import UnitCells, numbered_ids, pack

__all__ = ["build_shells", "draw_shells", "is_sound", "shells_with_plans"]

_CHUNK = 50
_MOST_TRIES = 10_000

#: Relative densities kept (the range of the published trusses, data README: 2.9 to 49.4 %).
DENSITY_RANGE = (0.03, 0.5)
#: Walls in voxels of a 48^3 cell, and how often a cell is a network instead of a sheet (our choice).
WALL_VOXELS = (2.1, 3.3)
_NETWORK_SHARE = 0.08


@within
def build_shells(
    n: Count, seed: Seed = 0, *, resolution: Resolution = 48, engine: str = "local", workers: Workers | None = None
) -> UnitCells:
    """n level-set shells at an even resolution up to 128, the same bytes for the same seed however many workers.

    Half are known surfaces, half random Fourier sums (module `levelsets`). Cell i depends on (seed, i) alone. A draw is
    rejected, and the next taken, unless its density lies in DENSITY_RANGE, its solid is one periodic component that
    spans all three axes, no void is sealed, and no wall is under two voxels.
    """
    return shells_with_plans(n, seed, resolution=resolution, engine=engine, workers=workers)[0]


def shells_with_plans(
    n: int, seed: int = 0, *, resolution: int = 48, engine: str = "local", workers: int | None = None
) -> tuple[UnitCells, list[LevelSet]]:
    """As `build_shells`, and the level set that each cell was drawn from."""
    check_resolution(resolution)
    if n < 0:
        raise VoxploreError("number of cells", expected="none or more", got=str(n))
    jobs = [(seed, start, min(start + _CHUNK, n), resolution) for start in range(0, n, _CHUNK)]
    packed = np.empty((n, -(-(resolution**3) // 8)), dtype=np.uint8)
    plans: list[LevelSet] = []
    for job, (rows, drawn) in zip(jobs, map_items(_shell_rows, jobs, workers=workers, engine=engine), strict=True):
        packed[job[1] : job[2]] = rows
        plans += drawn
    ids = numbered_ids("shells", n)
    index = {"id": ids, "source_id": ids, "family": np.array([plan.family for plan in plans], dtype=np.str_)}
    about = {"name": "shells", "source": "made by voxplore", "licence": "CC0 1.0"}
    about = {**about, "options": {"n": n, "seed": seed, "resolution": resolution}}
    return UnitCells(packed, resolution, index, about), plans


def draw_shells(level_sets: Sequence[LevelSet], resolution: int = 48) -> np.ndarray:
    """The cells of one level set or more, packed: uint8 (len(level_sets), d^3 / 8)."""
    return _packed([_octant(level_set, resolution) for level_set in level_sets])


def _packed(octants: Sequence[np.ndarray]) -> np.ndarray:
    return pack(np.stack([mirror_octant(octant) for octant in octants]))


def _octant(level_set: LevelSet, resolution: int) -> np.ndarray:
    return resize_octant(octant_solid(level_set, OCTANT), resolution)


def _shell_rows(job: tuple[int, int, int, int]) -> tuple[np.ndarray, list[LevelSet]]:
    seed, start, stop, resolution = job
    drawn = [_first_sound_shell(np.random.default_rng((seed, i)), resolution) for i in range(start, stop)]
    return _packed([octant for octant, _ in drawn]), [level_set for _, level_set in drawn]


def _first_sound_shell(rng: np.random.Generator, resolution: int) -> tuple[np.ndarray, LevelSet]:
    # The family first: a family that is often rejected is no rarer for it.
    family = str(rng.choice(list(SHARES), p=list(SHARES.values())))
    for _ in range(_MOST_TRIES):
        network = rng.random() < _NETWORK_SHARE
        # Below 48^3 a wall of the same thickness would be thinner than the voxels can show.
        wall = max(rng.uniform(*WALL_VOXELS) / 48, 1.8 / resolution)
        level_set = draw_level_set(rng, family, None if network else wall)
        sketch = octant_solid(level_set, resolution // 2)
        if not is_sound(sketch):  # a tenth of the work, and it finds nearly all that would fail
            continue
        octant = _octant(level_set, resolution)
        if is_sound(octant):
            return octant, level_set
    raise VoxploreError("shells", expected=f"a sound cell in {_MOST_TRIES} draws", got="none")


def is_sound(octant: np.ndarray) -> bool:
    """Whether the cell mirrored from the octant Bool (h, h, h) is kept.

    The mirrored cell is one periodic component that spans all axes exactly when its octant is one component that
    touches all six faces: a path in the cell folds to one in the octant, and back.
    """
    if not DENSITY_RANGE[0] <= octant.mean() <= DENSITY_RANGE[1]:
        return False
    if not all(octant.take(end, axis=axis).any() for axis in range(3) for end in (0, -1)):
        return False
    return _components(octant).max() == 1 and _share_of_thin_walls(octant) < 0.05 and not _has_enclosed_void(octant)


def _has_enclosed_void(octant: np.ndarray) -> bool:
    """Whether a void of the mirrored cell is sealed: its part of the octant touches opposite faces on no axis."""
    labels = _components(~octant)
    through = np.zeros(labels.max() + 1, dtype=bool)
    for axis in range(3):
        ends = [np.bincount(labels.take(end, axis=axis).ravel(), minlength=len(through)) > 0 for end in (0, -1)]
        through |= ends[0] & ends[1]
    return not through[1:].all()


def _components(solid: np.ndarray) -> np.ndarray:
    """The number, from 1, of the face-connected component of each voxel, 0 where there is none: int32 (h, h, h)."""
    labels = np.empty(solid.shape, dtype=np.int32)
    ndimage.label(solid, output=labels)
    return labels


def _share_of_thin_walls(octant: np.ndarray) -> float:
    """The share of solid that no solid 2 x 2 x 2 block covers, mirror images counted."""
    solid = np.pad(octant, 1, mode="symmetric")
    for axis in range(3):
        solid = np.logical_and(*_halves(solid, axis))
    for axis in range(3):
        solid = np.logical_or(*_halves(np.pad(solid, _pad_one(axis)), axis))
    return 1.0 - (solid[1:-1, 1:-1, 1:-1] & octant).sum() / octant.sum()


def _halves(array: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """The array without its last and without its first layer along `axis`."""
    length = array.shape[axis]
    return array.take(range(length - 1), axis=axis), array.take(range(1, length), axis=axis)


def _pad_one(axis: int) -> list[tuple[int, int]]:
    return [(1, 1) if other == axis else (0, 0) for other in range(3)]
