"""Novelty of drawn cells against the fresh cells that a decoder was shown, too; that of held-out cells beside it.

    python experiments/fresh_novelty.py samples/NAME/seed0 data/shells data/shells-fresh --out fresh_novelty.json

Written: mean of 1 - IoU with the nearest cell in its six orientations (S_nov before the gate), and the share of cells
with an IoU of 0.9 or more, for drawn and for as many held-out cells, against training cells and against fresh ones.
"""

import argparse
from pathlib import Path

import numpy as np
from tune_decoder import unseen

import voxplore as vp
from voxplore import storage
from voxplore.data.prepare.orientations import orient_cells
from voxplore.metrics.neighbours import Reference
from voxplore.training import hardware
from voxplore.unitcells import UnitCells

#: Fresh cells, each in six orientations, that lie in memory at a time.
_TOGETHER = 8000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("drawn", type=Path)
    parser.add_argument("cells", type=Path)
    parser.add_argument("fresh", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    drawn, fresh = vp.load_cells(asked.drawn), vp.load_cells(asked.fresh)
    compared = {"drawn": drawn, "held-out": vp.load_cells(asked.cells, split="test")[: len(drawn)]}
    against = {"training": vp.load_cells(asked.cells, split="train"), "fresh": fresh[unseen(fresh, asked.cells)]}
    found = {
        f"{kind} against {name}": summary(nearest(cells, others))
        for name, others in against.items()
        for kind, cells in compared.items()
    }
    about = {"fresh_sha256": fresh.sha256(), "data_sha256": against["training"].sha256(), "cells": len(drawn)}
    about |= {"voxplore_version": vp.__version__, "hardware": hardware("cpu")}
    storage.write_json(asked.out, {**about, **found})
    for name, numbers in found.items():
        print(f"{name}: novelty {numbers['novelty']:.3f}, IoU of .9 and more {numbers['near']:.3f}")


def nearest(cells: UnitCells, others: UnitCells) -> np.ndarray:
    """IoU of each cell with the nearest of others in six orientations: float64 (n,)."""
    parts = [others[start : start + _TOGETHER] for start in range(0, len(others), _TOGETHER)]
    return np.max([Reference(orient_cells(part, 6)).search(cells, 1).iou[:, 0] for part in parts], axis=0)


def summary(iou: np.ndarray) -> dict[str, float]:
    return {"novelty": float(1 - iou.mean()), "near": float((iou >= 0.9).mean())}


if __name__ == "__main__":
    main()
