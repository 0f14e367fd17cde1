"""Level sets as trigonometric polynomials: the surfaces that shells are made of.

A level set is a tensor (7, 7, 7) of coefficients over the basis 1, cos, sin of 1, 2 and 3 waves along each axis, and a
window of each axis that one octant of the cell shows. Its value and its gradient are then a few matrix products.
"""

import itertools
from dataclasses import dataclass

import numpy as np

__all__ = ["SHARES", "SURFACES", "LevelSet", "draw_level_set", "octant_solid"]

_WAVES = 3
_SLAB = 8
#: Where symmetry puts a value on the level exactly, the last digit differs between chips: such ties are void on all.
_TIE = 5e-7
#: The gradient's floor in levels a cell edge, about a fifth of a typical gradient.
_LEAST_SLOPE = 0.6
_SIZE = 2 * _WAVES + 1

#: The nodal approximations of eight triply periodic minimal surfaces (standard forms; see e.g. von Schnering & Nesper,
#: Z. Phys. B 83, 1991). Each term is (coefficient, one function an axis) and stands for its three cyclic permutations;
#: "c2" is cos(2 * 2 pi x). The number is the share of a wave over which each fills a cell well (our choice): about the
#: inverse of its area in a period, so that all have walls of like thickness at like densities.
SURFACES: dict[str, tuple[tuple[float, float], tuple[tuple[float, str], ...]]] = {
    "primitive": ((0.60, 1.40), ((1.0, "c1 1 1"),)),
    "diamond": ((0.45, 0.95), ((1 / 3, "s1 s1 s1"), (1.0, "s1 c1 c1"))),
    "gyroid": ((0.50, 1.15), ((1.0, "s1 c1 1"),)),
    "iwp": ((0.50, 1.10), ((2.0, "c1 c1 1"), (-1.0, "c2 1 1"))),
    "frd": ((0.40, 0.80), ((4 / 3, "c1 c1 c1"), (-1.0, "c2 c2 1"))),
    "neovius": ((0.50, 1.05), ((3.0, "c1 1 1"), (4 / 3, "c1 c1 c1"))),
    "lidinoid": ((0.35, 0.65), ((0.5, "s2 c1 s1"), (-0.5, "c2 c2 1"), (0.05, "1 1 1"))),
    "fischer-koch-s": ((0.35, 0.70), ((1.0, "c2 s1 c1"),)),
}


@dataclass(frozen=True)
class LevelSet:
    """One shell before voxels. Octant coordinate u in [0, 1/2] shows the level set at scale * u + phase, in waves.

    coefficients: float64 (7, 7, 7), unit norm. level: the sheet lies at f = level.
    thickness: of the sheet in cell edges, or None for the network of solid where f > level.
    """

    family: str
    coefficients: np.ndarray
    scale: np.ndarray
    phase: np.ndarray
    level: float
    thickness: float | None


#: Families and the share of each (our choice, as all numbers below: with them a held-out cell lies about as far from
#: the others, and shares its nearest with as many, as a real one does).
SHARES: dict[str, float] = {**dict.fromkeys(SURFACES, 0.055), "fourier": 0.56}


@dataclass(frozen=True)
class _Kind:
    """How much of a shell repeats itself along the axes. Fewer free numbers, closer neighbours."""

    links: tuple[int, int, int]  # which axis each axis is the same as
    surface_share: float
    fourier_share: float
    most: int  # largest h^2 + k^2 + l^2 of a Fourier sum
    decay: float  # amplitudes fall as (h^2 + k^2 + l^2)^-decay


_KINDS = (
    _Kind((0, 0, 0), surface_share=0.2, fourier_share=0.3, most=9, decay=0.5),  # cubic
    _Kind((0, 0, 2), surface_share=0.65, fourier_share=0.65, most=6, decay=0.75),  # tetragonal, about z
    _Kind((0, 1, 2), surface_share=0.15, fourier_share=0.05, most=3, decay=1.0),  # orthorhombic
)


def draw_level_set(rng: np.random.Generator, family: str, thickness: float | None) -> LevelSet:
    """A random member of a family; `thickness` in cell edges, or None for a network."""
    if family == "fourier":
        return _draw_fourier_sum(rng, thickness)
    return _draw_surface(rng, family, thickness)


def _draw_surface(rng: np.random.Generator, family: str, thickness: float | None) -> LevelSet:
    """A known surface, half the time with some of another mixed in, through a window of random size and place."""
    (least, most), _ = SURFACES[family]
    kind = _KINDS[rng.choice(len(_KINDS), p=[kind.surface_share for kind in _KINDS])]
    window = np.stack([rng.uniform(least, most, 3), rng.uniform(0.0, 1.0, 3)])
    scale, phase = window[:, list(kind.links)]
    other = str(rng.choice(sorted(SURFACES)))
    share = rng.uniform(-0.5, 0.5) * (rng.random() < 0.5)
    coefficients = (1 - abs(share)) * _surface_coefficients(family) + share * _surface_coefficients(other)
    return LevelSet(family, _normed(coefficients), scale, phase, rng.uniform(-0.35, 0.35), thickness)


