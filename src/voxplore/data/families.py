"""Kinds of unit cells past trusses and shells: spinodoids, Voronoi foams, plates, extruded patterns, kirigami.

Each is periodic by construction and has central symmetry (our choice: benchmark v1 scores novelty only where S_sym
exceeds one half). Cell i of a seed is drawn until it is sound: density in range, one periodic component that connects
to its own image along all three axes, opposite faces that match by half or more.
"""

import itertools
from collections.abc import Callable

import numpy as np
from scipy.special import ndtri

from voxplore import geometry, kernels
from voxplore.data.planar import centres, draw_extruded, draw_kirigami, spread_seeds, voronoi_edges
from voxplore.data.truss import voxelise_segments
from voxplore.errors import VoxploreError
from voxplore.parallel import map_items
from voxplore.unitcells import UnitCells, numbered_ids, pack

__all__ = ["FAMILIES", "build_family"]

_CHUNK = 50
_MOST_TRIES = 10_000
_DENSITY_RANGE = (0.03, 0.75)


def build_family(
    name: str, n: int, seed: int = 0, *, resolution: int = 48, engine: str = "local", workers: int | None = None
) -> UnitCells:
    """n cells of one family in FAMILIES, the same bytes for the same seed however many workers."""
    if name not in FAMILIES:
        raise VoxploreError("family", expected=" or ".join(FAMILIES), came=repr(name))
    if n < 0 or not 8 <= resolution <= 512:
        raise VoxploreError(name, expected="n of none or more, resolution 8 to 512", came=f"{n} and {resolution}")
    jobs = [(name, seed, start, min(start + _CHUNK, n), resolution) for start in range(0, n, _CHUNK)]
    packed = np.empty((n, -(-(resolution**3) // 8)), dtype=np.uint8)
    for job, rows in zip(jobs, map_items(_family_rows, jobs, workers=workers, engine=engine), strict=True):
        packed[job[2] : job[3]] = rows
    ids = numbered_ids(name, n)
    index = {"id": ids, "source_id": ids, "family": np.full(n, name)}
    about = {"name": name, "source": "made by voxplore", "licence": "CC0 1.0"}
    return UnitCells(packed, resolution, index, {**about, "options": {"n": n, "seed": seed, "resolution": resolution}})


def _family_rows(job: tuple[str, int, int, int, int]) -> np.ndarray:
    name, seed, start, stop, resolution = job
    draws = (np.random.default_rng((seed, i)) for i in range(start, stop))
    return pack(np.stack([_first_sound_cell(name, rng, resolution) for rng in draws]))


def _first_sound_cell(name: str, rng: np.random.Generator, resolution: int) -> np.ndarray:
    for _ in range(_MOST_TRIES):
        solid = FAMILIES[name](rng, resolution)
        solid = solid | np.flip(solid)  # exact central symmetry, whatever the last digits were
        # A shift by half a period keeps the symmetry: of the eight windows, the one whose faces match best.
        solid = max((geometry.shift(solid, half) for half in geometry.HALF_SHIFTS), key=_face_match)
        if _is_sound(solid):
            return solid
    raise VoxploreError(name, expected=f"a sound cell in {_MOST_TRIES} draws", came="none")


def _is_sound(solid: np.ndarray) -> bool:
    if not _DENSITY_RANGE[0] <= solid.mean() <= _DENSITY_RANGE[1]:
        return False
    if _face_match(solid) < 0.5:
        return False
    found = kernels.components(np.packbits(solid, axis=-1)[None])
    return bool(found.largest[0] == found.solid[0] and found.spans.all())


def _face_match(solid: np.ndarray) -> float:
    """Eq. 13: the IoU of opposite faces, mean over the axes; an axis with nothing on its faces gives 0."""
    pairs = geometry.faces(solid)
    return sum(float((a & b).sum() / max((a | b).sum(), 1)) for a, b in pairs) / len(pairs)


def _spinodoid(rng: np.random.Generator, resolution: int) -> np.ndarray:
    """A thresholded sum of standing waves of nearly one length, their directions within cones about some axes.

    After Kumar et al. 2020 (npj Comput. Mater. 6, 73): no cones give isotropic spinodoids, one lamellar, two columnar,
    three cubic ones. Waves of whole numbers make it periodic, cosines alone even. Solid is the share `density` below.
    """
    number, reach = rng.uniform(2.0, 4.0), np.arange(-5, 6)
    waves = np.stack(np.meshgrid(reach, reach, reach, indexing="ij"), axis=-1)
    length = np.linalg.norm(waves, axis=-1)
    cones = rng.permutation(3)[: rng.integers(0, 4)]
    opening = np.cos(np.radians(rng.uniform(15, 45, 3)))
    kept = np.abs(length - number) < 0.6
    if len(cones):
        kept &= np.any([np.abs(waves[..., axis]) >= opening[axis] * length for axis in cones], axis=0)
    amplitude = rng.normal(size=length.shape) * kept
    amplitude = amplitude + np.flip(amplitude)
    density = rng.uniform(0.2, 0.5)
    phase = np.exp(2j * np.pi * centres(resolution)[:, None] * reach)
    value = np.einsum("abc,xa,yb,zc->xyz", amplitude, phase, phase, phase, optimize=True).real
    return value < np.linalg.norm(amplitude) * ndtri(density)


def _voronoi(rng: np.random.Generator, resolution: int) -> np.ndarray:
    """Open-cell foam: struts along the edges of the periodic Voronoi cells of 4 to 12 seeds."""
    radius = max(rng.uniform(0.035, 0.065), 0.8 / resolution)
    return voxelise_segments(voronoi_edges(spread_seeds(rng, 3, (2, 6))), resolution, radius, periodic=True)


_PLANES = {
    1: [(1, 0, 0), (0, 1, 0), (0, 0, 1)],
    2: [(0, 1, 1), (1, 0, 1), (1, 1, 0), (0, 1, -1), (1, 0, -1), (1, -1, 0)],
    3: [(1, 1, 1), (1, 1, -1), (1, -1, 1), (-1, 1, 1)],
}


def _plates(rng: np.random.Generator, resolution: int) -> np.ndarray:
    """Planes through the cell: whole stars of {100}, {110}, {111}, or a few of them; mostly bored through."""
    if rng.random() < 0.3:
        stars = [star for star in _PLANES if rng.random() < 0.5] or [int(rng.integers(1, 4))]
        planes = [(normal, offset) for star in stars for offset in [_offset(rng)] for normal in _PLANES[star]]
    else:
        normals = list(itertools.chain(*_PLANES.values()))
        chosen = rng.choice(len(normals), size=rng.integers(2, 5), replace=False)
        planes = [(normals[k], _offset(rng)) for k in chosen]
    u = centres(resolution)
    solid = np.zeros((resolution,) * 3, dtype=bool)
    for normal, offset in planes:
        wall = max(rng.uniform(2.1, 4.2) / 48, 1.6 / resolution)
        place = normal[0] * u[:, None, None] + normal[1] * u[:, None] + normal[2] * u
        half = wall / 2 * np.linalg.norm(normal)  # planes lie 1 / |normal| apart
        for centre in {offset, -offset}:  # the plane and its inverse
            solid |= np.abs((place - centre + 0.5) % 1.0 - 0.5) < half
    # Planes at special places alone make few different cells: those are always bored.
    special = all(offset in (0.0, 0.5) for _, offset in planes)
    return solid & ~_bores(rng, resolution) if special or rng.random() < 0.8 else solid


def _offset(rng: np.random.Generator) -> float:
    """Where a plane lies along its normal, in spacings: at the origin, half way, or at a free place."""
    return float(rng.choice([0.0, 0.5, rng.uniform(0.08, 0.42)], p=[0.3, 0.2, 0.5]))


def _bores(rng: np.random.Generator, resolution: int) -> np.ndarray:
    """Round holes along one to three axes, in pairs of inverse places: Bool (d, d, d)."""
    u = centres(resolution)
    bored = np.zeros((resolution,) * 3, dtype=bool)
    for axis in rng.permutation(3)[: rng.integers(1, 4)]:
        radius, place = rng.uniform(0.08, 0.16), rng.random(2)
        for centre in (place, -place):
            x, y = ((u - coordinate + 0.5) % 1.0 - 0.5 for coordinate in centre)
            bored |= np.expand_dims(x[:, None] ** 2 + y**2 < radius**2, int(axis))
    return bored


#: Name -> a draw (generator, resolution) -> Bool (d, d, d), sound or not.
FAMILIES: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    "spinodoid": _spinodoid,
    "voronoi": _voronoi,
    "plates": _plates,
    "extruded": draw_extruded,
    "kirigami": draw_kirigami,
}
