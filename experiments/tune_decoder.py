"""Train the decoder of a saved VoxPlore further, on fresh cells too; encoder, latents and denoiser stay as they are.

The decoder is shown latents of training cells and of fresh ones, with the noise of the recipe, and learns to give back
the cells (Eq. 1). Fresh cells that a cell of the valid or held-out split nearly equals (IoU of 0.9 in one of six
orientations) are left out. Known cells, from which SRR repels and novelty is measured, stay the training cells: the
denoiser has seen no other. What is saved draws at a temperature below 1. The same command goes on where one was broken
off.

    voxplore build shells --n 40000 --seed 1 --out data/shells-fresh
    python experiments/tune_decoder.py runs/voxplore-paper-velocity-shells-medium/model --cells data/shells \\
        --fresh data/shells-fresh --out runs/voxplore-paper-velocity-tuned-shells-medium
"""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

import voxplore as vp
from voxplore.data.prepare.orientations import orient_cells
from voxplore.metrics.neighbours import Reference
from voxplore.models.voxplore import VoxPlore
from voxplore.models.voxplore.losses import with_degraded
from voxplore.recipes import Training
from voxplore.training import hardware, train
from voxplore.unitcells import UnitCells

#: IoU from which a fresh cell is nearly one that nothing may be tuned on.
_NEAR = 0.9
#: Cells compared at a time.
_TOGETHER = 4000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--cells", type=Path, required=True, help="the set that the model was trained on")
    parser.add_argument("--fresh", type=Path, required=True, help="further cells of the same kind")
    parser.add_argument("--shown", type=int, default=240_000, help="cells shown in all")
    parser.add_argument("--rate", type=float, default=4e-4, help="learning rate, which falls to 0")
    parser.add_argument("--temperature", type=float, default=0.85, help="of the sampling of what is saved")
    parser.add_argument("--small", action="store_true", help="large matrices as int8, as in the package")
    parser.add_argument("--out", type=Path, required=True, help="folder that gets `run` and `model`")
    asked = parser.parse_args()
    model = vp.load_model(asked.model, "cpu")
    if not isinstance(model, VoxPlore):
        raise SystemExit(f"{asked.model}: expected a model with an autoencoder, got {model.name}")
    fresh = vp.load_cells(asked.fresh)
    kept = fresh[unseen(fresh, asked.cells)]
    cells = UnitCells.concatenate([vp.load_cells(asked.cells, split="train"), kept])
    facts = tune(model, cells, asked.shown, asked.rate, asked.out / "run")
    stages = {**model.trained.get("stages", {}), "decoder": facts}
    about = {"fresh_sha256": fresh.sha256(), "fresh_cells": len(kept), "hardware": hardware("cpu")}
    seconds = round(model.trained.get("seconds", 0.0) + facts["seconds"], 1)
    model.trained = {**model.trained, "stages": stages, "seconds": seconds, **about}
    cooler = replace(model.config.sampling, temperature=asked.temperature)
    model.config = replace(model.config, sampling=cooler)
    model.save(asked.out / "model", small=asked.small)
    print(f"{asked.out / 'model'}: decoder shown {asked.shown} of {len(cells)} cells, {len(kept)} of them fresh")


def unseen(fresh: UnitCells, cells: Path) -> np.ndarray:
    """Rows of fresh cells that no cell of the valid and held-out split of a set nearly equals."""
    shut = UnitCells.concatenate([vp.load_cells(cells, split=split) for split in ("valid", "test")])
    reference = Reference(orient_cells(shut, 6))
    parts = [fresh[start : start + _TOGETHER] for start in range(0, len(fresh), _TOGETHER)]
    return np.flatnonzero(np.concatenate([reference.search(part, 1).iou[:, 0] for part in parts]) < _NEAR)


def tune(model: VoxPlore, cells: UnitCells, shown: int, rate: float, run: Path) -> dict[str, float]:
    """Train the decoder in place; cells shown and seconds."""
    networks, config = model.autoencoder, model.config
    decoder = nn.ModuleDict({"decoder": networks.decoder})  # the whole of what is trained, under its own name
    networks.encoder.requires_grad_(False)

    def loss(batch: tuple[Tensor, int], _: int) -> tuple[Tensor, dict[str, Tensor]]:
        voxels, group = batch
        with torch.no_grad():
            latents = networks.encoded(voxels, group)
        noisy = latents + config.loss.noise * torch.randn_like(latents)
        error = networks.error(*networks.compare(noisy, voxels, group))
        return error, {"reconstruction": error}

    draw = with_degraded(networks.batches(cells, config.augment), replace(config.loss, negative_share=0.0))
    options: dict[str, Any] = vars(Training(shown, 32, rate, warmup=0.05, decay=1.0, precision="fp32"))
    return train("decoder", decoder, loss, prepare=draw, run=run, seed=7, device="cpu", **options)


if __name__ == "__main__":
    main()
