"""`evaluate`: benchmark v1 against plain loops, to the last digit; what is written is what is read."""

from fractions import Fraction

import numpy as np
import pytest
from scipy import ndimage, stats

from voxplore import metrics
from voxplore.errors import VoxploreError
from voxplore.metrics import scores as scoring
from voxplore.metrics.definitions import FIRST_METRICS
from voxplore.unitcells import UnitCells


def plain_sizes(cell, periodic) -> list[int]:
    """Sizes of 6-connected components: scipy labels, merged one pair at a time where they meet across a seam."""
    labels, _ = ndimage.label(cell)
    changed = periodic
    while changed:
        changed = False
        for axis in range(3):
            for a, b in zip(labels.take(0, axis).ravel(), labels.take(-1, axis).ravel(), strict=True):
                if a and b and a != b:
                    labels[labels == max(a, b)] = min(a, b)
                    changed = True
                    break
    return np.bincount(labels.ravel())[1:].tolist()


def plain_scores(cell, references) -> dict:
    """One cell by the equations, in whole numbers up to the last division."""
    solid = int(cell.sum())
    unequal = int((cell != cell[::-1, ::-1, ::-1]).sum())
    per = 0.0
    for axis in range(3):
        low, high = cell.take(0, axis), cell.take(-1, axis)
        either = int((low | high).sum())
        per += int((low & high).sum()) / either if either else 0.0
    best, nearest = Fraction(-1), -1
    for j, reference in enumerate(references):
        both = int(np.count_nonzero(cell & reference))
        either = solid + int(np.count_nonzero(reference)) - both
        iou = Fraction(both, either) if either else Fraction(0)
        if iou > best:
            best, nearest = iou, j
    found = {
        "symmetry": 1 - unequal / (2 * solid) if solid else 0.0,
        "periodicity": per / 3,
        "connectivity": max(plain_sizes(cell, True)) / solid if solid else 0.0,
        "connectivity_in_box": max(plain_sizes(cell, False)) / solid if solid else 0.0,
    }
    counted = found["symmetry"] > 0.5 and found["periodicity"] > 0.5 and found["connectivity"] > 0.5
    quality = (found["symmetry"] + found["periodicity"] + found["connectivity"]) / 3
    novelty = 1 - best.numerator / best.denominator
    return {
        **found,
        "quality": quality,
        "relative_density": solid / cell.size,
        "counted": counted,
        "nearest": nearest,
        "novelty": novelty if counted else 0.0,
        "novelty_ungated": novelty if solid else 0.0,
    }


def assert_equal_to_plain_loops(samples: UnitCells, reference: UnitCells) -> None:
    found = metrics.evaluate(samples, reference, vun=False)
    references = list(reference.voxels())
    rows = [plain_scores(cell, references) for cell in samples.voxels()]
    ids = reference.index["id"]
    assert found.columns["nearest_id"].tolist() == [ids[row["nearest"]] for row in rows]
    for key in rows[0].keys() - {"nearest"}:
        assert found.columns[key].tolist() == [row[key] for row in rows], key
    for key in ("symmetry", "periodicity", "connectivity", "quality", "novelty", "novelty_ungated"):
        assert found.mean[key] == np.mean([row[key] for row in rows])
        assert found.std[key] == np.std([row[key] for row in rows], ddof=1)
    counted = {row["nearest"] for row in rows if row["counted"]}
    solid = {row["nearest"] for row in rows if row["relative_density"] > 0}
    assert found.diversity == len(counted) / len(rows)
    assert found.diversity_ungated == len(solid) / len(rows)
    assert found.n_empty == sum(row["relative_density"] == 0 for row in rows)


@pytest.fixture(scope="module")
def real_cells(real_cells_folder) -> UnitCells:
    catalogue = pytest.importorskip("voxplore.data.published.metatruss")
    return catalogue.build_metatruss(real_cells_folder / "lumpe-cells.jsonl.gz")


def test_150_real_cells_against_242_others_equal_plain_loops_to_the_last_digit(real_cells):
    assert len(real_cells) == 392
    order = np.random.default_rng(0).permutation(392)
    assert_equal_to_plain_loops(real_cells[np.sort(order[:150])], real_cells[np.sort(order[150:])])


def test_random_cells_with_empty_full_and_gated_ones_equal_plain_loops(blobs, rng):
    noise = rng.random((6, 16, 16, 16)) < 0.3
    half = blobs[3:6].copy()
    half[:, :, :, 8:] = False
    samples = UnitCells.from_voxels(np.concatenate([blobs, noise, half]))
    assert_equal_to_plain_loops(samples, UnitCells.from_voxels(np.concatenate([half, noise, ~blobs])))


