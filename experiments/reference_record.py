"""Make the record from which the shipped model's training cells are rebuilt: src/voxplore/shipped/reference.bin.

Builds `nets` and `shells` from their seed (minutes), keeps the training split of each, rebuilds them from the record
and compares. The periodicity floor is that of the held-out cells of both sets together.

    python experiments/reference_record.py
"""

import argparse
import time
from pathlib import Path

import numpy as np

from voxplore.data.prepare.splits import periodicity_floor, with_split
from voxplore.data.record.sets import read_record, write_record
from voxplore.data.synthetic.nets import nets_with_plans
from voxplore.data.synthetic.shells import shells_with_plans
from voxplore.metrics import periodicity
from voxplore.unitcells import UnitCells

SHIPPED = Path(__file__).resolve().parents[1] / "src" / "voxplore" / "shipped" / "reference.bin"


def main() -> None:
    parser = argparse.ArgumentParser(description="Record the training cells of nets and shells.")
    parser.add_argument("--out", type=Path, default=SHIPPED)
    parser.add_argument("--n", type=int, default=10_000, help="cells of each set, before the split")
    parser.add_argument("--all", action="store_true", help="keep all splits: experiments/gpu.sh scores with them")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=None)
    chosen = parser.parse_args()
    built, held_out = {}, []
    for kind, make in (("nets", nets_with_plans), ("shells", shells_with_plans)):
        started = time.monotonic()
        cells, plans = make(chosen.n, chosen.seed, workers=chosen.workers)
        cells = with_split(cells, chosen.seed)
        kept = ("train", "valid", "test") if chosen.all else ("train",)
        rows = np.flatnonzero(np.isin(cells.index["split"], kept))
        built[kind] = (cells[rows], [plans[row] for row in rows])
        held_out.append(cells.split("test"))
        print(f"{kind}: {len(cells)} cells, {len(rows)} recorded, in {time.monotonic() - started:.0f} s", flush=True)
    floor = periodicity_floor(periodicity(UnitCells.concatenate(held_out)))
    abouts = {kind: cells.about for kind, (cells, _) in built.items()}
    about = {
        "name": "nets and shells",
        "source": "generated",
        "licence": "MIT (nets), CC0 1.0 (shells)",
        "split_rule": abouts["nets"]["split_rule"],
        "periodicity_floor": floor,
        "sets": abouts,
    }
    write_record(chosen.out, **built, about=about)
    started = time.monotonic()
    record = read_record(chosen.out)
    record.cells(workers=chosen.workers)
    size = chosen.out.stat().st_size
    drawn = f"{len(record)} cells rebuilt in {time.monotonic() - started:.0f} s"
    print(f"{chosen.out}: {size} bytes, {size / len(record):.0f} a cell; {drawn}, the same bits; floor {floor}")


if __name__ == "__main__":
    main()
