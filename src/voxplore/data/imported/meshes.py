"""Meshes from other programs: STL, PLY, OBJ -> voxels.

A voxel is solid where the mesh winds around its centre. Each column of voxel centres along an axis is one ray: every
triangle it crosses adds or takes one, by the side it shows, and the running sum along the column is the winding number.
That needs no repair of the mesh, allows overlapping parts, and tells an open surface by columns that do not return to
zero. What is open along one axis alone, no ray along that axis sees: the rays along x, y and z vote.
"""

import io
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from voxplore.data.imported.graphs import is_centred
from voxplore.errors import VoxploreError
from voxplore.storage import check_regular

__all__ = ["SUFFIXES", "read_body", "read_mesh", "voxelise_mesh"]

SUFFIXES = (".stl", ".ply", ".obj")
_TO_ASCII = bytes(range(128)) + b"?" * 128
_SLACK = 1e-3  # of the edge
_EVEN = 0.02  # how much shorter than the cube around it a mesh may be without a word
_FAR = 1e12  # a coordinate beyond it is none
_MOST = 1024  # voxels along a body's longest edge
_CHUNK = 1 << 22  # crossings looked at in one go
#: The rays stand beside the voxel centres by this many voxels, so that none runs along an edge of the mesh.
_ASIDE = ((2.718e-6, 3.142e-6), (-5.7e-6, 1.414e-6), (1.732e-5, -2.236e-5))


def read_mesh(
    path: str | Path,
    resolution: int,
    periodic: bool = False,
    edge: float | Sequence[float] | None = None,
) -> np.ndarray:
    """Bool (d, d, d) from a closed surface in an STL, PLY or OBJ file (extra `[export]`).

    edge: the cell runs from 0 to `edge` in the unit of the file, one number or three along x, y, z; a mesh that fills
    the cell around the origin is taken as centred there. Without it, the smallest cube around the mesh, with the mesh
    in its middle. periodic: what stands out of the cell comes in on the opposite side; without it, it is cut off, which
    a RuntimeWarning says. Raises VoxploreError where the file cannot be read, the surface is open, or no voxel is
    solid.
    """
    triangles = _triangles(Path(path))
    low, high = triangles.min((0, 1)), triangles.max((0, 1))
    size = np.broadcast_to(np.asarray((high - low).max() if edge is None else edge, np.float64), (3,))
    if not (np.isfinite(size) & (size > 0)).all():
        raise VoxploreError(path, expected="a cell of positive size", got=str(size.tolist()))
    corner = (low + high - size) / 2 if edge is None else np.zeros(3)
    if edge is not None and is_centred(np.stack([low, high]) / size):
        corner = -size / 2
    reach = np.maximum(corner - low, high - corner - size).max() / size.max()
    if not periodic and reach > _SLACK:
        said = f"{path}: stands out of its cell by {reach:.0%} of the edge, which is cut off (--periodic, --edge)"
        warnings.warn(said, RuntimeWarning, stacklevel=2)
    if edge is None and (high - low).min() < (1 - _EVEN) * size[0]:
        box = " x ".join(f"{length:g}" for length in high - low)
        said = f"{path}: its box is {box}, its cell a cube with an edge of {size[0]:g} around it (--edge gives another)"
        warnings.warn(said, RuntimeWarning, stacklevel=2)
    try:
        voxels = voxelise_mesh((triangles - corner) / size, resolution, periodic, path)
    except VoxploreError as error:
        raise VoxploreError(path, expected=error.expected, got=error.got) from error
    if not voxels.any():
        expected = "a surface around one voxel centre or more (--edge is the cell's, in the unit of the file)"
        got = f"one from {_place(low)} to {_place(high)} in a cell from {_place(corner)} to {_place(corner + size)}"
        raise VoxploreError(path, expected=expected, got=got)
    return voxels


def _place(point: np.ndarray) -> str:
    return "(" + ", ".join(f"{value:g}" for value in point) + ")"


def read_body(path: str | Path, pitch: float) -> tuple[np.ndarray, np.ndarray]:
    """Voxels of edge `pitch` (in the unit of the file) inside a closed surface: Bool (nx, ny, nz), and the low corner
    float64 (3,) of the first of them.

    The box of the body begins at the corner. Raises VoxploreError as `read_mesh` does, and where the body is more than
    1,024 voxels long.
    """
    triangles = _triangles(Path(path))
    low, high = triangles.min((0, 1)), triangles.max((0, 1))
    shape = np.maximum(np.ceil((high - low) / pitch - 1e-9).astype(np.int64), 1)
    if not pitch > 0 or shape.max() > _MOST:
        got = f"{shape.max()} voxels of {pitch:g}"
        raise VoxploreError(path, expected=f"a body at most {_MOST} voxels long (take larger cells)", got=got)
    n = int(shape.max())
    try:
        voxels = voxelise_mesh((triangles - low) / (pitch * n), n)
    except VoxploreError as error:
        raise VoxploreError(path, expected=error.expected, got=error.got) from error
    if not voxels.any():
        raise VoxploreError(path, expected="a surface that encloses at least one voxel centre", got="none")
    return voxels[tuple(slice(0, int(k)) for k in shape)], low


