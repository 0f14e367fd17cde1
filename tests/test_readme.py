"""The code of README and tutorial runs, at a size of seconds; every command they show exists with those options."""

import json
import re
import shlex
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import trimesh

from voxplore import recipes
from voxplore.cli import VERBS, main

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
#: Shown size -> size of the test.
SMALLER = {
    "--n 10000": "--n 60 --resolution 16 --workers 1",
    "--n 1000": "--n 4",
    "generate(1000,": "generate(4,",
    "--n 64": "--n 2",
    "--n 16": "--n 2 --size 32",
    "--n 500": "--n 6 --workers 1 --no-cache",
    "young_hill=0.02": "young_hill=0.05",
    "--n 8": "--n 2 --workers 1 --no-cache",
    "--size 10 --n 2": "--size 10 --n 1 --workers 1",
    "--rows": "--rows --row-size 4",
    "discover ": "discover --n 8 --minutes 0.05 --workers 1 --model runs/nets/model --reference data/nets ",
}

BLOCK = re.compile(r"^```(bash|python)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def commands(page: Path) -> list[str]:
    """Lines of shell blocks that start with one of our commands, comments and continuations taken off."""
    return lines_of("\n".join(blocks(page, "bash")))


def lines_of(block: str) -> list[str]:
    lines = [re.sub(r"\s#\s.*", "", line).strip() for line in block.replace("\\\n", " ").splitlines()]
    return [line for line in lines if re.match(r"(voxplore|make)\b", line)]


def every_command() -> list[tuple[str, str]]:
    return [(page.name, line) for page in PAGES for line in commands(page)]


def smaller(text: str) -> str:
    for shown, tested in SMALLER.items():
        text = text.replace(shown, tested) if tested not in text else text
    return text


@pytest.mark.parametrize(("page", "line"), every_command())
def test_every_command_that_is_shown_exists(page, line):
    program, *arguments = shlex.split(line.replace("$seed", "0"))
    if program == "make":
        targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
        assert all(argument in targets for argument in arguments if "=" not in argument), page
        return
    if arguments[0].startswith("--") or "..." in line or "NAME" in line:
        return
    import importlib

    import tyro

    assert arguments[0] in VERBS, page
    command = importlib.import_module(f"voxplore.cli.{arguments[0]}").Command
    tyro.cli(command, args=arguments[1:], config=(tyro.conf.FlagCreatePairsOff,))


@pytest.fixture
def small_recipes(monkeypatch):
    """The recipe that is shown, as small as the tests'."""
    tiny = recipes.RECIPES["closed-form-nets-tiny"]
    less = replace(tiny.autoencoder_training, cells=320)
    tiny = replace(tiny, autoencoder_training=less, sampling=replace(tiny.sampling, steps=3))
    monkeypatch.setitem(recipes.RECIPES, "closed-form-nets-small", tiny)


def test_the_tutorial_runs_from_its_first_line_to_its_last(monkeypatch, tmp_path, small_recipes):
    monkeypatch.chdir(tmp_path)
    trimesh.creation.cylinder(radius=15, height=20).export("body.stl")
    page = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
    names: dict = {}
    for language, block in re.findall(r"^```(bash|python)\n(.*?)^```", page, re.MULTILINE | re.DOTALL):
        if language == "python":
            exec(compile(smaller(block), "tutorial.md", "exec"), names)
            continue
        for line in block.splitlines():
            # Cells of a training this short may have no lattice of one body between them, which is refused.
            assert main(shlex.split(smaller(line))[1:]) in ((0, 2) if "--grade" in line else (0,)), line
    assert (tmp_path / "tables" / "nets" / "table.md").exists()
    assert list((tmp_path / "parts" / "filled").glob("*.stl"))
    assert (tmp_path / "best.png").exists()


def test_the_readme_runs_as_pasted_from_its_first_line_to_its_last_in_an_empty_folder(
    monkeypatch, tmp_path, small_recipes
):
    """All but `make`, whose targets are those of the Makefile."""
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    ran = 0
    for language, block in BLOCK.findall((ROOT / "README.md").read_text(encoding="utf-8")):
        if language == "python":
            exec(compile(smaller(block), "README.md", "exec"), names)
            ran += 1
            continue
        for line in lines_of(block):
            if line.startswith("voxplore"):
                assert main(shlex.split(smaller(line))[1:]) == 0, line
                ran += 1
    assert ran >= 5
    for path in ("data/nets/cells.json", "runs/nets/model/config.json", "cells.png", "tables/mine/table.md"):
        assert (tmp_path / path).exists(), path


@pytest.mark.parametrize("page", ["data.md", "performance.md", "reproduce.md"])
def test_the_commands_of_the_other_pages_run_in_order_in_an_empty_folder(monkeypatch, tmp_path, small_recipes, page):
    """Beside the files that a reader brings; `data.md` shows several ways to the same folder, one after the other."""
    monkeypatch.chdir(tmp_path)
    bring_files()
    for line in commands(ROOT / "docs" / page):
        for seed in range(3 if "$seed" in line else 1):
            words = shlex.split(smaller(line.replace("$seed", str(seed))))[1:]
            if page == "data.md":
                shutil.rmtree(words[words.index("--out") + 1], ignore_errors=True)
            assert main(words) == 0, line


def bring_files() -> None:
    """What a person has on the disk: arrays, a folder of STL files, a graph."""
    solid = np.zeros((3, 16, 16, 16), bool)
    solid[:, 4:12, 4:12] = solid[:, :, 4:12, 4:12] = solid[:, 4:12, :, 4:12] = True
    np.save("mine.npy", solid)
    np.save("stack.npy", np.uint8(255) * solid)
    np.savez("densities.npz", rho=np.where(solid, 0.9, 0.2), other=np.zeros(3))
    Path("my_stls").mkdir()
    trimesh.creation.icosphere(radius=4).apply_translation((5, 5, 5)).export("my_stls/ball.stl")
    nodes = [[0, 5, 5], [10, 5, 5], [5, 0, 5], [5, 10, 5], [5, 5, 0], [5, 5, 10], [5, 5, 5]]
    Path("truss.json").write_text(json.dumps({"nodes": nodes, "edges": [[k, 6] for k in range(6)]}))


def test_the_model_of_the_docs_is_a_model(monkeypatch, tmp_path):
    """The whole of what `add-a-model` promises: register, fit, save, load, generate."""
    import voxplore
    from voxplore.models import registry
    from voxplore.unitcells import load_cells

    monkeypatch.chdir(tmp_path)
    assert main(shlex.split(smaller("voxplore build nets --n 10000 --out nets"))[1:]) == 0
    names: dict = {"__name__": "a_model"}
    module = type(sys)("a_model")
    monkeypatch.setitem(sys.modules, "a_model", module)
    monkeypatch.setattr(registry, "MODELS", models := dict(registry.MODELS))
    monkeypatch.setattr(registry, "RECIPES", rows := dict(registry.RECIPES))
    for block in blocks(ROOT / "docs" / "add-a-model.md", "python"):
        exec(compile(block, "add-a-model.md", "exec"), names)
    assert models["mean"] is names["MeanModel"]
    assert rows["mean-nets-tiny"] == names["MeanConfig"]()
    model = names["MeanModel"](names["MeanConfig"]()).fit(load_cells("nets"))
    model.save("model")
    again = voxplore.load_model("model")
    first, second = model.generate(3, seed=1), again.generate(3, seed=1)
    assert first.sha256() == second.sha256()
    assert len(first) == 3
    assert first.relative_density().max() > 0


def test_links_between_pages_lead_somewhere():
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_results_that_pages_name_are_in_the_repository():
    for page in PAGES:
        text = page.read_text(encoding="utf-8").replace("<set>", "nets").replace("<recipe>", "voxplore-nets-small")
        for target in re.findall(r"\bresults/[\w./+-]*[\w]", text):
            assert (ROOT / target).exists(), f"{page.name}: {target}"


def test_the_shell_knows_the_command():
    assert shutil.which("voxplore", path=str(Path(sys.executable).parent))
