"""Phononic gap of a published crystal, silicon with round holes, beside plane waves and the published edges.

    python benchmarks/check_bands.py [--voxels N ...]

Holes of radius .46 a in a triangular lattice of period a, empty; waves in the plane, of all polarisations. Maldovan and
Thomas (Appl. Phys. B 83, 2006, 595) give a complete gap from .830 to .963 in c_T / a, with c_T = 5360 m/s and
c_L = 8950 m/s. Plane waves converge from above; of ours the last two sets agree to .001. N voxels along a: the
walls between holes are .08 a.
"""

import argparse

import numpy as np
import scipy.linalg
from scipy.special import j1

from voxplore.mechanics.bands import band_structure

RADIUS, RATIO = 0.46, 8950 / 5360
PUBLISHED = (0.830, 0.963)
#: Corners of the zone of the triangular lattice and points between them, in periods of the rectangle a x sqrt(3) a.
WAVEVECTORS = np.array([[0, 0, 0], [1 / 3, 0, 0], [1 / 2, 1 / 2, 0], [1 / 6, 0, 0]])
Phase = tuple[float, float, float]


def plane_waves(
    holes: np.ndarray, period: np.ndarray, hole: Phase, around: Phase, wavevector: np.ndarray, count: int, reach: float
) -> np.ndarray:
    """Lowest frequencies of waves in the plane, across a lattice of cylinders, expanded in plane waves: (count,).

    holes: radii and centres (h, 3). period: (2,), edges of a rectangular cell. hole, around: density and both Lame
    constants of the phases. wavevector: (2,), in periods of the reciprocal lattice. reach: of the waves in it.
    """
    steps = np.arange(-int(reach * max(period)) - 1, int(reach * max(period)) + 2)
    lattice = np.stack(np.meshgrid(steps, steps, indexing="ij"), -1).reshape(-1, 2) / period
    lattice = 2 * np.pi * lattice[np.hypot(*lattice.T) < reach]
    apart = lattice[:, None] - lattice[None]
    share = np.zeros(apart.shape[:2], complex)
    for radius, *centre in holes:
        size = np.maximum(np.hypot(apart[..., 0], apart[..., 1]) * radius, 1e-9)
        share += 2 * np.pi * radius**2 / np.prod(period) * j1(size) / size * np.exp(-1j * (apart @ np.array(centre)))
    density, lame, shear = (b * np.eye(len(lattice)) + (a - b) * share for a, b in zip(hole, around, strict=True))
    x, y = (lattice + 2 * np.pi * np.asarray(wavevector) / period).T
    xx, yy, xy = np.outer(x, x), np.outer(y, y), np.outer(x, y)
    mixed = lame * xy + shear * xy.T
    stiffness = np.block(
        [[(lame + 2 * shear) * xx + shear * yy, mixed], [mixed.conj().T, (lame + 2 * shear) * yy + shear * xx]]
    )
    across = scipy.linalg.eigh(shear * (xx + yy), density, eigvals_only=True)
    within = scipy.linalg.eigh(stiffness, scipy.linalg.block_diag(density, density), eigvals_only=True)
    return np.sqrt(np.maximum(np.sort([*across, *within])[:count], 0)) / (2 * np.pi)


def silicon(n: int) -> np.ndarray:
    """Bool (n, m, 1) on the rectangle a x sqrt(3) a: a hole in its corner, one in its middle."""
    m = 2 * round(n * np.sqrt(3) / 2)
    x, y = (np.arange(n) + 0.5) / n, (np.arange(m) + 0.5) / m * np.sqrt(3)
    solid = np.ones((n, m), bool)
    for i, j in ((0, 0), (2, 0), (0, 2), (2, 2), (1, 1)):
        solid &= (x[:, None] - i / 2) ** 2 + (y - j * np.sqrt(3) / 2) ** 2 > RADIUS**2
    return solid[:, :, None]


def first_gap(frequencies: np.ndarray) -> tuple[float, float]:
    """Edges of the lowest gap wider than 1 % of frequencies (k, bands)."""
    lower, upper = frequencies.max(0)[:-1], frequencies.min(0)[1:]
    k = int(np.argmax(upper - lower > 0.01 * upper))
    return float(lower[k]), float(upper[k])


def gap_of_voxels(n: int) -> tuple[float, float]:
    poisson = (RATIO**2 - 2) / (2 * (RATIO**2 - 1))
    bands = band_structure(silicon(n), WAVEVECTORS, 28, poisson, (1, np.sqrt(3), 1 / n))
    return first_gap(bands.frequencies / np.sqrt(3) * np.sqrt(2 * (1 + poisson)))  # in c_T / a


def gap_of_plane_waves(reach: float) -> tuple[float, float]:
    solid = (1.0, RATIO**2 - 2, 1.0)
    nothing = (1e-9, 1e-6, 1e-6)
    period = np.array([1, np.sqrt(3)])
    holes = np.array([[RADIUS, 0, 0], [RADIUS, 0.5, np.sqrt(3) / 2]])
    found = [plane_waves(holes, period, nothing, solid, k[:2], 36, reach) for k in WAVEVECTORS]
    return first_gap(np.array(found))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--voxels", type=int, nargs="+", default=[108, 162, 216, 270])
    options = parser.parse_args()
    print("published: {:.3f} to {:.3f} c_T / a".format(*PUBLISHED))
    for reach in (8.0, 11.0):
        print("plane waves within {:g} periods: {:.3f} to {:.3f}".format(reach, *gap_of_plane_waves(reach)), flush=True)
    for n in options.voxels:
        edges = gap_of_voxels(n)
        off = ", ".join(f"{one / wanted - 1:+.1%}" for one, wanted in zip(edges, PUBLISHED, strict=True))
        print(f"{n} voxels along a: {edges[0]:.3f} to {edges[1]:.3f} ({off})", flush=True)


if __name__ == "__main__":
    main()
