"""Closed plates along planes of the cube, mostly bored through."""

import itertools

import numpy as np

from voxplore.data.synthetic.planar import centres

__all__ = ["draw_plates"]

_PLANES = {
    1: [(1, 0, 0), (0, 1, 0), (0, 0, 1)],
    2: [(0, 1, 1), (1, 0, 1), (1, 1, 0), (0, 1, -1), (1, 0, -1), (1, -1, 0)],
    3: [(1, 1, 1), (1, 1, -1), (1, -1, 1), (-1, 1, 1)],
}


def draw_plates(rng: np.random.Generator, resolution: int) -> np.ndarray:
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
