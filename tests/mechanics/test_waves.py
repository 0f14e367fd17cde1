import numpy as np
import pytest

from voxplore.errors import VoxploreError
from voxplore.mechanics import derived, effective_stiffness, wave_speeds
from voxplore.mechanics.element import isotropic_stiffness


def test_an_isotropic_solid_has_one_fast_and_two_slow_waves_in_every_direction(rng):
    speeds = wave_speeds(isotropic_stiffness(2.0, 0.25), 0.5, rng.normal(size=(7, 3)), density=3.0)
    shear, pressure = np.sqrt(0.8 / 1.5), np.sqrt(2.0 * 0.75 / (1.25 * 0.5) / 1.5)
    np.testing.assert_allclose(speeds, np.tile([shear, shear, pressure], (7, 1)))


def test_silicon_has_the_speeds_that_were_measured():
    # C11, C12, C44 = 165.7, 63.9, 79.6 GPa at 2329 kg/m^3 (McSkimin & Andreatch 1964); km/s along [100] and [110].
    stiffness = np.diag([165.7, 165.7, 165.7, 79.6, 79.6, 79.6])
    stiffness[:3, :3] += 63.9 * (1 - np.eye(3))
    speeds = wave_speeds(stiffness * 1e9, 1.0, np.array([[1, 0, 0], [1, 1, 0]]), 2329.0) / 1000
    np.testing.assert_allclose(speeds, [[5.85, 5.85, 8.43], [4.67, 5.85, 9.13]], rtol=2e-3)


def test_a_bar_carries_the_bar_wave_and_a_cell_without_solid_none():
    bar = np.zeros((8, 8, 8), bool)
    bar[:, 2:5, 4:6] = True
    speeds = wave_speeds(effective_stiffness(bar), bar.mean(), np.eye(3))
    np.testing.assert_allclose(speeds[0], [0, 0, 1], atol=1e-6)
    assert np.isnan(wave_speeds(np.zeros((6, 6)), 0.0, np.eye(3))).all()
    with pytest.raises(VoxploreError, match="waves"):
        wave_speeds(np.eye(3), 1.0, np.eye(3))


def test_the_table_of_constants_has_the_speeds_along_the_axes(blobs):
    stiffness = np.array([effective_stiffness(cell[::2, ::2, ::2]) for cell in blobs[4:6]])
    density = np.array([0.5, 0.6])
    found, speeds = derived(2.0 * stiffness, density, 2.0), wave_speeds(stiffness, density, np.eye(3))
    for axis, name in enumerate("xyz"):
        for number in range(3):
            np.testing.assert_allclose(found[f"speed_{name}_{number + 1}"], speeds[:, axis, number])
