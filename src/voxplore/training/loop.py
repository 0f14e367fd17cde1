"""The one training loop: mixed precision, averaged weights, checkpoints, a log; the same call again resumes.

All randomness of step k is seeded by (seed, stage, k), so a resumed run equals an uninterrupted one bit for bit on CPU
and no generator state has to be saved.
"""

import contextlib
import hashlib
import json
import math
import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from voxplore.errors import VoxploreError
from voxplore.training.checkpoint import load_state, save_state
from voxplore.training.distributed import rank, team_of

__all__ = ["pick_device", "train"]

#: A loss maps (random generator of this step, number of cells) to the loss and figures for the log.
Loss = Callable[[np.random.Generator, int], tuple[Tensor, dict[str, Tensor]]]

_CHECKPOINT_SECONDS = 60.0
_LOG_SECONDS = 60.0


def pick_device(device: str) -> str:
    """ "auto" is CUDA where there is one, else the CPU; under torchrun each process has its own GPU."""
    device = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
    local = os.environ.get("LOCAL_RANK")
    return f"cuda:{local}" if device == "cuda" and local is not None else device


def train(
    stage: str,
    module: nn.Module,
    loss: Loss,
    *,
    cells: int,
    batch: int,
    learning_rate: float,
    weight_decay: float = 0.0,
    warmup: float = 0.0,
    decay: float = 0.0,
    clip: float | None = None,
    ema: float | None = None,
    precision: str = "fp32",
    seed: int = 0,
    device: str = "cpu",
    run: Path | None = None,
    stop_after: int | None = None,
) -> dict[str, float]:
    """Train `module` in place until `cells` cells were seen; returns cells and seconds of the whole training.

    warmup, decay: the shares of the training over which the learning rate rises linearly from 0 and falls linearly to
    0 at the end. clip: largest gradient norm. ema: decay of the averaged weights that replace the module's at the end.
    precision: "fp32", "bf16" (autocast) or "auto" (bf16 on CUDA). run: folder for `<stage>.safetensors`
    and log.jsonl; with it the same call resumes. stop_after: leave after this many steps of this call (tests).
    Under torchrun `batch` is that of all processes together, and the first of them alone writes to `run`, which all of
    them read.
    Raises VoxploreError where the loss is no longer finite, or where the checkpoint is of another training.
    """
    optimiser = torch.optim.AdamW(
        module.parameters(), lr=learning_rate, betas=(0.9, 0.99), weight_decay=weight_decay, fused=True
    )
    average = {k: v.detach().clone() for k, v in module.state_dict().items()} if ema else {}
    total = math.ceil(cells / batch)
    facts = {"stage": stage, "total": total, "batch": batch, "seed": seed, "learning_rate": learning_rate}
    path = run / f"{stage}.safetensors" if run else None
    step, seconds = _resume(path, module, optimiser, average, facts, device)
    dtype = _autocast_dtype(precision, device)
    team, first_process = team_of(device), rank() == 0
    log = _Log(run if first_process else None, stage, step, total, batch, silent=not first_process)
    started = saved = time.monotonic()
    before = seconds
    module.train()
    first = step
    shared = contextlib.ExitStack()
    if team:
        shared.enter_context(team.sharing(module))
    while step < total and (stop_after is None or step - first < stop_after):
        rng = np.random.default_rng(_step_seed(seed, stage, step))
        torch.manual_seed(int(rng.integers(2**63)))
        for group in optimiser.param_groups:
            group["lr"] = learning_rate * _rate_factor((step + 1) / total, 1 / total, warmup, decay)
        with torch.autocast(device.split(":")[0], dtype or torch.bfloat16, enabled=dtype is not None):
            value, figures = loss(rng, batch)
        if not torch.isfinite(value):
            last = f"last good checkpoint {path}" if path and path.exists() else "no checkpoint yet"
            raise VoxploreError(f"{stage}, step {step}", expected="a finite loss", came=f"{value.item()} ({last})")
        optimiser.zero_grad(set_to_none=True)
        (value / team.world if team else value).backward()
        if team:
            team.sum_gradients(module)
        norm = _clipped(module, clip)
        optimiser.step()
        step += 1
        if ema:
            _update_average(average, module, ema, step)
        seconds = before + time.monotonic() - started
        log.add(step, value, {**figures, "gradient": norm}, seconds)
        if path and first_process and time.monotonic() - saved > _CHECKPOINT_SECONDS:
            save_state(path, module, optimiser, average, {**facts, "step": step, "seconds": seconds})
            saved = time.monotonic()
    log.close()
    shared.close()
    if path and first_process:
        save_state(path, module, optimiser, average, {**facts, "step": step, "seconds": seconds})
    if ema:
        module.load_state_dict(average)
    module.eval()
    return {"cells": step * batch, "seconds": round(seconds, 1)}


