"""Kirigami: four rectangles a period, hinged at their corners and turned against each other."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from voxplore.data.synthetic.planar import centres, discs, offsets

__all__ = ["draw_kirigami"]


def draw_kirigami(rng: np.random.Generator, resolution: int) -> np.ndarray:
    """Four rectangles hinged at their corners, turned by +-angle in turn: Bool (d, d, d).

    Either the units are prisms along z, or a sheet in the cell's middle joined to the next
    sheet by pillars on the units. The rotating-squares mechanism of Grima & Evans 2000 (J. Mater. Sci. Lett. 19).
    """
    units = _Units(angle=np.radians(rng.uniform(5, 43)), ratio=rng.uniform(0.5, 1.0))
    # The units of one colour of the chessboard are alike: full, or frames of some width.
    frames = [rng.uniform(0.05, 0.12) if rng.random() < 0.7 else None for _ in range(2)]
    sheet = discs(units.hinges(), rng.uniform(0.035, 0.07), resolution) | units.solid(resolution, frames)
    height, pillar = rng.uniform(0.12, 0.6), rng.uniform(0.05, 0.11)
    if rng.random() < 0.4:
        return np.repeat(sheet[:, :, None], resolution, axis=2)
    # A frame is hollow in the middle: its pillars stand on the hinges.
    full = [frame is None for frame in (*frames, *frames[::-1])]
    places = units.middles()[full] if any(full) else units.hinges()
    inside = np.abs(centres(resolution) - 0.5) < height / 2
    return np.where(inside, sheet[:, :, None], discs(places, pillar, resolution)[:, :, None])


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
            x, y = (offset * size for offset, size in zip(offsets(resolution, middle), self.period, strict=True))
            along, across = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
            outside = np.maximum(np.abs(along) - self.ratio / 2, np.abs(across) - 0.5)
            solid |= (outside <= 0) & (True if frame is None else outside > -frame * self.period.min())
        return solid
