"""Two-dimensional patterns that fill the cell along z: extruded walls, and kirigami of rotating plates.

A pattern is drawn on the unit square, periodic, with its centre a point of two-fold symmetry, so the cell built on it
has central symmetry. Lengths are fractions of the cell edge.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial import Voronoi

__all__ = ["centres", "draw_extruded", "draw_kirigami", "spread_seeds", "voronoi_edges"]

_SHIFTS_2D = np.array(list(itertools.product((-1, 0, 1), repeat=2)), dtype=np.float64)


def centres(resolution: int) -> np.ndarray:
    """Voxel centres along one axis: float64 (d,)."""
    return (np.arange(resolution) + 0.5) / resolution


def draw_extruded(rng: np.random.Generator, resolution: int) -> np.ndarray:
    """Walls extruded along z: Bool (d, d, d). Honeycombs (convex, re-entrant; own uprights), foams, waves."""
    thin, thick = np.maximum(rng.uniform(2.2, 5.0, 2) / 48, 1.6 / resolution)
    pattern = rng.choice(["honeycomb", "foam", "wave"], p=[0.2, 0.4, 0.4])
    if pattern == "wave":
        solid = _wave(rng, resolution, thin)
    elif pattern == "foam":
        solid = _walls(voronoi_edges(spread_seeds(rng, 2, (2, 7))), thin, resolution)
    else:
        zigzags, uprights = _honeycomb(rng)
        solid = _walls(zigzags, thin, resolution) | _walls(uprights, thick, resolution)
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


def draw_kirigami(rng: np.random.Generator, resolution: int) -> np.ndarray:
    """Four rectangles hinged at their corners, turned by +-angle in turn: Bool (d, d, d).

    Either the units are prisms along z, or a sheet in the cell's middle joined to the next
    sheet by pillars on the units. The rotating-squares mechanism of Grima & Evans 2000 (J. Mater. Sci. Lett. 19).
    """
    units = _Units(angle=np.radians(rng.uniform(5, 43)), ratio=rng.uniform(0.5, 1.0))
    # The units of one colour of the chessboard are alike: full, or frames of some width.
    frames = [rng.uniform(0.05, 0.12) if rng.random() < 0.7 else None for _ in range(2)]
    sheet = _discs(units.hinges(), rng.uniform(0.035, 0.07), resolution) | units.solid(resolution, frames)
    height, pillar = rng.uniform(0.12, 0.6), rng.uniform(0.05, 0.11)
    if rng.random() < 0.4:
        return np.repeat(sheet[:, :, None], resolution, axis=2)
    # A frame is hollow in the middle: its pillars stand on the hinges.
    full = [frame is None for frame in (*frames, *frames[::-1])]
    places = units.middles()[full] if any(full) else units.hinges()
    inside = np.abs(centres(resolution) - 0.5) < height / 2
    return np.where(inside, sheet[:, :, None], _discs(places, pillar, resolution)[:, :, None])


@dataclass(frozen=True)
class _Units:
    """Four rectangles `ratio` x 1 in a period, turned by +angle and -angle (radians) like a chessboard's colours."""

    angle: float
    ratio: float

    @property
    def period(self) -> np.ndarray:
        """Of the pattern, in the rectangles' long sides, along x and y: corners of neighbours meet."""
        cos, sin = np.cos(self.angle), np.sin(self.angle)
        return 2 * np.array([self.ratio * cos + sin, cos + self.ratio * sin])

    def middles(self) -> np.ndarray:
        """float64 (4, 2), fractional."""
        return np.array(list(itertools.product((0.25, 0.75), repeat=2)))

    def turns(self) -> list[float]:
        return [self.angle, -self.angle, -self.angle, self.angle]

    def hinges(self) -> np.ndarray:
        """The corners, in which two rectangles meet: float64 (16, 2), fractional, each twice."""
        corners = np.array(list(itertools.product((-self.ratio / 2, self.ratio / 2), (-0.5, 0.5))))
        places = [
            middle + corners @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]) / self.period
            for middle, turn in zip(self.middles(), self.turns(), strict=True)
        ]
        return np.concatenate(places)

    def solid(self, resolution: int, frames: Sequence[float | None]) -> np.ndarray:
        """The rectangles of the two colours, full (None) or hollow with walls of about `frame` edges: Bool (d, d)."""
        solid = np.zeros((resolution, resolution), dtype=bool)
        four = (frames[0], frames[1], frames[1], frames[0])
        for middle, turn, frame in zip(self.middles(), self.turns(), four, strict=True):
            x, y = (offset * size for offset, size in zip(_offsets(resolution, middle), self.period, strict=True))
            along, across = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
            outside = np.maximum(np.abs(along) - self.ratio / 2, np.abs(across) - 0.5)
            solid |= (outside <= 0) & (True if frame is None else outside > -frame * self.period.min())
        return solid


