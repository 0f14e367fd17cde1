"""Extruded walls: a pattern in the plane, repeated along z."""

import numpy as np

from voxplore.data.synthetic.planar import centres, walls
from voxplore.data.synthetic.voronoi import spread_seeds, voronoi_edges

__all__ = ["draw_extruded"]


def draw_extruded(rng: np.random.Generator, resolution: int) -> np.ndarray:
    """Walls extruded along z: Bool (d, d, d). Honeycombs (convex, re-entrant; own uprights), foams, waves."""
    thin, thick = np.maximum(rng.uniform(2.2, 5.0, 2) / 48, 1.6 / resolution)
    pattern = rng.choice(["honeycomb", "foam", "wave"], p=[0.2, 0.4, 0.4])
    if pattern == "wave":
        solid = _wave(rng, resolution, thin)
    elif pattern == "foam":
        solid = walls(voronoi_edges(spread_seeds(rng, 2, (2, 7))), thin, resolution)
    else:
        zigzags, uprights = _honeycomb(rng)
        solid = walls(zigzags, thin, resolution) | walls(uprights, thick, resolution)
    solid = solid.T if rng.random() < 0.5 else solid
    return np.repeat(solid[:, :, None], resolution, axis=2)


def _honeycomb(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Two zigzags float64 (4, 2, 2), joined by uprights (2, 2, 2): re-entrant where a zigzag dips to its upright."""
    side, middle = rng.uniform(0.1, 0.4, 2)
    points = [(0.0, side), (0.5, middle), (1.0, side)]
    lower = [(points[0], points[1]), (points[1], points[2])]
    upper = [((1 - a[0], 1 - a[1]), (1 - b[0], 1 - b[1])) for a, b in lower]
    uprights = [((0.5, middle), (0.5, 1 - middle)), ((0.0, -side), (0.0, side))]
    return np.array(lower + upper), np.array(uprights)


def _wave(rng: np.random.Generator, resolution: int, wall: float) -> np.ndarray:
    """The walls along f = level, f a random sum of cos 2 pi (h x + k y): even, so two-fold: Bool (d, d)."""
    waves = np.array([(h, k) for h in range(4) for k in range(-3, 4) if (h, k) > (0, 0) and h * h + k * k <= 9])
    amplitude = rng.normal(size=len(waves)) / (waves**2).sum(axis=1)
    u = centres(resolution)
    angle = 2 * np.pi * (waves[:, 0, None, None] * u[:, None] + waves[:, 1, None, None] * u)
    value = np.tensordot(amplitude, np.cos(angle), 1)
    slope = 2 * np.pi * np.tensordot((amplitude[:, None] * waves).T, np.sin(angle), 1)
    size = np.linalg.norm(amplitude)
    level = rng.uniform(-0.4, 0.4) * size
    # To first order |f - level| / |grad f| is the distance to the wall's middle; the floor keeps it from pinching.
    return (value - level) ** 2 < (wall / 2) ** 2 * ((slope**2).sum(axis=0) + (2 * size) ** 2)
