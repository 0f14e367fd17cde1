"""The one training loop: mixed precision, averaged weights, checkpoints, a log; the same call again resumes.

All randomness of step k is seeded by (seed, stage, k), so a resumed run equals an uninterrupted one bit for bit on CPU
and no generator state has to be saved. On a GPU nothing is read back from it but every hundredth step.
"""

import contextlib
import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn, optim
from tqdm import tqdm

from voxplore import storage
from voxplore.errors import VoxploreError
from voxplore.training import graph as graphs
from voxplore.training.checkpoint import load_state, save_state
from voxplore.training.device import fast_arithmetic, on_gpu, pick_device
from voxplore.training.distributed import rank, team_of
from voxplore.training.feed import Prepare, batches

__all__ = ["pick_device", "train"]

#: A loss maps (batch, number of cells) to the loss and figures for the log. The batch is what `prepare` gave, as
#: tensors on the device, or the random generator of the step.
Loss = Callable[[Any, int], tuple[Tensor, dict[str, Tensor]]]

_CHECKPOINT_SECONDS = 60.0
_LOG_SECONDS = 60.0
#: Steps on a GPU between two looks at whether the loss is finite; each look waits for the GPU.
_LOOK = 100


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
    clip_value: float | None = None,
    ema: float | None = None,
    precision: str = "fp32",
    beta2: float = 0.99,
    amsgrad: bool = False,
    budget: float | None = None,
    prepare: Prepare | None = None,
    graph: bool = False,
    seed: int = 0,
    device: str = "cpu",
    run: Path | None = None,
    stop_after: int | None = None,
) -> dict[str, float]:
    """Train `module` in place until `cells` cells were seen; returns cells and seconds of the whole training.

    warmup, decay: the shares of the training over which the learning rate rises linearly from 0 and falls linearly to 0
    at the end. clip: largest gradient norm. clip_value: largest size of one number of the gradient. ema: decay of the
    averaged weights that replace the module's at the end. precision: "fp32", "bf16" (autocast) or "auto" (bf16 on
    CUDA). beta2, amsgrad: of AdamW. budget: the training also ends, its rates fallen, after so many seconds: processor
    seconds of this process on a CPU, wall seconds on a GPU. Such a training does not repeat to the last bit. prepare:
    what of a step needs no GPU, see `feed`; the loss is given its result. graph: the step decides nothing on the CPU
    and may be recorded as a CUDA graph. run: folder for `<stage>.safetensors` and log.jsonl; with it the same call
    resumes. stop_after: leave after this many steps of this call (tests). Under torchrun `batch` is that of all
    processes together, figures of the log are those of the first, and the first alone writes to `run`, which all of
    them read. Raises VoxploreError for a loss that is not finite, another training's checkpoint, a torchrun budget.
    """
    team, first_process, gpu = team_of(device), rank() == 0, on_gpu(device)
    own = team.share(batch) if team else batch
    if team and budget is not None:
        raise VoxploreError("torchrun", expected="a training without a budget of seconds", got=f"{budget:g} s")
    recordable = graph and gpu and team is None
    optimiser = optim.AdamW(
        module.parameters(),
        # A recorded step reads its rate from a tensor.
        lr=torch.tensor(learning_rate, device=device) if recordable else learning_rate,
        betas=(0.9, beta2),
        weight_decay=weight_decay,
        amsgrad=amsgrad,
        fused=True,
        capturable=recordable,
    )
    average = {k: v.detach().clone() for k, v in module.state_dict().items()} if ema else {}
    total = math.ceil(cells / batch)
    facts: dict[str, Any] = {"stage": stage, "total": total, "batch": batch, "seed": seed}
    facts |= {"learning_rate": learning_rate, **({} if budget is None else {"budget": budget})}
    path = run / f"{stage}.safetensors" if run else None
    first, clock = _resume(path, module, optimiser, average, facts, device)
    length = _Length(total, budget, warmup, decay)
    dtype = _autocast_dtype(precision, device)
    log = _Log(run if first_process else None, stage, first, total, batch, silent=not first_process)
    step, saved, finite = first, time.monotonic(), torch.ones((), dtype=torch.bool, device=device)

    def update(drawn: Any) -> tuple[Tensor, dict[str, Tensor]]:
        """One step of the optimiser."""
        with torch.autocast(device.split(":")[0], dtype or torch.bfloat16, enabled=dtype is not None):
            value, figures = loss(drawn, own)
        optimiser.zero_grad(set_to_none=True)
        if team:
            value = value * (own / batch)
        value.backward()
        if team:
            value = team.sum(module, value)
        norm = _clipped(module, clip, clip_value)
        optimiser.step()
        return value.detach(), {**{name: figure.detach() for name, figure in figures.items()}, "gradient": norm}

    def save() -> None:
        if not finite:
            last = f"last good checkpoint {path}" if path and path.exists() else "no checkpoint yet"
            got = f"another by step {step} ({last})"
            raise VoxploreError(f"{stage}", expected="a finite loss", got=got)
        if path and first_process:
            save_state(path, module, optimiser, average, {**facts, "step": step, **clock.facts()})

    averaged, replay = _Average(average, module, ema), None
    module.train()
    drawn = batches(prepare, stage, seed, range(first, total), own, device, rank())
    with contextlib.ExitStack() as held:
        held.enter_context(contextlib.closing(drawn))  # pyright: ignore
        held.enter_context(fast_arithmetic(device))
        held.callback(log.close)
        if team:
            team.start_alike(module)
        while length.share(step, clock.spent) < 1 and (stop_after is None or step - first < stop_after):
            torch_seed, shown = next(drawn)
            torch.manual_seed(torch_seed)
            _set_rate(optimiser, learning_rate * length.rate(step, clock.spent))
            if recordable and step - first == graphs.WARM_STEPS:
                replay = graphs.recorded(lambda shown=shown: update(shown))
            value, figures = replay() if replay else update(shown)
            finite &= value.isfinite()
            step += 1
            averaged.update(step)
            clock.tick()
            log.add(step, value, figures, clock.seconds)
            due = time.monotonic() - saved > _CHECKPOINT_SECONDS
            if due or not gpu or step % _LOOK == 0:
                if due or not finite:
                    save()
                saved = time.monotonic() if due else saved
        if gpu:
            torch.cuda.synchronize(device)
        clock.tick()
    save()
    if ema:
        module.load_state_dict(average)
    module.eval()
    return {"cells": step * batch, **{name: round(value, 1) for name, value in clock.facts().items()}}


