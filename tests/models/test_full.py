"""Recipes for a GPU on a CPU: one training step of one cell a stage and one step of each sampler."""

import dataclasses

import numpy as np
import pytest

import voxplore as vp
from voxplore.data.synthetic.nets import build_nets
from voxplore.recipes import RECIPES

#: One of each size of network; other sets and variants share theirs.
NAMES = sorted(name for name in RECIPES if name.endswith("-nets-full") and not name.startswith("edits"))


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_full_recipe_takes_one_step_of_training_and_of_sampling(name, monkeypatch):
    config = RECIPES[name]
    stages = {key: value for key, value in vars(config).items() if key.endswith("training")}
    stages = {key: dataclasses.replace(stage, cells=2, batch=2) for key, stage in stages.items()}
    counts = {key: 1 for key in vars(config.sampling) if key in ("steps", "early", "late") or key.endswith("_steps")}
    sampling = dataclasses.replace(config.sampling, **counts)
    monkeypatch.setattr(vp.models.base, "CPU_BATCH", 1)
    kind = next(model for model in vp.MODELS.values() if model.Config is type(config))
    model = kind(dataclasses.replace(config, **stages, augment="none"), device="cpu").fit(build_nets(2, 3, workers=1))
    drawn = model.generate(1, seed=0, sampling=sampling).voxels()
    assert drawn.shape == (1, 48, 48, 48)
    assert drawn.dtype == np.bool_
