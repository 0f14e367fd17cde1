import numpy as np
import pytest

from voxplore.checks import surface
from voxplore.mechanics import properties_of
from voxplore.unitcells import UnitCells


def diffusivity(voxels: np.ndarray) -> np.ndarray:
    table = properties_of(UnitCells.from_voxels(voxels[None]), pores=True, tolerance=1e-6, workers=1)
    return np.array([table[f"diffusivity_{pair}"][0] for pair in ("xx", "yy", "zz", "yz", "xz", "xy")])


def test_pores_between_plates_conduct_along_them_alone():
    plate = np.zeros((8, 8, 8), bool)
    plate[:, :, :3] = True
    np.testing.assert_allclose(diffusivity(plate), [5 / 8, 5 / 8, 0, 0, 0, 0], atol=1e-9)


def test_a_cell_without_pores_and_one_without_solid():
    np.testing.assert_array_equal(diffusivity(np.ones((4, 4, 4), bool)), 0)
    np.testing.assert_allclose(diffusivity(np.zeros((4, 4, 4), bool)), [1, 1, 1, 0, 0, 0], atol=1e-12)


def test_few_balls_slow_diffusion_as_maxwell_says():
    """Maxwell 1873, impermeable balls of volume share f: (1 - f) / (1 + f / 2)."""
    d = 32
    x, y, z = (np.indices((d, d, d)) + 0.5) / d - 0.5
    solid = x**2 + y**2 + z**2 < 0.25**2
    share = solid.mean()
    found = diffusivity(solid)
    np.testing.assert_allclose(found[:3], (1 - share) / (1 + share / 2), rtol=0.01)
    np.testing.assert_allclose(found[3:], 0, atol=1e-6)


def test_diffusivity_is_solved_only_where_asked_for(tmp_path):
    cells = UnitCells.from_voxels(np.arange(64).reshape(1, 4, 4, 4) % 4 < 2)
    without = properties_of(cells, tmp_path, workers=1)
    assert "diffusivity_xx" not in without
    with_pores = properties_of(cells, tmp_path, workers=1, pores=True)
    assert with_pores["diffusivity_xx"][0] == pytest.approx(0.5)
    assert with_pores["C11"][0] == without["C11"][0]


def test_surface_per_volume_of_a_plate_follows_the_edges():
    plate = np.zeros((8, 8, 8), bool)
    plate[:, :, :3] = True
    assert surface(plate).area == pytest.approx(2)
    assert surface(plate, (1, 1, 2)).area == pytest.approx(2), "two faces a period of the longest edge"
    assert surface(plate, (2, 2, 1)).area == pytest.approx(4)
