import numpy as np
import pytest

import voxplore as vp
from voxplore.metrics import pairwise


@pytest.fixture
def voxels():
    rng = np.random.default_rng(0)
    return rng.random((12, 8, 8, 8)) < rng.uniform(0.1, 0.7, (12, 1, 1, 1))


def test_pairwise_iou_equals_a_plain_loop(voxels):
    voxels[3] = False
    iou = pairwise.pairwise_iou(vp.UnitCells.from_voxels(voxels))
    for i, a in enumerate(voxels):
        for j, b in enumerate(voxels):
            want = 1.0 if i == j else (a & b).sum() / max((a | b).sum(), 1)
            assert iou[i, j] == want


def test_copies_of_one_cell_count_as_one_and_cells_apart_each(voxels):
    assert pairwise.vendi(pairwise.pairwise_iou(np.repeat(voxels[:1], 7, axis=0))) == pytest.approx(1)
    apart = np.zeros((8, 8, 8, 8), bool)
    for k in range(8):
        apart[k, k] = True
    assert pairwise.vendi(pairwise.pairwise_iou(apart)) == pytest.approx(8)
    assert pairwise.pairwise_distance(pairwise.pairwise_iou(apart)) == 1
    halves = np.concatenate([apart[:1]] * 5 + [apart[1:2]] * 5)
    assert pairwise.vendi(pairwise.pairwise_iou(halves)) == pytest.approx(2)


def test_the_vendi_score_is_the_entropy_of_the_spectrum(voxels):
    iou = pairwise.pairwise_iou(voxels)
    weights = np.linalg.svd(iou / len(iou), compute_uv=False)
    assert pairwise.vendi(iou) == pytest.approx(np.exp(-(weights * np.log(weights)).sum()))


def test_the_mean_distance_is_that_of_the_pairs(voxels):
    iou = pairwise.pairwise_iou(voxels)
    pairs = [1 - iou[i, j] for i in range(12) for j in range(i)]
    assert pairwise.pairwise_distance(iou) == pytest.approx(np.mean(pairs))
    assert pairwise.pairwise_distance(iou[:1, :1]) == 0


def test_evaluate_puts_both_beside_s_div(voxels):
    scores = vp.evaluate(voxels, voxels, vun=False)
    assert scores.value("vendi") == pytest.approx(pairwise.vendi(pairwise.pairwise_iou(voxels)))
    assert scores.value("pairwise_distance") == pytest.approx(pairwise.pairwise_distance(pairwise.pairwise_iou(voxels)))
