import json
import time

import numpy as np
import pytest
import torch

from voxplore.errors import VoxploreError
from voxplore.training import train
from voxplore.training.checkpoint import compact, expand, load_state, read_tensors, save_state

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


def test_a_budget_of_processor_seconds_ends_a_training_with_its_rate_fallen(monkeypatch):
    used = iter(range(10_000))
    monkeypatch.setattr(time, "process_time", lambda: float(next(used)))  # one second a step
    module, loss = linear_problem()
    rates = []
    step = torch.optim.AdamW.step

    def watched(self, *given):
        rates.append(self.param_groups[0]["lr"])
        return step(self, *given)

    monkeypatch.setattr(torch.optim.AdamW, "step", watched)
    options = {**OPTIONS, "cells": 100_000, "warmup": 0.2, "decay": 0.5, "budget": 20.0}
    done = train("stage", module, loss, **options)
    assert 17 <= done["cells"] / OPTIONS["batch"] <= 20
    assert max(rates) == pytest.approx(OPTIONS["learning_rate"])
    assert rates[0] < 0.6 * max(rates)
    assert rates[-1] < 0.2 * max(rates)


def test_a_budget_goes_on_counting_where_a_training_was_broken_off(tmp_path, monkeypatch):
    used = iter(range(10_000))
    monkeypatch.setattr(time, "process_time", lambda: float(next(used)))
    options = {**OPTIONS, "cells": 100_000, "budget": 20.0, "run": tmp_path}
    module, loss = linear_problem()
    train("stage", module, loss, **options, stop_after=12)
    module, loss = linear_problem()
    done = train("stage", module, loss, **options)
    assert 15 <= done["cells"] / OPTIONS["batch"] <= 20


def test_numbers_of_the_gradient_are_cut(monkeypatch):
    module, loss = linear_problem()
    seen = []
    step = torch.optim.AdamW.step

    def watched(self, *given):
        seen.append(max(float(p.grad.abs().max()) for p in module.parameters()))
        return step(self, *given)

    monkeypatch.setattr(torch.optim.AdamW, "step", watched)
    train("stage", module, loss, **{**OPTIONS, "cells": 64, "clip": None}, clip_value=0.05, amsgrad=True)
    assert max(seen) == pytest.approx(0.05)


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
    tensors["kernels"] = torch.randn(48, 48, 3, 3, 3)
    assert {name for name, one in compact(tensors).items() if one.dtype == torch.int8} == {"large", "half", "kernels"}
    back = expand(compact(tensors))
    for name in ("large", "half", "kernels"):
        step = tensors[name].float().abs().amax(tuple(range(1, tensors[name].ndim)), keepdim=True) / 127
        assert ((back[name] - tensors[name]).abs() <= 0.5001 * step).all()
    assert torch.equal(back["small"], tensors["small"])
    assert set(back) == set(tensors)


def test_what_an_optimiser_remembers_lies_in_memory_as_its_weights_do(tmp_path):
    def problem():
        torch.manual_seed(0)
        module = torch.nn.Conv3d(2, 3, 3).to(memory_format=torch.channels_last_3d)
        return module, torch.optim.AdamW(module.parameters(), lr=0.1, fused=True)

    def step(module, optimiser):
        optimiser.zero_grad()
        module(torch.ones(1, 2, 4, 4, 4)).square().sum().backward()
        optimiser.step()

    whole, optimiser = problem()
    step(whole, optimiser)
    save_state(tmp_path / "stage.safetensors", whole, optimiser, {}, {})
    step(whole, optimiser)
    again, optimiser = problem()
    load_state(tmp_path / "stage.safetensors", again, optimiser, {})
    assert optimiser.state[again.weight]["exp_avg"].stride() == again.weight.stride()
    step(again, optimiser)
    assert torch.equal(whole.weight, again.weight)


def test_a_checkpoint_holds_facts_and_tensors(tmp_path):
    module, loss = linear_problem()
    train("stage", module, loss, **OPTIONS, run=tmp_path, stop_after=2)
    tensors, facts = read_tensors(tmp_path / "stage.safetensors")
    assert facts["step"] == 2
    assert "module.0.weight" in tensors
