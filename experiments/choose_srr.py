"""Strength and radius of SRR, chosen on the valid split: the scores of every pair, the best pair first.

Of the pairs that reach four fifths of the valid split's own S_nov and S_div, the best is the one whose worst share of
that split's quality, S_nov, S_div, vun and density (1 - W(density) / mean density) is the largest.

    python experiments/choose_srr.py SCORES PATTERN --out results/nets/srr-choice/voxplore-nets-small.csv

SCORES holds a folder <strength>-<radius> of scores for every pair; PATTERN finds the reference rows of the valid split.
"""

import argparse
import csv
import io
from pathlib import Path

from voxplore import storage

COMPARED = ("quality", "novelty", "diversity", "vun")
SHOWN = (*COMPARED, "relative_density", "density_distance")


def means(folder: Path) -> dict[str, float]:
    scores = storage.read_json(folder / "scores.json")["scores"]
    return {key: scores[key]["mean"] for key in SHOWN}


def worst_share(row: dict[str, float], valid: dict[str, float]) -> float:
    """The smallest share of the valid split's scores that a row reaches; of the density, 1 minus its relative error."""
    off = row["density_distance"] / valid["relative_density"]
    return min(1 - off, *(row[key] / valid[key] for key in COMPARED))


def novel_enough(row: dict[str, float], valid: dict[str, float]) -> bool:
    """Four fifths of the valid split's S_nov and S_div: a generator of valid copies is of no use."""
    return min(row["novelty"] / valid["novelty"], row["diversity"] / valid["diversity"]) >= 0.8


def main() -> None:
    parser = argparse.ArgumentParser(description="Choose strength and radius of SRR.")
    parser.add_argument("scores", type=Path)
    parser.add_argument("pattern")
    parser.add_argument("--out", type=Path, required=True)
    chosen = parser.parse_args()
    valid = means(next(Path().glob(chosen.pattern)) / "held-out")
    rows = {pair.name: means(pair) for pair in chosen.scores.iterdir() if (pair / "scores.json").exists()}
    worst = {pair: worst_share(row, valid) for pair, row in rows.items()}
    order = sorted(rows, key=lambda pair: (novel_enough(rows[pair], valid), worst[pair]), reverse=True)
    file = io.StringIO()
    lines = csv.writer(file, lineterminator="\n")
    lines.writerow(["strength", "radius", *SHOWN, "worst share of valid"])
    lines.writerow(["valid split", "", *(f"{valid[key]:.4f}" for key in SHOWN), 1])
    for pair in order:
        lines.writerow([*pair.split("-"), *(f"{rows[pair][key]:.4f}" for key in SHOWN), f"{worst[pair]:.4f}"])
    storage.write_text(chosen.out, file.getvalue())
    best = order[0]
    print(f"{chosen.scores.name}: strength and radius {best.replace('-', ', ')}, {worst[best]:.3f} of valid at worst")


if __name__ == "__main__":
    main()
