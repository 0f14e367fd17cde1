"""The scripts in experiments/ name what exists; their tiny twins run."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from voxplore.models import MODELS
from voxplore.recipes import RECIPES

SCRIPT = Path(__file__).resolve().parents[1] / "experiments" / "table1.sh"


def listed(set_name: str) -> list[str]:
    found = re.search(rf"{set_name}\) models=\((.*?)\)", SCRIPT.read_text(encoding="utf-8"))
    assert found
    return found[1].split()


def test_table_1_has_every_model_and_those_with_struts_on_nets_alone():
    assert set(MODELS) <= set(listed("nets"))
    assert set(listed("nets")) - set(listed("shells")) == {"graph"}


@pytest.mark.parametrize("set_name", ["nets", "shells"])
def test_every_row_of_table_1_has_a_recipe_in_every_size(set_name):
    for model in set(listed(set_name)) & set(MODELS):
        assert {f"{model}-{set_name}-{size}" for size in ("tiny", "small")} <= set(RECIPES)
        full = "voxplore-published" if model == "voxplore" else model
        assert f"{full}-{set_name}-full" in RECIPES


@pytest.mark.slow
@pytest.mark.parametrize(("set_name", "models"), [("nets", ("voxplore", "graph")), ("shells", ("vae", "edits"))])
def test_the_tiny_twin_makes_a_table_and_does_nothing_twice(set_name, models, tmp_path):
    voxplore = Path(sys.executable).parent / "voxplore"
    surroundings = {**os.environ, "SIZE": "tiny", "OUT": str(tmp_path), "VOXPLORE": str(voxplore)}

    def run() -> str:
        command = ["bash", str(SCRIPT), set_name, *models]
        return subprocess.run(command, env=surroundings, check=True, capture_output=True, text=True).stdout

    assert "Hardware" in run()
    rows = (tmp_path / "results" / set_name / "table1" / "table.csv").read_text().splitlines()
    for model in models:
        assert any(f",{model}-{set_name}-tiny,1," in row for row in rows)
        assert any(f",{model}-{set_name}-tiny refined,1," in row for row in rows)
        assert (tmp_path / "results" / set_name / f"{model}-{set_name}-tiny" / "cells.png").exists()
    assert "model in" not in run()


@pytest.mark.parametrize("number", [4, 5])
def test_a_table_at_full_size_asks_for_recipes_that_there_are(number, tmp_path):
    scripts = tmp_path / "experiments"
    scripts.mkdir()
    for name in (f"table{number}.sh", "ablations.sh", "common.sh"):
        shutil.copy(SCRIPT.with_name(name), scripts)
    surroundings = {**os.environ, "SIZE": "full", "VOXPLORE": "echo"}  # says what it would run
    command = ["bash", str(scripts / f"table{number}.sh")]
    said = subprocess.run(command, env=surroundings, check=True, capture_output=True, text=True).stdout
    asked = re.findall(r"--recipe (\S+)", said)
    assert len(set(asked)) >= 4
    assert set(asked) <= set(RECIPES)


@pytest.mark.parametrize("number", [2, 3, 4, 5, 6])
def test_every_row_of_tables_2_to_6_has_a_recipe_in_every_size(number):
    script = SCRIPT.with_name(f"table{number}.sh").read_text(encoding="utf-8")
    found = re.search(rf"ablations.sh\" table{number} (\w+) (.*)", script)
    assert found
    for variant in found[2].split():
        name = "voxplore" if variant == "base" else f"voxplore-{variant}"
        sizes = ("tiny", "small") if variant in ("base", "mlp") else ("tiny", "small", "full")
        assert {f"{name}-{found[1]}-{size}" for size in sizes} <= set(RECIPES)


@pytest.mark.slow
def test_the_tiny_twin_of_table_3_makes_all_four_corners(tmp_path):
    voxplore = Path(sys.executable).parent / "voxplore"
    surroundings = {**os.environ, "SIZE": "tiny", "OUT": str(tmp_path), "VOXPLORE": str(voxplore)}
    subprocess.run(["bash", str(SCRIPT.with_name("table3.sh"))], env=surroundings, check=True, capture_output=True)
    rows = (tmp_path / "results" / "nets" / "table3" / "table.csv").read_text().splitlines()
    assert len(rows) == 5


@pytest.mark.slow
def test_the_tiny_twin_of_the_million_draws_and_scores_and_does_nothing_twice(tmp_path):
    voxplore = Path(sys.executable).parent / "voxplore"
    surroundings = {**os.environ, "SIZE": "tiny", "OUT": str(tmp_path), "VOXPLORE": str(voxplore)}

    def run() -> str:
        command = ["bash", str(SCRIPT.with_name("million.sh"))]
        return subprocess.run(command, env=surroundings, check=True, capture_output=True, text=True).stdout

    told = run()
    assert "generate: " in told
    assert "evaluate: " in told
    scores = json.loads((tmp_path / "results" / "robustness" / "million" / "600" / "scores.json").read_text())
    assert scores["n"] == 600
    assert set(scores["scores"]) >= {"symmetry", "periodicity", "connectivity", "novelty", "diversity"}
    assert run() == ""


def twin(script: str, out: Path, *arguments: str) -> str:
    """Run the tiny twin of a script; what it printed."""
    paths = {"VOXPLORE": str(Path(sys.executable).parent / "voxplore"), "PYTHON": sys.executable}
    surroundings = {**os.environ, "SIZE": "tiny", "OUT": str(out), **paths}
    command = ["bash", str(SCRIPT.with_name(script)), *arguments]
    return subprocess.run(command, env=surroundings, check=True, capture_output=True, text=True).stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("script", "arguments", "made"),
    [
        ("small.sh", ("nets",), ("results/nets/voxplore-sym-nets-tiny/reconstruction.json",)),
        ("shipped.sh", (), ("results/both/shipped/seed2/scores.json", "results/both/shipped/reconstruction.json")),
        ("table2.sh", (), ("results/nets/table2/table.md", "results/nets/table2/latents/latents.png")),
        ("negatives.sh", ("nets",), ("results/nets/negatives/table/table.md", "results/nets/negatives/reasons.json")),
        ("sensitivity.sh", ("nets", "strength"), ("results/nets/sensitivity/strength/page/nets/curve.png",)),
        ("sensitivity.sh", ("shells", "inter"), ("results/shells/sensitivity/inter/page/shells/curve.csv",)),
        ("density.sh", ("nets",), ("results/nets/density-uncorrected/generated.txt",)),
        ("steps.sh", ("nets",), ("results/nets/steps/table/table.md",)),
        ("orientations.sh", ("nets",), ("results/nets/held-out-turned/scores.json",)),
        ("families.sh", (), ("results/families/voxplore-families-tiny/families.md",)),
        ("resolution.sh", ("nets",), ("results/nets/resolution/table/table.md",)),
        ("stiffness.sh", ("nets", "young_hill"), ("results/nets/stiffness/young_hill/asked.json",)),
    ],
)
def test_the_tiny_twin_makes_its_result_and_goes_on_from_what_exists(script, arguments, made, tmp_path):
    twin(script, tmp_path, *arguments)
    assert all((tmp_path / path).exists() for path in made)
    assert "model in" not in twin(script, tmp_path, *arguments)


@pytest.mark.slow
def test_the_cost_of_both_ideas_is_measured_by_one_command(tmp_path):
    brief = ["--recipe", "voxplore-nets-tiny", "--cells", "200", "--drawn", "8", "--steps", "2", "--repetitions", "1"]
    command = [sys.executable, str(SCRIPT.with_name("cost.py")), *brief, "--out", str(tmp_path / "cost.json")]
    subprocess.run(command, check=True, capture_output=True)
    found = json.loads((tmp_path / "cost.json").read_text())
    rows = [*found["training"].values(), *found["sampling"].values()]
    assert len(rows) == 6
    assert all(row["seconds"] > 0 and row["peak_megabytes"] > 50 for row in rows)


@pytest.mark.parametrize("variant", ["", "-sym", "-neg-scatter", "-neg-failures", "-neg-all"])
def test_every_row_beyond_the_tables_has_a_recipe(variant):
    sets = ("nets", "shells", "families") if variant in ("", "-sym") else ("nets", "shells")
    assert {f"voxplore{variant}-{name}-{size}" for name in sets for size in ("tiny", "small")} <= set(RECIPES)
