"""Young's modulus and Poisson's ratio over all directions, and their extremes.

With the compliance S, the pull n and a direction m across it (both of length 1):

    1 / E(n) = n_i n_j n_k n_l S_ijkl,    nu(n, m) = -E(n) n_i n_j m_k m_l S_ijkl.

Extremes: many directions are tried (for nu the best m of each n is an eigenvector, in closed form), and the best few
are refined by Newton's method on the rotations of the pair (n, m).
"""

import itertools
from collections.abc import Callable

import numpy as np
from scipy.spatial.transform import Rotation

from voxplore.ranges import Count, within

__all__ = ["poisson_extremes", "spread_directions", "young_along", "young_extremes"]

Extreme = tuple[np.ndarray, np.ndarray]
#: Starts of the refinement, its steps, the arc of its finite differences and its longest step (our choice).
_STARTS, _STEPS, _ARC, _LONGEST = 6, 6, 1e-3, 0.2


@within
def spread_directions(n: Count = 400) -> np.ndarray:
    """Directions spread evenly over half the sphere (a spiral of golden angles), with axes and diagonals: (m, 3)."""
    height = (np.arange(n) + 0.5) / n
    angle = np.pi * (3 - np.sqrt(5)) * np.arange(n)
    across = np.sqrt(1 - height**2)
    spiral = np.stack([across * np.cos(angle), across * np.sin(angle), height], axis=1)
    special = [v for v in itertools.product((-1, 0, 1), repeat=3) if v > (0, 0, 0)]
    exact = np.array(special, np.float64)
    return np.concatenate([exact / np.linalg.norm(exact, axis=1, keepdims=True), spiral])