class _Length:
    """How much of a training is over, by steps or by its budget, and the factor of the learning rate."""

    def __init__(self, total: int, budget: float | None, warmup: float, decay: float):
        self.total, self.budget, self.warmup, self.decay = total, budget, warmup, decay

    def share(self, step: int, spent: float) -> float:
        by_steps = step / self.total if self.total else 1.0
        return by_steps if self.budget is None else max(by_steps, spent / self.budget)

    def rate(self, step: int, spent: float) -> float:
        over, least = self.share(step, spent), 1 / self.total
        rise = min(1.0, (over + least) / self.warmup) if self.warmup else 1.0
        fall = min(1.0, (1 - over) / self.decay) if self.decay else 1.0
        return rise * fall


class _Clock:
    """Wall seconds and, on a CPU, processor seconds of a training and of what was resumed."""

    def __init__(self, device: str, before: dict[str, Any]):
        self.gpu, self._before = on_gpu(device), before
        self._started = time.monotonic(), time.process_time()
        self.tick()

    def tick(self) -> None:
        started, used = self._started
        self.seconds = float(self._before.get("seconds", 0.0)) + time.monotonic() - started
        self.processor = float(self._before.get("processor_seconds", 0.0)) + time.process_time() - used

    @property
    def spent(self) -> float:
        """What a budget counts."""
        return self.seconds if self.gpu else self.processor

    def facts(self) -> dict[str, float]:
        return {"seconds": self.seconds, "processor_seconds": self.processor}


def _resume(path, module, optimiser, average, facts, device) -> tuple[int, _Clock]:
    if path is None or not path.exists():
        return 0, _Clock(device, {})
    found = load_state(path, module, optimiser, average)
    for key, value in facts.items():
        if found.get(key) != value:
            raise VoxploreError(path, expected=f"{key} {value} as now asked for", got=f"{found.get(key)}")
    return int(found["step"]), _Clock(device, found)


def _set_rate(optimiser: optim.Optimizer, rate: float) -> None:
    for group in optimiser.param_groups:
        if isinstance(group["lr"], Tensor):
            group["lr"].fill_(rate)
        else:
            group["lr"] = rate


def _clipped(module: nn.Module, clip: float | None, clip_value: float | None) -> Tensor:
    """The norm of the gradient as it was, before its numbers were cut to `clip_value` and it to `clip`."""
    if clip_value is not None:
        norm = torch.nn.utils.get_total_norm([p.grad for p in module.parameters() if p.grad is not None])
        torch.nn.utils.clip_grad_value_(module.parameters(), clip_value)
        if clip is not None:
            torch.nn.utils.clip_grad_norm_(module.parameters(), clip)
        return norm
    if clip is not None:
        return torch.nn.utils.clip_grad_norm_(module.parameters(), clip)
    return torch.nn.utils.get_total_norm([p.grad for p in module.parameters() if p.grad is not None])


def _autocast_dtype(precision: str, device: str) -> torch.dtype | None:
    # Not on CPUs that have it: no gain there (docs/log.md), and one recipe is to give one model on all of them.
    fast = precision == "bf16" or (precision == "auto" and on_gpu(device))
    return torch.bfloat16 if fast else None


class _Average:
    """The averaged weights of a module, updated in one call for all tensors."""

    def __init__(self, average: dict[str, Tensor], module: nn.Module, decay: float | None):
        now, self.decay = module.state_dict(), decay
        floats = [name for name in average if average[name].is_floating_point()]
        others = [name for name in average if name not in floats]
        self.floats = [average[name] for name in floats], [now[name] for name in floats]
        self.others = [average[name] for name in others], [now[name] for name in others]

    @torch.no_grad()
    def update(self, step: int) -> None:
        if self.decay is None:
            return
        # Early on the average would remember the untrained weights; this is the usual warm-up of the decay.
        weight = 1 - min(self.decay, (1 + step) / (10 + step))
        torch._foreach_lerp_(*self.floats, weight)  # pyright: ignore
        if self.others[0]:
            torch._foreach_copy_(*self.others)  # pyright: ignore


class _Log:
    """A progress bar on a terminal and one JSON line a minute (means since the last one) in run/log.jsonl."""

    def __init__(self, run: Path | None, stage: str, step: int, total: int, batch: int, silent: bool = False):
        self.path = run / "log.jsonl" if run else None
        if run:
            run.mkdir(parents=True, exist_ok=True)
        self.stage, self.batch = stage, batch
        self.bar = tqdm(
            total=total * batch,
            initial=step * batch,
            desc=stage,
            unit="cell",
            disable=True if silent else storage.no_bar(),
        )
        if not silent:
            storage.stage(f"training, {stage}: cell {step * batch} of {total * batch}", bar=True)
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
