"""In latent space, are the nearest neighbours of held-out and of generated cells valid or degraded cells?

Takes as many training cells as negatives made of other training cells, and measures for which share of some cells the
nearest of both is a negative: held-out cells, held-out cells rotated, generated cells as decoded, without SRR, rotated.

    python experiments/latent_classes.py runs/closed-form-nets-small/model data/nets --out near.json
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

import voxplore as vp
from voxplore import storage
from voxplore.data.prepare.negatives import degrade
from voxplore.diffusion.closest_points import closest_points
from voxplore.geometry import apply_operation
from voxplore.training import hardware

#: The axes x and z swapped: cells of nets and shells are built in one orientation, this is another.
ROTATED = ((2, 1, 0), (False, False, False))


def main() -> None:
    parser = argparse.ArgumentParser(description="Share of cells whose nearest in latent space is a negative.")
    parser.add_argument("model", type=Path)
    parser.add_argument("cells", type=Path)
    parser.add_argument("--n", type=int, default=900, help="training cells, negatives, and cells of each kind")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True)
    chosen = parser.parse_args()
    model = vp.load_model(chosen.model, "cpu")
    rng = np.random.default_rng(chosen.seed)
    train = vp.load_cells(chosen.cells, split="train")
    n = min(chosen.n, len(train) // 2)
    rows = rng.permutation(len(train))[: 2 * n]
    degraded = degrade(train[rows[n:]].voxels(), rng, train[rows[n:]].voxels(), model.config.loss.negative_mix)
    known = torch.cat([model.encode(train[rows[:n]]), model.encode(vp.UnitCells.from_voxels(degraded))])
    found = {
        "model": model.trained.get("recipe"),
        "data_sha256": model.trained.get("data_sha256"),
        "n": n,
        "seed": chosen.seed,
        "voxplore_version": vp.__version__,
        "hardware": hardware("cpu"),
        "nearest_is_a_negative": {},
    }
    for name, cells in shown(model, vp.load_cells(chosen.cells, split="test")[:n], chosen.seed).items():
        among = closest_points(model.encode(cells), known, 1)[:, 0]
        found["nearest_is_a_negative"][name] = share = float((among >= n).float().mean())
        print(f"{name}: the nearest is a negative for {share:.3f} of {len(cells)}", flush=True)
    storage.write_json(chosen.out, found)


def shown(model: vp.VoxPlore, held_out: vp.UnitCells, seed: int) -> dict[str, vp.UnitCells]:
    """Kinds of cells by name, as many of each as there are held-out ones."""
    n, sampling = len(held_out), model.config.sampling
    as_decoded = replace(sampling, after=tuple(step for step in sampling.after if step.name != "orient"))
    rotated = np.ascontiguousarray(apply_operation(held_out.voxels(), ROTATED))
    return {
        "held-out": held_out,
        "held-out, rotated": vp.UnitCells.from_voxels(rotated),
        "drawn, as decoded": model.generate(n, seed=seed, sampling=as_decoded),
        "drawn without SRR, as decoded": model.generate(n, seed=seed, sampling=replace(as_decoded, srr=None)),
        "drawn": model.generate(n, seed=seed),
    }


if __name__ == "__main__":
    main()
