"""The surrogate of `discover --target` on cells that it has not seen: R^2 of its numbers, and what it costs.

It learns from the solved known cells in the package and is asked for held-out cells and for cells drawn by a model, all
solved at full resolution. The row `density` beside it knows the relative density alone (a polynomial of fourth order).

    python experiments/surrogate.py default --held-out data/nets data/shells --out results/targets/surrogate.json
"""

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np

import voxplore as vp
from voxplore import storage
from voxplore.data.record.shipped import reference_cells
from voxplore.training import hardware
from voxplore.unitcells import UnitCells
from voxplore.workflows.known import known_properties
from voxplore.workflows.surrogate import Surrogate, r_squared
from voxplore.workflows.survey import fine_properties

#: What stands in the result.
NAMES = ("young_hill", "shear_hill", "bulk_hill", "young_share", "C11", "C12", "C44", "conductivity_xx")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--held-out", type=Path, nargs="+", required=True, help="sets of cells, their test splits")
    parser.add_argument("--n", type=int, default=96, help="cells of each kind, of all sets together")
    parser.add_argument("--learn", type=int, help="known cells to learn from, of all in the table")
    parser.add_argument("--workers", type=int, help="processes; by default one a core")
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    table = known_properties(reference_cells())
    if table is None:
        raise SystemExit("surrogate: expected the table of known cells of the package, got none")
    each = asked.n // len(asked.held_out)
    sets = [vp.load_cells(path, split="test") for path in asked.held_out]
    held_out = UnitCells.concatenate([c[np.linspace(0, len(c) - 1, min(each, len(c))).astype(int)] for c in sets])
    drawn = vp.load_model(asked.model, "cpu").generate(asked.n, seed=0)
    count = len(table.cells)
    rows = np.unique(np.linspace(0, count - 1, min(asked.learn or count, count)).astype(int))
    known = {name: column[rows] for name, column in table.columns.items()}
    fitted = Surrogate.fit(table.cells[rows], known, asked.workers)
    found: dict[str, Any] = {
        "model": asked.model,
        "learnt_from": len(rows),
        "voxplore_version": vp.__version__,
        "hardware": hardware("cpu"),
    }
    for name, cells in {"held-out": held_out, "drawn": drawn}.items():
        started = time.process_time()
        predicted = fitted.predict(cells, 1)
        seconds = (time.process_time() - started) / max(len(cells), 1)
        solved = fine_properties(cells, asked.workers)
        by_name = {key: round(r_squared(predicted[key], solved[key]), 4) for key in NAMES}
        alone = round(r_squared(by_density(known, solved["relative_density"]), solved["young_hill"]), 4)
        found[name] = {
            "n": len(cells),
            "r_squared": by_name,
            "young_hill_by_density": alone,
            "seconds": round(seconds, 3),
        }
        print(name, found[name])
    storage.write_json(asked.out, found)


def by_density(columns: dict[str, np.ndarray], density: np.ndarray) -> np.ndarray:
    """Young's modulus (n,) by a polynomial of the density, fitted on the known cells."""
    return np.polyval(np.polyfit(columns["relative_density"], columns["young_hill"], 4), density)


if __name__ == "__main__":
    main()
