"""From voxels to the visible surface, pixel by pixel, with NumPy alone.

The camera is orthographic, so all rays are parallel and the same for every cell of a picture: they are computed once.
Each ray jumps through empty space, looks closely where solid is near, and refines the crossing it finds. The surface is
the 0.5 level of a blurred field that is held above 0.5 at every solid voxel and below it at every void one: it is
smooth, yet shows no solid that is not there and hides none, not even a single voxel.

Points are float32 (3, m), in voxels of the field: voxel i spans [i, i + 1].
"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

__all__ = ["PAD", "Camera", "Hits", "Lookup", "Rays", "march", "rays", "surface_field"]

#: Volumes that are looked up carry this many voxels around the field, so that no look-up needs a bounds check.
PAD = 2
_STEP = np.float32(0.4)  # voxels between two close looks; the smallest thing in the field is about one voxel wide


@dataclass(frozen=True)
class Camera:
    """An orthographic view: angles in degrees, `pixels` the side of the square image, `margin` its empty border."""

    pixels: int = 400
    azimuth: float = -58.0
    elevation: float = 26.0
    margin: float = 0.045

    def axes(self) -> np.ndarray:
        """Rows right, up, and towards the viewer: float64 (3, 3)."""
        a, e = np.radians(self.azimuth), np.radians(self.elevation)
        toward = np.array([np.cos(a) * np.cos(e), np.sin(a) * np.cos(e), np.sin(e)])
        right = np.array([-np.sin(a), np.cos(a), 0.0])
        return np.stack([right, np.cross(toward, right), toward])


@dataclass(frozen=True)
class Rays:
    """The rays that meet the box of a field of `shape`.

    pixel: int (m,) into the flattened image; origin: float32 (3, m) on the box; toward: float32 (3,), unit, against
    the rays; length: float32 (m,), voxels inside the box; face: int8 (m,), the axis of the face where a ray enters.
    ground: float32 (2, pixels^2), where each pixel's ray meets the plane under the box.
    """

    shape: tuple[int, int, int]
    pixels: int
    toward: np.ndarray
    pixel: np.ndarray
    origin: np.ndarray
    length: np.ndarray
    face: np.ndarray
    ground: np.ndarray

    def at(self, ray: np.ndarray, reach: np.ndarray) -> np.ndarray:
        """The points that lie `reach` voxels along the given rays: float32 (3, k)."""
        return self.origin.take(ray, 1) - reach * self.toward[:, None]


@dataclass(frozen=True)
class Hits:
    """Where rays meet solid: `ray` int (k,) into the rays, `point` float32 (3, k), `cut` Bool (k,): on a cell face."""

    ray: np.ndarray
    point: np.ndarray
    cut: np.ndarray


class Lookup:
    """Trilinear interpolation at points float32 (3, m), for any number of volumes padded by PAD."""

    def __init__(self, shape: tuple[int, ...], points: np.ndarray):
        shifted = points + np.float32(PAD - 0.5)
        corner = shifted.astype(np.int32)
        self._part = shifted - corner
        self._stride = ((shape[1] + 2 * PAD) * (shape[2] + 2 * PAD), shape[2] + 2 * PAD)
        self._base = corner[0] * self._stride[0] + corner[1] * self._stride[1] + corner[2]

    def __call__(self, volume: np.ndarray) -> np.ndarray:
        flat, base, (x, y, z) = volume.ravel(), self._base, self._part

        def line(offset: int) -> np.ndarray:
            low = flat.take(base + offset)
            return low + z * (flat.take(base + (offset + 1)) - low)

        def plane(offset: int) -> np.ndarray:
            low = line(offset)
            return low + y * (line(offset + self._stride[1]) - low)

        low = plane(0)
        return low + x * (plane(self._stride[0]) - low)


def surface_field(voxels: np.ndarray, sigma: float = 0.8) -> np.ndarray:
    """Bool (a, b, c), periodic -> float32 (a, b, c), above 0.5 exactly where solid and smooth in between."""
    blurred = ndimage.gaussian_filter(voxels.astype(np.float32), sigma, mode="wrap")
    own = np.where(voxels, blurred, 1 - blurred)  # 0 where blurring would remove the voxel, 1 deep inside
    least = 0.57 + 0.43 * np.clip((0.4 - own) / 0.25, 0, 1)  # a lone voxel becomes a ball instead of vanishing
    own = np.maximum(own, least)
    return np.where(voxels, own, 1 - own).astype(np.float32)


def rays(shape: tuple[int, int, int], camera: Camera) -> Rays:
    """The rays of `camera`, framed on a box of `shape` voxels."""
    right, up, toward = camera.axes()
    size = np.array(shape, float)
    corners = np.array(np.meshgrid(*[(0, n) for n in shape], indexing="ij")).reshape(3, -1).T - size / 2
    widest = max(np.ptp(corners @ right), np.ptp(corners @ up))
    scale = widest / (1 - 2 * camera.margin) / camera.pixels
    steps = (np.arange(camera.pixels) + 0.5 - camera.pixels / 2) * scale
    u, v = (grid.ravel() for grid in np.meshgrid(steps, -steps))
    start = (size / 2 + toward * size.sum())[:, None] + right[:, None] * u + up[:, None] * v
    near = np.where(toward > 0, size, 0.0)[:, None]
    entry = (start - near) / toward[:, None]  # distance from the start to each of the three nearer faces
    first, last = entry.max(0), ((start - size[:, None] + near) / toward[:, None]).min(0)
    inside = np.flatnonzero(last - first > 1e-3)
    return Rays(
        shape=shape,
        pixels=camera.pixels,
        toward=toward.astype(np.float32),
        pixel=inside,
        origin=(start[:, inside] - first[inside] * toward[:, None]).astype(np.float32),
        length=(last - first)[inside].astype(np.float32),
        face=entry[:, inside].argmax(0).astype(np.int8),
        ground=(start - start[2] / toward[2] * toward[:, None])[:2].astype(np.float32),
    )


def march(field: np.ndarray, bundle: Rays) -> Hits:
    """Follow every ray to the first place where the periodic `field` float32 (a, b, c) exceeds 0.5."""
    free_distance = np.pad(_free_distance(field), PAD, mode="edge")
    padded = np.pad(field, PAD, mode="wrap")
    active, origin, length = np.arange(len(bundle.pixel)), bundle.origin, bundle.length
    reach = np.zeros(len(active), np.float32)
    found: list[tuple[np.ndarray, np.ndarray]] = []
    while len(active):
        points = origin - reach * bundle.toward[:, None]
        free = free_distance.ravel().take(_voxel(points, free_distance.shape))
        near = np.flatnonzero(free == 0)
        met = near[Lookup(field.shape, points.take(near, 1))(padded) > 0.5]
        found.append((active[met], reach[met]))
        reach = reach + np.maximum(free, _STEP)
        going = reach < length
        going[met] = False
        kept = np.flatnonzero(going)
        active, reach, length, origin = active[kept], reach[kept], length[kept], origin.take(kept, 1)
    ray, reach = (np.concatenate(part) for part in zip(*found, strict=True))
    cut = reach == 0
    reach = np.where(cut, 0, _refined(padded, bundle, field.shape, ray, reach))
    return Hits(ray, bundle.at(ray, reach), cut)


def _free_distance(field: np.ndarray) -> np.ndarray:
    """How far a ray may jump from any place in a voxel without missing solid; 0 where it must look closely."""
    close = ndimage.maximum_filter(field, 3, mode="wrap") > 0.5
    if not close.any():
        return np.full(field.shape, sum(field.shape), np.float32)
    steps = np.asarray(ndimage.distance_transform_cdt(~close, "chessboard"), np.float32)
    return np.where(steps > 0, np.maximum(steps - 1, _STEP), np.float32(0))


def _voxel(points: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    place = (points + np.float32(PAD)).astype(np.int32)
    return (place[0] * shape[1] + place[1]) * shape[2] + place[2]


def _refined(
    padded: np.ndarray, bundle: Rays, shape: tuple[int, ...], ray: np.ndarray, reach: np.ndarray
) -> np.ndarray:
    """Two steps of regula falsi between the last look outside and the first inside."""

    def value(distance: np.ndarray) -> np.ndarray:
        return Lookup(shape, bundle.at(ray, distance))(padded)

    low, high = np.maximum(reach - _STEP, 0), reach
    value_low, value_high = value(low), value(high)
    middle = high
    for _ in range(2):
        share = np.clip((0.5 - value_low) / np.maximum(value_high - value_low, 1e-6), 0, 1)
        middle = low + share * (high - low)
        found = value(middle)
        inside = found > 0.5
        low, value_low = np.where(inside, low, middle), np.where(inside, value_low, found)
        high, value_high = np.where(inside, middle, high), np.where(inside, found, value_high)
    return middle
