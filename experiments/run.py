"""Make results. Each row of rows.py is one result, made by commands of `voxplore` and scripts of this folder.

    python experiments/run.py --list
    python experiments/run.py table1-nets --values closed-form dit3d
    python experiments/run.py all --tiny --out /tmp/tiny

A row is named in full, or by its first words ("table1" is table1-nets and table1-shells), or "all". What exists below
--out is kept, so the same command again resumes; what a result needs is made only where the result itself is absent. In
a checkout the results are there: give another --out to make them again.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from commands import NoRecipe, Setting
from rows import ROWS, Row
from schedule import plan, run, told

ROOT = Path(__file__).resolve().parents[1]


def chosen_rows(names: Sequence[str]) -> list[Row]:
    """Rows of these names, or that begin with them; exits with status 2 where there is none."""
    found = []
    for name in names:
        exact = [row for row in ROWS if row.name == name]
        rows = exact or [row for row in ROWS if name == "all" or row.name.startswith(f"{name}-")]
        if not rows:
            print(f"row: expected one of {', '.join(row.name for row in ROWS)}; got {name}", file=sys.stderr)
            sys.exit(2)
        found += rows
    return list(dict.fromkeys(found))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="*", metavar="ROW")
    parser.add_argument("--list", action="store_true", help="print all rows, with minutes on two CPU cores")
    parser.add_argument("--tiny", action="store_true", help="few cells of 16^3, a few steps of training: --size tiny")
    parser.add_argument("--size", default="small", choices=["tiny", "small", "medium", "full"], help="full: one GPU")
    parser.add_argument("--out", type=Path, default=ROOT, help="folder for data, runs, samples and results")
    parser.add_argument("--values", nargs="+", default=(), help="values of the row's parameter, see --list")
    parser.add_argument("--seeds", nargs="+", type=int, help="seeds of the draws")
    parser.add_argument("--n", type=int, help="number of cells to draw")
    parser.add_argument("--known", type=int, help="stiffness: number of training cells whose properties are known")
    parser.add_argument("--workers", type=int, default=2, help="million: processes that draw, threads that score")
    parser.add_argument("--jobs", type=int, default=1, help="steps that run at the same time")
    parser.add_argument("--dry-run", action="store_true", help="print the commands that would run")
    return parser.parse_args()


def main() -> int:
    asked = arguments()
    if asked.list or not asked.rows:
        print("\n".join(f"{row.name:<28}{row.minutes:>8}  {row.what}" for row in ROWS))
        return 0
    setting = Setting(
        size="tiny" if asked.tiny else asked.size,
        seeds=tuple(asked.seeds) if asked.seeds else None,
        n=asked.n,
        known=asked.known,
        values=tuple(asked.values),
        workers=asked.workers,
    )
    rows = chosen_rows(asked.rows)
    asked.out.mkdir(parents=True, exist_ok=True)
    os.chdir(asked.out)
    try:
        steps = plan([goal for row in rows for goal in row.goals(setting)])
    except NoRecipe as error:
        print(error, file=sys.stderr)
        return 2
    if asked.dry_run:
        print("\n".join(told(step) for step in steps))
        return 0
    return run(steps, asked.jobs)


if __name__ == "__main__":
    sys.exit(main())