def _discs(places: np.ndarray, radius: float, resolution: int) -> np.ndarray:
    """Periodic discs: Bool (d, d)."""
    solid = np.zeros((resolution, resolution), dtype=bool)
    for place in places:
        x, y = _offsets(resolution, place)
        solid |= x**2 + y**2 <= radius**2
    return solid


def _offsets(resolution: int, place: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Periodic offsets of the pixel centres from a place, in [-1/2, 1/2): float64 (d, 1) and (1, d)."""
    u = centres(resolution)
    x, y = ((u - coordinate + 0.5) % 1.0 - 0.5 for coordinate in place)
    return x[:, None], y[None, :]


def _walls(segments: np.ndarray, thickness: float, resolution: int) -> np.ndarray:
    """Pixels whose centres lie within half the thickness of segments (k, 2, 2) or their images: Bool (d, d)."""
    return _distance_to_segments(segments, resolution) < thickness / 2


def _distance_to_segments(segments: np.ndarray, resolution: int) -> np.ndarray:
    """Distance of the pixel centres to the nearest periodic image of segments (k, 2, 2): float64 (d, d)."""
    u = centres(resolution)
    points = np.stack(np.meshgrid(u, u, indexing="ij"), axis=-1)
    squared = np.full((resolution, resolution), np.inf)
    for start, end in segments:
        for moved in start + _SHIFTS_2D:
            offset, direction = points - moved, end - start
            along = np.clip(offset @ direction / max(direction @ direction, 1e-12), 0.0, 1.0)
            squared = np.minimum(squared, ((offset - along[..., None] * direction) ** 2).sum(axis=-1))
    return np.sqrt(squared)


def spread_seeds(rng: np.random.Generator, dimensions: int, pairs: tuple[int, int]) -> np.ndarray:
    """Pairs of seeds p and -p in the unit cell, at least and at most `pairs` of them: float64 (2 pairs, dimensions).

    Each pair is the best of 16 that are tried: the one farthest from the others and from its own mirror image.
    """
    seeds = np.zeros((0, dimensions))
    for _ in range(int(rng.integers(pairs[0], pairs[1] + 1))):
        tried = rng.random((16, dimensions))
        room = [_periodic_distance(p, np.concatenate([seeds, -p[None]])).min() for p in tried]
        best = tried[int(np.argmax(room))]
        seeds = np.concatenate([seeds, best[None], (-best % 1.0)[None]])
    return seeds


def _periodic_distance(point: np.ndarray, others: np.ndarray) -> np.ndarray:
    return np.linalg.norm((others - point + 0.5) % 1.0 - 0.5, axis=1)


def voronoi_edges(seeds: np.ndarray) -> np.ndarray:
    """Edges of the periodic Voronoi cells of seeds (n, 2 or 3), one image of each: float64 (k, 2, dimensions).

    In 3-D the edges of the polygons between neighbouring seeds, in 2-D those lines themselves.
    """
    dimensions = seeds.shape[1]
    shifts = np.array(list(itertools.product((-1, 0, 1), repeat=dimensions)), dtype=np.float64)
    diagram = Voronoi((seeds[None] + shifts[:, None]).reshape(-1, dimensions))
    pairs = set()
    for ridge in diagram.ridge_vertices:
        if -1 not in ridge:
            loop = ridge if dimensions == 2 else [*ridge, ridge[0]]
            pairs.update(tuple(sorted(pair)) for pair in itertools.pairwise(loop))
    edges = diagram.vertices[np.array(sorted(pairs))]
    middle = edges.mean(axis=1)
    # The margin keeps an edge whose middle lies on a face, whatever its last digit; drawn twice it is drawn the same.
    return edges[((middle > -1e-9) & (middle < 1 + 1e-9)).all(axis=1)]
