"""Why cells are not valid, unique or novel: the share of each reason, row by row.

Reads every scores.csv below a folder, reference rows too; prints a Markdown table and writes the same as JSON.

    python experiments/invalid_reasons.py results/nets/negatives --out results/nets/negatives/reasons.json
"""

import argparse
from collections import Counter
from pathlib import Path

from voxplore import storage
from voxplore.metrics import Scores
from voxplore.metrics.discovery import REASONS


def main() -> None:
    parser = argparse.ArgumentParser(description="Reasons why cells do not count, by row.")
    parser.add_argument("results", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    chosen = parser.parse_args()
    scored = [Scores.load(path.parent) for path in sorted(chosen.results.rglob("scores.json"))]
    found = {scores.name: shares(scores) for scores in scored if "reasons" in scores.columns}
    storage.write_json(chosen.out, found)
    seen = [reason for reason in REASONS if any(reason in row["reasons"] for row in found.values())]
    print(markdown(["", "cells", "Quality", "valid", *seen]))
    print(markdown(["---", *["---:"] * (3 + len(seen))]))
    for name, row in found.items():
        shown = [f"{row['reasons'].get(reason, 0.0):.3f}" for reason in seen]
        print(markdown([name, str(row["n"]), f"{row['quality']:.3f}", f"{row['valid']:.3f}", *shown]))


def shares(scores: Scores) -> dict:
    """Number of cells, mean quality, share of valid ones, and share of the cells with each reason."""
    texts = [text for reasons in scores.columns["reasons"].tolist() for text in reasons.split("; ") if text]
    counted = {reason: count / scores.n for reason, count in Counter(texts).most_common()}
    return {"n": scores.n, "quality": scores.mean["quality"], "valid": scores.mean["valid"], "reasons": counted}


def markdown(line: list[str]) -> str:
    return "| " + " | ".join(line) + " |"


if __name__ == "__main__":
    main()
