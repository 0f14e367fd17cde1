"""push.sh's table: every pair's scores beside the valid split's own, the best pair first."""

import csv
import json
import sys
from pathlib import Path

COMPARED = ("quality", "novelty", "diversity", "vun")
SHOWN = (*COMPARED, "density_distance")


def means(folder: Path) -> dict[str, float]:
    scores = json.loads((folder / "scores.json").read_text())["scores"]
    return {key: scores[key]["mean"] for key in SHOWN}


def main(folder: Path, table: Path) -> None:
    """Write the table and print the chosen pair."""
    valid = means(next(folder.glob("*/rows/held-out")))
    rows = {pair.name: means(pair) for pair in folder.iterdir() if (pair / "scores.json").exists()}
    worst = {pair: min(row[key] / valid[key] for key in COMPARED) for pair, row in rows.items()}
    table.parent.mkdir(parents=True, exist_ok=True)
    with table.open("w", newline="") as file:
        lines = csv.writer(file, lineterminator="\n")
        lines.writerow(["strength", "radius", *SHOWN, "worst share of valid"])
        lines.writerow(["valid split", "", *(f"{valid[key]:.4f}" for key in SHOWN), 1])
        for pair in sorted(rows, key=worst.__getitem__, reverse=True):
            lines.writerow([*pair.split("-"), *(f"{rows[pair][key]:.4f}" for key in SHOWN), f"{worst[pair]:.4f}"])
    best = max(rows, key=worst.__getitem__)
    print(f"{folder.name}: strength and radius {best.replace('-', ', ')}, {worst[best]:.3f} of valid at worst")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
