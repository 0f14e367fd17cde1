"""How far apart the surfaces of two aligned cells lie, once the grid, roughness and thickness no longer count.

Both cells are taken as level sets of their smoothed periodic signed distance. The one is shifted by the fraction of a
voxel at which the two fields agree best, and both are cut at the level that holds the same solid. Where either has its
surface, the difference of the fields is then the distance from one surface to the other.
"""

import numpy as np
from scipy import fft, ndimage

from voxplore.kernels.distance import distance_to_surface

__all__ = ["PERCENTILE", "distance_field", "surface_distance"]

#: Smoothing of the signed distance, and the distance beyond which it counts no more, in voxels (our choice).
SMOOTHING, REACH = 2.5, 4.0
#: The distance is the one that this share of the surface keeps to, in percent (our choice).
PERCENTILE = 97
#: Voxels as near as this to either surface are counted.
_NEAR = 1.0


def distance_field(cell: np.ndarray) -> np.ndarray:
    """Smoothed signed distance of the surface, negative inside: float32 (d, d, d), in voxels, clipped at REACH."""
    distance = distance_to_surface(cell)
    return ndimage.gaussian_filter(np.clip(distance, -REACH, REACH).astype(np.float32), SMOOTHING, mode="wrap")


def surface_distance(field: np.ndarray, other: np.ndarray, solid: int) -> float:
    """Distance in voxels that PERCENTILE of the surfaces of two distance fields keep to, at `solid` voxels each."""
    fitted = _shifted(other, _fraction(field, other))
    left, right = (each - np.partition(each, solid - 1, axis=None)[solid - 1] for each in (field, fitted))
    near = (np.abs(left) < _NEAR) | (np.abs(right) < _NEAR)
    return float(np.percentile(np.abs(left - right)[near], PERCENTILE))


def _fraction(field: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Shift (3,) of `other`, within a voxel, at the top of a parabola through the correlation at -1, 0 and 1 voxels."""
    middle = float((field * other).sum(dtype=np.float64))
    out = np.zeros(3)
    for axis in range(3):
        below, above = (float((field * np.roll(other, way, axis)).sum(dtype=np.float64)) for way in (-1, 1))
        bend = below - 2 * middle + above
        out[axis] = np.clip((below - above) / (2 * bend), -1, 1) if bend < 0 else 0.0
    return out


def _shifted(field: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """The periodic field (d, d, d) shifted by fractions of a voxel, by its Fourier series."""
    d = len(field)
    waves = np.fft.fftfreq(d), np.fft.fftfreq(d), np.fft.rfftfreq(d)
    x, y, z = (np.exp(-2j * np.pi * wave * step).astype(np.complex64) for wave, step in zip(waves, shift, strict=True))
    spectrum = np.asarray(fft.rfftn(field)) * x[:, None, None] * y[:, None] * z
    return np.asarray(fft.irfftn(spectrum, field.shape))
