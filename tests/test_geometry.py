"""Operations of the cube, orientations, shifts, tiling, faces."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxplore import geometry

PROBE = np.arange(4**3).reshape(4, 4, 4)


def test_face_iou_counts_what_opposite_faces_share(rng):
    cells = rng.random((3, 5, 5, 5)) < 0.4
    cells[2, 0], cells[2, -1] = False, False
    found = geometry.face_iou(cells)
    for cell, row in zip(cells, found, strict=True):
        for axis, value in enumerate(row):
            low = {tuple(place) for place in np.argwhere(np.moveaxis(cell, axis, 0)[0]).tolist()}
            high = {tuple(place) for place in np.argwhere(np.moveaxis(cell, axis, 0)[-1]).tolist()}
            assert value == (len(low & high) / len(low | high) if low | high else 0)
    assert found[2, 0] == 0


def key(voxels: np.ndarray) -> bytes:
    return np.ascontiguousarray(voxels).tobytes()


def test_the_cube_has_48_distinct_operations():
    assert len(geometry.CUBE_OPERATIONS) == 48
    assert len({key(geometry.apply_operation(PROBE, o)) for o in geometry.CUBE_OPERATIONS}) == 48


def test_the_first_operation_is_the_identity():
    assert np.array_equal(geometry.apply_operation(PROBE, geometry.CUBE_OPERATIONS[0]), PROBE)


def test_two_operations_in_turn_are_one_of_them():
    all_of_them = {key(geometry.apply_operation(PROBE, o)) for o in geometry.CUBE_OPERATIONS}
    for first, second in itertools.product(geometry.CUBE_OPERATIONS[::5], geometry.CUBE_OPERATIONS[::3]):
        both = geometry.apply_operation(geometry.apply_operation(PROBE, first), second)
        assert key(both) in all_of_them


@pytest.mark.parametrize(("start", "end"), itertools.permutations(range(3), 2))
def test_rotating_four_times_is_the_identity(start, end):
    turned = PROBE
    for times in range(1, 5):
        turned = geometry.rotate(turned, start, end)
        assert np.array_equal(turned, PROBE) == (times == 4)


@pytest.mark.parametrize(("start", "end"), [(0, 1), (1, 2), (2, 0)])
def test_a_rotation_takes_the_start_axis_to_the_end_axis(start, end):
    """A rod along +start, from the centre of the cell, comes to lie along +end."""
    rod = np.zeros((5, 5, 5), bool)
    place: list = [2, 2, 2]
    place[start] = slice(2, None)
    rod[tuple(place)] = True
    expected = np.zeros((5, 5, 5), bool)
    place = [2, 2, 2]
    place[end] = slice(2, None)
    expected[tuple(place)] = True
    assert np.array_equal(geometry.rotate(rod, start, end), expected)


def test_the_six_orientations_are_those_of_the_paper():
    """Identity; about z; about x; about x then y; about y; about y then x: NumPy's own quarter turns."""
    about = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}
    for number, turns in enumerate(("", "z", "x", "xy", "y", "yx")):
        expected = PROBE
        for turn in turns:
            expected = np.rot90(expected, axes=about[turn])
        assert np.array_equal(geometry.orient(PROBE, number), expected)
        assert np.array_equal(geometry.apply_operation(PROBE, geometry.ORIENTATIONS[number]), expected)


def test_orientations_are_distinct_and_turn_no_cell_inside_out():
    assert len({key(geometry.orient(PROBE, k)) for k in range(6)}) == 6
    for axes, flips in geometry.ORIENTATIONS:
        permutation = np.eye(3)[list(axes)]
        assert round(float(np.linalg.det(permutation)) * (-1) ** sum(flips)) == 1


@given(operation=st.sampled_from(geometry.CUBE_OPERATIONS), leading=st.integers(0, 2))
def test_leading_axes_do_not_matter(operation, leading):
    many = np.stack([PROBE, PROBE[::-1]]).reshape((2,) + (1,) * max(leading - 1, 0) + (4, 4, 4)) if leading else PROBE
    turned = geometry.apply_operation(many, operation)
    assert turned.shape == many.shape
    first = turned.reshape(-1, 4, 4, 4)[0]
    assert np.array_equal(first, geometry.apply_operation(PROBE, operation))


