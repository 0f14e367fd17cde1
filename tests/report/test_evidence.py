"""What chance alone reaches, and how many designs a set of hits is."""

import itertools

import numpy as np
import pytest

from voxplore.report.evidence import SAME, distinct, expected_best, mutual_iou
from voxplore.unitcells import UnitCells


@pytest.mark.parametrize("k", [1, 2, 4, 6])
def test_the_expected_best_of_k_is_the_mean_over_all_choices_of_k(k, rng):
    misses = rng.random(6)
    every = [min(chosen) for chosen in itertools.combinations(misses.tolist(), k)]
    assert expected_best(misses, k) == pytest.approx(np.mean(every))


def test_the_best_of_none_is_no_hit_and_of_more_than_there_are_the_smallest():
    assert expected_best(np.array([0.2, 0.1]), 0) == np.inf
    assert expected_best(np.array([0.2, 0.1]), 5) == pytest.approx(0.1)


def test_cells_that_are_alike_are_one_design(blobs):
    cells = np.concatenate([blobs[2:5], blobs[2:3]])
    cells[3, :1, :1, :1] ^= True
    iou = mutual_iou(UnitCells.from_voxels(cells))
    assert iou[0, 3] == pytest.approx((cells[0] & cells[3]).sum() / (cells[0] | cells[3]).sum())
    found = distinct(UnitCells.from_voxels(cells))
    assert found[0] == 0
    assert 3 not in found
    assert all(iou[a, b] < SAME for a, b in itertools.combinations(found, 2))
