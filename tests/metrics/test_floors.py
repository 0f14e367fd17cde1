"""Floors: what each does to a cell and what it leaves."""

import numpy as np
import pytest

from voxplore.metrics import connectivity, floors, periodicity, symmetry


@pytest.fixture
def symmetric(blobs) -> np.ndarray:
    """A centrally symmetric periodic cell of 48^3."""
    d = 48
    x, y, z = np.meshgrid(*[2 * np.pi * (np.arange(d) + 0.5) / d] * 3, indexing="ij")
    return np.cos(x) + np.cos(y) + np.cos(z) > 0.8


def test_a_warp_keeps_central_symmetry_and_faces_that_meet(symmetric, rng):
    warped = floors.warped(symmetric, 3, rng)
    assert symmetry(warped)[0] == symmetry(symmetric)[0] == 1
    assert periodicity(warped)[0] > 0.9
    assert connectivity(warped)[0] == 1
    assert 0.4 < np.count_nonzero(warped & symmetric) / np.count_nonzero(warped | symmetric) < 0.95


def test_roughening_moves_the_surface_by_no_more_than_a_voxel(symmetric, rng):
    rough = floors.roughened(symmetric, rng)
    from voxplore.kernels.distance import squared_distance

    changed = rough ^ symmetric
    assert changed.any()
    depth = np.maximum(squared_distance(symmetric), squared_distance(~symmetric))
    assert depth[changed].max() <= 2.25, "distance 1.5 between voxel centres is one voxel from the surface"


def test_thickening_along_one_axis_leaves_planes_across_it(symmetric):
    thick = floors.dilated(symmetric, axis=0, voxels=2)
    assert (thick >= symmetric).all()
    plate = np.zeros((8, 8, 8), bool)
    plate[:, 3] = True
    assert np.array_equal(floors.dilated(plate, axis=0), plate)
    assert floors.dilated(plate, axis=1).sum() == 3 * plate.sum()


def test_a_shift_and_an_offset_keep_the_solid(symmetric):
    assert np.array_equal(floors.shifted(symmetric, (48, 0, 0)), symmetric)
    assert floors.shifted(symmetric).sum() == symmetric.sum()
    assert floors.interpolated(symmetric).sum() == pytest.approx(symmetric.sum(), rel=0.01)


def test_the_mean_of_two_equal_cells_is_about_the_cell(symmetric):
    mean = floors.between(symmetric, symmetric)
    assert np.count_nonzero(mean & symmetric) / np.count_nonzero(mean | symmetric) > 0.85