def _draw_fourier_sum(rng: np.random.Generator, thickness: float | None) -> LevelSet:
    """A random sum of c_hkl cos(2 pi h x) cos(2 pi k y) cos(2 pi l z), h^2 + k^2 + l^2 <= most.

    Its mirrors are the planes of the octant, so it is smooth across them. The sum is the same under every permutation
    of the axes (cubic, as the published shells are), of two axes, or of none.
    """
    kind = _KINDS[rng.choice(len(_KINDS), p=[kind.fourier_share for kind in _KINDS])]
    images = [p for p in itertools.permutations(range(3)) if all(kind.links[p[i]] == kind.links[i] for i in range(3))]
    coefficients = np.zeros((_SIZE,) * 3)
    for wave in _frequencies(kind.most):
        amplitude = rng.normal() / sum(k * k for k in wave) ** kind.decay
        for image in images:
            coefficients[tuple(max(2 * wave[axis] - 1, 0) for axis in image)] += amplitude
    return LevelSet("fourier", _normed(coefficients), np.ones(3), np.zeros(3), rng.uniform(-0.3, 0.3), thickness)


def octant_solid(level_set: LevelSet, points: int) -> np.ndarray:
    """The octant of a cell as Bool (points, points, points), sampled at (i + 1/2) / (2 points) of the cell edge.

    A sheet is |f - level| < thickness / 2 |grad f|: walls of even thickness to first order. Where the gradient nearly
    vanishes a floor keeps the wall from pinching.
    """
    u = (np.arange(points) + 0.5) / (2 * points)
    waves = [_basis(s * u + p) for s, p in zip(level_set.scale, level_set.phase, strict=True)]
    solid = np.empty((points,) * 3, dtype=bool)
    for start in range(0, points, _SLAB):  # slabs that stay in the cache
        slab = slice(start, start + _SLAB)
        solid[slab] = _slab_solid(level_set, [waves[0][slab], *waves[1:]])
    return solid


def _slab_solid(level_set: LevelSet, waves: list[np.ndarray]) -> np.ndarray:
    value = _evaluate(level_set.coefficients, waves)
    value -= level_set.level
    if level_set.thickness is None:
        return value > _TIE
    slope = np.full_like(value, _LEAST_SLOPE**2)
    for axis, scale in enumerate(level_set.scale):
        part = _evaluate(_along(_DERIVATIVE * scale, level_set.coefficients, axis), waves)
        slope += np.square(part, out=part)
    slope *= (level_set.thickness / 2) ** 2
    return np.square(value, out=value) - slope < -_TIE


def _evaluate(coefficients: np.ndarray, waves: list[np.ndarray]) -> np.ndarray:
    """sum_abc coefficients[a, b, c] waves_x[:, a] waves_y[:, b] waves_z[:, c]: float64 (points, points, points)."""
    for axis in (2, 1, 0):  # the largest product last, as one matrix product
        coefficients = _along(waves[axis], coefficients, axis)
    return coefficients


def _along(matrix: np.ndarray, tensor: np.ndarray, axis: int) -> np.ndarray:
    if axis == 0:
        return (matrix @ tensor.reshape(len(tensor), -1)).reshape(len(matrix), *tensor.shape[1:])
    return np.matmul(matrix, tensor) if axis == 1 else tensor @ matrix.T


def _basis(x: np.ndarray) -> np.ndarray:
    """1, cos, sin of 1 to 3 waves at x (in waves): float64 (len(x), 7)."""
    angle = 2 * np.pi * np.arange(1, _WAVES + 1) * x[:, None]
    basis = np.ones((len(x), _SIZE))
    basis[:, 1::2], basis[:, 2::2] = np.cos(angle), np.sin(angle)
    return basis


def _derivative() -> np.ndarray:
    """d/dx in the basis: float64 (7, 7)."""
    matrix = np.zeros((_SIZE, _SIZE))
    for k in range(1, _WAVES + 1):
        matrix[2 * k, 2 * k - 1], matrix[2 * k - 1, 2 * k] = -2 * np.pi * k, 2 * np.pi * k
    return matrix


_DERIVATIVE = _derivative()


def _surface_coefficients(family: str) -> np.ndarray:
    tensor = np.zeros((_SIZE,) * 3)
    for coefficient, product in SURFACES[family][1]:
        place = [0 if f == "1" else 2 * int(f[1]) - (f[0] == "c") for f in product.split()]
        for turn in range(3):
            tensor[tuple(place[(axis - turn) % 3] for axis in range(3))] += coefficient
    return _normed(tensor)


def _normed(coefficients: np.ndarray) -> np.ndarray:
    return coefficients / np.linalg.norm(coefficients)


def _frequencies(most: int) -> list[tuple[int, ...]]:
    waves = itertools.product(range(_WAVES + 1), repeat=3)
    return [h for h in waves if 0 < sum(k * k for k in h) <= most]
