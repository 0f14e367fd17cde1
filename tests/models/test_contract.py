"""What every generator holds to: each of MODELS with its `<model>-nets-tiny` recipe, a new one by itself.

What only one model needs stands in `BY_HEART`.
"""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import voxplore as vp
from voxplore.data.synthetic.nets import build_nets
from voxplore.recipes import FamiliesConfig, Member
from voxplore.training import loop
from voxplore.workflows import train

RESOLUTION = 16
#: Changes under which four cells can be learnt by heart, where a recipe is made to draw others than it was shown.
BY_HEART: dict[str, list[str]] = {
    "voxplore": ["sampling.srr=null"],
    "voxplore-field": ["sampling.srr=null", "loss.noise=0.0"],
}
#: Rows that stand for a model whose name alone is none.
ROWS = {"voxplore": "voxplore-paper"}
#: Steps of each stage, where 24 are too few for its loss to fall by more than chance.
STEPS = {"voxplore-field": 48}
#: A Gaussian is drawn from between the cells, too, so that these are asked to reconstruct them.
RECONSTRUCT = {"vae", "graph"}


def recipe(name: str, steps: int, batch: int | None = None, changes: list[str] | None = None) -> Any:
    """The tiny recipe with every training of so many steps; that of families for two of nets."""
    if name == "voxplore-families":
        one = recipe("voxplore-field", steps, batch, changes)
        return FamiliesConfig((Member("first", ("net-orthorhombic",), one), Member("rest", ("",), one)), one.sampling)
    config = train.recipe_with(f"{ROWS.get(name, name)}-nets-tiny", changes or [])
    replaced = {}
    for field in trainings(config):
        training = getattr(config, field)
        size = batch or training.batch
        replaced[field] = dataclasses.replace(training, cells=steps * size, batch=size)
    return dataclasses.replace(config, **replaced)


def trainings(config: Any) -> list[str]:
    names = [field.name for field in dataclasses.fields(config)]
    return [name for name in names if (name == "training" or name.endswith("_training")) and getattr(config, name)]


def briefly(sampling: Any) -> Any:
    """The same sampler in four steps a stage, of eight cells together."""
    names = [field.name for field in dataclasses.fields(sampling)]
    changes = {n: 4 for n in names if n == "steps" or n.endswith("_steps")} | {n: 8 for n in names if n == "batch"}
    return dataclasses.replace(sampling, **changes)


@dataclasses.dataclass
class Trained:
    model: vp.models.Generator
    sampling: Any
    losses: dict[str, list[float]]
    """Of each stage, a step each."""

    def draw(self, n: int, seed: int = 0) -> vp.UnitCells:
        return self.model.generate(n, seed=seed, sampling=self.sampling)


