"""Eq. 15 to 17 and the nearest reference cell, against plain loops over pairs."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from voxplore import metrics
from voxplore.errors import VoxploreError
from voxplore.metrics import neighbours
from voxplore.unitcells import UnitCells


def plain_nearest(query, references) -> tuple[int, Fraction]:
    best, chosen = Fraction(-1), -1
    for j, reference in enumerate(references):
        either = int((query | reference).sum())
        iou = Fraction(int((query & reference).sum()), either) if either else Fraction(0)
        if iou > best:
            best, chosen = iou, j
    return chosen, best


def test_nearest_novelty_and_diversity_equal_plain_loops(blobs, rng):
    queries = blobs[rng.permutation(12)] ^ (rng.random(blobs.shape) < 0.2)
    queries[4] = False
    found = [plain_nearest(query, blobs) for query in queries]
    index, iou = neighbours.nearest(queries, blobs)
    assert index.tolist() == [j for j, _ in found]
    assert iou.tolist() == [float(value) for _, value in found]
    assert index.dtype == np.int64
    want = [float(1 - value) if query.any() else 0.0 for query, (_, value) in zip(queries, found, strict=True)]
    assert metrics.novelty(queries, blobs).tolist() == pytest.approx(want, abs=1e-15)
    distinct = {j for query, (j, _) in zip(queries, found, strict=True) if query.any()}
    assert metrics.diversity(queries, blobs) == len(distinct) / 12


def test_a_packed_reference_answers_as_the_one_line_form_does(blobs):
    reference = metrics.Reference(UnitCells.from_voxels(blobs[::2]))
    assert len(reference) == 6
    for left, right in zip(reference.nearest(blobs), neighbours.nearest(blobs, blobs[::2]), strict=True):
        assert np.array_equal(left, right)
    assert metrics.diversity(blobs, reference) == metrics.diversity(blobs, blobs[::2])


def test_a_resolution_that_is_no_multiple_of_eight_is_padded_with_void(blobs):
    odd = blobs[:, :11, :11, :11]
    index, iou = neighbours.nearest(odd[2:], odd)
    assert iou.tolist() == [float(plain_nearest(cell, odd)[1]) for cell in odd[2:]]
    assert index.tolist() == [plain_nearest(cell, odd)[0] for cell in odd[2:]]


@settings(max_examples=30, deadline=None)
@given(arrays(bool, (5, 8, 8, 8)), st.integers(0, 4))
def test_a_training_cell_has_novelty_zero(cells, i):
    cells = cells.copy()
    cells[:, 0, 0, 0] = True
    assert metrics.novelty(cells[i], cells).tolist() == [0.0]
    assert neighbours.nearest(cells[i], cells)[1].tolist() == [1.0]


def test_an_empty_cell_has_novelty_zero_and_adds_no_neighbour(blobs):
    nothing = np.zeros_like(blobs[:2])
    assert metrics.novelty(nothing, blobs).tolist() == [0.0, 0.0]
    assert metrics.diversity(nothing, blobs) == 0.0


def test_another_resolution_and_an_empty_reference_are_refused(blobs):
    with pytest.raises(VoxploreError, match="resolution 16"):
        metrics.novelty(blobs[:, :8, :8, :8], blobs)
    with pytest.raises(VoxploreError, match="at least one cell"):
        metrics.Reference(UnitCells.from_voxels(blobs)[:0])
