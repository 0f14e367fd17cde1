import numpy as np
import pytest

from voxplore.checks import thinnest
from voxplore.geometry import CUBE_OPERATIONS, apply_operation


def points(d: int) -> np.ndarray:
    return np.indices((d, d, d)) + 0.5


def cylinder(d: int, direction: tuple[float, float, float], radius: float) -> np.ndarray:
    """A rod through the middle of the cell, repeated in its neighbours."""
    unit = np.array(direction) / np.linalg.norm(direction)
    out = np.zeros((d, d, d), bool)
    for shift in np.ndindex(3, 3, 3):
        arm = points(d) - d / 2 - d * (np.array(shift) - 1).reshape(3, 1, 1, 1)
        along = np.einsum("i,ijkl->jkl", unit, arm)
        out |= (arm**2).sum(0) - along**2 <= radius**2
    return out


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 6, 7])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_layer_measures_its_voxels_wherever_it_lies(n, axis):
    layer = np.zeros((24, 24, 24), bool)
    layer[:, :, :n] = True
    layer = np.roll(np.moveaxis(layer, 2, axis), 22, axis)
    assert thinnest(layer) == n
    assert thinnest(~layer) == 8.0


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 6])
def test_a_square_rod_measures_its_side_and_the_room_between_rods_does_not(n):
    rod = np.zeros((24, 24, 24), bool)
    rod[:, 5 : 5 + n, 9 : 9 + n] = True
    assert thinnest(rod) == n
    assert thinnest(~(rod | np.roll(rod, 12, 1))) == 8.0


def test_the_thinner_of_two_struts_counts():
    both = np.zeros((24, 24, 24), bool)
    both[:, 2:9, 2:9] = True
    both[4, 4, :] = both[4, 5, :] = both[5, 4, :] = both[5, 5, :] = True
    assert thinnest(both) == 2.0


@pytest.mark.parametrize("direction", [(1, 0, 0), (1, 1, 0), (1, 1, 1), (2, 1, 0), (3, 2, 1)])
@pytest.mark.parametrize("radius", [2.0, 3.0])
def test_a_round_rod_at_an_angle_measures_its_diameter_to_a_voxel_and_a_half(direction, radius):
    assert abs(thinnest(cylinder(24, direction, radius)) - 2 * radius) <= 1.5


def test_a_thick_part_is_not_called_thin_for_its_edges():
    cube = np.zeros((24, 24, 24), bool)
    cube[2:18, 3:20, 4:21] = True
    assert thinnest(cube) == 8.0
    ball = ((points(24) - 12) ** 2).sum(0) < 81
    assert thinnest(ball) == 8.0


def test_a_bump_of_one_voxel_is_roughness():
    plate = np.zeros((24, 24, 24), bool)
    plate[:, :, :5] = True
    plate[7, 7, 5] = True
    assert thinnest(plate) == 5.0


def test_nothing_has_no_thickness_and_everything_is_thick():
    assert np.isnan(thinnest(np.zeros((8, 8, 8), bool)))
    assert thinnest(np.ones((8, 8, 8), bool)) == 8.0


def test_shifts_and_turns_change_nothing(blobs):
    for cell in blobs[3:9:2]:
        expected = thinnest(cell)
        assert thinnest(np.roll(cell, (3, 8, 13), (0, 1, 2))) == expected
        assert thinnest(np.ascontiguousarray(apply_operation(cell, CUBE_OPERATIONS[13]))) == expected


def test_the_limit_bounds_the_answer():
    layer = np.zeros((24, 24, 24), bool)
    layer[:, :, :6] = True
    assert thinnest(layer, largest=4.0) == 4.0
    assert thinnest(layer, largest=10.0) == 6.0