def test_a_half_shift_twice_is_the_identity():
    assert len(geometry.HALF_SHIFTS) == 8
    for fractions in geometry.HALF_SHIFTS:
        assert np.array_equal(geometry.shift(geometry.shift(PROBE, fractions), fractions), PROBE)


def test_a_shift_moves_voxels_along_its_axis():
    voxels = np.zeros((8, 8, 8), bool)
    voxels[1, 2, 3] = True
    assert np.argwhere(geometry.shift(voxels, (0.5, 0.25, -0.5))).tolist() == [[5, 4, 7]]


def test_a_lattice_repeats_the_cell_along_each_axis():
    lattice = geometry.tile(PROBE[None], (2, 3, 1))
    assert lattice.shape == (1, 8, 12, 4)
    for i, j in itertools.product(range(2), range(3)):
        assert np.array_equal(lattice[0, 4 * i : 4 * i + 4, 4 * j : 4 * j + 4], PROBE)


def test_faces_come_in_pairs_along_x_y_z():
    pairs = geometry.faces(PROBE)
    assert np.array_equal(pairs[0][0], PROBE[0])
    assert np.array_equal(pairs[0][1], PROBE[3])
    assert np.array_equal(pairs[1][1], PROBE[:, 3])
    assert np.array_equal(pairs[2][0], PROBE[:, :, 0])


def test_relative_density_is_the_solid_fraction():
    voxels = np.zeros((3, 4, 4, 4), bool)
    voxels[1, :2] = True
    voxels[2] = True
    assert geometry.relative_density(voxels).tolist() == [0.0, 0.5, 1.0]
    assert geometry.relative_density(voxels).dtype == np.float64


def test_the_flip_group_names_every_flip_that_leaves_a_cell_as_it_is():
    rng = np.random.default_rng(0)
    cells = rng.random((40, 6, 6, 6)) < 0.5
    for n, flips in enumerate(geometry.FLIPS):  # a union with its own flipped copy has that flip
        cells[n] |= geometry.apply_operation(cells[n], ((0, 1, 2), flips))
    cells[8] = True
    found = geometry.flip_group(cells)
    for cell, group in zip(cells, found, strict=True):
        same = [np.array_equal(cell, geometry.apply_operation(cell, ((0, 1, 2), flips))) for flips in geometry.FLIPS]
        assert [bool(group >> k & 1) for k in range(8)] == same
    assert all(found[n] >> n & 1 for n in range(8))
    assert found[8] == 255
    assert (found[20:] == 1).all()


@given(st.integers(2, 9), st.integers(2, 9), st.integers(0, 2**32 - 1))
def test_resampled_cells_keep_their_density_and_turn_as_the_cells_do(d, e, seed):
    cell = np.random.default_rng(seed).random((d, d, d)) < np.random.default_rng(seed).random()
    new = geometry.resampled(cell, e)
    assert new.shape == (e, e, e)
    assert new.dtype == bool
    for axes, flips in geometry.CUBE_OPERATIONS[::7]:
        turned = geometry.apply_operation(cell, (axes, flips))
        assert (geometry.resampled(turned, e) == geometry.apply_operation(new, (axes, flips))).all()
    assert new.any() == cell.any()
    assert (geometry.resampled(np.ones((d, d, d), bool), e)).all()
    assert not geometry.resampled(np.zeros((d, d, d), bool), e).any()


@given(st.integers(1, 6), st.integers(1, 4), st.integers(0, 2**32 - 1))
def test_a_finer_grid_of_whole_voxels_is_exact_and_leads_back(d, times, seed):
    cells = np.random.default_rng(seed).random((2, d, d, d)) < 0.4
    fine = cells.repeat(times, 1).repeat(times, 2).repeat(times, 3)
    assert (geometry.resampled(cells, d * times) == fine).all()
    assert (geometry.resampled(fine, d) == cells).all()


def test_a_strut_thinner_than_a_new_voxel_stays():
    cell = np.zeros((48, 48, 48), bool)
    cell[:, 22:26, 22:26] = True
    coarse = geometry.resampled(cell, 8)
    assert coarse.all(0).sum() == 4, "it still runs from face to face, in the four columns that it touches"
    assert coarse.sum() == 4 * 8
