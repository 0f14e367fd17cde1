"""Models of users: registered in Python, by an entry point or by VOXPLORE_MODELS, and then known everywhere."""

import importlib
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import voxplore as vp
from voxplore.cli import main
from voxplore.errors import VoxploreError
from voxplore.models import registry
from voxplore.models.base import Generator

MODULE = '''
"""A model of somebody else's."""
from dataclasses import dataclass, field
import numpy as np
import torch
import voxplore as vp
from voxplore.models.base import CellNoise, Generator
from voxplore.unitcells import pack

@dataclass(frozen=True)
class Sampling:
    threshold: float = 0.5

@dataclass(frozen=True)
class Config:
    resolution: int = 16
    sampling: Sampling = field(default_factory=Sampling)

class Mean(Generator):
    name, Config = "mean", Config
    def __init__(self, config, device="auto"):
        super().__init__(config, device)
        self.mean = torch.nn.Module()
        self.mean.register_buffer("share", torch.zeros(3 * (config.resolution,)))
    def parts(self):
        return {"mean": self.mean}
    def fit(self, cells, run=None):
        self.mean.share.copy_(torch.from_numpy(cells.voxels().mean(0)))
        return self
    def generate(self, n, *, seed, sampling=None, condition=None, first=0):
        noise = CellNoise(seed, first, n, (1, 1, 1), "cpu")()
        solid = self.mean.share + 0.1 * noise > (sampling or self.config.sampling).threshold
        return self._drawn(pack(np.asarray(solid)), self.config.resolution, seed, first)

vp.register(Mean, recipes={"mean-nets-tiny": Config()})
'''


@pytest.fixture
def clean(monkeypatch):
    """Nothing that a test registers stays."""
    from voxplore.recipes import RECIPES

    monkeypatch.setattr(registry, "_imported", set())
    models, recipes = dict(registry.MODELS), dict(RECIPES)
    yield
    for table, before in ((registry.MODELS, models), (RECIPES, recipes)):
        table.clear()
        table.update(before)
    sys.modules.pop("somebodys_model", None)


@pytest.fixture
def cells(tmp_path) -> Path:
    vp.UnitCells.from_voxels(np.random.default_rng(0).random((6, 16, 16, 16)) > 0.5).save(tmp_path / "cells")
    return tmp_path / "cells"


def run(*arguments: object, status: int = 0) -> None:
    assert main(list(map(str, arguments))) == status, arguments


def test_the_command_line_trains_and_draws_with_a_model_that_a_variable_names(
    clean, cells, tmp_path, monkeypatch, capsys
):
    (tmp_path / "somebodys_model.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    train = ("train", cells, "--recipe", "mean-nets-tiny", "--out", tmp_path / "run", "--device", "cpu")
    run(*train, status=2)
    assert "the name of a recipe" in capsys.readouterr().err
    monkeypatch.setenv("VOXPLORE_MODELS", "somebodys_model")
    run("recipes", "mean")
    assert capsys.readouterr().out == "mean-nets-tiny\n"
    run(*train)
    run("generate", tmp_path / "run/model", "--n", 3, "--out", tmp_path / "drawn", "--device", "cpu")
    assert vp.load_cells(tmp_path / "drawn").index["model"].tolist() == ["mean"] * 3
    run("info", tmp_path / "run/model")
    assert "mean" in capsys.readouterr().out


@pytest.mark.slow
def test_an_installed_package_is_found_by_its_entry_point_also_in_worker_processes(cells, tmp_path):
    (tmp_path / "somebodys_model.py").write_text(MODULE)
    (tmp_path / "somebody-1.0.dist-info").mkdir()
    (tmp_path / "somebody-1.0.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: somebody\nVersion: 1.0\n"
    )
    (tmp_path / "somebody-1.0.dist-info" / "entry_points.txt").write_text("[voxplore.models]\nmean = somebodys_model\n")
    path = os.pathsep.join([str(tmp_path), str(Path(vp.__file__).parents[1])])
    environment = {**os.environ, "PYTHONPATH": path}
    for arguments in (
        ["train", str(cells), "--recipe", "mean-nets-tiny", "--out", "run", "--device", "cpu"],
        ["generate", "run/model", "--n", "600", "--out", "drawn", "--device", "cpu", "--workers", "2"],
    ):
        command = [sys.executable, "-m", "voxplore", *arguments]
        subprocess.run(command, env=environment, cwd=tmp_path, check=True, timeout=300)
    assert len(vp.load_cells(tmp_path / "drawn")) == 600


def test_a_saved_model_that_nobody_registered_is_named_with_what_would_help(clean, cells, tmp_path, monkeypatch):
    (tmp_path / "somebodys_model.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    module = importlib.import_module("somebodys_model")
    module.Mean(module.Config()).fit(vp.load_cells(cells)).save(tmp_path / "model")
    assert vp.load_model(tmp_path / "model").name == "mean"
    del registry.MODELS["mean"]
    with pytest.raises(VoxploreError, match=r"vp.register, VOXPLORE_MODELS=module\), got mean"):
        vp.load_model(tmp_path / "model")


@dataclass(frozen=True)
class Settings:
    sampling: int = 0


class Good(Generator):
    name, Config = "good", Settings


@pytest.mark.parametrize(("change", "told"), [
    ({"name": "voxplore"}, "a name of its own, got that of voxplore.models.voxplore.method"),
    ({"name": "Not a name"}, "small letters"),
    ({"name": None}, "small letters"),
    ({"Config": int}, "a dataclass with a field sampling"),
])  # fmt: skip
def test_what_is_no_generator_is_not_registered(clean, change, told):
    with pytest.raises(VoxploreError, match=told):
        vp.register(type("Other", (Good,), change))
    with pytest.raises(VoxploreError, match="a subclass of"):
        vp.register(dict)  # pyright: ignore
    assert "good" not in registry.MODELS


@pytest.mark.parametrize(("recipes", "told"), [
    ({"good-nets-tiny": 1}, "expected a Settings named <model>-<set>-<size>, got int"),
    ({"good": Settings()}, "named <model>-<set>-<size>"),
    ({"graph-nets-tiny": Settings()}, "a name that no other model's recipe has"),
])  # fmt: skip
def test_recipes_of_another_model_are_not_registered(clean, recipes, told):
    from voxplore.recipes import RECIPES

    before = dict(RECIPES)
    with pytest.raises(VoxploreError, match=told):
        vp.register(Good, recipes)
    assert before == RECIPES
    assert "good" not in registry.MODELS


def test_a_cell_of_a_notebook_that_is_run_again_replaces_its_model(clean):
    assert vp.register(Good) is Good
    again = type("Good", (Good,), {"__module__": Good.__module__})
    vp.register(again)
    assert registry.MODELS["good"] is again


def test_a_module_that_cannot_be_imported_is_named(clean, tmp_path, monkeypatch, capsys):
    (tmp_path / "broken_model.py").write_text("1 / 0")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("VOXPLORE_MODELS", "broken_model")
    run("recipes", status=2)
    assert (
        "VOXPLORE_MODELS=broken_model: expected a module broken_model that can be imported" in capsys.readouterr().err
    )
