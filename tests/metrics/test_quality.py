"""Eq. 12 to 14 against plain loops over voxels."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from voxplore import metrics
from voxplore.geometry import CUBE_OPERATIONS, apply_operation
from voxplore.unitcells import UnitCells


def plain_symmetry(cell) -> float:
    n = len(cell)
    solid = unequal = 0
    for i in range(n):
        for j in range(n):
            for k in range(n):
                solid += int(cell[i, j, k])
                unequal += int(cell[i, j, k] != cell[n - 1 - i, n - 1 - j, n - 1 - k])
    return 1 - unequal / (2 * solid) if solid else 0.0


def plain_periodicity(cell) -> float:
    n, total = len(cell), 0.0
    for axis in range(3):
        common = either = 0
        for a in range(n):
            for b in range(n):
                low, high = [a, b], [a, b]
                low.insert(axis, 0)
                high.insert(axis, n - 1)
                common += int(cell[tuple(low)] and cell[tuple(high)])
                either += int(cell[tuple(low)] or cell[tuple(high)])
        total += common / either if either else 0.0
    return total / 3


def plain_connectivity(cell, periodic: bool) -> float:
    """scipy labels of the cell; labels that meet across a seam are merged until nothing changes."""
    labels, _ = ndimage.label(cell)
    changed = periodic
    while changed:
        changed = False
        for axis in range(3):
            for a, b in zip(labels.take(0, axis).ravel(), labels.take(-1, axis).ravel(), strict=True):
                if a and b and a != b:
                    labels[labels == max(a, b)] = min(a, b)
                    changed = True
    sizes = np.bincount(labels.ravel())[1:]
    return sizes.max() / sizes.sum() if sizes.sum() else 0.0


def test_the_three_scores_equal_plain_loops(blobs):
    noisy = blobs ^ (np.random.default_rng(1).random(blobs.shape) < 0.1)
    for cells in (blobs, noisy[:, 1:13, 2:14, 3:15]):
        assert metrics.symmetry(cells).tolist() == [plain_symmetry(cell) for cell in cells]
        assert metrics.periodicity(cells).tolist() == [plain_periodicity(cell) for cell in cells]
        for periodic in (True, False):
            want = [plain_connectivity(cell, periodic) for cell in cells]
            assert metrics.connectivity(cells, periodic=periodic).tolist() == want


def test_an_empty_cell_scores_zero_and_a_full_one_one_in_all():
    cells = np.zeros((2, 8, 8, 8), bool)
    cells[1] = True
    for score in (metrics.symmetry, metrics.periodicity, metrics.connectivity):
        assert score(cells).tolist() == [0.0, 1.0]
    assert metrics.connectivity(cells, periodic=False).tolist() == [0.0, 1.0]


def test_a_pair_of_faces_with_no_solid_scores_zero_on_its_axis():
    cell = np.zeros((8, 8, 8), bool)
    cell[:, 3:5, 3:5] = True
    assert metrics.periodicity(cell).tolist() == [1 / 3]


def test_solid_that_meets_across_a_seam_is_one_component_only_when_periodic():
    cell = np.zeros((8, 8, 8), bool)
    cell[0, 2, 2] = cell[7, 2, 2] = True
    assert metrics.connectivity(cell).tolist() == [1.0]
    assert metrics.connectivity(cell, periodic=False).tolist() == [0.5]


def test_one_cell_many_cells_and_packed_cells_score_alike(blobs):
    packed = UnitCells.from_voxels(blobs)
    for score in (metrics.symmetry, metrics.periodicity, metrics.connectivity):
        many = score(blobs)
        assert many.dtype == np.float64
        assert many.shape == (12,)
        assert np.array_equal(score(packed), many)
        assert score(blobs[3]).tolist() == [many[3]]
        assert score(blobs[:0]).shape == (0,)


@settings(max_examples=40, deadline=None)
@given(arrays(bool, (1, 6, 6, 6)), st.sampled_from(CUBE_OPERATIONS))
def test_the_scores_do_not_change_under_the_operations_of_the_cube(cells, operation):
    moved = apply_operation(cells, operation)
    assert metrics.symmetry(moved) == metrics.symmetry(cells)
    assert metrics.periodicity(moved) == pytest.approx(metrics.periodicity(cells))  # a sum in another order
    for periodic in (True, False):
        assert metrics.connectivity(moved, periodic=periodic) == metrics.connectivity(cells, periodic=periodic)


@settings(max_examples=25, deadline=None)
@given(arrays(bool, (1, 6, 6, 6)), st.tuples(*[st.integers(0, 5)] * 3))
def test_periodic_connectivity_does_not_change_under_any_shift(cells, steps):
    assert metrics.connectivity(np.roll(cells, steps, (1, 2, 3))) == metrics.connectivity(cells)