class Watch:
    """Every step of every stage of a training, and a place where it breaks off."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, stop_after: int | None = None):
        self.losses: dict[str, list[float]] = {}
        self.steps = 0
        add = loop._Log.add

        def watched(log, step, loss, *rest):
            if stop_after is not None and self.steps == stop_after:
                raise KeyboardInterrupt
            self.steps += 1
            self.losses.setdefault(log.stage, []).append(float(loss.detach()))
            return add(log, step, loss, *rest)

        monkeypatch.setattr(loop._Log, "add", watched)
        monkeypatch.setattr(loop, "_CHECKPOINT_SECONDS", -1.0)


@pytest.fixture(scope="module")
def cells() -> vp.UnitCells:
    return build_nets(12, 3, resolution=RESOLUTION, workers=1)


@pytest.fixture(scope="module", params=sorted(vp.MODELS))
def trained(request, cells) -> Trained:
    config = recipe(request.param, steps=STEPS.get(request.param, 24), batch=8)
    with pytest.MonkeyPatch.context() as monkeypatch:
        watch = Watch(monkeypatch)
        model = vp.MODELS[request.param](config, device="cpu").fit(cells)
    return Trained(model, briefly(config.sampling), watch.losses)


def test_generated_cells_are_unit_cells_of_the_trained_resolution(trained):
    drawn = trained.draw(5)
    assert isinstance(drawn, vp.UnitCells)
    assert drawn.voxels().shape == (5, *3 * (RESOLUTION,))
    assert drawn.voxels().dtype == bool
    assert set(drawn.index) >= {"id", "seed", "model"}
    assert set(drawn.index["model"].tolist()) == {trained.model.name}
    assert len(trained.draw(0)) == 0


def test_the_same_seed_gives_the_same_cells_however_many_are_drawn(trained):
    three, seven = trained.draw(3, seed=4), trained.draw(7, seed=4)
    assert np.array_equal(three.packed, seven.packed[:3])


def test_a_part_of_a_drawing_has_the_cells_of_the_whole(trained):
    together = trained.model.together(trained.sampling)
    whole = trained.draw(together + 3, seed=4)
    part = trained.model.generate(3, seed=4, sampling=trained.sampling, first=together)
    assert np.array_equal(part.packed, whole.packed[together:])
    assert part.index["id"].tolist() == whole.index["id"][together:].tolist()


def test_another_seed_gives_other_cells(trained):
    # Cells of a hardly trained network can all be empty; what is drawn from is not.
    if not trained.draw(7, seed=4).relative_density().any():
        pytest.skip("all cells are empty after so little training")
    assert trained.draw(7, seed=4).sha256() != trained.draw(7, seed=5).sha256()


def test_a_saved_model_draws_the_same_cells(trained, tmp_path):
    trained.model.save(tmp_path / "model")
    again = vp.load_model(tmp_path / "model", device="cpu")
    assert again.config == trained.model.config
    assert again.trained == trained.model.trained
    assert again.parameters() == trained.model.parameters()
    assert again.generate(3, seed=1, sampling=trained.sampling).sha256() == trained.draw(3, seed=1).sha256()
    assert {file.suffix for file in (tmp_path / "model").glob("[!.]*")} == {".safetensors", ".json", ".md"}


def test_the_loss_of_every_stage_falls(trained):
    members = getattr(trained.model.config, "members", None)
    assert bool(trained.losses) == bool(members or trainings(trained.model.config))
    for stage, losses in trained.losses.items():
        if stage == "adversarial":  # two networks against each other: what one gains the other loses
            continue
        for part in np.split(np.array(losses), len(members or [1])):
            assert np.isfinite(part).all(), stage
            assert np.mean(part[-8:]) < np.mean(part[:8]), stage


def test_fit_says_what_it_was_given_and_took(trained, cells):
    assert trained.model.trained["data"] == "nets"
    assert trained.model.trained["data_sha256"] == cells.sha256()
    assert {stage.rsplit("-")[-1] for stage in trained.model.trained["stages"]} == set(trained.losses)


def test_cells_of_another_resolution_and_conditions_are_refused(trained, cells):
    with pytest.raises(vp.VoxploreError, match=r"16\^3.*24\^3"):
        trained.model.fit(vp.UnitCells.from_voxels(np.ones((2, 24, 24, 24), bool)))
    with pytest.raises(vp.VoxploreError, match="condition"):
        trained.model.generate(1, seed=0, condition={"density": 0.1})


@pytest.fixture
def two_threads():
    """As many as most users have; gradients must not depend on which thread comes first."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("two_threads")
@pytest.mark.parametrize("name", sorted(vp.MODELS))
def test_a_training_broken_off_twice_resumes_to_the_same_model(name, cells, tmp_path, monkeypatch):
    config = recipe(name, steps=4, batch=4)

    def fit(folder: Path, stop_after: int | None = None) -> tuple[vp.models.Generator, int]:
        with monkeypatch.context() as patch:
            watch = Watch(patch, stop_after)
            model = vp.MODELS[name](config, device="cpu")
            return model.fit(cells, folder), watch.steps

    whole, steps = fit(tmp_path / "whole")
    for stop_after in (steps // 4, steps // 2) if steps else ():
        with pytest.raises(KeyboardInterrupt):
            fit(tmp_path / "parts", stop_after)
    parts, last = fit(tmp_path / "parts")
    assert last < steps or not steps
    for part, network in whole.parts().items():
        for key, tensor in network.state_dict().items():
            assert torch.equal(tensor, parts.parts()[part].state_dict()[key]), (part, key)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(name for name in vp.MODELS if trainings(recipe(name, 1))))
def test_four_cells_are_learnt_by_heart(name):
    changes = BY_HEART.get(name, [])
    few = build_nets(4, 3, resolution=RESOLUTION, radius=0.12, workers=1)
    config = recipe(name, steps=1500, changes=["augment=none", *changes])
    model = vp.MODELS[name](config, device="cpu").fit(few)
    drawn = model.reconstruct(few) if name in RECONSTRUCT else model.generate(12, seed=0)
    known, found = few.voxels(), drawn.voxels()[:, None]
    shared = (found & known).sum((2, 3, 4)) / (found | known).sum((2, 3, 4))
    # No two of the four share more than .82; blocks of two voxels give the thinnest back at .88.
    assert shared.max(1).min() > 0.85
    assert shared.max(1).mean() > 0.9
    assert len(set(shared.argmax(1).tolist())) >= 2
    assert model.generate(7, seed=4).sha256() != model.generate(7, seed=5).sha256()