def young_along(compliance: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """Young's modulus (...) of compliances (..., 6, 6) along unit vectors (..., 3)."""
    pull = _pull(directions)
    return 1 / np.einsum("...i,...ij,...j->...", pull, compliance, pull)


def young_extremes(compliance: np.ndarray) -> tuple[Extreme, Extreme]:
    """Smallest and largest modulus of compliances (n, 6, 6): each (value (n,), direction (n, 3))."""
    directions = spread_directions()
    tried = young_along(compliance[:, None], directions[None])
    frames = np.broadcast_to(_frames(directions, _any_across(directions)), (*tried.shape, 3, 3))
    found = []
    for sign in (1.0, -1.0):
        value, frame = _refined(
            lambda s, f, sign=sign: sign * young_along(s, f[..., 0, :]), compliance, tried * sign, frames
        )
        found.append((sign * value, frame[:, 0]))
    return found[0], found[1]


def poisson_extremes(compliance: np.ndarray) -> tuple[tuple, tuple]:
    """Smallest and largest Poisson's ratio of compliances (n, 6, 6): each (value (n,), pull (n, 3), across (n, 3))."""
    pulls = spread_directions()
    base = _frames(pulls, _any_across(pulls))
    one, other = base[:, 1], base[:, 2]
    # nu over the angle of m in the plane across n is a constant plus a wave of twice the angle.
    ratio = lambda m: _poisson(compliance[:, None], np.stack(np.broadcast_arrays(pulls, m, m), -2)[None])  # noqa: E731
    at_one, at_other, between = ratio(one), ratio(other), ratio((one + other) / np.sqrt(2))
    turn = np.arctan2(between - (at_one + at_other) / 2, (at_one - at_other) / 2) / 2
    found = []
    for sign in (1.0, -1.0):
        angle = turn + (np.pi / 2 if sign > 0 else 0.0)
        across = np.cos(angle)[..., None] * one + np.sin(angle)[..., None] * other
        frames = _frames(np.broadcast_to(pulls, across.shape), across)
        tried = _poisson(compliance[:, None], frames)
        value, frame = _refined(lambda s, f, sign=sign: sign * _poisson(s, f), compliance, tried * sign, frames)
        found.append((sign * value, frame[:, 0], frame[:, 1]))
    return found[0], found[1]


def _poisson(compliance: np.ndarray, frames: np.ndarray) -> np.ndarray:
    pull, across = _pull(frames[..., 0, :]), _pull(frames[..., 1, :])
    moved = np.einsum("...ij,...j->...i", compliance, pull)
    return -(across * moved).sum(-1) / (pull * moved).sum(-1)


def _pull(directions: np.ndarray) -> np.ndarray:
    """Stress of a unit pull along n, in Voigt order: (..., 3) -> (..., 6). Its work on the strain is 1 / E."""
    x, y, z = np.moveaxis(directions, -1, 0)
    return np.stack([x * x, y * y, z * z, y * z, x * z, x * y], axis=-1)


def _any_across(directions: np.ndarray) -> np.ndarray:
    """A unit vector across each direction: (m, 3)."""
    helper = np.eye(3)[abs(directions).argmin(-1)]
    across = np.cross(directions, helper)
    return across / np.linalg.norm(across, axis=-1, keepdims=True)


def _frames(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Right-handed frames with the rows first, second and their product: (..., 3, 3)."""
    return np.stack([first, second, np.cross(first, second)], axis=-2)


def _refined(
    value: Callable[[np.ndarray, np.ndarray], np.ndarray], s: np.ndarray, tried: np.ndarray, frames: np.ndarray
) -> Extreme:
    """The smallest `value` near the best of those tried (n, m): value (n,) and frame (n, 3, 3).

    Newton's steps on the rotation vector, from central differences; a step along a falling curvature goes downhill, and
    one that does not improve is halved.
    """
    best = np.argpartition(tried, _STARTS, axis=1)[:, :_STARTS]
    frame = np.take_along_axis(frames, best[..., None, None], axis=1)
    lowest = np.take_along_axis(tried, best, axis=1)
    s = s[:, None]
    for _ in range(_STEPS):
        gradient, curvature = _differences(lambda w: value(s[..., None, :, :], _turned(frame[..., None, :, :], w)))  # noqa: B023
        values, vectors = np.linalg.eigh(curvature)
        along = np.einsum("...ij,...i->...j", vectors, gradient)
        # A direction without slope and curvature (turning m about n changes no modulus) stays put.
        scale = np.maximum(abs(values), 1e-6 * abs(values).max(-1, keepdims=True) + 1e-30)
        step = -np.einsum("...ij,...j->...i", vectors, along / scale)
        step *= np.minimum(1, _LONGEST / np.maximum(np.linalg.norm(step, axis=-1, keepdims=True), 1e-30))
        for _ in range(3):
            moved = _turned(frame, step)
            new = value(s, moved)
            better = new < lowest
            frame = np.where(better[..., None, None], moved, frame)
            lowest = np.where(better, new, lowest)
            step = np.where(better[..., None], 0.0, step / 2)
    winner = lowest.argmin(axis=1)
    rows = np.arange(len(winner))
    return lowest[rows, winner], frame[rows, winner]


def _differences(at: Callable[[np.ndarray], np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Gradient (..., 3) and curvature (..., 3, 3) at 0 of a function that takes rotation vectors (k, 3) to (..., k)."""
    grid = np.array(list(itertools.product((-1, 0, 1), repeat=3)), np.float64)
    f = at(_ARC * grid)
    place = {tuple(point): f[..., k] for k, point in enumerate(grid.astype(int).tolist())}
    unit = np.eye(3, dtype=int)
    gradient = np.stack([place[tuple(u)] - place[tuple(-u)] for u in unit], axis=-1) / (2 * _ARC)
    curvature = np.empty((*gradient.shape, 3))
    for a, b in itertools.product(range(3), repeat=2):
        if a == b:
            second = place[tuple(unit[a])] + place[tuple(-unit[a])] - 2 * place[0, 0, 0]
        else:
            p, q = unit[a] + unit[b], unit[a] - unit[b]
            second = (place[tuple(p)] + place[tuple(-p)] - place[tuple(q)] - place[tuple(-q)]) / 4
        curvature[..., a, b] = second / _ARC**2
    return gradient, curvature


def _turned(frames: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """Frames (..., 3, 3) turned by rotation vectors (..., 3) given in their own axes."""
    turn = Rotation.from_rotvec(vectors.reshape(-1, 3)).as_matrix().reshape(*vectors.shape, 3)
    return turn @ frames
