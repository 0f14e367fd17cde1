"""The stiffest cell found at the density of the stiffest known one, in five bins of density, both on a finer mesh.

    python experiments/stiffest.py default --out results/targets/stiffest.json

Known cells of each bin are ordered by what a surrogate foretells of their Young's modulus (Hill average) as a share of
the Hashin-Shtrikman bound; the first of them are solved, and the best of those on a mesh twice as fine. From the
stiffest plain draws of use and from the stiffest known cells, others are steered towards more than the modulus of the
best known one at its density (`workflows.search.approach`), again from the best ones reached. What counts is of use:
valid, novel, one piece in a block of 2 x 2 x 2, no strut too thin. Both are compared on the finer mesh.
"""

import argparse
import itertools
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from targets import Judge, judge

import voxplore as vp
from voxplore import storage
from voxplore.data.record.shipped import reference_cells
from voxplore.mechanics import properties_of
from voxplore.training import hardware
from voxplore.unitcells import UnitCells, pack
from voxplore.workflows.coarse import coarse_properties
from voxplore.workflows.known import known_properties
from voxplore.workflows.search import approach
from voxplore.workflows.surrogate import Surrogate
from voxplore.workflows.survey import fine_properties
from voxplore.workflows.targets import parse_target

Columns = Mapping[str, np.ndarray]
#: Edges of the bins of relative density.
EDGES = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3)
#: Known cells of a bin that are solved, and of these on the finer mesh.
SOLVED, FINEST = 24, 4
#: What a steered cell is to exceed, as a factor on the modulus it begins from or has to beat; rounds; cells steered in
#: each; how far from the wanted density a cell may begin, and end.
FACTOR, ROUNDS, STARTS, NEAR, SAME = 1.1, 3, 6, 0.03, 0.005


def on_finer_mesh(cells: UnitCells, tolerance: float) -> Columns:
    """Properties of the same voxels, each cut in eight."""
    finer = UnitCells.from_voxels(np.stack([v.repeat(2, 0).repeat(2, 1).repeat(2, 2) for v in cells.voxels()]))
    return properties_of(finer, tolerance=tolerance, workers=1)


def stiffest_known(known: UnitCells, foretold: Columns, low: float, high: float, few: bool) -> dict[str, Any]:
    """The best known cell of a bin on the finer mesh, and the first of those solved."""
    density = known.relative_density()
    rows = np.flatnonzero((density >= low) & (density < high))
    solved, finest = (4, 1) if few else (SOLVED, FINEST)
    rows = rows[np.argsort(-foretold["young_share"][rows], kind="stable")][:solved]
    own = fine_properties(known[rows], 1)
    rows = rows[np.argsort(-own["young_share"], kind="stable")][:STARTS]
    fine = on_finer_mesh(known[rows[:finest]], 1e-3)
    best = int(np.argmax(fine["young_share"]))
    return {"rows": rows, "best": int(rows[best]), "fine": {name: float(column[best]) for name, column in fine.items()}}


