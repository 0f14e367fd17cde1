"""Space groups as lists of operations: random lattices, special positions and their orbits, in fractional coordinates.

The operations are spglib's tables (Hall numbers 1 to 530; https://spglib.readthedocs.io). Special positions are found,
not tabulated: a random point is drawn towards its own nearby images until it lies on the symmetry element among them.
"""

import dataclasses
import functools
from typing import Any

import numpy as np

__all__ = ["SYSTEMS", "Draw", "Site", "average_metric", "hall_numbers", "operations", "random_site"]

#: First and last space-group number of each crystal system.
SYSTEMS: dict[str, tuple[int, int]] = {
    "triclinic": (1, 2),
    "monoclinic": (3, 15),
    "orthorhombic": (16, 74),
    "tetragonal": (75, 142),
    "trigonal": (143, 167),
    "hexagonal": (168, 194),
    "cubic": (195, 230),
}


class Draw:
    """Random choices from one stream of uniform numbers, the part of NumPy's generators least likely to change."""

    def __init__(self, *seed: int):
        self._generator = np.random.default_rng(seed)

    def uniform(self, low: float = 0.0, high: float = 1.0, size: int | tuple[int, ...] | None = None):
        return low + (high - low) * self._generator.random(size)

    def integer(self, low: int, high: int) -> int:
        """A whole number of [low, high]."""
        return low + int(self._generator.random() * (high - low + 1))

    def choice(self, options, weights=None):
        """One of `options`, with the given relative weights."""
        if weights is None:
            return options[self.integer(0, len(options) - 1)]
        return options[int(np.searchsorted(np.cumsum(weights), self._generator.random() * sum(weights), side="right"))]


@functools.cache
def operations(hall: int) -> tuple[np.ndarray, np.ndarray]:
    """Rotations int64 (g, 3, 3) and translations float64 (g, 3) of a Hall number (1 to 530), identity first."""
    import spglib

    found: Any = spglib.get_symmetry_from_database(hall)  # a dictionary or, for other numbers, None  # pyright: ignore
    # Every translation of the tables is a multiple of 1/24; this drops the last bits, which differ between versions.
    return found["rotations"].astype(np.int64), np.round(found["translations"] * 24) / 24


@functools.cache
def hall_numbers(system: str, centrosymmetric: bool) -> tuple[int, ...]:
    """The settings of a crystal system that have an inversion centre at the origin, or that have none anywhere."""
    first, last = SYSTEMS[system]
    return tuple(h for h in _halls(first, last) if _inversion(h) == ("origin" if centrosymmetric else "none"))


def _halls(first: int, last: int) -> list[int]:
    import spglib  # pyright: ignore

    lookup: Any = spglib.get_spacegroup_type
    return [h for h in range(1, 531) if first <= lookup(h).number <= last]


# pyright: ignore


def _inversion(hall: int) -> str:
    rotations, translations = operations(hall)
    inverting = (rotations == -np.eye(3, dtype=np.int64)).all(axis=(1, 2))
    if not inverting.any():
        return "none"
    return "origin" if (np.abs(translations[inverting]).max(axis=1) < 1e-6).any() else "elsewhere"


def average_metric(lattice: np.ndarray, hall: int) -> np.ndarray:
    """The metric of `lattice` (rows a, b, c) averaged over the group: its operations become isometries; (3, 3)."""
    rotations = operations(hall)[0].astype(np.float64)
    metric = lattice @ lattice.T
    return (rotations.transpose(0, 2, 1) @ metric @ rotations).mean(axis=0)


@dataclasses.dataclass(frozen=True)
class Site:
    """A (special) position: point = projection x + offset for any x, and the operations that make its orbit.

    `periods` are whole periods taken off each image, so that the base point's orbit lies in the cell.
    """

    projection: np.ndarray
    offset: np.ndarray
    rotations: np.ndarray
    translations: np.ndarray
    periods: np.ndarray

    @property
    def freedom(self) -> int:
        """How many coordinates are free."""
        return round(float(np.trace(self.projection)))

    def orbit(self, point: np.ndarray) -> np.ndarray:
        """The images of the position nearest `point`: float64 (m, 3); order and window do not depend on the point."""
        here = self.projection @ point + self.offset
        return self.rotations @ here + self.translations - self.periods


def random_site(draw: Draw, hall: int, reach: float) -> tuple[Site, np.ndarray]:
    """A position of the group and a base point near it; the larger `reach` (cell edges) the more special it is."""
    rotations, translations = operations(hall)
    point = draw.uniform(size=3)
    for _ in range(8):
        images = _nearest_images(point, rotations, translations)
        point = images[((images - point) ** 2).sum(axis=1) <= reach * reach].mean(axis=0)
    images = rotations @ point + translations
    periods = np.round(images - point)
    fixing = np.abs(images - point - periods).max(axis=1) < 1e-3
    projection = rotations[fixing].mean(axis=0)
    offset = (translations - periods)[fixing].mean(axis=0)
    return _site(projection, offset, rotations, translations, point), point


def _nearest_images(point: np.ndarray, rotations: np.ndarray, translations: np.ndarray) -> np.ndarray:
    images = rotations @ point + translations
    return images - np.round(images - point)


def _site(
    projection: np.ndarray, offset: np.ndarray, rotations: np.ndarray, translations: np.ndarray, point: np.ndarray
) -> Site:
    """Keep one operation for each distinct image."""
    images = rotations @ (projection @ point + offset) + translations
    keys = np.round(images * 1e4).astype(np.int64) % 10_000
    first = np.sort(np.unique(keys, axis=0, return_index=True)[1])
    periods = np.floor(images[first] + 1e-6)
    return Site(projection, offset, rotations[first], translations[first], periods)
