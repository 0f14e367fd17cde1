"""Every model on a pretended GPU: no tensor of the CPU meets one of it in training, resume, drawing and repair."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import voxplore as vp
from voxplore.data.synthetic.nets import build_nets
from voxplore.data.synthetic.shells import build_shells
from voxplore.diffusion import linear_schedule, sample, srr_guide
from voxplore.models.voxplore import interpolate, method
from voxplore.recipes import RECIPES
from voxplore.refine import load_refiner
from voxplore.training import feed, graph, train
from voxplore.training.device import placed

#: Every model, and VoxPlore in each of its kinds.
NAMES = [
    *(f"{model}-nets-tiny" for model in sorted(vp.MODELS) if model not in ("edits", "voxplore", "voxplore-families")),
    "voxplore-families-both-tiny",
    "voxplore-paper-nets-tiny",
    "voxplore-published-nets-tiny",
    "voxplore-principal-nets-tiny",
    "closed-form-nets-tiny",
    "closed-form-contrastive-nets-tiny",
    "closed-form-sym-nets-tiny",
    "cdm3d-density-nets-tiny",
    "yang2024-metashell-tiny",
    "yang2024-octant-shells-tiny",
]

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


@pytest.fixture(scope="module")
def cells() -> vp.UnitCells:
    return build_nets(6, 3, resolution=16, workers=1)


@pytest.fixture(autouse=True)
def little_work(monkeypatch):
    monkeypatch.setattr(feed, "_WORKERS", 1)
    monkeypatch.setattr(method, "_CHAINS", 4)


def brief(name: str, steps: int) -> Any:
    """The recipe with so many steps of four cells a stage, and a sampler of four steps and cells."""
    config = RECIPES[name]
    if hasattr(config, "members"):
        members = tuple(
            dataclasses.replace(one, config=brief(f"voxplore-field-{one.name}-tiny", steps)) for one in config.members
        )
        return dataclasses.replace(config, members=members, sampling=members[0].config.sampling)
    stages = {key: value for key, value in vars(config).items() if key.endswith("training") and value}
    stages = {key: dataclasses.replace(stage, cells=4 * steps, batch=4) for key, stage in stages.items()}
    counts = {key: 4 for key in vars(config.sampling) if key in ("steps", "batch") or key.endswith("_steps")}
    return dataclasses.replace(config, **stages, sampling=dataclasses.replace(config.sampling, **counts))


def test_the_pretended_gpu_fails_where_tensors_of_two_places_meet(fake_gpu, two_places):
    there, here = torch.randn(3, 4, device="cuda"), torch.randn(4)
    assert there.device.type == "cuda"
    assert here.device.type == there.cpu().device.type == "cpu"
    assert isinstance(there.cpu().numpy(), np.ndarray)
    for mixed in (lambda: there + here, lambda: there @ here, lambda: torch.cat([there[0], here])):
        with pytest.raises(two_places):
            mixed()
    with pytest.raises(two_places):
        here[torch.tensor([0, 2], device="cuda")]
    assert (there + torch.tensor(1.0)).device.type == "cuda"  # one number may come along
    assert there[torch.tensor([0, 2])].shape == (2, 4)  # and numbers of rows
    layer = torch.nn.Linear(4, 2).to("cuda")
    layer(there).sum().backward()
    assert layer.weight.grad.device.type == "cuda"
    with pytest.raises(two_places):
        layer(here)


@pytest.mark.parametrize("name", NAMES)
def test_a_model_trains_resumes_draws_and_is_saved_on_a_gpu(name, cells, fake_gpu, tmp_path):
    kind = next(model for model in vp.MODELS.values() if model.Config is type(RECIPES[name]))
    if "both" in name:
        cells = vp.UnitCells.concatenate([cells, build_shells(6, 3, resolution=16, workers=1)])
    model = kind(brief(name, steps=2), device="cuda").fit(cells, tmp_path / "run")
    assert all(p.device.type == "cuda" for part in model.parts().values() for p in part.parameters())
    again = kind(brief(name, steps=2), device="cuda").fit(cells, tmp_path / "run")
    drawn = again.generate(3, seed=0)
    assert drawn.voxels().shape == (3, 16, 16, 16)
    if hasattr(again, "reconstruct"):
        assert len(again.reconstruct(cells[:2])) == 2
    again.save(tmp_path / "model")
    loaded = vp.load_model(tmp_path / "model", device="cuda")
    assert np.array_equal(loaded.generate(3, seed=0).packed, drawn.packed)
    assert vp.metrics.symmetry(drawn).shape == (3,)
    assert load_refiner().repair(drawn.voxels()[0]).shape == (16, 16, 16)


def test_a_latent_model_is_asked_for_densities_and_lines_on_a_gpu(cells, fake_gpu):
    model = vp.VoxPlore(brief("closed-form-nets-tiny", steps=1), device="cuda").fit(cells)
    assert len(model.generate(2, seed=0, condition={"relative_density": 0.1})) == 2
    assert len(interpolate(model, cells[:1], cells[1:2], 3)) == 3
    model.know(cells, {"stiffness": np.arange(6.0)})
    assert len(model.generate(2, seed=0, condition={"stiffness": 3.0})) == 2


def test_field_latents_are_asked_told_kept_away_from_and_projected_on_a_gpu(cells, fake_gpu):
    model = vp.MODELS["voxplore-field"](brief("voxplore-field-both-tiny", steps=1), device="cuda").fit(cells)
    projected = dataclasses.replace(model.config.sampling, projected=(0.05, 2.0))
    assert len(model.generate(2, seed=0, sampling=projected, condition={"relative_density": 0.1})) == 2
    model.know(cells, {"stiffness": np.arange(6.0)})
    model.avoid(cells)
    assert len(model.generate(2, seed=0, sampling=projected, condition={"stiffness": 3.0})) == 2


@pytest.mark.parametrize("search", ["list", "clusters", "all"])
def test_repulsion_works_on_a_gpu(search, fake_gpu):
    known = torch.randn(200, 8, device="cuda")
    guide = srr_guide(known, 2.0, strength=0.5, every=1, cap=10.0, search=search, clusters=4)

    def noise() -> torch.Tensor:
        return torch.randn(5, 8, device="cuda")

    drawn = sample(lambda x, t: 0.5 * x, noise, linear_schedule(50), steps=10, guide=guide)
    assert drawn.device.type == "cuda"
    assert drawn.isfinite().all()


def test_a_step_recorded_as_a_graph_is_prepared_for_and_replayed(fake_gpu, monkeypatch, tmp_path):
    replayed = []

    def recorded(step):
        return lambda: replayed.append(1) or step()

    monkeypatch.setattr(graph, "recorded", recorded)
    torch.manual_seed(0)
    network = placed(torch.nn.Linear(3, 3), "cuda")

    def loss(_: Any, n: int):
        x = torch.randn(n, 3, device="cuda")
        return (network(x) - x).square().mean(), {}

    options = {"batch": 4, "learning_rate": 0.1, "graph": True, "device": "cuda", "run": Path(tmp_path), "ema": 0.9}
    train("stage", network, loss, cells=80, stop_after=10, **options)
    assert len(replayed) == 10 - graph.WARM_STEPS
    train("stage", network, loss, cells=80, **options)
    assert len(replayed) == 20 - 2 * graph.WARM_STEPS


def test_a_step_that_cannot_be_recorded_is_taken_as_it_is():
    with pytest.warns(UserWarning, match="not recorded"):
        step = graph.recorded(lambda: 3)
    assert step() == 3
