"""Voxels to a closed triangle mesh of a physical size, with flat cut faces.

The voxels are blurred a little (periodically), and the surface is a level of that field, found by marching cubes. Two
additions make it a part that can be printed and stacked:

- the field is continued to the walls of the cell, where it has the same values on opposite sides, and closed there by a
  layer of void of no thickness: the cut faces are exactly flat, and two neighbouring parts have the same outline on the
  face they share;
- blurring thins struts, so the surface is moved until the mesh holds the volume of the voxels.
"""

import warnings
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from voxplore import geometry
from voxplore.errors import VoxploreError
from voxplore.kernels import bodies
from voxplore.ranges import Count, Smooth, within

from .fairing import faired

__all__ = ["Mesh", "cell_mesh", "simplify"]

_VOLUME_TOLERANCE = 0.002
_CLEARANCE = 1e-3  # field values keep this distance from the level, so that no triangle collapses
_LEAST = 0.07  # at a voxel's centre the field is at least so far from 0.5, on the voxel's side
_SHIFT = 0.06  # the level may move so far
_START = 0.002  # growth to try first


@dataclass(frozen=True)
class Mesh:
    """vertices: float64 (v, 3) in millimetres; faces: int32 (f, 3), counter-clockwise seen from outside."""

    vertices: np.ndarray
    faces: np.ndarray

    def volume(self) -> float:
        """Enclosed volume in cubic millimetres (divergence theorem)."""
        a, b, c = (self.vertices[self.faces[:, k]] for k in range(3))
        return float(np.einsum("ij,ij->", a, np.cross(b, c)) / 6)


@within
def cell_mesh(
    voxels: np.ndarray,
    size: tuple[float, float, float],
    tile: tuple[int, int, int] = (1, 1, 1),
    smooth: Smooth = 0.8,
    keep_loose: bool = False,
    triangles: Count | None = None,
) -> Mesh:
    """The lattice of `tile` cells as one closed mesh, of its largest body alone unless `keep_loose`.

    voxels: Bool (d, d, d). size: edges of one cell in millimetres. smooth: standard deviation of the blur in voxels; 0
    keeps the voxels' own steps, bevelled. Every voxel's centre is on its side of the surface, and voxels that share no
    face are apart, so the mesh has the bodies of the voxels; where smooth is above 0 its points are then evened out, by
    up to 0.4 voxels (see `fairing`). The volume is that of the voxels kept within 1 %, mostly
    0.2 %, else a RuntimeWarning says so. triangles: about how many to keep at most (see `simplify`). Raises
    VoxploreError for a cell with no solid.
    """
    if not voxels.any():
        raise VoxploreError("cell to mesh", expected="some solid", got="none")
    whole = geometry.tile(voxels, tile)
    kept = whole if keep_loose else bodies(whole).largest
    field, growth = _field(voxels, smooth), _START
    if max(tile) > 1:
        growth, _ = _growth(field, voxels.mean(dtype=np.float64), growth)
        field = geometry.tile(field, tile)
    field = np.where(kept == whole, field, np.minimum(field, 0.5 - _LEAST)).astype(np.float32)
    growth, miss = _growth(field, kept.mean(dtype=np.float64), growth)
    if miss > 0.01:
        warnings.warn(f"the mesh misses the density of its voxels by {miss:.1%}", RuntimeWarning, stacklevel=2)
    vertices, faces = _march(_grown(field, growth))
    if smooth > 0:
        vertices = faired(vertices, faces, np.array(field.shape, np.float64))
    mesh = Mesh(vertices * (np.array(size) / voxels.shape), faces)
    return mesh if triangles is None else simplify(mesh, triangles)


def simplify(mesh: Mesh, triangles: int) -> Mesh:
    """The mesh with about `triangles` triangles or fewer, still closed (manifold3d, extra `[export]`).

    Edges are collapsed within a tolerance, at most a hundredth of the part, which is searched by halving.
    """
    if triangles < 4:
        raise VoxploreError("triangles", expected="at least 4", got=str(triangles))
    try:
        from manifold3d import Manifold
        from manifold3d import Mesh as Raw
    except ImportError as error:
        raise VoxploreError("triangles", expected="the extra voxplore[export]", got="no package manifold3d") from error
    if len(mesh.faces) <= triangles:
        return mesh
    solid = Manifold(Raw(mesh.vertices.astype(np.float32), mesh.faces.astype(np.uint32)))
    least, most = 0.0, float(np.ptp(mesh.vertices, axis=0).max()) / 100
    best = solid.simplify(most)
    for _ in range(10):
        middle = (least + most) / 2
        tried = solid.simplify(middle)
        if tried.num_tri() > triangles:
            least = middle
        else:
            most, best = middle, tried
    raw = best.to_mesh()
    return Mesh(np.asarray(raw.vert_properties[:, :3], np.float64), np.asarray(raw.tri_verts, np.int32))


