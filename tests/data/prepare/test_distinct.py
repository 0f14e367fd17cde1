"""Repeats are found exactly, in all 48 orientations, by bounds that never discard one."""

import numpy as np
import pytest

from voxplore.data.prepare.distinct import Distinct
from voxplore.geometry import CUBE_OPERATIONS, apply_operation


def packed(*cells):
    return np.stack([np.packbits(voxels.reshape(-1)) for voxels in cells])


def largest_iou(one, two):
    """Over the 48 operations, voxel by voxel."""
    moved = [apply_operation(two, operation) for operation in CUBE_OPERATIONS]
    return max((one & other).sum() / (one | other).sum() for other in moved)


@pytest.fixture
def cell(rng):
    field = rng.normal(size=(16, 16, 16))
    for axis in range(3):
        field = field + np.roll(field, 1, axis)
    return field > 0.5


def test_a_resolution_that_is_no_multiple_of_8_is_compared_too(rng):
    cells = rng.uniform(size=(6, 20, 20, 20)) < 0.3
    distinct = Distinct(20, 0.98)
    assert distinct.add(packed(*cells)).all()
    assert not distinct.add(packed(*(apply_operation(cell, CUBE_OPERATIONS[7]) for cell in cells))).any()


@pytest.mark.parametrize("operation", CUBE_OPERATIONS[::5])
def test_a_turned_or_mirrored_copy_is_a_repeat(cell, operation):
    distinct = Distinct(16, 0.98)
    assert distinct.add(packed(cell)).all()
    assert not distinct.add(packed(apply_operation(cell, operation))).any()


@pytest.mark.parametrize("together", [1, 7, 40])
def test_cells_are_refused_exactly_where_the_plain_search_says_so(cell, rng, together):
    distinct, kept = Distinct(16, 0.9), []
    flips = [rng.uniform(size=cell.shape) < rng.uniform(0.0, 0.12) for _ in range(40)]
    others = [apply_operation(cell ^ flipped, CUBE_OPERATIONS[rng.integers(48)]) for flipped in flips]
    taken = [distinct.add(packed(*others[start : start + together])) for start in range(0, 40, together)]
    for other, new in zip(others, np.concatenate(taken), strict=True):
        assert new == all(largest_iou(other, earlier) < 0.9 for earlier in kept)
        if new:
            kept.append(other)
    assert 1 < len(kept) < 40


def test_many_cells_are_taken_in(rng):
    distinct = Distinct(8, 0.98)
    assert all(distinct.add(packed(*(rng.uniform(size=(30, 8, 8, 8)) < 0.4))).all() for _ in range(10))
