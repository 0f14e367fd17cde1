"""Reconstruction of held-out cells by principal components: the best linear autoencoder of each latent size.

The first k principal components of the training cells are the best linear autoencoder with k latents (Eckart and
Young), so they tell how many latents a set of cells needs, whatever the network. Cells are read at half resolution,
solid where half of a block is. About three minutes of one core.

    python experiments/linear_limit.py data/nets --out results/nets/linear_limit.json
"""

import argparse
from pathlib import Path

import numpy as np

import voxplore as vp
from voxplore import storage
from voxplore.training import hardware

LATENTS = (64, 128, 256, 512, 1024, 2048)
#: The level is chosen on the valid split.
LEVELS = (0.3, 0.35, 0.4, 0.45, 0.5)
MOST = 1000


def main() -> None:
    parser = argparse.ArgumentParser(description="IoU of principal components by their number.")
    parser.add_argument("cells", type=Path)
    parser.add_argument("--latents", type=int, nargs="+", default=LATENTS)
    parser.add_argument("--out", type=Path, required=True)
    chosen = parser.parse_args()
    cells = vp.load_cells(chosen.cells)
    train, valid, test = (halved(cells.split(name)) for name in ("train", "valid", "test"))
    mean = train.mean(0)
    values, vectors = np.linalg.eigh((train - mean) @ (train - mean).T)
    found = {}
    for count in chosen.latents:
        basis = (train - mean).T @ vectors[:, : -count - 1 : -1] / np.sqrt(values[: -count - 1 : -1])
        level = max(LEVELS, key=lambda level: iou(valid, mean, basis, level))
        found[str(count)] = {
            "held-out": iou(test[:MOST], mean, basis, level),
            "training": iou(train[:MOST], mean, basis, level),
            "level": level,
        }
        print(f"{count} latents: held-out {found[str(count)]['held-out']:.3f}", flush=True)
    about = {"data_sha256": cells.sha256(), "resolution": cells.resolution // 2, "hardware": hardware("cpu")}
    storage.write_json(chosen.out, {"voxplore_version": vp.__version__, **about, "iou": found})


def halved(cells: vp.UnitCells) -> np.ndarray:
    """Solid fraction of blocks of 2^3 voxels: float32 (n, (d / 2)^3)."""
    d = cells.resolution // 2
    parts = [voxels.reshape(-1, d, 2, d, 2, d, 2).mean((2, 4, 6), dtype=np.float32) for voxels in cells.batches(64)]
    return np.concatenate(parts).reshape(-1, d**3)


def iou(cells: np.ndarray, mean: np.ndarray, basis: np.ndarray, level: float) -> float:
    """Mean over the cells of the IoU with their reconstruction from the components."""
    rebuilt, solid = (cells - mean) @ basis @ basis.T + mean > level, cells >= 0.5
    return float(((rebuilt & solid).sum(1) / np.maximum((rebuilt | solid).sum(1), 1)).mean())


if __name__ == "__main__":
    main()