def test_a_cell_that_fails_the_gate_has_novelty_zero_and_adds_no_neighbour(blobs):
    lopsided, centred = np.zeros((2, 16, 16, 16), bool)
    lopsided[2:5, 2:5, 2:5] = True
    centred[7:9] = centred[:, 7:9] = True
    reference = np.stack([blobs[6], lopsided | blobs[9], centred | blobs[11]])
    found = metrics.evaluate(np.stack([lopsided, centred]), reference, vun=False)
    assert found.columns["counted"].tolist() == [False, True]
    assert found.columns["novelty"][0] == 0.0
    assert found.columns["novelty_ungated"][0] > 0.0
    assert found.columns["novelty"][1] == found.columns["novelty_ungated"][1] > 0.0
    assert found.diversity == 0.5
    assert found.diversity_ungated == 1.0


def test_what_is_saved_is_what_is_loaded(blobs, tmp_path):
    cells = UnitCells.from_voxels(blobs, name="blobs")
    found = metrics.evaluate(cells, cells[2:], held_out=cells[:6])
    found.save(tmp_path / "scores")
    again = metrics.Scores.load(tmp_path / "scores")
    assert (again.mean, again.std, again.n, again.n_empty, again.name) == (found.mean, found.std, 12, 1, "blobs")
    assert again.about == found.about
    assert again.about["benchmark"] == "v1"
    assert again.about["samples"]["sha256"] == cells.sha256()
    assert again.about["reference"] == {"name": "blobs", "n": 10, "sha256": cells[2:].sha256()}
    assert again.about["periodicity_floor"] == 0.5
    assert again.columns.keys() == found.columns.keys()
    for key, column in found.columns.items():
        assert np.array_equal(again.columns[key], column), key


def test_every_metric_of_benchmark_v1_is_found_by_its_key_and_printed(blobs):
    found = metrics.evaluate(blobs, blobs, held_out=blobs)
    text = str(found)
    for metric in FIRST_METRICS:
        value = found.value(metric.key)
        assert value is not None
        assert getattr(found, metric.key) == value
        assert metric.label in text
        assert (metric.key in found.columns) == metric.per_cell
    assert found.density_distance == 0.0
    with pytest.raises(VoxploreError, match="metric"):
        found.value("beauty")
    assert metrics.evaluate(blobs, blobs, vun=False).vun is None


def test_the_reference_rows_are_held_out_training_and_noise(blobs):
    rows = metrics.reference_rows(blobs[3:], blobs[3:], blobs[:3], n=5, seed=1)
    assert list(rows) == ["held-out", "training", "noise"]
    assert [row.n for row in rows.values()] == [3, 5, 5]
    assert rows["training"].novelty_ungated == 0.0
    assert rows["held-out"].density_distance == 0.0
    assert rows["noise"].relative_density == pytest.approx(0.5, abs=0.05)
    assert rows["noise"].vun == 0.0


def test_an_opening_takes_specks_and_thin_struts_and_wraps_around():
    cell = np.zeros((1, 8, 8, 8), bool)
    cell[0, 0, 0, 0] = True  # the middle of a cross that lies across all faces
    for axis in range(3):
        for step in (-1, 1):
            voxel = [0, 0, 0]
            voxel[axis] = step
            cell[0][tuple(voxel)] = True
    specks = cell.copy()
    specks[0, 4, 4, 2:6] = True
    assert np.array_equal(scoring.open_voxels(specks), cell)


def test_the_distance_of_densities_equals_scipy(rng):
    left, right = rng.random(40), rng.random(31) ** 2
    assert scoring.wasserstein(left, right) == pytest.approx(stats.wasserstein_distance(left, right))
    assert scoring.wasserstein(left, left) == 0.0


def test_damaged_scores_are_refused_by_name(blobs, tmp_path):
    metrics.evaluate(blobs, blobs, vun=False).save(tmp_path)
    csv = (tmp_path / "scores.csv").read_text()
    (tmp_path / "scores.csv").write_text(csv.replace("0.", "zero", 1))
    with pytest.raises(VoxploreError, match=r"scores\.csv"):
        metrics.Scores.load(tmp_path)
    (tmp_path / "scores.csv").write_text(csv[: len(csv) // 2])
    with pytest.raises(VoxploreError, match=r"scores\.csv"):
        metrics.Scores.load(tmp_path)
    for text in ("{}", "[]", '{"benchmark": "v1"}', (tmp_path / "scores.json").read_text().replace("v1", "v9")):
        (tmp_path / "scores.json").write_text(text)
        with pytest.raises(VoxploreError, match=r"scores\.json"):
            metrics.Scores.load(tmp_path)


def test_no_cells_and_another_resolution_are_refused(blobs):
    with pytest.raises(VoxploreError, match="at least one cell"):
        metrics.evaluate(UnitCells.from_voxels(blobs)[:0], blobs)
    with pytest.raises(VoxploreError, match="resolution"):
        metrics.evaluate(blobs[:, :8, :8, :8], blobs)
