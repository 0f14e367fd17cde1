"""The rows of experiments/ name what exists; their tiny twins run, and do nothing twice."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from voxplore.cli import VERBS
from voxplore.models import MODELS
from voxplore.recipes import RECIPES
from voxplore.recipes.common import MEDIUM_SECONDS, Training
from voxplore.workflows.train import recipe_with

FOLDER = Path(__file__).resolve().parents[1] / "experiments"
#: One name at the top level of that folder's modules is enough to import them all.
sys.path.insert(0, str(FOLDER))

import choose_srr  # noqa: E402
import results_ablations  # noqa: E402
import results_generators  # noqa: E402
from commands import FAMILIES, Setting, Step, build, made, train  # noqa: E402
from rows import ROWS  # noqa: E402
from schedule import plan  # noqa: E402


def runner(*arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, str(FOLDER / "run.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def planned(row, size: str, folder: Path, monkeypatch) -> list[list[str]]:
    """The command lines of a row in an empty folder; one whose options are computed from results is left out."""
    monkeypatch.chdir(folder)
    found = []
    for step in plan(row.goals(Setting(size=size))):
        try:
            found.append(list(made(step.command)))
        except Exception:
            found.append([])
    return [words for words in found if words]


def test_table_1_has_every_model_and_those_with_struts_on_nets_alone():
    named = set(MODELS) - {"voxplore", "voxplore-families"} | {"closed-form", "voxplore-paper"}
    assert named <= set(results_generators.MODELS["nets"])
    assert set(results_generators.MODELS["nets"]) - set(results_generators.MODELS["shells"]) == {"graph"}


def test_names_of_rows_differ():
    assert len({row.name for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize("size", ["tiny", "small", "full"])
def test_every_row_of_a_size_has_its_recipes(size, tmp_path, monkeypatch):
    rows = [row for row in ROWS if size != "full" or "negatives-trained" not in row.name]
    asked = {
        words[words.index("--recipe") + 1]
        for row in rows
        for words in planned(row, size, tmp_path, monkeypatch)
        if words[0] == "train"
    }
    assert len(asked) > 20
    assert asked <= set(RECIPES), sorted(asked - set(RECIPES))


def test_a_size_that_a_row_does_not_have_is_refused_in_one_sentence(tmp_path):
    done = runner("negatives-trained-nets", "--size", "full", "--out", str(tmp_path))
    assert done.returncode == 2
    assert done.stderr.startswith("recipe: expected a row of this size")


def test_every_step_is_a_verb_or_a_script_of_the_folder(tmp_path, monkeypatch):
    for row in ROWS:
        for words in planned(row, "small", tmp_path, monkeypatch):
            assert words[0] in VERBS or words[0] == "copy" or (FOLDER / words[0]).exists(), words


def test_every_script_of_the_folder_is_used_by_a_row(tmp_path, monkeypatch):
    used = {words[0] for row in ROWS for words in planned(row, "tiny", tmp_path, monkeypatch)}
    parts = {"commands", "rows", "run", "schedule"}
    scripts = {path.name for path in FOLDER.glob("*.py") if path.stem not in parts and "results_" not in path.stem}
    assert scripts - used <= {"gpu.py"}


@pytest.mark.parametrize("number", [2, 3, 4, 5, 6])
def test_every_row_of_tables_2_to_6_stands_in_its_table(number, tmp_path, monkeypatch):
    row = next(row for row in ROWS if row.name == f"table{number}")
    names = {
        words[words.index("--name") + 1]
        for words in planned(row, "small", tmp_path, monkeypatch)
        if words[0] == "evaluate"
    }
    assert len(names) == len(results_ablations.VARIANTS[number])


def test_what_exists_is_not_made_again_nor_what_it_needs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    first = Step("a", ("build",))
    second = Step("b", ("train",), (first,))
    table = Step("c", ("compare",), (second,), follows=True)
    assert [step.out for step in plan([table])] == ["a", "b", "c"]
    Path("b").touch()
    assert [step.out for step in plan([table])] == ["c"]
    Path("c").touch()
    assert plan([table]) == []
    Path("b").unlink()
    assert [step.out for step in plan([table])] == ["a", "b", "c"]


def test_a_model_of_members_takes_all_stages_of_theirs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    setting = Setting("medium")
    members = {cells: train(setting, build(setting, cells), f"voxplore-field-{cells}-medium") for cells in FAMILIES[:2]}
    trained = train(setting, build(setting, "both"), "voxplore-families-both-medium", members=members)
    copied = [made(step.command) for step in trained.needs if made(step.command)[0] == "copy"]
    assert [words[2] for words in copied] == [f"runs/voxplore-families-both-medium/run/{cells}" for cells in members]
    stages = [f"{stage}.safetensors" for stage in ("autoencoder", "shown", "denoiser", "head", "adversarial")]
    assert [list(words[3:]) for words in copied] == [[*stages, "log.jsonl"]] * 2


@pytest.mark.parametrize(
    ("base", "variant", "stages"),
    [
        (
            "voxplore-field-nets-medium",
            "voxplore-field-nosrr-nets-medium",
            ["autoencoder", "denoiser", "head", "adversarial", "shown"],
        ),
        (
            "voxplore-field-nets-medium",
            "voxplore-field-nodiscriminator-nets-medium",
            ["autoencoder", "denoiser", "head", "shown"],
        ),
        ("voxplore-field-nets-medium", "voxplore-field-nohead-nets-medium", ["autoencoder", "denoiser", "shown"]),
        ("voxplore-paper-nets-medium", "voxplore-paper-nosrr-nets-medium", ["autoencoder", "denoiser"]),
        ("voxplore-paper-nets-medium", "voxplore-paper-velocity-nets-medium", ["autoencoder"]),
        ("closed-form-nets-small", "closed-form-sym-nets-small", ["autoencoder"]),
    ],
)
def test_a_variant_takes_the_stages_that_come_out_the_same(base, variant, stages, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    setting = Setting("medium")
    data = build(setting, "nets")
    trained = train(setting, data, variant, autoencoder_of=train(setting, data, base))
    (copied,) = [step for step in trained.needs if made(step.command)[0] == "copy"]
    assert [name.removesuffix(".safetensors") for name in made(copied.command)[3:-1]] == stages
    assert copied.out == f"runs/{variant}/run/autoencoder.safetensors"


def test_voxplore_at_24_has_the_budget_of_the_others(tmp_path, monkeypatch):
    """The changes of its recipes are read, and the budgets of its stages add up to theirs."""
    for model in results_generators.AT_24:
        changed = recipe_with(f"{model}-nets-medium", results_generators._at_24(model))
        assert changed.autoencoder.resolution == 24
        budgets = [part.budget for part in vars(changed).values() if isinstance(part, Training)]
        assert sum(budgets) == pytest.approx(MEDIUM_SECONDS)


def test_an_unknown_row_is_refused_in_one_sentence():
    done = runner("table9")
    assert done.returncode == 2
    assert done.stderr.startswith("row: expected one of ")
    assert done.stderr.count("\n") == 1


def test_a_model_without_a_recipe_is_named(tmp_path):
    done = runner("table1-nets", "--tiny", "--values", "vox", "--out", str(tmp_path))
    assert done.returncode == 2
    assert "vox-nets-tiny" in done.stderr


def test_a_step_that_fails_is_named_and_the_status_is_1(tmp_path):
    (tmp_path / "data" / "nets").mkdir(parents=True)  # no cells in it
    done = runner("linear-limit-nets", "--tiny", "--out", str(tmp_path))
    assert done.returncode == 1
    assert "results/nets/linear_limit.json: expected the step to make it" in done.stderr


@pytest.mark.slow
def test_a_row_is_made_once_and_a_table_again_when_a_row_of_it_is_new(tmp_path):
    arguments = ("table1-nets", "--tiny", "--out", str(tmp_path), "--values")
    done = runner(*arguments, "edits")
    assert done.returncode == 0, done.stderr
    table = tmp_path / "results" / "nets" / "table1" / "table.csv"
    assert ",edits-nets-tiny refined,1," in table.read_text()
    assert runner(*arguments, "edits").stdout == ""
    done = runner(*arguments, "vae")
    assert done.returncode == 0, done.stderr
    rows = table.read_text()
    assert ",edits-nets-tiny,1," in rows
    assert ",vae-nets-tiny,1," in rows
    steps = [json.loads(line) for line in (tmp_path / "runs" / "steps.jsonl").read_text().splitlines()]
    assert all(step["megabytes"] > 20 for step in steps)


def test_the_choice_of_srr_takes_novel_pairs_first():
    valid = {"novelty": 0.4, "diversity": 0.9, "quality": 0.9, "vun": 0.9, "relative_density": 0.2}
    copies = {"novelty": 0.1, "diversity": 0.9, "quality": 0.9, "vun": 0.9, "density_distance": 0.0}
    novel = {"novelty": 0.36, "diversity": 0.8, "quality": 0.8, "vun": 0.5, "density_distance": 0.02}
    assert not choose_srr.novel_enough(copies, valid)
    assert choose_srr.novel_enough(novel, valid)
    assert choose_srr.worst_share(novel, valid) == pytest.approx(0.5 / 0.9)


def test_rows_that_pages_name_exist():
    for page in (FOLDER.parent / "README.md", *(FOLDER.parent / "docs").glob("*.md")):
        for name in re.findall(r"experiments/run\.py ([a-z][\w-]*)", page.read_text(encoding="utf-8")):
            assert name == "all" or any(f"{row.name}-".startswith(f"{name}-") for row in ROWS), f"{page.name}: {name}"


@pytest.mark.slow
def test_the_tiny_twin_of_every_row_makes_its_results(tmp_path):
    done = runner("all", "--tiny", "--jobs", "2", "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr[-2000:]
    for made_file in (
        "results/nets/table1/table.md",
        "results/nets/table2/latents/latents.png",
        "results/both/shipped/reconstruction.json",
        "results/nets/sensitivity/strength/page/nets/curve.png",
        "results/nets/stiffness/young_hill/wanted.json",
        "results/cost/cost.json",
    ):
        assert (tmp_path / made_file).exists(), made_file
    assert runner("all", "--tiny", "--out", str(tmp_path)).stdout == ""