def voxelise_mesh(
    triangles: np.ndarray, resolution: int, periodic: bool = False, where: str | Path = "mesh"
) -> np.ndarray:
    """Bool (d, d, d), True where the surface winds around the voxel's centre, by two of its three rays or more.

    triangles: float (m, 3, 3), corners in units of the cell edge. where: what messages name. Raises VoxploreError where
    the surface is open, or where a part of it is turned inside out. A RuntimeWarning says where the rays disagree
    (struts without caps, facets turned), and where the voxels miss the volume of the mesh by more than 5 % (walls
    thinner than a voxel).
    """
    places = np.asarray(triangles, np.float64) * resolution
    low, high = np.floor(places.min((0, 1))).astype(int), np.ceil(places.max((0, 1))).astype(int)
    inside = bool((low >= 0).all() and (high <= resolution).all())
    if not periodic:
        low, high = np.clip(low, 0, resolution), np.clip(high, 0, resolution)
    shape = np.maximum(high - low, 0)
    if (shape > 16 * resolution).any():
        raise VoxploreError(
            "mesh", expected="a surface of at most 16 cells across", got=f"{shape.max() / resolution:.0f}"
        )
    winding = _by_three_rays(places - low, shape)
    volume = float(np.einsum("ni,ni->", places[:, 0], np.cross(places[:, 1], places[:, 2]))) / 6
    facing = 1 if volume >= 0 else -1  # a mesh that is inside out as a whole means the same body
    turned = np.count_nonzero(facing * winding < 0)
    if turned:
        got = f"one that is turned inside out around {turned} voxel centres"
        raise VoxploreError("mesh", expected="a surface that faces outwards everywhere", got=got)
    held = float(facing * winding.sum(dtype=np.int64))
    if (inside or periodic) and abs(held - abs(volume)) > 0.05 * abs(volume):
        off = f"{held / abs(volume) - 1:+.0%}"
        said = (
            f"{where}: the volume of the voxels is off by {off}; a grid that is finer, or whose voxel faces lie in its"
        )
        warnings.warn(f"{said} walls, comes nearer (--resolution)", RuntimeWarning, stacklevel=2)
    solid = np.zeros((resolution,) * 3, bool)
    solid[tuple((place + start) % resolution for place, start in zip((winding != 0).nonzero(), low, strict=True))] = (
        True
    )
    return solid


def _by_three_rays(places: np.ndarray, shape: np.ndarray) -> np.ndarray:
    """Winding number int32 `shape` at the voxel centres: the middle one of those along x, y and z."""
    found = []
    for turn in range(3):
        order = np.roll(np.arange(3), -turn)
        columns = tuple(int(n) for n in shape[order])
        for aside in _ASIDE:
            winding, is_open = _winding(places[:, :, order], columns, aside)
            if not is_open.any():
                break
        else:
            got = f"one that is open over {is_open.mean():.1%} of its columns"
            raise VoxploreError("mesh", expected="a closed surface", got=got)
        found.append(winding.transpose(np.argsort(order)))
    middle = np.sort(found, axis=0)[1]
    differ = np.count_nonzero((np.array(found) != middle).any(0))
    if differ > 1e-3 * np.count_nonzero(middle):
        said = f"rays along x, y and z disagree at {differ} voxel centres (gaps or turned facets): two of three count"
        warnings.warn(said, RuntimeWarning, stacklevel=3)
    return middle


