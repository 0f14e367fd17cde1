"""The benchmarks run, and what they time gives right answers; how fast is not for a test to say."""

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def quick(out: Path, *more: str) -> dict:
    words = [sys.executable, "-m", "benchmarks", "--quick", "--out", str(out), "--real", str(out / "none"), *more]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, env=dict(os.environ))
    assert done.returncode == 0, done.stderr[-2000:] + done.stdout[-2000:]
    return json.loads((out / "quick.json").read_text())


def test_the_quick_run_gives_right_answers_beside_its_peers(tmp_path):
    found = quick(tmp_path, "--pairs", "5000")
    assert all(target["met"] for target in found["targets"])
    names = {row["name"] for row in found["rows"]}
    assert {"voxplore", "numkong", "scikit-learn", "scipy", "NumPy script", "plain formula", "cc3d"} <= names
    answered = [
        row for row in found["rows"] if row["rate"] and row["name"] in ("NumPy script", "NumPy, packed", "scipy")
    ]
    assert {row["answers"] for row in answered} == {"equal"}
    assert found["threads"] == 1
    assert len(found["load_before"]) == 3
    assert "What was asked for" in (tmp_path / "quick.md").read_text()


def test_the_small_recipe_is_measured_beside_the_published_shape(tmp_path):
    found = quick(tmp_path, "--pairs", "2000")
    shape = next(row for row in found["rows"] if row["name"] == "published shape")
    assert "the mean cell" in shape["note"]


@pytest.mark.slow
def test_a_million_random_pairs_equal_brute_force(tmp_path):
    found = quick(tmp_path, "--pairs", "1000000")
    wrong = {target["name"]: target["value"] for target in found["targets"] if "wrong" in target["name"]}
    assert len(wrong) == 2
    assert set(wrong.values()) == {0.0}


@pytest.fixture
def benchmarks(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT))
    return lambda name: importlib.import_module(f"benchmarks.{name}")


def test_a_peer_that_is_not_here_is_reported_as_absent(benchmarks):
    race = benchmarks("race")

    def missing():
        raise ImportError("no such library")

    ours = race.Contestant("voxplore", lambda: lambda: None, 10)
    rows = race.race("", "cells", [ours, race.Contestant("peer", missing, 10)], 1)
    assert rows[1].note == "absent: no such library"
    assert rows[1].rate == 0


def test_a_target_is_met_from_its_bound_on(benchmarks):
    target = benchmarks("race").Target
    assert target("speed", 2.0, 2.0, True, "times").met
    assert not target("speed", 1.9, 2.0, True, "times").met
    assert target("seconds", 2.0, 2.0, False, "s").met


def test_cells_of_another_resolution_keep_their_density(benchmarks, blobs):
    from voxplore.unitcells import UnitCells

    cells = UnitCells.from_voxels(blobs)
    finer = benchmarks("scaling").resampled(cells, 32)
    assert finer.resolution == 32
    assert abs(finer.relative_density() - cells.relative_density()).max() == 0


def test_no_held_out_cell_is_among_the_references(benchmarks, rng, tmp_path):
    import numpy as np

    from voxplore.data.prepare.splits import with_split
    from voxplore.unitcells import UnitCells

    for name in ("nets", "shells"):
        with_split(UnitCells.from_voxels(rng.random((50, 8, 8, 8)) < 0.4, name=name)).save(tmp_path / name)
    material = benchmarks("material").real_material(tmp_path / "nets", tmp_path / "shells", 300, 5, 0)
    assert len(material.reference) == 300
    held_out = np.concatenate([material.queries[f"held-out {kind}"].packed for kind in ("nets", "shells")])
    known = {row.tobytes() for row in material.reference.packed}
    assert not any(row.tobytes() in known for row in held_out)


def test_a_curve_says_when_an_iou_was_first_reached(benchmarks):
    curve = benchmarks("training").Curve([(0.0, 0.1, 0), (1.0, 0.3, 8), (2.0, 0.2, 16)])
    assert curve.reaches(0.2) == 1.0
    assert curve.reaches(0.4) == float("inf")
