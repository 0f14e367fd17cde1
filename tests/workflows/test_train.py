"""What a drawing says about itself, from samples to scores."""

import dataclasses
import json
import re

import numpy as np
import pytest

import voxplore as vp
from voxplore.recipes import RECIPES
from voxplore.workflows import cost, generate, train


@pytest.fixture(scope="module")
def model():
    """Untrained: what it draws does not matter here."""
    made = vp.VoxPlore(RECIPES["voxplore-principal-nets-tiny"], device="cpu")
    made.latents.learn(*np_latents())
    made.trained = {"recipe": "mine", "stages": {"one": {"seconds": 2.0}, "two": {"seconds": 3.5}}}
    return made


def np_latents():
    import torch

    latents = torch.from_numpy(np.random.default_rng(0).normal(size=(40, 16)).astype(np.float32))
    return latents, torch.full((40,), 0.2), torch.ones(40, dtype=torch.uint8)


def test_samples_say_what_they_took(model):
    made = generate.draw(model, 2, seed=3).about["made"]
    assert made["recipe"] == "mine"
    assert made["parameters"] == model.parameters() > 0
    assert made["training_seconds"] == 5.5
    assert made["seconds_per_1000"] > 0
    assert made["steps"] == model.config.sampling.steps
    assert re.search(r"torch \d", made["hardware"])


@pytest.mark.parametrize("recipe", [name for name in RECIPES if name.endswith("-nets-tiny")])
def test_steps_are_those_of_the_samplers_stages_and_nothing_else(recipe):
    sampling = RECIPES[recipe].sampling
    stages = {"xcube": ("coarse_steps", "fine_steps")}.get(recipe.split("-")[0], ("steps",))
    counted = [getattr(sampling, name) for name in stages if hasattr(sampling, name)]
    assert cost._steps(sampling) == (sum(counted) if counted else None)
    names = {field.name for field in dataclasses.fields(sampling) if "steps" in field.name}
    assert names <= set(stages), "a field of another name would count nothing"


def test_training_elsewhere_is_named_beside_the_drawing(model, monkeypatch):
    monkeypatch.setitem(model.trained, "hardware", "an abacus")
    assert generate.draw(model, 1).about["made"]["hardware"].startswith("an abacus; drawn on ")


def test_scores_carry_it_on(model, tmp_path):
    generate.draw(model, 2, seed=3).save(tmp_path / "samples")
    drawn = vp.load_cells(tmp_path / "samples")
    scores = vp.evaluate(drawn, drawn, vun=False)
    assert scores.about["samples"]["made"] == drawn.about["made"]


def test_the_same_cells_are_drawn_as_by_the_model(model):
    assert generate.draw(model, 2, seed=3).sha256() == model.generate(2, seed=3).sha256()


def test_a_run_of_a_version_with_fewer_fields_goes_on_and_a_changed_one_is_refused(tmp_path):
    cells = vp.UnitCells.from_voxels(np.random.default_rng(0).random((40, 16, 16, 16)) < 0.3, name="specks")
    brief = ("autoencoder_training.cells=64",)
    train.train(cells, "closed-form-nets-tiny", tmp_path / "run", brief, "cpu")
    path = tmp_path / "run" / "train.json"
    begun = json.loads(path.read_text())
    del begun["config"]["sampling"]["points"], begun["config"]["loss"]["negatives"]
    path.write_text(json.dumps(begun))
    assert train.train(cells, "closed-form-nets-tiny", tmp_path / "run", brief, "cpu").name == "model"
    begun["config"]["sampling"]["threshold"] = 0.4
    path.write_text(json.dumps(begun))
    with pytest.raises(vp.VoxploreError, match="another config"):
        train.train(cells, "closed-form-nets-tiny", tmp_path / "run", brief, "cpu")
