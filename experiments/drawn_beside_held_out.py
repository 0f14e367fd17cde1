"""Generated cells, the first as they come, beside as many held-out ones, by one renderer.

python experiments/drawn_beside_held_out.py samples/a/seed0 data/shells --out results/shells/a/beside.png
"""

import argparse
from pathlib import Path

import numpy as np

import voxplore as vp

COLUMNS = 8


def main() -> None:
    parser = argparse.ArgumentParser(description="Draw generated cells at the left, held-out ones at the right.")
    parser.add_argument("samples", type=Path)
    parser.add_argument("cells", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--n", type=int, default=64)
    parser.add_argument("--size", type=int, default=84, help="pixels of a cell")
    chosen = parser.parse_args()
    held_out = vp.load_cells(chosen.cells, split="test")
    drawn = vp.load_cells(chosen.samples)
    count = min(chosen.n, len(drawn), len(held_out))
    rows = np.random.default_rng(0).permutation(len(held_out))[:count]
    left, right = drawn[:count].voxels(), held_out[rows].voxels()
    void = np.zeros_like(left[:1])
    cells = []
    for start in range(0, count, COLUMNS):
        part = slice(start, start + COLUMNS)
        fill = [void] * (COLUMNS - len(left[part]))
        cells += [left[part], *fill, void, right[part], *fill]
    vp.render(np.concatenate(cells), chosen.out, columns=2 * COLUMNS + 1, size=chosen.size)


if __name__ == "__main__":
    main()
