"""What was reached for targets (targets.py) as one table, a row a kind of target and a way.

python experiments/targets_table.py results/targets --out results/targets/table.md
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from voxplore import storage

#: What a miss is, by kind of target.
MISSES = {
    "modulus": "E and density, larger relative miss",
    "poisson": "nu_xy, difference",
    "cubic": "cubic tensor, Frobenius norm",
    "isotropic": "isotropy (E max / E min - 1) and density, larger miss",
}
WAYS = {
    "miss": "steered",
    "plain_best_of_pool": "best of the pool, {pool} plain draws at half resolution",
    "plain_best_at_equal_solves": "best of as many plain draws as were solved (expected)",
    "plain_median": "one plain draw (median)",
}


def lines(kind: str, about: dict[str, Any]) -> list[str]:
    rows = []
    targets = about["targets"]
    name = f"{MISSES[kind]}: {about['run']} of {about['asked_for']} targets run"
    for key, way in WAYS.items():
        values = np.array([np.inf if one[key] is None else one[key] for one in targets])
        middle, most = np.quantile(values, [0.5, 0.9], method="higher")
        within = [100 * float((values <= limit).mean()) for limit in (0.05, 0.1)]
        rows.append(
            f"| {name} | {way.format(**about)} | {_text(middle)} | {_text(most)} "
            f"| {within[0]:.0f} % | {within[1]:.0f} % |"
        )
        name = ""
    return rows


def notes(kind: str, about: dict[str, Any]) -> str:
    targets = about["targets"]
    cost = [np.median([one[key] for one in targets]) for key in ("solves", "slopes", "processor_seconds")]
    text = f"- {kind}: median of {cost[0]:.0f} solved cells, {cost[1]:.0f} solved for slopes and {cost[2]:.0f} "
    text += "processor seconds a target"
    offs = [one["density_off"] for one in targets if one["density_off"] is not None]
    if offs:
        text += f"; median density off by {np.median(offs):.4f}, at most {max(offs):.4f}"
    if kind == "isotropic":
        four = sum(one["designs"] >= 4 for one in targets)
        text += f"; {four} of {len(targets)} targets hit by four designs or more (mutual IoU below {about['same']})"
    return text + "."


def _text(value: float) -> str:
    return f"{value:.4f}" if np.isfinite(value) else "none"


def main() -> None:
    parser = argparse.ArgumentParser(description="Table of what was reached for targets.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    found = {kind: asked.folder / kind / "targets.json" for kind in MISSES}
    read: dict[str, Any] = {kind: storage.read_json(path) for kind, path in found.items() if path.exists()}
    table = ["| miss | way | median | 90th percentile | within .05 | within .1 |", "|---|---|---|---|---|---|"]
    for kind, about in read.items():
        table += lines(kind, about)
    table += ["", *(notes(kind, about) for kind, about in read.items()), ""]
    storage.write_text(asked.out, "\n".join(table))
    print("\n".join(table))


if __name__ == "__main__":
    main()
