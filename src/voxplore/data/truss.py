"""Trusses: strut graphs, and the voxels of their struts (Eq. 11).

A voxel is solid where its centre is at most `radius` from a strut. Coordinates are fractional, taken as the unit cube
directly, whatever the cell's own edges and angles, as the published MetaTruss does. Eq. 11 prints the distance to an
infinite line; the published cells show that the strut ends at its nodes, so `line="segment"` is the default.
"""

import dataclasses
from typing import Literal

import numpy as np

from voxplore.errors import VoxploreError

__all__ = ["CUBE", "Line", "StrutGraph", "voxelise", "voxelise_segments"]

Line = Literal["segment", "infinite"]

#: Edges a, b, c and angles alpha, beta, gamma (degrees) of the unit cube.
CUBE = (1.0, 1.0, 1.0, 90.0, 90.0, 90.0)


@dataclasses.dataclass(frozen=True)
class StrutGraph:
    """The nodes and struts of one unit cell, cut at the faces: nodes and struts on the boundary stand on every face.

    nodes: float64 (m, 3), fractional; edges: int64 (k, 2), 0-based pairs of nodes; cell: a, b, c, alpha, beta, gamma;
    inversion_centre: fractional, None where none is known; origin: `"shifted"` for a cell whose window was moved.
    """

    name: str
    nodes: np.ndarray
    edges: np.ndarray
    cell: tuple[float, ...] = CUBE
    inversion_centre: tuple[float, ...] | None = None
    origin: str = "catalogue"

    def segments(self) -> np.ndarray:
        """Both ends of every strut: float64 (k, 2, 3)."""
        return self.nodes[self.edges]


def voxelise(
    nodes: np.ndarray,
    edges: np.ndarray,
    resolution: int = 48,
    radius: float = 0.06,
    periodic: bool = False,
    line: Line = "segment",
) -> np.ndarray:
    """The solid of a strut graph (Eq. 11): Bool (d, d, d), True where a voxel's centre is within `radius` of a strut.

    nodes: (m, 3) in units of the cell edge, edges: (k, 2). With `periodic` every strut is drawn with all its periodic
    images, and nodes may lie outside the cell; without it the cube clips what lies outside, as published.
    """
    nodes, edges = np.asarray(nodes, np.float64), np.asarray(edges, np.int64)
    return voxelise_segments(nodes[edges], resolution, radius, periodic, line)


def voxelise_segments(
    segments: np.ndarray,
    resolution: int = 48,
    radius: float = 0.06,
    periodic: bool = False,
    line: Line = "segment",
) -> np.ndarray:
    """As `voxelise`, from the ends of the struts: float64 (k, 2, 3) -> Bool (d, d, d)."""
    if not np.isfinite(segments).all():
        raise VoxploreError("strut coordinates", expected="finite numbers", came="NaN or infinity")
    if periodic and line == "infinite":
        raise VoxploreError("voxelise", expected='line="segment" with periodic=True', came='line="infinite"')
    if periodic:
        return _fold(_capsules(_into_cell(segments, radius), *_frame(segments, resolution, radius)), resolution)
    return _capsules(segments, resolution, (resolution,) * 3, radius, line == "infinite")


def _into_cell(segments: np.ndarray, radius: float) -> np.ndarray:
    """Move each strut by whole periods so that its bounding box (with the radius) starts in the cell."""
    return segments - np.floor(segments.min(axis=1) - radius)[:, None, :]


def _frame(segments: np.ndarray, resolution: int, radius: float) -> tuple[int, tuple[int, ...], float, bool]:
    """The arguments of `_capsules` for a canvas that holds every strut after `_into_cell`."""
    if not len(segments):
        return resolution, (resolution,) * 3, radius, False
    reach = _into_cell(segments, radius).max(axis=(0, 1)) + radius
    return resolution, tuple(int(np.ceil(r)) * resolution for r in np.maximum(reach, 1.0)), radius, False


def _fold(canvas: np.ndarray, resolution: int) -> np.ndarray:
    """Union of the whole periods of a canvas whose sides are multiples of `resolution`."""
    nx, ny, nz = (side // resolution for side in canvas.shape)
    return canvas.reshape(nx, resolution, ny, resolution, nz, resolution).any(axis=(0, 2, 4))


def _capsules(
    segments: np.ndarray, resolution: int, shape: tuple[int, ...], radius: float, infinite: bool
) -> np.ndarray:
    """Draw struts on a canvas of `shape` voxels of size 1/resolution: Bool (shape).

    The arithmetic (order of every sum included) is that of the compiled kernel: both give the same bits.
    """
    canvas = np.zeros(shape, dtype=bool)
    centres = [(np.arange(side) + 0.5) / resolution for side in shape]
    for start, end in segments:
        low, high = np.minimum(start, end) - radius, np.maximum(start, end) + radius
        if infinite:
            low, high = np.zeros(3), np.array(shape) / resolution
        first = np.clip(np.floor(low * resolution).astype(np.int64), 0, shape)
        last = np.clip(np.ceil(high * resolution).astype(np.int64), 0, shape)
        if (last <= first).any():
            continue
        box = tuple(slice(a, b) for a, b in zip(first, last, strict=True))
        offsets = [centres[axis][box[axis]] - start[axis] for axis in range(3)]
        canvas[box] |= _squared_distance(offsets, end - start, infinite) <= radius * radius
    return canvas


def _squared_distance(offsets: list[np.ndarray], direction: np.ndarray, infinite: bool) -> np.ndarray:
    """Squared distance of a block of points to a strut; `offsets` are the points' coordinates less its start."""
    x, y, z = offsets[0][:, None, None], offsets[1][None, :, None], offsets[2][None, None, :]
    u, v, w = direction
    squared = u * u + v * v + w * w
    along = x * u + y * v + z * w
    along = along / squared if squared > 0 else np.zeros_like(along)
    if not infinite:
        along = np.minimum(np.maximum(along, 0.0), 1.0)
    dx, dy, dz = x - along * u, y - along * v, z - along * w
    return dx * dx + dy * dy + dz * dz
