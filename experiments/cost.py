"""What RAS and SRR cost in time and memory, each beside the same without it, on this machine.

Training steps of the small recipe with RAS and without, and a batch of drawn cells with SRR (exact neighbour list, the
paper's clusters, all pairs) and without; the median of interleaved repetitions, and the peak of the process's memory in
one that does nothing else. Cells are noise of a fixed seed: neither cost depends on what they show.

    python experiments/cost.py --out results/cost/cost.json
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from statistics import median

#: What is measured: labels of trainings; label -> search of drawings.
TRAINING = ("with RAS", "without")
SAMPLING = {"without": None} | {f"with SRR, search {kind}": kind for kind in ("list", "clusters", "all")}


def main() -> None:
    parser = argparse.ArgumentParser(description="Cost of RAS and of SRR.")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--recipe", default="closed-form-nets-small")
    parser.add_argument("--cells", type=int, default=7600, help="training cells, so known latents")
    parser.add_argument("--steps", type=int, default=20, help="training steps a repetition")
    parser.add_argument("--drawn", type=int, default=256)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--only", help="measure one thing in this process and print it as JSON")
    chosen = parser.parse_args()
    if chosen.only:
        print(json.dumps(alone(chosen)))
        return

    from voxplore import __version__, storage
    from voxplore.training import hardware

    found: dict[str, dict] = {"training": {}, "sampling": {}}
    for _ in range(chosen.repetitions):
        for stage, kinds in (("training", TRAINING), ("sampling", SAMPLING)):
            for label in kinds:
                found[stage].setdefault(label, []).append(in_a_process(stage, label, chosen))
    table = {stage: {label: summary(runs) for label, runs in rows.items()} for stage, rows in found.items()}
    setting = {key: getattr(chosen, key) for key in ("recipe", "cells", "steps", "drawn", "repetitions")}
    storage.write_json(chosen.out, {"voxplore_version": __version__, "hardware": hardware("cpu"), **setting, **table})
    for stage, rows in table.items():
        for label, row in rows.items():
            print(f"{stage} {label}: {row['seconds']:.2f} s, peak {row['peak_megabytes']:.0f} MB")


def in_a_process(stage: str, label: str, chosen: argparse.Namespace) -> dict[str, float]:
    options = {key: getattr(chosen, key) for key in ("recipe", "cells", "steps", "drawn")}
    arguments = [text for key, value in options.items() for text in (f"--{key}", str(value))]
    command = [sys.executable, __file__, "--out", "-", "--only", f"{stage}: {label}", *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def summary(runs: list[dict[str, float]]) -> dict[str, float]:
    seconds = [run["seconds"] for run in runs]
    peak = median(run["peak_megabytes"] for run in runs)
    return {"seconds": median(seconds), "fastest": min(seconds), "slowest": max(seconds), "peak_megabytes": peak}


def alone(chosen: argparse.Namespace) -> dict[str, float]:
    """Seconds of one thing after a short one of the same to warm up, and the process's peak memory."""
    from voxplore.recipes import RECIPES

    stage, _, label = chosen.only.partition(": ")
    config = RECIPES[chosen.recipe]
    work = train_steps(config, label, chosen) if stage == "training" else draw_cells(config, label, chosen)
    work(True)
    started = time.monotonic()
    work(False)
    seconds = time.monotonic() - started
    return {"seconds": seconds, "peak_megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def train_steps(config, label: str, chosen: argparse.Namespace):
    import numpy as np
    import torch

    from voxplore.models.voxplore.losses import autoencoder_loss
    from voxplore.models.voxplore.parts import autoencoder_of
    from voxplore.recipes import Sink

    regularisation = config.regularisation if label == "with RAS" else Sink(config.regularisation.sink)
    torch.manual_seed(0)
    networks = autoencoder_of(config.autoencoder)
    optimiser = torch.optim.AdamW(networks.parameters())
    n, d = config.autoencoder_training.batch, config.autoencoder.resolution
    valid = torch.from_numpy((np.random.default_rng(0).random((n, d, d, d), np.float32) < 0.2).view(np.uint8))
    shown = torch.cat([valid, valid[: max(1, round(n * config.loss.negative_share))] ^ 1])

    def steps(short: bool) -> None:
        for _ in range(2 if short else chosen.steps):
            optimiser.zero_grad()
            autoencoder_loss(networks, shown, 1, n, config.loss, regularisation)[0].backward()
            optimiser.step()

    return steps


def draw_cells(config, label: str, chosen: argparse.Namespace):
    import torch

    import voxplore as vp

    kind, srr = SAMPLING[label], config.sampling.srr
    chosen_srr = None if kind is None else replace(srr, search=kind)
    model = vp.VoxPlore(config, device="cpu")
    generator = torch.Generator().manual_seed(0)
    # Latents near a plane of few dimensions, as trained ones are: independent ones would all lie equally far apart.
    latent = config.autoencoder.latent
    spread = torch.randn(chosen.cells, 12, generator=generator) @ torch.randn(12, latent, generator=generator)
    latents = spread + 0.3 * torch.randn(spread.shape, generator=generator)
    model.latents.learn(latents, torch.full((chosen.cells,), 0.2), torch.ones(chosen.cells, dtype=torch.uint8))

    def draw(short: bool) -> None:
        sampling = replace(config.sampling, srr=chosen_srr, steps=3 if short else config.sampling.steps)
        model.generate(chosen.drawn, seed=0, sampling=sampling)

    return draw


if __name__ == "__main__":
    main()
