"""Open foams: struts along the edges of periodic Voronoi cells, in two or three dimensions."""

import itertools

import numpy as np
from scipy.spatial import Voronoi

from voxplore.data.synthetic.truss import voxelise_segments

__all__ = ["draw_voronoi", "spread_seeds", "voronoi_edges"]


def draw_voronoi(rng: np.random.Generator, resolution: int) -> np.ndarray:
    """Open-cell foam: struts along the edges of the periodic Voronoi cells of 4 to 12 seeds."""
    radius = max(rng.uniform(0.035, 0.065), 0.8 / resolution)
    return voxelise_segments(voronoi_edges(spread_seeds(rng, 3, (2, 6))), resolution, radius, periodic=True)


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
