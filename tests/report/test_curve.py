"""Scores along a field of the configuration."""

import csv
import dataclasses

import numpy as np
import pytest

import voxplore as vp
from voxplore.cli import main
from voxplore.report import curves_of


def drawn(config: dict, recipe: str = "mine", **mean: float) -> vp.metrics.Scores:
    """Scores of a drawing with a configuration."""
    made = {"recipe": recipe, "config": config}
    digest = repr((config, recipe, mean))
    about = {
        "benchmark": "v1",
        "samples": {"name": recipe, "n": 2, "sha256": digest, "made": made},
        "reference": {"name": "known", "n": 9, "sha256": "r"},
    }
    name = f"{recipe} {config}"
    return vp.metrics.Scores(name, 2, 0, {"quality": 0.5, **mean}, {}, {"id": np.array(["a", "b"])}, about)


def test_a_curve_holds_drawings_that_differ_in_one_field_alone():
    scores = [
        drawn({"sampling": {"srr": {"strength": s}}, "width": 8}, novelty=n) for s, n in ((1, 0.3), (0, 0.1), (1, 0.5))
    ]
    scores += [drawn({"sampling": {"srr": {"strength": 2}}, "width": 9}, novelty=0.9)]  # another width: no curve of two
    scores += [drawn({"sampling": {"srr": None}, "width": 8}, novelty=0.9)]  # without the field
    (curve,) = curves_of(scores, "sampling.srr.strength")
    assert curve.values == [0, 1]
    assert curve.mean["novelty"] == pytest.approx([0.1, 0.4])


def test_every_recipe_has_its_own_curve():
    scores = [drawn({"ras": {"inter": i}}, recipe, novelty=0.1 * i) for i in (0, 1, 2) for recipe in ("one", "two")]
    assert sorted(curve.label for curve in curves_of(scores, "ras.inter")) == ["one", "two"]
    assert curves_of(scores, "ras.intra") == []


def test_a_report_draws_scores_along_a_field_with_the_held_out_point(tmp_path, capsys):
    for value in (0.1, 1, 10):
        folder = tmp_path / "results" / str(value)
        drawn({"ras": {"inter": value}}, novelty=0.2 + value / 100, vun=0.5).save(folder)
    held_out = dataclasses.replace(drawn({}, "other", novelty=0.4), name="held-out")
    held_out.save(tmp_path / "results" / "1" / "rows" / "held-out")
    command = ["report", str(tmp_path / "results"), "--out", str(tmp_path / "page")]
    assert main([*command, "--along", "ras.inter"]) == 0
    rows = list(csv.DictReader((tmp_path / "page" / "known" / "curve.csv").open()))
    assert [float(row["ras.inter"]) for row in rows] == [0.1, 1, 10]
    assert [float(row["novelty"]) for row in rows] == pytest.approx([0.201, 0.21, 0.3])
    assert (tmp_path / "page" / "known" / "curve.png").read_bytes().startswith(b"\x89PNG")
    assert 'src="known/curve.png"' in (tmp_path / "page" / "index.html").read_text()
    assert main([*command, "--along", "ras.sink", "--overwrite"]) == 2
    assert "two values of ras.sink" in capsys.readouterr().err


def test_rows_from_elsewhere_stand_in_the_report_too(tmp_path):
    drawn({}, "mine", novelty=0.1).save(tmp_path / "results" / "mine")
    drawn({}, "yours", novelty=0.2).save(tmp_path / "elsewhere")
    command = ["report", str(tmp_path / "results"), "--rows", str(tmp_path / "elsewhere")]
    assert main([*command, "--out", str(tmp_path / "page")]) == 0
    assert "yours" in (tmp_path / "page" / "known" / "table.txt").read_text()
