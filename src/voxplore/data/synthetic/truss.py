"""Trusses: strut graphs, and the voxels of their struts (Eq. 11).

A voxel is solid where its centre is at most `radius` from a strut. Coordinates are fractional, taken as the unit cube
directly, whatever the cell's own edges and angles, as the published MetaTruss does. Eq. 11 prints the distance to an
infinite line; the published cells show that the strut ends at its nodes, so `line="segment"` is the default.
"""

import dataclasses
import functools
from functools import partial
from typing import Literal

import numpy as np

from voxplore.errors import VoxploreError
from voxplore.kernels.capsules import capsules, capsules_numpy

__all__ = ["CUBE", "REACH", "Line", "StrutGraph", "voxelise", "voxelise_segments"]

Line = Literal["segment", "infinite"]

#: Edges a, b, c and angles alpha, beta, gamma (degrees) of the unit cube.
CUBE = (1.0, 1.0, 1.0, 90.0, 90.0, 90.0)
Edges = tuple[float, float, float]
_CUBE_EDGES: Edges = (1.0, 1.0, 1.0)


@dataclasses.dataclass(frozen=True)
class StrutGraph:
    """The nodes and struts of one unit cell, cut at the faces: nodes and struts on the boundary stand on every face.

    nodes: float64 (m, 3), fractional; edges: int64 (k, 2), 0-based pairs of nodes; cell: a, b, c, alpha, beta, gamma;
    inversion_centre: fractional, None where none is known; origin: `"shifted"` for a cell whose window was moved.
    radius: of the struts as a share of the longest cell edge, None where the file gives none.
    """

    name: str
    nodes: np.ndarray
    edges: np.ndarray
    cell: tuple[float, ...] = CUBE
    inversion_centre: tuple[float, ...] | None = None
    origin: str = "catalogue"
    radius: float | None = None

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
    edges_of_cell: Edges = _CUBE_EDGES,
) -> np.ndarray:
    """The solid of a strut graph (Eq. 11): Bool (d, d, d), True where a voxel's centre is within `radius` of a strut.

    nodes: (m, 3) in units of the cell edge, edges: (k, 2). With `periodic` every strut is drawn with all its periodic
    images, and nodes may lie outside the cell; without it the cube clips what lies outside, as published.
    edges_of_cell: along x, y, z in the unit of the radius, in which struts are round.
    """
    nodes, edges = np.asarray(nodes, np.float64), np.asarray(edges, np.int64)
    return voxelise_segments(nodes[edges], resolution, radius, periodic, line, edges_of_cell)


def voxelise_segments(
    segments: np.ndarray,
    resolution: int = 48,
    radius: float = 0.06,
    periodic: bool = False,
    line: Line = "segment",
    edges_of_cell: Edges = _CUBE_EDGES,
) -> np.ndarray:
    """As `voxelise`, from the ends of the struts: float64 (k, 2, 3) -> Bool (d, d, d)."""
    if not np.isfinite(segments).all():
        raise VoxploreError("strut coordinates", expected="finite numbers", got="NaN or infinity")
    if periodic and line == "infinite":
        raise VoxploreError("voxelise", expected='line="segment" with periodic=True', got='line="infinite"')
    draw = capsules if edges_of_cell == _CUBE_EDGES else partial(capsules_numpy, edges=edges_of_cell)
    if periodic:
        reach = radius / np.asarray(edges_of_cell)
        home = segments - np.floor(segments.min(axis=1) - reach)[:, None, :]
        return _fold(draw(home, resolution, _canvas(home, resolution, reach), radius), resolution)
    return draw(segments, resolution, (resolution, resolution, resolution), radius, line == "infinite")


def _canvas(segments: np.ndarray, resolution: int, radius: np.ndarray) -> tuple[int, int, int]:
    """The shape, in whole periods, of a canvas that holds every strut."""
    reach = np.maximum(segments.max(axis=(0, 1), initial=0.0) + radius, 1.0)
    x, y, z = (int(periods) * resolution for periods in np.ceil(reach))
    return x, y, z


def _fold(canvas: np.ndarray, resolution: int) -> np.ndarray:
    """Union of the whole periods of a canvas whose sides are multiples of `resolution`."""
    for axis in range(3):
        periods = np.split(canvas, canvas.shape[axis] // resolution, axis=axis)
        canvas = functools.reduce(np.logical_or, periods)
    return canvas


#: Fractional coordinates lie in [0, 1]; what lies further out than this is no coordinate.
REACH = 2.0


def checked(
    where: object,
    name: str,
    nodes: np.ndarray,
    edges: np.ndarray,
    cell: tuple[float, ...],
    centre: tuple[float, ...] | None,
    origin: str,
    first: int,
) -> StrutGraph:
    """The strut graph, where its numbers make sense; `first` is how the file numbers its first node."""
    if not len(nodes) or not len(edges):
        raise VoxploreError(where, expected="nodes and bars", got=f"{len(nodes)} nodes and {len(edges)} bars")
    if np.abs(nodes).max() > REACH:
        raise VoxploreError(
            where, expected="fractional coordinates in [0, 1]", got=str(nodes[np.abs(nodes) > REACH][0])
        )
    if edges.min() < 0 or edges.max() >= len(nodes):
        wrong = edges[(edges < 0) | (edges >= len(nodes))][0] + first
        raise VoxploreError(
            where,
            expected=f"bars between nodes {first} to {len(nodes) - 1 + first} (counted from {first})",
            got=str(wrong),
        )
    if min(cell[:3]) <= 0 or not all(0 < angle < 180 for angle in cell[3:]):
        raise VoxploreError(where, expected="positive cell edges and angles under 180 degrees", got=str(cell))
    return StrutGraph(name, nodes, edges, cell, centre, origin)
