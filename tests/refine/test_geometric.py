import numpy as np
import pytest
import scipy.ndimage
from hypothesis import given, settings
from hypothesis import strategies as st

from voxplore.data.prepare.negatives import degrade
from voxplore.errors import VoxploreError
from voxplore.geometry import CUBE_OPERATIONS, apply_operation
from voxplore.metrics import connectivity, periodicity, symmetry
from voxplore.refine import Repair, repair

D = 24


def bars(d: int = D, half: int = 2) -> np.ndarray:
    """Three bars along the axes through the centre: symmetric, periodic, in one part."""
    x, y, z = np.abs(np.indices((d, d, d)) + 0.5 - d / 2) < half
    return (x & y) | (y & z) | (z & x)


def helix(d: int = D) -> np.ndarray:
    """A connected, periodic cell without any symmetry about its centre: bars off the centre, of different widths."""
    cell = np.zeros((d, d, d), bool)
    cell[:, 2:6, 3:6] = True
    cell[2:5, :, 4:8] = True
    cell[3:8, 4:6, :] = True
    return cell


def damaged(cell: np.ndarray, seed: int) -> np.ndarray:
    return degrade(cell[None], np.random.default_rng(seed), cell[None, ::-1], "all")[0]


@pytest.mark.parametrize("cell", [bars(), helix(), np.zeros((8, 8, 8), bool), np.ones((8, 8, 8), bool)])
def test_a_whole_cell_comes_out_as_it_went_in(cell):
    repaired, what = repair(cell)
    assert np.array_equal(repaired, cell)
    assert what == Repair()


def test_a_floating_speck_goes_and_nothing_else():
    cell = bars()
    cell[2, 3, 4] = True
    repaired, what = repair(cell)
    assert np.array_equal(repaired, bars())
    assert what == Repair(dropped=1)


def test_a_speck_across_the_faces_is_one_part_with_its_image():
    cell = bars(half=4)
    cell[:, 20, 20] = True  # a thread around the cell, below the share of a part
    repaired, what = repair(cell)
    assert what == Repair(dropped=D)
    assert np.array_equal(repaired, bars(half=4))


def test_a_large_loose_part_is_joined_and_stays():
    cell = bars()
    cell[2:8, 2:8, 2:8] = True
    cell[16:22, 16:22, 16:22] = True
    assert connectivity(cell)[0] < 0.75
    repaired, what = repair(cell)
    assert connectivity(repaired)[0] == 1
    assert symmetry(repaired)[0] == 1
    assert what.parts_joined == 2
    assert repaired[3:7, 3:7, 3:7].all()
    assert repaired[17:21, 17:21, 17:21].all()


def test_a_nearly_symmetric_cell_becomes_symmetric_at_its_density():
    cell = bars()
    cell[10:14, 10:14, 14:16] = True  # more on one side
    cell[2, 11, 9] = True
    repaired, what = repair(cell)
    assert 0.75 < symmetry(cell)[0] < 1
    assert symmetry(repaired)[0] == 1
    assert abs(int(repaired.sum()) - int(cell.sum())) <= 1 + what.symmetry_voxels // 2
    assert what.symmetry_voxels > 0


def test_what_is_not_meant_to_be_symmetric_is_left_alone():
    assert symmetry(helix())[0] < 0.5
    assert repair(helix())[1].symmetry_voxels == 0


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("high", [False, True])
def test_a_strut_that_ends_at_a_face_goes_on_behind_it(axis, high):
    cell = helix()
    moved = np.moveaxis(cell, axis, 0)
    side = slice(12, None) if high else slice(0, 12)
    moved[side, 14:18, 14:18] = True
    moved[12, 5:18, 14:18] = True  # holds it to the rest
    repaired, what = repair(cell)
    opposite = np.moveaxis(repaired, axis, 0)[0 if high else -1]
    assert opposite[14:18, 14:18].all()
    assert what.face_voxels == 16
    assert periodicity(repaired)[0] > periodicity(cell)[0]


def test_a_film_on_one_face_goes():
    cell = helix()
    cell[0, 12:20, 12:20] = True
    cell[0, 5:12, 12] = True
    repaired, _ = repair(cell)
    assert not repaired[0, 13:20, 13:20].any()


def test_a_slanted_strut_meets_its_partner():
    cell = np.zeros((D, D, D), bool)
    for x in range(D):
        cell[x, (x + np.arange(3))[:, None] % D, 4:7] = True  # one further at each layer
    assert periodicity(cell)[0] < 0.5
    assert repair(cell)[1].face_voxels == 0


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([bars(), helix()]))
def test_what_comes_out_is_one_part_at_the_same_density(seed, cell):
    repaired, _ = repair(damaged(cell, seed))
    assert connectivity(repaired)[0] == 1
    assert abs(repaired.mean() - damaged(cell, seed).mean()) < 0.01


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([bars(), helix()]), st.sampled_from(CUBE_OPERATIONS))
def test_a_turned_cell_is_repaired_to_the_turned_cell(seed, cell, operation):
    spoiled = damaged(cell, seed)
    repaired, what = repair(spoiled)
    if what.parts_joined:
        return  # between two equally near pairs of voxels the first is joined
    turned, same = repair(np.ascontiguousarray(apply_operation(spoiled, operation)))
    assert same == what
    assert np.array_equal(turned, apply_operation(repaired, operation))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.tuples(*[st.integers(0, D - 1)] * 3))
def test_specks_go_wherever_the_cell_is_cut(seed, steps):
    rng = np.random.default_rng(seed)
    cell = helix()
    cell[tuple(rng.integers(9, 24, (3, 5)))] = True
    shifted = np.roll(cell, steps, (0, 1, 2))
    expected = np.roll(repair(cell)[0], steps, (0, 1, 2))
    repaired, what = repair(shifted)
    if what.face_voxels == 0 and what.symmetry_voxels == 0:  # faces and centre are where the cell is cut
        assert np.array_equal(repaired, expected)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_no_cell_is_less_symmetric_after_its_repair_not_even_rubble(seed):
    rng = np.random.default_rng(seed)
    smooth = scipy.ndimage.gaussian_filter(rng.normal(size=(D, D, D)), 1.0, mode="wrap")
    rubble = smooth > np.quantile(smooth, 0.9)
    repaired, _ = repair(rubble)
    assert connectivity(repaired)[0] == 1
    assert symmetry(repaired)[0] >= symmetry(rubble)[0]


def test_repairing_again_changes_nothing():
    again = [repair(repair(damaged(cell, seed))[0])[1] for cell in (bars(), helix()) for seed in range(20)]
    assert np.mean([what == Repair() for what in again]) >= 0.9


def test_a_wrong_array_is_named():
    with pytest.raises(VoxploreError, match="cell"):
        repair(np.zeros((4, 4, 4)))
    with pytest.raises(VoxploreError, match="cell"):
        repair(np.zeros((1, 4, 4, 4), bool))


def test_nearly_equal_faces_become_equal_at_the_same_density():
    cell = bars(half=4)
    cell[0, 8, 10] = cell[-1, 15, 13] = False  # two voxels of opposite faces, mirror images of each other
    assert 0.95 < periodicity(cell)[0] < 1
    repaired, what = repair(cell)
    assert periodicity(repaired)[0] == 1
    assert symmetry(repaired)[0] == 1
    assert what.face_voxels > 0
    assert abs(int(repaired.sum()) - int(cell.sum())) <= 4
