"""Held-out cells, each rotated to a random one of the six orientations that the reference has.

python experiments/rotated_held_out.py data/nets 1000 --out samples/rotated-nets.npy
"""

import argparse
from pathlib import Path

import numpy as np

import voxplore as vp
from voxplore import storage
from voxplore.geometry import ORIENTATIONS, apply_operation


def main() -> None:
    parser = argparse.ArgumentParser(description="Held-out cells, rotated randomly.")
    parser.add_argument("cells", type=Path)
    parser.add_argument("n", type=int)
    parser.add_argument("--out", type=Path, required=True)
    chosen = parser.parse_args()
    held_out, rng = vp.load_cells(chosen.cells, split="test"), np.random.default_rng(0)
    rows = rng.permutation(len(held_out))[: chosen.n]
    turns = rng.integers(len(ORIENTATIONS), size=len(rows))
    voxels = zip(held_out[rows].voxels(), turns, strict=True)
    rotated = np.array([apply_operation(cell, ORIENTATIONS[turn]) for cell, turn in voxels])
    with storage.atomic_file(chosen.out) as place, place.open("wb") as file:
        np.save(file, rotated)


if __name__ == "__main__":
    main()
