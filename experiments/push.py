"""push.sh's table: every pair's scores beside the valid split's own, the best pair first."""

import csv
import json
import sys
from pathlib import Path

COMPARED = ("quality", "novelty", "diversity", "vun")
SHOWN = (*COMPARED, "relative_density", "density_distance")


def means(folder: Path) -> dict[str, float]:
    scores = json.loads((folder / "scores.json").read_text())["scores"]
    return {key: scores[key]["mean"] for key in SHOWN}


def worst_share(row: dict[str, float], valid: dict[str, float]) -> float:
    """The smallest share of the valid split's scores that a row has; of its density, what lies where it should."""
    off = row["density_distance"] / valid["relative_density"]
    return min(1 - off, *(row[key] / valid[key] for key in COMPARED))


def novel_enough(row: dict[str, float], valid: dict[str, float]) -> bool:
    """Four fifths of the valid split's S_nov and S_div: valid copies alone are not what a generator is for."""
    return min(row["novelty"] / valid["novelty"], row["diversity"] / valid["diversity"]) >= 0.8


def main(folder: Path, valid_row: Path, table: Path) -> None:
    """Write the table and print the chosen pair."""
    valid = means(valid_row)
    rows = {pair.name: means(pair) for pair in folder.iterdir() if (pair / "scores.json").exists()}
    worst = {pair: worst_share(row, valid) for pair, row in rows.items()}
    order = sorted(rows, key=lambda pair: (novel_enough(rows[pair], valid), worst[pair]), reverse=True)
    table.parent.mkdir(parents=True, exist_ok=True)
    with table.open("w", newline="") as file:
        lines = csv.writer(file, lineterminator="\n")
        lines.writerow(["strength", "radius", *SHOWN, "worst share of valid"])
        lines.writerow(["valid split", "", *(f"{valid[key]:.4f}" for key in SHOWN), 1])
        for pair in order:
            lines.writerow([*pair.split("-"), *(f"{rows[pair][key]:.4f}" for key in SHOWN), f"{worst[pair]:.4f}"])
    best = order[0]
    print(f"{folder.name}: strength and radius {best.replace('-', ', ')}, {worst[best]:.3f} of valid at worst")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
