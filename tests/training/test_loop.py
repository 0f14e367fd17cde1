import json

import numpy as np
import pytest
import torch

from voxplore.errors import VoxploreError
from voxplore.training import train
from voxplore.training.checkpoint import compact, expand, read_tensors

OPTIONS = {"cells": 640, "batch": 16, "learning_rate": 1e-2, "warmup": 0.1, "decay": 0.5, "clip": 1.0, "ema": 0.9}


def linear_problem():
    torch.manual_seed(0)
    module = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Dropout(0.1), torch.nn.Linear(8, 1))

    def loss(rng: np.random.Generator, n: int):
        x = torch.from_numpy(rng.normal(size=(n, 4)).astype(np.float32))
        return (module(x) - x.sum(1, keepdim=True)).square().mean(), {}

    return module, loss


def test_the_loss_falls():
    module, loss = linear_problem()
    rng = np.random.default_rng(9)
    before = loss(rng, 256)[0].item()
    train("stage", module, loss, **OPTIONS)
    assert loss(rng, 256)[0].item() < before / 2


def test_a_resumed_training_equals_an_uninterrupted_one_bit_for_bit(tmp_path):
    whole, loss = linear_problem()
    train("stage", whole, loss, **OPTIONS, run=tmp_path / "a")
    for _ in range(5):
        parts, loss = linear_problem()  # a new process knows nothing but the folder
        train("stage", parts, loss, **OPTIONS, run=tmp_path / "b", stop_after=9)
    for one, other in zip(whole.state_dict().values(), parts.state_dict().values(), strict=True):
        assert torch.equal(one, other)


def test_a_finished_training_is_not_trained_again(tmp_path):
    module, loss = linear_problem()
    first = train("stage", module, loss, **OPTIONS, run=tmp_path)
    again, loss = linear_problem()
    assert train("stage", again, loss, **OPTIONS, run=tmp_path)["cells"] == first["cells"]
    assert torch.equal(module[0].weight, again[0].weight)


def test_a_loss_that_is_not_a_number_stops_and_names_the_checkpoint(tmp_path):
    module, loss = linear_problem()
    train("stage", module, loss, **OPTIONS, run=tmp_path, stop_after=3)

    def broken(rng, n):
        return loss(rng, n)[0] * float("nan"), {}

    with pytest.raises(VoxploreError, match=r"finite loss.*stage\.safetensors"):
        train("stage", module, broken, **OPTIONS, run=tmp_path)


def test_a_checkpoint_of_another_training_is_refused(tmp_path):
    module, loss = linear_problem()
    train("stage", module, loss, **OPTIONS, run=tmp_path, stop_after=3)
    with pytest.raises(VoxploreError, match="seed 5"):
        train("stage", module, loss, **OPTIONS, run=tmp_path, seed=5)


def test_a_damaged_checkpoint_is_named(tmp_path):
    (tmp_path / "stage.safetensors").write_bytes(b"not tensors")
    module, loss = linear_problem()
    with pytest.raises(VoxploreError, match=r"stage\.safetensors"):
        train("stage", module, loss, **OPTIONS, run=tmp_path)


@pytest.mark.parametrize("clip", [None, 1e-3])
def test_the_log_has_the_gradients_norm_from_before_it_is_cut(tmp_path, clip):
    module, loss = linear_problem()
    train("stage", module, loss, **{**OPTIONS, "clip": clip}, run=tmp_path)
    assert json.loads((tmp_path / "log.jsonl").read_text().splitlines()[-1])["gradient"] > 0.01


def test_the_log_has_a_line_with_the_cells_seen(tmp_path):
    module, loss = linear_problem()
    train("stage", module, loss, **OPTIONS, run=tmp_path)
    line = json.loads((tmp_path / "log.jsonl").read_text().splitlines()[-1])
    assert line["stage"] == "stage"
    assert line["cells"] == 640
    assert line["loss"] > 0


def test_compact_tensors_come_back_within_half_a_step():
    tensors = {"large": torch.randn(256, 256), "small": torch.randn(8), "half": torch.randn(256, 256).half()}
    back = expand(compact(tensors))
    step = tensors["large"].abs().amax(1, keepdim=True) / 127
    assert ((back["large"] - tensors["large"]).abs() <= 0.5001 * step).all()
    assert torch.equal(back["small"], tensors["small"])
    assert torch.equal(back["half"], tensors["half"])
    assert set(back) == set(tensors)


def test_a_checkpoint_holds_facts_and_tensors(tmp_path):
    module, loss = linear_problem()
    train("stage", module, loss, **OPTIONS, run=tmp_path, stop_after=2)
    tensors, facts = read_tensors(tmp_path / "stage.safetensors")
    assert facts["step"] == 2
    assert "module.0.weight" in tensors
