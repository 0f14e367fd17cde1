import importlib
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import brentq

from voxplore.errors import VoxploreError
from voxplore.mechanics import effective_stiffness, wave_speeds
from voxplore.mechanics.bands import Bands, band_structure, zone_path
from voxplore.mechanics.element import isotropic_stiffness


def rytov(k: float, share: float, soft: float, light: float, modulus: float, count: int) -> list[float]:
    """Frequencies of waves across a laminate (Rytov 1956), in c / a of the first layer, whose modulus is given.

    cos 2 pi k = cos p cos q - (z + 1/z) / 2 sin p sin q with the phases p, q of the layers and z the ratio of their
    impedances.
    """
    fast, slow = np.sqrt(modulus), np.sqrt(modulus * soft / light)
    z = fast / (light * slow)

    def misses(f: float) -> float:
        p, q = 2 * np.pi * f * share / fast, 2 * np.pi * f * (1 - share) / slow
        return np.cos(p) * np.cos(q) - (z + 1 / z) / 2 * np.sin(p) * np.sin(q) - np.cos(2 * np.pi * k)

    grid = np.linspace(1e-6, 1.5, 6001)
    values = [misses(f) for f in grid]
    roots = [brentq(misses, a, b) for a, b, u, v in zip(grid, grid[1:], values, values[1:], strict=False) if u * v < 0]
    return roots[:count]


@pytest.mark.parametrize("k", [0.15, 0.35, 0.48])
def test_waves_across_a_laminate_have_the_frequencies_of_rytov(k):
    poisson, soft, light = 0.3, 0.1, 0.5
    layers = np.zeros((2, 2, 32), bool)
    layers[:, :, :12] = True
    found = band_structure(
        layers, np.array([[0, 0, k]]), 9, poisson, (2 / 32, 2 / 32, 1), void_young=soft, void_density=light
    ).frequencies[0]
    material = isotropic_stiffness(1.0, poisson)
    shear = rytov(k, 12 / 32, soft, light, material[3, 3], 4)
    pressure = rytov(k, 12 / 32, soft, light, material[0, 0], 3)
    expected = np.sort([*shear, *shear, *pressure])[:9]
    np.testing.assert_allclose(found, expected, rtol=0.01)


def test_the_gap_of_a_laminate_is_that_of_rytov():
    poisson, soft, light = 0.0, 0.05, 0.5
    layers = np.zeros((1, 1, 48), bool)
    layers[:, :, :24] = True
    path = np.stack([np.zeros(9), np.zeros(9), np.linspace(0, 0.5, 9)], axis=1)
    found = band_structure(layers, path, 6, poisson, (1 / 48, 1 / 48, 1), void_young=soft, void_density=light)
    lower = rytov(0.5, 0.5, soft, light, 1.0, 1)[0], rytov(0.5, 0.5, soft, light, 0.5, 2)[1]
    # The first two branches of shear (modulus 1/2, twofold) and the first of pressure: the gap between shear's alone.
    edge = rytov(0.5, 0.5, soft, light, 0.5, 1)[0]
    shear = found.frequencies[-1][[0, 1]]
    np.testing.assert_allclose(shear, edge, rtol=0.01)
    np.testing.assert_allclose(np.sort(found.frequencies[-1])[2], min(lower), rtol=0.01)


def frame() -> np.ndarray:
    x, y, z = np.indices((8, 8, 8)) < 2
    return (x & y) | (y & z) | (z & x)


@pytest.mark.parametrize("which", ["blob", "frame"])
def test_long_waves_have_the_speeds_of_christoffel(blobs, which):
    cell = blobs[4][::4, ::4, ::4] if which == "blob" else frame()
    k = 0.01
    directions = np.array([[1.0, 0, 0], [0, 1, 1], [1, 1, 1]])
    found = band_structure(cell, k * directions, 3).frequencies
    speeds = wave_speeds(effective_stiffness(cell), cell.mean(), directions)
    lengths = k * np.linalg.norm(directions, axis=1, keepdims=True)
    np.testing.assert_allclose(found / lengths, speeds, rtol=5e-3, atol=1e-3)


