"""Cells asked for a property, and what was found in them: correlation, miss, and the miss by chance.

Asked for: column wanted_<property> of the cells' index. Found: <property> of a table by `voxplore properties`.

Cells whose property is not finite, since they do not hold together, are counted and left out.

    python experiments/asked.py CELLS properties.csv young_hill --out results/nets/stiffness/young_hill/asked.json
"""

import argparse
import csv
from pathlib import Path

import numpy as np

import voxplore as vp
from voxplore import files


def main() -> None:
    parser = argparse.ArgumentParser(description="What was asked for beside what was found.")
    parser.add_argument("cells", type=Path)
    parser.add_argument("table", type=Path)
    parser.add_argument("property")
    parser.add_argument("--out", type=Path, required=True)
    chosen = parser.parse_args()
    cells = vp.load_cells(chosen.cells)
    with open(chosen.table, newline="") as file:
        found = {row["id"]: float(row[chosen.property]) for row in csv.DictReader(file)}
    asked = np.asarray(cells.index[f"wanted_{chosen.property}"], float)
    told = compared(asked, np.array([found[name] for name in cells.index["id"].tolist()]))
    files.write_json(chosen.out, {"property": chosen.property, "voxplore_version": vp.__version__, **told})
    print(f"{chosen.property}: " + ", ".join(f"{name} {value:.3g}" for name, value in told.items()))


def compared(asked: np.ndarray, found: np.ndarray) -> dict[str, float]:
    """Spearman's and Pearson's correlation, median miss, and that of asked values in another order, seed 0."""
    finite = np.isfinite(found)
    asked, found = asked[finite], found[finite]
    other = np.random.default_rng(0).permutation(asked)
    return {
        "cells": int(finite.sum()),
        "not_finite": int((~finite).sum()),
        "rank_correlation": correlation(ranks(asked), ranks(found)),
        "correlation": correlation(asked, found),
        "median_miss": float(np.median(np.abs(found - asked))),
        "median_miss_by_chance": float(np.median(np.abs(found - other))),
        "lowest_asked": float(asked.min()),
        "highest_asked": float(asked.max()),
    }


def ranks(values: np.ndarray) -> np.ndarray:
    return values.argsort().argsort()


def correlation(first: np.ndarray, second: np.ndarray) -> float:
    return float(np.corrcoef(first, second)[0, 1])


if __name__ == "__main__":
    main()