def _field(voxels: np.ndarray, smooth: float) -> np.ndarray:
    """Blurred voxels float32 (d, d, d), but solid stays above 0.5 and void below: no strut breaks, no pore closes."""
    solid = voxels.astype(np.float32)
    if smooth <= 0:
        return solid
    blurred = ndimage.gaussian_filter(solid, smooth, mode="wrap")
    own = np.where(voxels, blurred, 1 - blurred)
    own = np.maximum(own, 0.5 + _LEAST + (0.5 - _LEAST) * np.clip((0.4 - own) / 0.25, 0, 1))
    return np.where(voxels, own, 1 - own).astype(np.float32)


def _growth(field: np.ndarray, density: float, start: float) -> tuple[float, float]:
    """How far to grow the field so that its mesh holds `density` of its volume, and by which share it misses it.

    Secants within bounds, from `start`.
    """
    low, high = -1.0, 1.0
    growth, slope, tried = start, 1.5 * density, []
    while len(tried) < 14:
        error = Mesh(*_march(_grown(field, growth))).volume() / field.size - density
        if tried and growth != tried[-1][1]:
            slope = (error - tried[-1][2]) / (growth - tried[-1][1])
        tried.append((abs(error) / density, growth, error))
        if tried[-1][0] < _VOLUME_TOLERANCE:
            break
        low, high = (low, growth) if error > 0 else (growth, high)
        guess = growth - error / slope if slope > 0 else np.nan
        growth = guess if low < guess < high else (low + high) / 2
    share, growth, _ = min(tried)
    return growth, share


def _grown(field: np.ndarray, growth: float) -> np.ndarray:
    """The field with its 0.5 level moved outward (growth > 0) or inward, but past no voxel's centre.

    Small growth is a shift of the level, which moves the surface evenly. Where it would reach a voxel's value, solid
    and void values are stretched against each other instead.
    """
    shift = float(np.clip(growth, -_SHIFT, _SHIFT))
    stretch = float(np.exp(8 * (growth - shift)))
    away = field - (0.5 - shift)
    return 0.5 + away * np.where(away > 0, stretch, 1 / stretch).astype(np.float32)


def _march(field: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Vertices float64 (v, 3) in voxels from the corner of the part, and faces, of the 0.5 level cut by the box.

    Lorensen's table parts solid that meets by an edge or a corner: contact is by faces, as everywhere. On the walls of
    the box a place is solid where the voxels on both sides of the lattice's seam are, so opposite faces are the same.
    """
    from skimage.measure import marching_cubes

    for axis in range(3):
        near, far = field.take([0], axis), field.take([-1], axis)
        wall = (near + far) / 2
        wall = np.where((near > 0.5) & (far > 0.5), wall, np.minimum(wall, 0.5 - _CLEARANCE))
        field = np.concatenate([wall, field, wall], axis)
    away = np.where(field > 0.5, np.maximum(field - 0.5, _CLEARANCE), np.minimum(field - 0.5, -_CLEARANCE))
    vertices, faces, _, _ = marching_cubes(np.pad(away, 1, constant_values=-1.0), 0.0, method="lorensen")
    places = [np.concatenate([[0, 0], np.arange(n - 2) + 0.5, [n - 2, n - 2]]) for n in field.shape]
    vertices = np.stack([np.interp(vertices[:, k], np.arange(len(places[k])), places[k]) for k in range(3)], axis=1)
    return _welded(vertices, faces[:, ::-1], np.array(field.shape) - 2.0)


def _welded(vertices: np.ndarray, faces: np.ndarray, size: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Unite the vertices that fall together on the edges of the box, where two layers of no thickness meet."""
    on_edge = np.flatnonzero(((vertices == 0) | (vertices == size)).sum(1) >= 2)
    _, first, which = np.unique(vertices[on_edge], axis=0, return_index=True, return_inverse=True)
    target = np.arange(len(vertices))
    target[on_edge] = on_edge[first[which.ravel()]]
    faces = target[faces]
    a, b, c = faces.T
    faces = faces[(a != b) & (b != c) & (c != a)]
    used, faces = np.unique(faces, return_inverse=True)
    return vertices[used], faces.reshape(-1, 3).astype(np.int32)
