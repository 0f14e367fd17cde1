"""Spinodoids: thresholded periodic random fields."""

import numpy as np
from scipy.special import ndtri

from voxplore.data.synthetic.planar import centres

__all__ = ["draw_spinodoid"]


def draw_spinodoid(rng: np.random.Generator, resolution: int) -> np.ndarray:
    """A thresholded sum of standing waves of nearly one length, their directions within cones about some axes.

    After Kumar et al. 2020 (npj Comput. Mater. 6, 73): no cones give isotropic spinodoids, one lamellar, two columnar,
    three cubic ones. Waves of whole numbers make it periodic, cosines alone even. Solid is the share `density` below.
    """
    number, reach = rng.uniform(2.0, 4.0), np.arange(-5, 6)
    waves = np.stack(np.meshgrid(reach, reach, reach, indexing="ij"), axis=-1)
    length = np.linalg.norm(waves, axis=-1)
    cones = rng.permutation(3)[: rng.integers(0, 4)]
    opening = np.cos(np.radians(rng.uniform(15, 45, 3)))
    kept = np.abs(length - number) < 0.6
    if len(cones):
        kept &= np.any([np.abs(waves[..., axis]) >= opening[axis] * length for axis in cones], axis=0)
    amplitude = rng.normal(size=length.shape) * kept
    amplitude = amplitude + np.flip(amplitude)
    density = rng.uniform(0.2, 0.5)
    phase = np.exp(2j * np.pi * centres(resolution)[:, None] * reach)
    value = np.einsum("abc,xa,yb,zc->xyz", amplitude, phase, phase, phase, optimize=True).real
    return value < np.linalg.norm(amplitude) * ndtri(density)
