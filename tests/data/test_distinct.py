"""Repeats are found exactly, in all 48 orientations, by bounds that never discard one."""

import numpy as np
import pytest

from voxplore.data.distinct import Distinct
from voxplore.geometry import CUBE_OPERATIONS, apply_operation


def packed(voxels):
    return np.packbits(voxels.reshape(-1))


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


@pytest.mark.parametrize("operation", CUBE_OPERATIONS[::5])
def test_a_turned_or_mirrored_copy_is_a_repeat(cell, operation):
    distinct = Distinct(16, 0.98)
    assert distinct.add(packed(cell))
    assert not distinct.add(packed(apply_operation(cell, operation)))


def test_cells_are_refused_exactly_where_the_plain_search_says_so(cell, rng):
    distinct, kept = Distinct(16, 0.9), []
    for _ in range(40):
        flipped = rng.uniform(size=cell.shape) < rng.uniform(0.0, 0.12)
        other = apply_operation(cell ^ flipped, CUBE_OPERATIONS[rng.integers(48)])
        repeat = any(largest_iou(other, earlier) >= 0.9 for earlier in kept)
        assert distinct.add(packed(other)) != repeat
        if not repeat:
            kept.append(other)
    assert 1 < len(kept) < 40


def test_many_cells_are_taken_in(rng):
    distinct = Distinct(8, 0.98)
    assert all(distinct.add(packed(rng.uniform(size=(8, 8, 8)) < 0.4)) for _ in range(300))
