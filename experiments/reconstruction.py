"""Reconstruction by a trained VoxPlore: mean IoU of decode(encode(cell)) with the cell, and with fitted latents.

Of training cells, held-out cells, those of them without central symmetry (S_sym under 1), those of each part of a
joined set, and, where available (VOXPLORE_REAL_CELLS, else ../shared/data), the 392 real cells, which are read but not
kept. Beside it that of latents that were fitted to each cell from where the encoder put them (`--steps` of descent on
Eq. 1, of the first `--fitted` cells of each kind): what the decoder alone could give.

    python experiments/reconstruction.py runs/closed-form-nets-small/model data/nets --out reconstruction.json
"""

import argparse
import os
from pathlib import Path

import numpy as np
import torch

import voxplore as vp
from voxplore import storage
from voxplore.data.published.metatruss import build_metatruss
from voxplore.models.voxplore import fit_latents
from voxplore.models.voxplore.flips import flips_of
from voxplore.training import hardware

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    parser = argparse.ArgumentParser(description="Reconstruction IoU of a trained VoxPlore.")
    parser.add_argument("model", type=Path)
    parser.add_argument("cells", type=Path)
    parser.add_argument("--limit", type=int, default=2000, help="cells of each kind, at most")
    parser.add_argument("--steps", type=int, default=20, help="steps by which latents are fitted; 0 leaves them out")
    parser.add_argument("--fitted", type=int, default=200, help="cells of each kind whose latents are fitted, at most")
    parser.add_argument("--out", type=Path, required=True)
    chosen = parser.parse_args()
    model = vp.load_model(chosen.model, "cpu")
    shown = {"training": "train", "held-out": "test"}
    whole = {name: vp.load_cells(chosen.cells, split=split) for name, split in shown.items()}
    sets = {name: evenly(cells, chosen.limit) for name, cells in whole.items()}
    sets["held-out without central symmetry"] = sets["held-out"][vp.metrics.symmetry(sets["held-out"]) < 1]
    for part in dict.fromkeys(whole["held-out"].index.get("set", np.zeros(0)).tolist()):
        sets[f"held-out {part}"] = whole["held-out"][whole["held-out"].index["set"] == part][: chosen.limit]
    real = Path(os.environ.get("VOXPLORE_REAL_CELLS", ROOT.parent / "shared" / "data")) / "lumpe-cells.jsonl.gz"
    if real.exists():
        sets["real"] = build_metatruss(real, resolution=whole["training"].resolution)[: chosen.limit]
    found = {
        "model": str(model.trained.get("recipe")),
        "trained_on": model.trained.get("data"),
        "data_sha256": model.trained.get("data_sha256"),
        "voxplore_version": vp.__version__,
        "hardware": hardware("cpu"),
        "iou": {name: summary(model, cells) for name, cells in sets.items()},
    }
    if chosen.steps and isinstance(model, vp.VoxPlore):
        few = {name: cells[: chosen.fitted] for name, cells in sets.items()}
        found["steps"] = chosen.steps
        found["iou_fitted"] = {name: summary(model, cells, chosen.steps) for name, cells in few.items()}
    storage.write_json(chosen.out, found)
    for key, what in (("iou", ""), ("iou_fitted", ", fitted latents")):
        for name, part in found.get(key, {}).items():
            print(f"{name}{what}: " + (f"IoU {part['mean']:.3f} ({part['n']} cells)" if part["n"] else "none"))


def evenly(cells: vp.UnitCells, n: int) -> vp.UnitCells:
    """The first n cells; of a joined set n evenly spread over it."""
    if "set" not in cells.index or len(cells) <= n:
        return cells[:n]
    return cells[np.linspace(0, len(cells) - 1, n).round().astype(int)]


def summary(model: vp.VoxPlore, cells: vp.UnitCells, steps: int = 0) -> dict[str, float]:
    """Mean and quartiles of the IoU of n cells with their reconstructions, by latents fitted in so many steps."""
    parts = [iou(cells[i : i + 64], model, steps) for i in range(0, len(cells), 64)]
    values = np.concatenate([np.zeros(0), *parts])
    if not len(values):
        return {"n": 0}
    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
    return {"n": len(values), "mean": values.mean(), "q25": low, "median": middle, "q75": high}


def iou(cells: vp.UnitCells, model: vp.VoxPlore, steps: int) -> np.ndarray:
    if steps:
        flips = torch.from_numpy(flips_of(cells))
        decoded = model.decode(fit_latents(model, cells, steps), flips)
    else:
        decoded = model.reconstruct(cells)
    before, after = cells.voxels(), decoded.voxels()
    return (before & after).sum((1, 2, 3)) / np.maximum((before | after).sum((1, 2, 3)), 1)


if __name__ == "__main__":
    main()
