"""Two or more cells blended along an axis into one lattice.

Along the axis the latent moves on the straight lines from one cell to the next, and every plane of voxels has a latent
of its own, so that neighbouring planes match everywhere, at the faces of cells too. What the decoder misses of the
cells themselves is added to its values and blended in the same way: the lattice begins and ends with the very cells
(our choices).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import ndimage

from voxplore.errors import VoxploreError
from voxplore.geometry import check_lattice
from voxplore.kernels import bodies
from voxplore.unitcells import UnitCells, unpack
from voxplore.workflows.decoders import line_of, steerable

__all__ = ["Graded", "graded"]

#: Latents decoded for each layer of cells; between them values are linear.
_POINTS = 4
#: Distances from the surface in voxels beyond which a cell's own values do not grow.
_FAR = 4.0


@dataclass(frozen=True, eq=False)
class Graded:
    """voxels: Bool (nx, ny, nz), one body. density: float64 (layers,), along the axis. dropped: share of the solid that
    was loose. faces: least IoU of two neighbouring planes of voxels, where two cells meet. through: whether the body
    reaches from the first to the last plane along the axis.
    """

    voxels: np.ndarray
    density: np.ndarray
    dropped: float
    faces: float
    through: bool


def graded(model: Any, cells: UnitCells, axis: int, tile: tuple[int, int, int]) -> Graded:
    """The lattice of tile[0] x tile[1] x tile[2] cells that goes from the first cell to the last along an axis.

    The first and the last layer of cells are the first and the last cell itself; the others lie between in equal
    parts. Raises VoxploreError for fewer than two cells or layers, for a model that has no decoder of latents, and
    where the lattice falls apart along the axis.
    """
    check_lattice((cells.resolution,) * 3, tile)
    layers = tile[axis]
    if len(cells) < 2 or layers < max(3, len(cells)):
        got = f"{len(cells)} cells and {layers} layers"
        raise VoxploreError("grading", expected="two cells or more, and three layers or as many as cells", got=got)
    if not steerable(model):
        raise VoxploreError("model", expected="one with an encoder of cells and a decoder", got=type(model).__name__)
    plane_values = _planes(model, cells, axis, layers)
    solid = np.moveaxis(plane_values > 0, 0, axis)
    repeats = [1 if k == axis else tile[k] for k in range(3)]
    whole = np.tile(solid, repeats)
    kept = bodies(whole).largest if whole.any() else whole
    along = np.moveaxis(kept, axis, 0)
    d = cells.resolution
    through = bool(along[0].any() and along[-1].any())
    if not through:
        got = "one whose largest body does not reach both ends"
        raise VoxploreError("grading", expected="a lattice in one piece (other cells, more layers)", got=got)
    faces = min(_iou(along[k - 1], along[k]) for k in range(d, layers * d, d))
    density = along.reshape(layers, -1).mean(1)
    return Graded(kept, density, 1 - float(kept.sum()) / max(int(whole.sum()), 1), faces, through)


def _planes(model: Any, cells: UnitCells, axis: int, layers: int) -> np.ndarray:
    """Values (layers d, d, d), above zero in the solid; the axis first."""
    import torch

    line, d = line_of(model, cells), cells.resolution
    voxels = unpack(np.asarray(cells.packed), d)
    with torch.no_grad():
        ends = np.stack([line.decode(z[None])[0].float().cpu().numpy() for z in line.latents])
        missing = np.stack([_signed(cell) for cell in voxels]) - ends
        # Place along the polyline, 0 to m - 1: constant in the first and the last layer.
        places = np.clip((np.arange(layers * d) + 0.5 - d) / (d * (layers - 2)), 0, 1) * (len(cells) - 1)
        points = np.linspace(0, len(cells) - 1, max(_POINTS * layers, 2 * len(cells)) + 1)
        values = np.stack([_at(point, line, missing) for point in points])
    values = np.moveaxis(values, 1 + axis, 1)  # (points, d along the axis, d, d)
    step = points[1] - points[0]
    below = np.minimum((places / step).astype(int), len(points) - 2)
    share = (places / step - below)[:, None, None]
    rows = np.arange(layers * d) % d
    return (1 - share) * values[below, rows] + share * values[below + 1, rows]


def _at(point: float, line: Any, missing: np.ndarray) -> np.ndarray:
    """Values (d, d, d) at a place of the polyline."""
    first = min(int(point), len(missing) - 2)
    share = point - first
    latent = (1 - share) * line.latents[first] + share * line.latents[first + 1]
    decoded = line.decode(latent[None])[0].float().cpu().numpy()
    return decoded + (1 - share) * missing[first] + share * missing[first + 1]


def _signed(cell: np.ndarray) -> np.ndarray:
    """Distance from the surface of Bool (d, d, d), above zero in the solid, in voxels; periodic."""
    if cell.all() or not cell.any():
        return np.full(cell.shape, _FAR if cell.all() else -_FAR)
    margin = int(_FAR) + 2
    wide = np.pad(cell, margin, mode="wrap")
    inside, outside = (np.asarray(ndimage.distance_transform_edt(part), np.float64) for part in (wide, ~wide))
    middle = (slice(margin, -margin),) * 3
    return np.clip(np.where(wide, inside - 0.5, 0.5 - outside), -_FAR, _FAR)[middle]


def _iou(one: np.ndarray, other: np.ndarray) -> float:
    return float((one & other).sum() / max((one | other).sum(), 1))
