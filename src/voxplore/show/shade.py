"""One cell to one picture: visible surface, light, colour."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from voxplore.show import lighting
from voxplore.show.raymarch import PAD, Hits, Lookup, Rays, march

__all__ = ["Material", "draw"]

_LAMP = np.array([[1.05], [0.98], [0.88]], np.float32)  # warm
_SKY = np.array([[1.05], [1.20], [1.45]], np.float32)  # cool
_BESIDE = np.float32(1.4)  # voxels off the surface where its light is looked up, clear of the blurred solid


@dataclass(frozen=True)
class Material:
    """Linear RGB of the surface, and of the faces where the cell is cut from its lattice."""

    surface: tuple[float, float, float] = (0.13, 0.33, 0.60)
    cut: tuple[float, float, float] = (0.95, 0.58, 0.24)


def draw(
    field: np.ndarray,
    bundle: Rays,
    axes: np.ndarray,
    material: Material = Material(),
    accent: np.ndarray | None = None,
) -> np.ndarray:
    """The picture of one field: float32 (pixels, pixels, 4), linear RGB premultiplied by its coverage.

    field: float32 (a, b, c), solid above 0.5; bundle, axes: the rays of a camera, and its axes;
    accent: Bool (a, b, c), voxels to be drawn in the colour of the cut faces.
    """
    hits = march(field, bundle)
    key = lighting.KEY @ axes
    normal = _normals(field, hits, bundle)
    marked = hits.cut if accent is None else hits.cut | _inside(accent, hits.point)
    colour = _colour(field, hits, normal, key, axes, _albedo(material, marked)) * _depth_tint(hits, bundle)
    image = _shadowed_ground(field, bundle, key)
    pixel = bundle.pixel[hits.ray]
    image[pixel, :3], image[pixel, 3] = colour.T, 1
    depth = np.full(len(image), -np.inf, np.float32)
    depth[pixel] = bundle.toward @ hits.point
    image = image.reshape(bundle.pixels, bundle.pixels, 4)
    image[..., :3] *= _outline(depth.reshape(image.shape[:2]), max(field.shape))[..., None]
    return image


def _inside(volume: np.ndarray, points: np.ndarray) -> np.ndarray:
    place = np.clip(points.astype(np.int32), 0, np.array(volume.shape, np.int32)[:, None] - 1)
    return volume[tuple(place)]


def _albedo(material: Material, marked: np.ndarray) -> np.ndarray:
    return np.where(marked, *(np.array(colour, np.float32)[:, None] for colour in (material.cut, material.surface)))


def _normals(field: np.ndarray, hits: Hits, bundle: Rays) -> np.ndarray:
    """Outward unit normals float32 (3, k): of the slightly blurred field, or of the cell face."""
    soft = np.pad(ndimage.gaussian_filter(field, 0.7, mode="wrap", truncate=3), PAD, mode="wrap")
    look = Lookup(field.shape, hits.point)
    normal = -np.stack([look(np.gradient(soft, axis=axis)) for axis in range(3)])
    normal /= np.maximum(np.sqrt((normal**2).sum(0)), 1e-6)
    face = bundle.face[hits.ray[hits.cut]]
    normal[:, hits.cut] = np.diag(np.sign(bundle.toward))[:, face]
    return normal


def _colour(
    field: np.ndarray, hits: Hits, normal: np.ndarray, key: np.ndarray, axes: np.ndarray, albedo: np.ndarray
) -> np.ndarray:
    """Linear RGB (3, k): matt surface under lamp and sky, with a faint shine."""
    light = lighting.light(field, key)
    look = Lookup(field.shape, hits.point + _BESIDE * normal)
    seen = look(light.lamp)
    lamp = np.maximum(key.astype(np.float32) @ normal, 0) * seen
    bent = sum(n * look(volume) for n, volume in zip(normal, light.toward, strict=True))
    sky = np.maximum(look(light.mean) / 4 + bent / 2, 0)  # the cosine lobe in two bands
    half = key + axes[2]
    shine = np.maximum((half / np.linalg.norm(half)).astype(np.float32) @ normal, 0) ** 40 * seen
    return albedo * (lamp * _LAMP + sky * _SKY) + np.float32(0.10) * np.where(hits.cut, 0, shine)


def _depth_tint(hits: Hits, bundle: Rays) -> np.ndarray:
    """The far side a little darker than the near one."""
    span = float(np.abs(bundle.toward) @ np.array(bundle.shape))
    return 0.8 + 0.2 * np.clip(bundle.toward @ hits.point / span, 0, 1)


def _shadowed_ground(field: np.ndarray, bundle: Rays, key: np.ndarray) -> np.ndarray:
    darkness, margin = lighting.ground_shadow(field, key)
    places = bundle.ground + np.float32(margin - 0.5)
    image = np.zeros((places.shape[1], 4), np.float32)
    image[:, 3] = 0.3 * ndimage.map_coordinates(darkness, places, order=1, mode="constant", prefilter=False)
    return image


def _outline(depth: np.ndarray, size: int) -> np.ndarray:
    """A thin dark line on the nearer side of a jump in depth."""
    depth = np.where(np.isfinite(depth), depth, -1e6)
    jump = depth - ndimage.minimum_filter(depth, 3)
    return (1 - 0.35 * np.clip((jump - 0.06 * size) / (0.1 * size), 0, 1)).astype(np.float32)