def test_a_shifted_cell_has_the_same_bands_and_so_has_one_of_the_opposite_wavevector(blobs):
    cell = blobs[4][::4, ::4, ::4]
    k = np.array([[0.13, 0.31, 0.42]])
    found = band_structure(cell, k, 6).frequencies
    np.testing.assert_allclose(band_structure(np.roll(cell, (3, 1, 2), (0, 1, 2)), k, 6).frequencies, found, rtol=1e-6)
    np.testing.assert_allclose(band_structure(cell, -k, 6).frequencies, found, rtol=1e-6)
    np.testing.assert_allclose(band_structure(cell, k + np.array([1, 0, -1]), 6).frequencies, found, rtol=1e-6)


def test_waves_in_a_full_cell_are_those_of_the_solid_folded_back():
    k = np.array([0.3, 0.0, 0.0])
    found = band_structure(np.ones((8, 4, 4), bool), k[None], 4, edges=(1, 0.5, 0.5)).frequencies[0]
    shear, pressure = np.sqrt(isotropic_stiffness(1.0, 0.3)[[3, 0], [3, 0]])
    np.testing.assert_allclose(
        found,
        [0.3 * shear, 0.3 * shear, 0.7 * shear, 0.7 * shear][:2]
        + sorted([0.3 * pressure, 0.7 * shear, 0.7 * shear])[:2],
        rtol=0.03,
    )


def test_gaps_lie_between_bands_at_all_wavevectors():
    frequencies = np.array([[0.0, 1.0, 2.0, 5.0], [0.5, 1.2, 3.0, 6.0]])
    np.testing.assert_array_equal(Bands(np.zeros((2, 3)), frequencies).gaps, [[0.5, 1.0], [1.2, 2.0], [3.0, 5.0]])
    assert len(zone_path(4)) == 17
    assert {tuple(k) for k in zone_path(1, turned=True)} >= {(0.0, 0.5, 0.0), (0.0, 0.0, 0.5), (0.5, 0.5, 0.5)}


def test_what_has_no_waves_is_refused_in_a_sentence():
    with pytest.raises(VoxploreError, match="spans"):
        band_structure(np.zeros((4, 4, 4), bool), zone_path(1))
    with pytest.raises(VoxploreError, match="second phase"):
        band_structure(np.ones((4, 4, 4), bool), zone_path(1), void_young=0.1)


@pytest.fixture
def check():
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    yield importlib.import_module("benchmarks.check_bands")
    sys.path.pop(0)


def test_waves_through_a_lattice_of_cylinders_are_those_of_plane_waves(check):
    """Another method: an expansion in plane waves, which converges where the phases differ little."""
    d, radius, poisson, soft, light = 32, 0.35, 0.3, 0.3, 0.6
    places = (np.arange(d) + 0.5) / d - 0.5
    rod = (places[:, None] ** 2 + places**2 < radius**2)[:, :, None]
    lame, shear = poisson / (1 + poisson) / (1 - 2 * poisson), 1 / (2 * (1 + poisson))
    k = np.array([[0.2, 0.1], [0.5, 0.5], [0.5, 0.0]])
    found = band_structure(rod, np.c_[k, 0 * k[:, 0]], 9, poisson, (1, 1, 1 / d), void_young=soft, void_density=light)
    phases = (1.0, lame, shear), (light, soft * lame, soft * shear)
    expected = [check.plane_waves(np.array([[radius, 0, 0]]), np.ones(2), *phases, one, 9, 7.0) for one in k]
    np.testing.assert_allclose(found.frequencies, expected, rtol=0.012)


def test_the_gap_of_silicon_with_holes_lies_where_it_was_published(check):
    """Within 7 % on this coarse mesh, whose walls between holes are 6 voxels thick; finer ones in docs/metrics.md."""
    np.testing.assert_allclose(check.gap_of_voxels(72), check.PUBLISHED, rtol=0.07)
