import itertools

import numpy as np
import pytest
import scipy.ndimage
from hypothesis import given, settings
from hypothesis import strategies as st

from voxplore.checks import enclosed_voids, periodic_components
from voxplore.geometry import CUBE_OPERATIONS, apply_operation
from voxplore.kernels import components


def rods(d: int, *axes: int) -> np.ndarray:
    """One rod along each axis, all through the same corner."""
    voxels = np.zeros((d, d, d), bool)
    for axis in axes:
        place: list = [0, 0, 0]
        place[axis] = slice(None)
        voxels[tuple(place)] = True
    return voxels


def flood(voxels: np.ndarray) -> list[tuple[int, int]]:
    """(size, rank) of every component by walking on the endless lattice, three cells far: slow and plain."""
    d = voxels.shape[0]
    seen, out = set(), []
    for start in map(tuple, np.argwhere(voxels)):
        if start in seen:
            continue
        place = {start: (0, 0, 0)}
        loops, queue = set(), [start]
        while queue:
            voxel = queue.pop()
            for axis, step in itertools.product(range(3), (-1, 1)):
                moved = list(voxel)
                moved[axis] += step
                cell = list(place[voxel])
                cell[axis] += moved[axis] // d
                new = tuple(m % d for m in moved)
                if not voxels[new]:
                    continue
                if new not in place:
                    place[new] = tuple(cell)
                    queue.append(new)
                loops.add(tuple(np.subtract(cell, place[new])))
        seen |= set(place)
        out.append((len(place), int(np.linalg.matrix_rank(list(loops))) if loops else 0))
    return sorted(out, reverse=True)


@pytest.mark.parametrize("axes", [(0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2)])
def test_rods_percolate_along_their_axes_alone(axes):
    found = periodic_components(rods(7, *axes))
    assert len(found) == 1
    assert found.ranks[0] == len(axes)
    assert [a for a in range(3) if found.spans[0, a]] == list(axes)


def test_a_lump_across_a_corner_is_one_component_of_rank_zero():
    lump = np.roll(np.pad(np.ones((4, 4, 4), bool), (0, 6)), (-2, -2, -2), (0, 1, 2))
    found = periodic_components(lump)
    assert found.sizes.tolist() == [64]
    assert found.ranks.tolist() == [0]
    assert not found.spans.any()


def test_a_rod_that_winds_around_two_axes_has_rank_one_and_spans_none_of_them():
    d = 8
    stair = np.zeros((d, d, d), bool)
    steps = np.arange(d)
    stair[steps, steps, 3] = stair[(steps + 1) % d, steps, 3] = True
    found = periodic_components(stair)
    assert found.ranks.tolist() == [1]
    assert found.spans.tolist() == [[False, False, False]]


def test_a_rod_that_returns_two_cells_later_spans_its_axis():
    d = 8
    cell = np.zeros((d, d, d), bool)
    # Two runs along x at different heights, each ending where the other begins: one component, period two.
    cell[:, 1, 1] = cell[:, 5, 1] = True
    cell[7, 1, 1] = cell[7, 5, 1] = False
    cell[6, 1:6, 1] = False
    cell[7, 1:6, 1] = False
    assert periodic_components(cell).ranks.tolist() == [0, 0]


def test_a_hollow_box_holds_a_pocket_and_a_sheet_gyroid_none():
    box = np.zeros((12, 12, 12), bool)
    box[2:9, 2:9, 2:9] = True
    box[4:7, 4:7, 4:7] = False
    assert enclosed_voids(periodic_components(~box)) == (1, 27)
    x, y, z = 2 * np.pi * (np.indices((24, 24, 24)) + 0.5) / 24
    sheet = abs(np.sin(x) * np.cos(y) + np.sin(y) * np.cos(z) + np.sin(z) * np.cos(x)) < 0.4
    labyrinths = periodic_components(~sheet)
    assert labyrinths.ranks.tolist() == [3, 3]
    assert enclosed_voids(labyrinths) == (0, 0)


def test_voids_that_touch_by_edges_alone_are_closed():
    solid = np.ones((6, 6, 6), bool)
    solid[2, 2, 2] = solid[3, 3, 2] = False
    assert enclosed_voids(periodic_components(~solid)) == (2, 2)


def test_nothing_has_no_components():
    found = periodic_components(np.zeros((5, 5, 5), bool))
    assert len(found) == 0
    assert found.spans.shape == (0, 3)
    assert not found.labels.any()


def test_everything_is_one_framework():
    found = periodic_components(np.ones((4, 4, 4), bool))
    assert found.ranks.tolist() == [3]
    assert found.sizes.tolist() == [64]


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1), st.floats(0.1, 0.9), st.integers(2, 6))
def test_random_cells_agree_with_a_plain_walk(seed, share, d):
    voxels = np.random.default_rng(seed).random((d, d, d)) < share
    found = periodic_components(voxels)
    assert sorted(zip(found.sizes.tolist(), found.ranks.tolist(), strict=True), reverse=True) == flood(voxels)
    assert (np.bincount(found.labels.ravel(), minlength=len(found) + 1)[1:] == found.sizes).all()
    assert ((found.labels > 0) == voxels).all()


def test_the_largest_component_is_that_of_the_packed_kernel(blobs):
    rows = np.packbits(blobs, axis=-1)
    expected = components(rows)
    for row, cell in enumerate(blobs):
        found = periodic_components(cell)
        assert (found.sizes[0] if len(found) else 0) == expected.largest[row]
        if len(found):
            assert found.spans[0].tolist() == expected.spans[row].tolist()


def test_shifts_and_turns_change_no_rank(blobs):
    for cell in blobs[8:]:
        one = periodic_components(cell)
        moved = apply_operation(np.roll(cell, (5, 9, 2), (0, 1, 2)), CUBE_OPERATIONS[29])
        two = periodic_components(moved)
        assert sorted(zip(one.sizes, one.ranks, strict=True)) == sorted(zip(two.sizes, two.ranks, strict=True))


def test_labels_agree_with_the_box_where_no_face_is_touched(rng):
    inner = np.zeros((10, 10, 10), bool)
    inner[1:-1, 1:-1, 1:-1] = rng.random((8, 8, 8)) < 0.3
    assert len(periodic_components(inner)) == scipy.ndimage.label(inner)[1]
