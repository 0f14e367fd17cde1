"""The derivative of the stiffness by each voxel's density, against finite differences and the binary solver."""

import numpy as np
import pytest

from voxplore.mechanics import effective_stiffness
from voxplore.mechanics.adjoint import PENALTY, VOID, grey_stiffness, stiffness_and_gradient
from voxplore.mechanics.element import isotropic_stiffness


@pytest.fixture(scope="module")
def grey() -> np.ndarray:
    return np.random.default_rng(0).uniform(0.1, 1, (4, 5, 6))


def test_each_voxels_derivative_is_that_of_finite_differences(grey):
    found = stiffness_and_gradient(grey, tolerance=1e-10)
    step = 1e-4
    for place in np.ndindex(grey.shape):
        change = np.zeros(grey.shape)
        change[place] = step
        above, below = (stiffness_and_gradient(grey + sign * change, tolerance=1e-10).stiffness for sign in (1, -1))
        slope = (above - below) / (2 * step)
        assert found.gradient[:, :, *place] == pytest.approx(slope, rel=1e-5, abs=1e-7 * abs(slope).max()), place


def test_a_uniform_cell_has_the_solids_stiffness_and_the_slope_of_its_law():
    found = stiffness_and_gradient(np.full((4, 4, 4), 0.5), tolerance=1e-10)
    solid = isotropic_stiffness(1.0, 0.3)
    assert found.stiffness == pytest.approx((VOID + (1 - VOID) * 0.5**PENALTY) * solid)
    assert found.gradient.sum((2, 3, 4)) == pytest.approx((1 - VOID) * PENALTY * 0.5 ** (PENALTY - 1) * solid)


def test_a_cell_of_solid_and_void_has_the_stiffness_of_the_solver_of_cells_with_a_soft_void(blobs):
    for cell in blobs[4:7]:
        found = stiffness_and_gradient(cell, tolerance=1e-6)
        assert found.stiffness == pytest.approx(effective_stiffness(cell, void_young=VOID), rel=1e-4, abs=1e-6)


def test_a_voxel_that_bridges_a_gap_counts_for_more_than_one_beside_the_strut():
    cell = np.full((8, 8, 8), 0.01)
    cell[2:5, 2:5] = 1
    cell[2:5, 2:5, 4] = 0.01
    gradient = stiffness_and_gradient(cell).gradient
    assert gradient[2, 2, 3, 3, 4] > 20 * gradient[2, 2, 6, 3, 4]
    assert (gradient[range(6), range(6)] >= -1e-12).all(), "no voxel makes a cell softer"


def test_the_stiffness_alone_is_that_beside_the_gradient():
    density = np.random.default_rng(5).uniform(0, 1, (6, 6, 6))
    beside = stiffness_and_gradient(density, tolerance=1e-4).stiffness
    np.testing.assert_allclose(grey_stiffness(density, tolerance=1e-4), beside, atol=1e-12)
