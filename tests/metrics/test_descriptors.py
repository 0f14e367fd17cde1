"""Descriptors of a cell against shapes whose thickness, curvature and surface are known."""

import numpy as np
import pytest
from scipy import ndimage
from scipy.spatial.distance import cdist

from voxplore.geometry import CUBE_OPERATIONS, apply_operation
from voxplore.kernels.distance import squared_distance
from voxplore.metrics.descriptors import SHAPE, descriptors, ridge_thickness


def grid(d: int) -> np.ndarray:
    """Centres of the voxels from the middle of the cell, in voxels: (3, d, d, d)."""
    return np.stack(np.meshgrid(*[np.arange(d) - (d - 1) / 2] * 3, indexing="ij"))


def ball(d: int, radius: float) -> np.ndarray:
    return (grid(d) ** 2).sum(axis=0) <= radius**2


def rod(d: int, radius: float) -> np.ndarray:
    return (grid(d)[:2] ** 2).sum(axis=0) <= radius**2


def test_the_distance_is_that_of_a_plain_loop_over_all_images(rng):
    cell = rng.random((6, 6, 6)) < 0.05
    places = np.argwhere(np.ones_like(cell))
    images = np.concatenate([np.argwhere(cell) + 6 * np.array(k) for k in np.ndindex(3, 3, 3)]) - 6
    expected = (cdist(places, images) ** 2).min(axis=1).round().reshape(cell.shape)
    assert np.array_equal(squared_distance(cell), expected)


@pytest.mark.parametrize("layers", [1, 3, 5])
def test_a_flat_layer_has_its_own_thickness_everywhere(layers):
    cell = np.zeros((16, 16, 16), bool)
    cell[:, 4 : 4 + layers] = True
    assert np.unique(ridge_thickness(cell)).tolist() == [layers / 16]
    found = descriptors(cell)
    assert found["ridge_cv"].tolist() == [0.0]
    assert found["euler"].tolist() == [0.0]


def test_a_ball_and_a_rod_have_the_curvature_and_the_surface_of_the_round_bodies():
    d = 48
    found = descriptors(np.stack([ball(d, 14), rod(d, 14)]))
    assert found["curvature_mean"] * 14 / d == pytest.approx([1, 0.5], rel=0.05)
    assert found["surface"] * d**2 == pytest.approx([4 * np.pi * 14**2, 2 * np.pi * 14 * d], rel=0.03)
    assert found["euler"].tolist() == [1.0, 0.0]
    assert found["ridge_mean"][1] * d == pytest.approx(28, abs=2.5)


def test_a_rod_with_a_neck_has_more_variation_and_a_thin_part():
    d = 32
    smooth, necked = rod(d, 6), rod(d, 6)
    necked[:, :, 12:20] &= rod(d, 1.5)[:, :, 12:20]
    found = descriptors(np.stack([smooth, necked]))
    assert found["thin_share"][0] == 0 < found["thin_share"][1]
    assert found["ridge_cv"][0] < 0.1 < 0.3 < found["ridge_cv"][1]
    assert found["ridge_p05"][1] < found["ridge_p05"][0]


def test_a_rough_surface_has_more_curvature_spread_and_loses_more_to_an_opening(rng):
    smooth = rod(32, 8)
    noise = ndimage.gaussian_filter(rng.normal(size=smooth.shape), 1, mode="wrap")
    distance = np.sqrt((grid(32)[:2] ** 2).sum(axis=0))
    rough = distance + 2 * noise / noise.std() <= 8
    found = descriptors(np.stack([smooth, rough]))
    for key in ("curvature_spread", "opened_share", "surface"):
        assert found[key][0] < found[key][1]


def test_shifts_turns_and_mirrors_change_no_descriptor_but_those_of_the_box(blobs):
    cell = blobs[6]
    moved = np.roll(apply_operation(cell, CUBE_OPERATIONS[29]), (3, 5, 1), axis=(0, 1, 2))
    found = descriptors(np.stack([cell, moved]))
    for key in SHAPE:
        assert found[key][0] == pytest.approx(found[key][1], rel=1e-4), key


def test_an_empty_and_a_full_cell_have_numbers_too(blobs):
    found = descriptors(blobs[:2])
    assert set(found) == {*SHAPE, "symmetry", "periodicity", "connectivity_in_box"}
    assert all(np.isfinite(column).all() for column in found.values())


def test_pieces_less_handles_plus_cavities_is_the_euler_characteristic():
    cells = np.zeros((3, 12, 12, 12), bool)
    cells[0, 2:5, 2:5, 2:5] = cells[0, 7:9, 7:9, 7:9] = True
    cells[1, 2:7, 2:7, 4] = True
    cells[1, 4, 4, 4] = False
    cells[2, 2:7, 2:7, 2:7] = True
    cells[2, 4, 4, 4] = False
    assert descriptors(cells)["euler"].tolist() == [2.0, 0.0, 2.0]