def _triangles(path: Path) -> np.ndarray:
    """Corners float64 (m, 3, 3) of the file's triangles."""
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        expected = f"a mesh ({', '.join(SUFFIXES)}); `voxplore build own --source` reads voxels"
        raise VoxploreError(path, expected=expected, got=suffix or "no suffix")
    check_regular(path)
    try:
        import trimesh
    except ImportError as error:
        raise VoxploreError(path, expected="the extra voxplore[export]", got="no package trimesh") from error
    options: dict[str, Any] = {"skip_materials": True} if suffix == ".obj" else {}
    try:
        data = _names_as_ascii(path.read_bytes(), suffix)
        mesh = trimesh.load_mesh(io.BytesIO(data), file_type=suffix[1:], process=False, **options)
        triangles = np.asarray(mesh.triangles, np.float64)
    except OSError as error:
        raise VoxploreError(path, expected="a readable file", got=(error.strerror or str(error)).lower()) from error
    except Exception as error:  # the parsers raise a dozen types on damaged files
        raise VoxploreError(path, expected="a mesh", got=f"{type(error).__name__}: {str(error)[:100]}") from error
    if not len(triangles) or triangles.shape[1:] != (3, 3) or not (np.abs(triangles) < _FAR).all():
        got = f"an array {triangles.shape}, or others"
        raise VoxploreError(path, expected="triangles with three finite coordinates a corner", got=got)
    return triangles


def _names_as_ascii(data: bytes, suffix: str) -> bytes:
    """The file with a question mark for every letter of a name that is not ASCII: names say nothing of the shape."""
    text = len(data)
    if suffix == ".ply":
        head = data.find(b"end_header")
        text = head if b"format binary" in data[:head] else text
    elif suffix == ".stl" and (not data.startswith(b"solid") or _is_binary(data)):
        text = 80
    return data[:text].translate(_TO_ASCII) + data[text:]


def _is_binary(data: bytes) -> bool:
    """Whether an STL file has the length of a binary one; some begin with the word "solid", as those of text do."""
    return len(data) >= 84 and len(data) == 84 + 50 * int.from_bytes(data[80:84], "little")


def _winding(places: np.ndarray, shape: tuple[int, ...], aside: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    """Winding number int32 `shape` at the voxel centres, and Bool (a, b): columns that do not return to zero."""
    steps = np.zeros((shape[0], shape[1], shape[2] + 1), np.int32)
    first = np.ceil(places[:, :, :2].min(1) - 0.5 - np.array(aside)).astype(int)
    last = np.floor(places[:, :, :2].max(1) - 0.5 - np.array(aside)).astype(int)
    first, last = np.maximum(first, 0), np.minimum(last, np.array(shape[:2]) - 1)
    wide = np.maximum(last - first + 1, 0)
    count = wide.prod(1)
    bounds = np.concatenate([[0], np.cumsum(count)])
    start = 0
    while start < len(places):
        stop = max(start + 1, int(np.searchsorted(bounds, bounds[start] + _CHUNK, "right")) - 1)
        _cross(places, first, wide, count, np.arange(start, stop), aside, steps)
        start = stop
    winding = np.cumsum(steps, axis=2, dtype=np.int32)
    return winding[..., :-1], winding[..., -1] != 0


def _cross(
    places: np.ndarray,
    first: np.ndarray,
    wide: np.ndarray,
    count: np.ndarray,
    rows: np.ndarray,
    aside: tuple[float, float],
    steps: np.ndarray,
) -> None:
    """Add to `steps` where the columns cross the triangles `rows`."""
    which = np.repeat(rows, count[rows])
    number = np.arange(len(which)) - np.repeat(np.cumsum(count[rows]) - count[rows], count[rows])
    column = first[which] + np.stack([number // wide[which, 1], number % wide[which, 1]], axis=1)
    point = column + 0.5 + np.array(aside)
    corners = places[which]
    sides = [_side(corners[:, k, :2], corners[:, (k + 1) % 3, :2], point) for k in range(3)]
    above = (sides[0] > 0) & (sides[1] > 0) & (sides[2] > 0)
    below = (sides[0] < 0) & (sides[1] < 0) & (sides[2] < 0)
    met = np.flatnonzero(above | below)
    total = sides[0][met] + sides[1][met] + sides[2][met]
    height = sum(sides[k][met] * corners[met, (k + 2) % 3, 2] for k in range(3)) / total
    level = np.clip(np.ceil(height - 0.5), 0, steps.shape[2] - 1).astype(int)
    np.add.at(steps, (column[met, 0], column[met, 1], level), np.where(below[met], 1, -1))


def _side(start: np.ndarray, end: np.ndarray, point: np.ndarray) -> np.ndarray:
    """Twice the signed area of (start, end, point), with the same rounding whichever way the edge runs."""
    swap = (start[:, 0] > end[:, 0]) | ((start[:, 0] == end[:, 0]) & (start[:, 1] > end[:, 1]))
    a, b = np.where(swap[:, None], end, start), np.where(swap[:, None], start, end)
    area = (b[:, 0] - a[:, 0]) * (point[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (point[:, 0] - a[:, 0])
    return np.where(swap, -area, area)