def _resume(path, module, optimiser, average, facts, device) -> tuple[int, float]:
    if path is None or not path.exists():
        return 0, 0.0
    found = load_state(path, module, optimiser, average, device)
    for key, value in facts.items():
        if found.get(key) != value:
            raise VoxploreError(path, expected=f"{key} {value} as now asked for", came=f"{found.get(key)}")
    return int(found["step"]), float(found["seconds"])


def _step_seed(seed: int, stage: str, step: int) -> list[int]:
    return [seed, int.from_bytes(hashlib.sha256(stage.encode()).digest()[:4]), step]


def _rate_factor(progress: float, least: float, warmup: float, decay: float) -> float:
    rise = min(1.0, progress / warmup) if warmup else 1.0
    fall = min(1.0, (1 - progress + least) / decay) if decay else 1.0
    return rise * fall


def _clipped(module: nn.Module, clip: float | None) -> Tensor:
    """The gradient's norm, after it was cut to `clip`; without one the gradient is only read."""
    if clip is not None:
        return torch.nn.utils.clip_grad_norm_(module.parameters(), clip)
    return torch.nn.utils.get_total_norm([p.grad for p in module.parameters() if p.grad is not None])


def _autocast_dtype(precision: str, device: str) -> torch.dtype | None:
    # Not on CPUs that have it: no gain there (docs/log.md), and one recipe is to give one model on all of them.
    fast = precision == "bf16" or (precision == "auto" and device.startswith("cuda"))
    return torch.bfloat16 if fast else None


@torch.no_grad()
def _update_average(average: dict[str, Tensor], module: nn.Module, decay: float, step: int) -> None:
    # Early on the average would remember the untrained weights; this is the usual warm-up of the decay.
    weight = 1 - min(decay, (1 + step) / (10 + step))
    for name, tensor in module.state_dict().items():
        if tensor.is_floating_point():
            average[name].lerp_(tensor, weight)
        else:
            average[name].copy_(tensor)


class _Log:
    """A progress bar on a terminal and one JSON line a minute (means since the last one) in run/log.jsonl."""

    def __init__(self, run: Path | None, stage: str, step: int, total: int, batch: int, silent: bool = False):
        self.path = run / "log.jsonl" if run else None
        if run:
            run.mkdir(parents=True, exist_ok=True)
        self.stage, self.batch = stage, batch
        self.bar = tqdm(
            total=total * batch, initial=step * batch, desc=stage, unit="cell", disable=True if silent else None
        )
        self.sums: dict[str, Tensor] = {}
        self.count, self.last, self.since = 0, time.monotonic(), (step, time.monotonic())

    def add(self, step: int, loss: Tensor, figures: dict[str, Tensor], seconds: float) -> None:
        for name, value in {"loss": loss, **figures}.items():
            self.sums[name] = self.sums.get(name, torch.zeros(())) + value.detach().float()
        self.count += 1
        self.bar.update(self.batch)
        self.step, self.seconds = step, seconds
        if time.monotonic() - self.last > _LOG_SECONDS:
            self.write()

    def write(self) -> None:
        if self.path is None or not self.count:
            return
        now = time.monotonic()
        speed = (self.step - self.since[0]) * self.batch / max(now - self.since[1], 1e-9)
        line = {"stage": self.stage, "cells": self.step * self.batch, "seconds": round(self.seconds, 1)}
        line |= {name: round(float(value) / self.count, 6) for name, value in self.sums.items()}
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({**line, "cells_per_second": round(speed, 1)}) + "\n")
        self.sums, self.count, self.last, self.since = {}, 0, now, (self.step, now)

    def close(self) -> None:
        self.write()
        self.bar.close()