def stiffer(model: Any, starts: UnitCells, value: float, density: float, judge: Judge, rounds: int) -> dict[str, Any]:
    """The stiffest steered cell of use at a density, after some rounds of steps, and what it took."""
    best, best_value, solves, slopes = None, 0.0, 0, 0
    aim = FACTOR * value
    for _ in range(rounds):
        target = parse_target(f"relative_density={density:.5f}, young_hill={aim:.6g}")
        found = approach(model, starts, np.arange(len(starts)), target, starts=STARTS, workers=1)
        solves, slopes = solves + found.solves, slopes + found.slopes
        if not len(found.rows):
            break
        steered = UnitCells(pack(found.voxels), starts.resolution, {"id": np.array([f"s{k}" for k in found.rows])})
        own = fine_properties(steered, 1)["young_hill"]
        good = judge.of_use(steered) & (abs(steered.relative_density() - density) <= SAME)
        order = np.argsort(-np.where(good, own, 0), kind="stable")
        if good.any() and own[order[0]] > best_value:
            best, best_value = steered[order[:1]], float(own[order[0]])
        starts = steered[np.argsort(-own, kind="stable")]
        aim = FACTOR * max(value, best_value)
    return {"cell": best, "young_hill": best_value, "solves": solves, "slopes": slopes}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--reference", type=Path, nargs="*", help="known cells; without it those of the shipped model")
    parser.add_argument("--pool", type=int, default=256, help="plain draws")
    parser.add_argument("--bins", type=int, default=5, help="only the first so many")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--cells", type=Path, help="folder for the cells that are found")
    parser.add_argument("--few", action="store_true", help="solve few known cells (for a quick look)")
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    reference = tuple(asked.reference or ())
    parts = [vp.load_cells(path, split="train") for path in reference]
    known = UnitCells.concatenate(parts) if parts else reference_cells()
    model = vp.load_model(asked.model, "cpu")
    pool = model.generate(asked.pool, seed=0)
    solved = coarse_properties(pool, 1)
    table = None if parts else known_properties(known)
    learnt = (pool, solved) if table is None else (table.cells, table.columns)
    surrogate = Surrogate.fit(*learnt, 1)
    density = known.relative_density()
    inside = np.flatnonzero((density >= EDGES[0]) & (density < EDGES[asked.bins]))
    predicted = surrogate.predict(known[inside], 1)["young_share"]
    foretold = {"young_share": np.full(len(known), -np.inf)}
    foretold["young_share"][inside] = predicted
    of_use = judge(reference)
    usable = np.flatnonzero(of_use.of_use(pool))
    rows, kept = [], []
    for low, high in itertools.pairwise(EDGES[: asked.bins + 1]):
        if not ((density >= low) & (density < high)).any():
            continue
        started = time.process_time()
        best = stiffest_known(known, foretold, low, high, asked.few)
        value, at = float(fine_properties(known[[best["best"]]], 1)["young_hill"][0]), float(density[best["best"]])
        near = usable[abs(pool.relative_density()[usable] - at) <= NEAR]
        near = near[np.argsort(-solved["young_share"][near], kind="stable")][:STARTS]
        rounds = [stiffer(model, begun, value, at, of_use, asked.rounds) for begun in (pool[near], known[best["rows"]])]
        reached = max(rounds, key=lambda one: one["young_hill"])
        row = {
            "bin": [low, high],
            "density": at,
            "known": str(known.index["id"][best["best"]]),
            "known_young": value,
            "known_young_finer": best["fine"]["young_hill"],
            "known_share_finer": best["fine"]["young_share"],
            "found_young": reached["young_hill"],
            "from": "a plain draw" if reached is rounds[0] else "a known cell",
            "solves": sum(one["solves"] for one in rounds),
            "slopes": sum(one["slopes"] for one in rounds),
        }
        if reached["cell"] is not None:
            cell = reached["cell"]
            fine = on_finer_mesh(cell, 1e-3)
            kept.append(cell)
            row |= {
                "found_density": float(cell.relative_density()[0]),
                "found_young_finer": float(fine["young_hill"][0]),
                "found_share_finer": float(fine["young_share"][0]),
                "found_novelty": 1 - float(of_use.reference.nearest(cell)[1][0]),
            }
        row["stiffer"] = row.get("found_young_finer", 0.0) > row["known_young_finer"]
        row["processor_seconds"] = round(time.process_time() - started, 1)
        rows.append(row)
        print(row, flush=True)
    about = {"model": asked.model, "known": len(known), "pool": asked.pool, "solved_a_bin": SOLVED}
    about |= {"known_sha256": known.sha256(), "hardware": hardware("cpu"), "voxplore_version": vp.__version__}
    storage.write_json(asked.out, {**about, "stiffer": sum(row["stiffer"] for row in rows), "bins": rows})
    if asked.cells and kept:
        UnitCells.from_voxels(np.concatenate([cell.voxels() for cell in kept])).save(asked.cells, True)


if __name__ == "__main__":
    main()
