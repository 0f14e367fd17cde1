"""Table 1's columns for each part of a joined set: a generated cell counts for the set of its nearest training cell.

Reads <row>/seed0/scores.csv and <row>/reconstruction.json; prints a Markdown table, and writes it beside --out.

    python experiments/scores_by_family.py ROW data/families --out ROW/families.json
"""

import argparse
from pathlib import Path

import numpy as np

import voxplore as vp
from voxplore import storage
from voxplore.metrics import METRIC, Scores

MEANS = ("symmetry", "periodicity", "connectivity", "quality", "novelty", "valid")


def main() -> None:
    parser = argparse.ArgumentParser(description="Scores by family.")
    parser.add_argument("row", type=Path)
    parser.add_argument("cells", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    chosen = parser.parse_args()
    train = vp.load_cells(chosen.cells, split="train")
    set_of = dict(zip(train.index["id"].tolist(), train.index["set"].tolist(), strict=True))
    scores = Scores.load(chosen.row / "seed0")
    held_out = Scores.load(chosen.row / "seed0" / "rows" / "held-out")
    found = {
        "drawn": by_set(scores, set_of),
        "held-out": by_set(held_out, set_of),
        "reconstruction": storage.read_json(chosen.row / "reconstruction.json")["iou"],
    }
    text = markdown(found)
    storage.write_text(chosen.out.with_suffix(".md"), text)
    storage.write_json(chosen.out, found)
    print(text)


def by_set(scores: Scores, set_of: dict[str, str]) -> dict[str, dict[str, float]]:
    """Set of the nearest training cell -> share of the cells, and Table 1's columns over these; "all" for all."""
    # Ids of the reference end in their orientation: "net-cubic-000123-4-o3".
    nearest = np.array([set_of[one.rsplit("-o", 1)[0]] for one in scores.columns["nearest_id"].tolist()])
    groups = {"all": np.ones(len(nearest), bool)} | {name: nearest == name for name in dict.fromkeys(set_of.values())}
    return {name: columns(scores.columns, group) for name, group in groups.items()}


def columns(cells: dict[str, np.ndarray], group: np.ndarray) -> dict[str, float]:
    n = int(group.sum())
    if not n:
        return {"n": 0, "share": 0.0}
    counted = group & (cells["counted"] > 0)
    found = np.all([cells[key][group] > 0 for key in ("valid", "unique", "novel")], axis=0)
    return {
        "n": n,
        "share": n / len(group),
        **{key: float(cells[key][group].mean()) for key in MEANS},
        "diversity": len(set(cells["nearest_id"][counted].tolist())) / n,
        "vun": float(found.mean()),
    }


def markdown(found: dict[str, dict]) -> str:
    keys = [*MEANS[:5], "diversity", "valid", "vun"]
    head = ["", "held-out IoU", "share of drawn", *(METRIC[key].label for key in keys), "held-out Quality"]
    lines = [head, ["---", *["---:"] * (len(head) - 1)]]
    for name, row in found["drawn"].items():
        iou = found["reconstruction"]["held-out" if name == "all" else f"held-out {name}"]["mean"]
        scored = [f"{row[key]:.3f}" if key in row else "–" for key in keys]
        quality = found["held-out"][name].get("quality")
        last = "–" if quality is None else f"{quality:.3f}"
        lines.append([name, f"{iou:.3f}", f"{row['share']:.3f}", *scored, last])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


if __name__ == "__main__":
    main()
