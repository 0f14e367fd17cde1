"""What lies between known latents: classes of neighbours, and cells along straight lines.

First, of held-out cells and of held-out cells degraded as in training, the share whose nearest latent, among training
cells and as many degraded ones, is of the own class (chance: .5), as they are and with the noise of the training.
Degraded cells are seen through the flips of the cell that they were, as in training. Second, the scores of cells
decoded along straight lines between the latents of two training cells with the same flips: at 0 one of the two.

    python experiments/latent_lines.py runs/voxplore-paper-shells-medium/model data/shells --out lines.json
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

import voxplore as vp
from voxplore import storage
from voxplore.data.prepare.negatives import degrade
from voxplore.diffusion.closest_points import closest_points
from voxplore.models.voxplore import VoxPlore
from voxplore.models.voxplore.flips import flips_of
from voxplore.training import hardware

#: Places on a line.
PLACES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("cells", type=Path)
    parser.add_argument("--n", type=int, default=300, help="cells of each kind, and lines")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    model = vp.load_model(asked.model, "cpu")
    if not isinstance(model, VoxPlore):
        raise SystemExit(f"{asked.model}: expected a model with an autoencoder, got {model.name}")
    rng = np.random.default_rng(asked.seed)
    train, held_out = (vp.load_cells(asked.cells, split=split) for split in ("train", "test"))
    n = min(asked.n, len(train) // 2, len(held_out))
    rows = rng.permutation(len(train))[: 2 * n]
    found = {
        "model": str(asked.model),
        "recipe": model.trained.get("recipe"),
        "data_sha256": train.sha256(),
        "n": n,
        "seed": asked.seed,
        "voxplore_version": vp.__version__,
        "hardware": hardware("cpu"),
        "nearest_of_own_class": classes(model, train[rows[:n]], train[rows[n:]], held_out[:n], rng),
        "along_lines": lines(model, train[rows[:n]], rng),
    }
    storage.write_json(asked.out, found)
    print(found["nearest_of_own_class"], *found["along_lines"], sep="\n")


def classes(model: VoxPlore, whole: Any, others: Any, held_out: Any, rng: np.random.Generator) -> dict[str, float]:
    """Share of held-out cells, whole and degraded, whose nearest latent is of the own class."""
    known = torch.cat([model.encode(whole), degraded_latents(model, others, rng)])
    shares = {}
    for name, latents, own in (
        ("held-out", model.encode(held_out), 0),
        ("held-out, degraded", degraded_latents(model, held_out, rng), 1),
    ):
        noise = torch.from_numpy(rng.standard_normal(latents.shape).astype(np.float32))
        for kind, moved in (("", latents), (", with noise", latents + model.config.loss.noise * noise)):
            among = closest_points(moved, known, 1)[:, 0] >= len(whole)
            shares[name + kind] = float((among == bool(own)).float().mean())
    return shares


def degraded_latents(model: VoxPlore, cells: Any, rng: np.random.Generator) -> Tensor:
    """Latents of the degraded cells, coded with the flips of the whole ones."""
    voxels = cells.voxels()
    spoilt = vp.UnitCells.from_voxels(degrade(voxels, rng, voxels, model.config.loss.negative_mix))
    return model.autoencoder.encode(spoilt, flips_of(cells))


def lines(model: VoxPlore, cells: Any, rng: np.random.Generator) -> list[dict[str, float]]:
    """Mean scores at each of PLACES between pairs of cells with the same flips."""
    flips = flips_of(cells)
    ends = [(row, int(rng.choice(np.flatnonzero(flips == flips[row])))) for row in range(len(cells))]
    latents, both = model.encode(cells), np.array([pair for pair in ends if pair[0] != pair[1]])
    found = []
    for place in PLACES:
        between = (1 - place) * latents[both[:, 0]] + place * latents[both[:, 1]]
        drawn = model.decode(between, torch.from_numpy(flips[both[:, 0]]))
        scores = {name: getattr(vp.metrics, name)(drawn) for name in ("symmetry", "periodicity", "connectivity")}
        whole = {"one_piece": vp.metrics.connectivity(drawn, periodic=False) >= 0.995}
        found.append({"place": place} | {name: float(np.mean(values)) for name, values in (scores | whole).items()})
    return found


if __name__ == "__main__":
    main()
