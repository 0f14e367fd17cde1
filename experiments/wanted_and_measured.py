"""Requested and measured values of one property of generated cells: correlations and errors, and the error at random.

Requested: column wanted_<property> of the cells' index. Measured: the relative density of the cells themselves, or a
column of --table, a properties.csv of `voxplore properties`. Cells whose property is not finite (they are disconnected)
are counted and left out.

    python experiments/wanted_and_measured.py CELLS young_hill --table properties.csv --out wanted.json
"""

import argparse
import csv
from pathlib import Path

import numpy as np
from scipy.stats import rankdata

import voxplore as vp
from voxplore import storage


def main() -> None:
    parser = argparse.ArgumentParser(description="Requested and measured values of a property.")
    parser.add_argument("cells", type=Path)
    parser.add_argument("property", help="relative_density, or a column of --table")
    parser.add_argument("--table", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    chosen = parser.parse_args()
    cells = vp.load_cells(chosen.cells)
    wanted = np.asarray(cells.index[f"wanted_{chosen.property}"], float)
    found = compared(wanted, measured(cells, chosen.table, chosen.property))
    storage.write_json(chosen.out, {"property": chosen.property, "voxplore_version": vp.__version__, **found})
    print(f"{chosen.property}: " + ", ".join(f"{name} {value:.4g}" for name, value in found.items()))


def measured(cells: vp.UnitCells, table: Path | None, name: str) -> np.ndarray:
    """Values of the cells, float64 (n,), in their order."""
    if table is None:
        return cells.relative_density()
    with open(table, newline="") as file:
        values = {row["id"]: float(row[name]) for row in csv.DictReader(file)}
    return np.array([values[one] for one in cells.index["id"].tolist()])


def compared(wanted: np.ndarray, found: np.ndarray) -> dict[str, float]:
    """Correlations, mean and median absolute error, and the median error of requested values in another order."""
    finite = np.isfinite(found)
    wanted, found = wanted[finite], found[finite]
    other = np.random.default_rng(0).permutation(wanted)
    return {
        "cells": int(finite.sum()),
        "not_finite": int((~finite).sum()),
        "rank_correlation": correlation(rankdata(wanted), rankdata(found)),
        "correlation": correlation(wanted, found),
        "mean_error": float(np.abs(found - wanted).mean()),
        "median_error": float(np.median(np.abs(found - wanted))),
        "median_error_at_random": float(np.median(np.abs(found - other))),
        "lowest_wanted": float(wanted.min()),
        "highest_wanted": float(wanted.max()),
    }


def correlation(first: np.ndarray, second: np.ndarray) -> float:
    return float(np.corrcoef(first, second)[0, 1])


if __name__ == "__main__":
    main()
