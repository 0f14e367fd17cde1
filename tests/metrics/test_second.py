"""Benchmark v2 beside v1: what it adds, what it leaves as it was, what is read back."""

from dataclasses import replace

import numpy as np
import pytest

from voxplore.errors import VoxploreError
from voxplore.mechanics.properties import properties_of
from voxplore.metrics import METRIC, Reference, Scores, Second, evaluate, floors
from voxplore.metrics.definitions import SECOND_METRICS
from voxplore.metrics.novelty_parts import novelty_parts
from voxplore.unitcells import UnitCells
from voxplore.workflows.build import finish
from voxplore.workflows.evaluate import Options, reference_of, score
from voxplore.workflows.stiffness import stiffness_ratio


@pytest.fixture
def cells(rng) -> UnitCells:
    """240 smooth periodic cells at 16^3."""
    field = rng.normal(size=(240, 16, 16, 16))
    for _ in range(3):
        for axis in (1, 2, 3):
            field = field + np.roll(field, 1, axis) + np.roll(field, -1, axis)
    level = np.quantile(field.reshape(240, -1), 0.6, axis=1)
    return UnitCells.from_voxels(field > level[:, None, None, None], name="smooth")


def test_the_scores_of_v1_stay_as_they_were_beside_those_of_v2(cells):
    known = reference_of(finish(cells))
    samples = cells[:40]
    first = evaluate(samples, known.reference, held_out=known.held_out)
    second = evaluate(samples, known.reference, held_out=known.held_out, benchmark="v2")
    assert first.about["benchmark"] == "v1"
    assert second.about["benchmark"] == "v2"
    assert {key: second.mean[key] for key in first.mean} == first.mean
    assert not any(key.endswith("_v2") for key in first.mean)
    assert {"vun_v2", "ridge_cv", "ridge_cv_ratio", "one_piece", "matched"} <= set(second.mean) <= set(METRIC)
    assert all(np.array_equal(second.columns[key], column) for key, column in first.columns.items())


def test_every_metric_of_benchmark_v2_is_found_by_its_key_and_printed(cells, tmp_path):
    known = reference_of(finish(cells))
    assert known.held_out is not None
    options = Options(benchmark="v2", stiffness=1)
    found = score(known.train[:60], replace(known, held_out=known.train[60:120]), tmp_path / "s", options)["samples"]
    for metric in SECOND_METRICS:
        assert metric.key in found.mean, metric.key
        assert metric.label in str(found)
        assert (metric.key in found.columns) == metric.per_cell


def test_scores_of_v2_are_written_and_read_and_name_their_reference_rows(cells, tmp_path):
    built = finish(cells)
    found = score(cells[:30], reference_of(built), tmp_path / "s", Options(rows=True, row_size=20, benchmark="v2"))
    assert set(found) == {"samples", "held-out", "training", "noise"}
    again = Scores.load(tmp_path / "s")
    assert again.about["benchmark"] == "v2"
    assert again.vun_v2 == found["samples"].vun_v2
    assert again.columns["novel_v2"].dtype == bool
    assert Scores.load(tmp_path / "s" / "rows" / "training").novel_v2 == 0


def test_v2_finds_the_copies_that_v1_takes_for_new(cells):
    built = finish(cells)
    known = reference_of(built)
    copies = UnitCells.from_voxels(np.stack([floors.shifted(cell, (11, 5, 0)) for cell in known.train[:20].voxels()]))
    found = evaluate(copies, known.reference, held_out=known.held_out, benchmark="v2")
    assert found.novel == 1
    assert found.novel_v2 == 0
    assert all("known cell" in reason for reason in found.columns["reasons_v2"])


def test_six_orientations_and_one_of_a_reference_give_the_same_known_cells(cells):
    one, six = reference_of(finish(cells)), reference_of(finish(cells, orientations=6))
    assert len(six.reference) == len(one.reference)
    assert one.held_out is not None
    for known in (one, six):
        second = Second(Reference(known.reference), one.held_out)
        assert np.array_equal(second.known.cells.packed, known.train.packed)


def test_v2_without_held_out_cells_and_an_unknown_version_are_refused(cells, tmp_path):
    with pytest.raises(VoxploreError, match="held-out cells"):
        evaluate(cells[:2], cells[2:9], benchmark="v2")
    with pytest.raises(VoxploreError, match="v1 or v2"):
        evaluate(cells[:2], cells[2:9], benchmark="v3")
    with pytest.raises(VoxploreError, match="held-out cells"):
        score(cells[:2], reference_of(cells), tmp_path / "s", Options(benchmark="v2"))
    assert not (tmp_path / "s").exists()


def test_the_stiffness_of_pairs_is_compared_as_a_share_of_the_bound(cells):
    whole = cells[:3]
    cut = whole.voxels()
    cut[:, :, :, 5] = False
    pairs = np.array([2, 0, 1]), np.array([2, 0, 1])
    assert stiffness_ratio(whole, whole, pairs, 1, workers=1) == {"stiffness_ratio": 1.0}
    found = stiffness_ratio(UnitCells.from_voxels(cut), whole, pairs, 2, workers=1)["stiffness_ratio"]
    shares = [properties_of(each[[2, 0]], workers=1)["young_share"] for each in (UnitCells.from_voxels(cut), whole)]
    assert found == pytest.approx(shares[0].mean() / shares[1].mean())
    assert found < 0.9
    assert stiffness_ratio(whole, whole, (pairs[0][:0], pairs[1][:0]), 4) == {}


def test_reconstruction_error_is_taken_off_the_novelty(cells):
    train, drawn = cells[:60], cells[60:100]
    found = novelty_parts(train[:20], drawn[:20], drawn, train)
    assert found["reconstruction"] == 0
    assert found["error_share"] == 0
    assert found["beyond_error"] == found["with_srr"]
    memoriser = novelty_parts(drawn, drawn, drawn, train)
    assert memoriser["beyond_error"] == 0
    assert memoriser["error_share"] == 1
