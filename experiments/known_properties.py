"""The shipped table of properties of known cells: what they reach, and where conditions on properties start from.

27 float16 numbers a cell, written to src/voxplore/shipped/properties.npz. The same command goes on where one was broken
off. All 15,200 cells of the shipped reference take some three hours on one core; --n takes so many, evenly spread.

    python experiments/known_properties.py --n 400
"""

import argparse
import time
from pathlib import Path

from voxplore.data.record.shipped import reference_cells
from voxplore.workflows.known import TABLE, make_table


def main() -> None:
    parser = argparse.ArgumentParser(description="Solve known cells and write their table.")
    parser.add_argument("--out", type=Path, default=TABLE)
    parser.add_argument("--n", type=int, default=None)
    parser.add_argument("--minutes", type=float, default=float("inf"), help="write what is solved after so many")
    parser.add_argument("--workers", type=int, default=None)
    chosen = parser.parse_args()
    until = time.monotonic() + 60 * chosen.minutes
    count = make_table(reference_cells(), chosen.n, chosen.out, chosen.workers, until)
    print(f"{count} cells in {chosen.out}, {chosen.out.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
