"""Short-range repulsion a step, and `voxplore generate` as users call it."""

import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from voxplore.unitcells import UnitCells

from .race import Contestant, Row, Target, race, threads

__all__ = ["command_row", "generate_rows", "known_latents", "repulsion_rows"]

_TAU, _CAP, _EVERY = 1.4, 10.0, 1
#: The most memory since the program started: what getrusage says would begin with that of the process forked from.
_PEAK = "print('peak', *[line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')])"


def repulsion_rows(known: np.ndarray, batch: int, steps: int) -> tuple[list[Row], list[Target]]:
    """Mean time of one repulsion over whole chains of `steps` steps; known latents float32 (m, l).

    Each chain is drawn to a known latent of its own by the ancestral sampler, so that it moves as chains do and ends
    within reach of known latents. The repulsion acts on every step.
    """
    import torch

    from voxplore.diffusion.neighbour_list import median_nearest_distance

    torch.set_num_threads(threads())
    latents = torch.from_numpy(known)
    tau = _TAU * median_nearest_distance(latents)
    rows = []
    for name, search, chains in (("voxplore, lazy list", "list", batch), ("every known latent", "all", min(batch, 8))):
        spent = _chain(latents, tau, search, chains, steps if search == "list" else 5)
        scale = batch / chains
        rows.append(_step_row(name, len(latents), batch, [scale * one for one in spent]))
    near = Contestant("", lambda: _one_product(latents, tau, batch), 1, "torch")
    rows.append(_step_row("one product, then those within reach", len(latents), batch, _seconds(near, 2)))
    for row in rows:
        row.ratio = rows[0].rate / row.rate
    bound = Target(f"one repulsion, batch {batch}, {len(latents):,} known latents", 1e3 / rows[0].rate, 30, False, "ms")
    return rows, [bound]


def _chain(latents: Any, tau: float, search: Any, chains: int, steps: int) -> list[float]:
    import torch

    from voxplore.diffusion import linear_schedule, sample, srr_guide

    schedule, noise = linear_schedule(1000), torch.Generator().manual_seed(0)
    target = latents[torch.randint(0, len(latents), (chains,), generator=noise)]
    guide = srr_guide(latents, tau, strength=0.8, every=_EVERY, cap=_CAP, search=search)
    spent: list[float] = []

    def timed(x_s: Any, x_t: Any, spanned: int) -> Any:
        start = time.process_time() if threads() == 1 else time.perf_counter()
        force = guide(x_s, x_t, spanned)
        spent.append((time.process_time() if threads() == 1 else time.perf_counter()) - start)
        return force

    def denoise(x_t: Any, moment: Any) -> Any:
        alpha_bar = float(schedule.alpha_bar[round(float(moment[0]) * schedule.steps)])
        return (x_t - alpha_bar**0.5 * target) / (1 - alpha_bar) ** 0.5

    def fresh() -> Any:
        return torch.randn(target.shape, generator=noise)

    if search == "list":
        sample(denoise, fresh, schedule, steps=steps, guide=timed)
    else:
        with torch.no_grad():
            for _ in range(2 * _EVERY):
                timed(target, target + 0.05 * fresh(), 1)
    every = max(1, _EVERY * steps // 1000) if search == "list" else _EVERY
    return [sum(spent[i : i + every]) for i in range(0, len(spent), every)]


def _one_product(latents: Any, tau: float, batch: int) -> Callable[[], Any]:
    """What a careful script does at every step: all distances by one product, then the pairs within reach."""
    import torch

    x_t = latents[torch.arange(batch) % len(latents)] + 0.05

    def run() -> Any:
        force = torch.zeros_like(x_t)
        for start in range(0, batch, 128):
            rows = x_t[start : start + 128]
            distance = torch.cdist(rows, latents)
            chain, other = torch.nonzero(distance < tau, as_tuple=True)
            size = (1 / -torch.log1p(-distance[chain, other] / tau)).clamp(max=_CAP)
            away = rows[chain] - latents[other]
            force[start : start + 128].index_add_(0, chain, away * (size / distance[chain, other])[:, None])
        return force

    return run


def _seconds(one: Contestant, turns: int) -> list[float]:
    return race("", "", [one], turns)[0].turns


def _step_row(name: str, known: int, batch: int, spent: list[float]) -> Row:
    mean = float(np.mean(spent))
    operation = f"repulsion step, batch {batch:,}, {known:,} known latents"
    return Row(operation, name, "", "steps", 1, mean, mean, 1 / max(mean, 1e-9), note=f"mean of {len(spent)} steps")


def command_row(name: str, words: list[str], work: float, unit: str) -> Row:
    """Run `voxplore ...` as a process of its own: seconds of the clock, of the processor, and the most memory."""
    start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    code = (
        "from voxplore.cli import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code, end\n"
        f"{_PEAK}\n"
    )
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"voxplore {' '.join(words)}: {done.stderr[-2000:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    peak = int(done.stdout.split()[-1]) / 2**20
    clock = time.perf_counter() - start
    counted = used if threads() == 1 else clock
    return Row("command line", name, "", unit, work, used, clock, work / counted, note=f"{peak:.2f} GiB")


def generate_rows(
    model: Path, reference: UnitCells, work: Path, n: int, long_steps: int
) -> tuple[list[Row], list[Target]]:
    """n cells by the model as it is, and with the reference's latents as the known ones, by both samplers."""
    large = _with_latents(model, reference, work / "model")
    runs = {
        f"generate {n:,}, default sampler": [str(model)],
        f"generate {n:,}, default sampler, {len(reference):,} known latents": [str(large)],
    }
    if long_steps:
        runs[f"generate {n:,}, {long_steps:,} steps, {len(reference):,} known latents"] = [
            str(large), "--steps", str(long_steps)
        ]  # fmt: skip
    rows = [
        command_row(name, ["generate", *words, "--n", str(n), "--out", str(work / f"drawn-{i}")], n, "cells")
        for i, (name, words) in enumerate(runs.items())
    ]
    bounds = (10, 10, 60)[: len(rows)]
    targets = [Target(row.name, n / row.rate, bound, False, "s") for row, bound in zip(rows, bounds, strict=True)]
    return rows, targets


def known_latents(model: Path, cells: UnitCells) -> np.ndarray:
    """Standardised latents of cells by a saved model's encoder: float32 (n, latent)."""
    import torch

    from voxplore.models import load_model

    torch.set_num_threads(threads())
    loaded: Any = load_model(str(model), "cpu")
    return loaded.latents.standardise(loaded.encode(cells)).numpy()


def _with_latents(model: Path, cells: UnitCells, folder: Path) -> Path:
    """A copy of the model whose known latents are those of the cells."""
    import torch

    from voxplore.models import load_model

    loaded: Any = load_model(str(model), "cpu")
    flat = loaded.encode(cells)
    flips = torch.zeros(len(flat), dtype=torch.uint8)  # only symmetrising recipes read them
    loaded.latents.learn(flat, torch.from_numpy(cells.relative_density()).float(), flips)
    loaded.save(folder, overwrite=True)
    return folder
