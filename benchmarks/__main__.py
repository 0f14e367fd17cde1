"""`python -m benchmarks`: every operation beside its peers in one run; figures as JSON and a table to results/speed."""

import argparse
import os
import tempfile
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[1]
_PARTS = ("neighbours", "components", "voxeliser", "sampling", "evaluation", "training")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small cells and right answers only, within a minute")
    parser.add_argument("--scaling", action="store_true", help="cost as work grows, instead of the peers")
    parser.add_argument("--only", nargs="+", choices=_PARTS, default=_PARTS, help="some of the parts")
    parser.add_argument("--out", type=Path, default=_ROOT / "results" / "speed")
    parser.add_argument("--nets", type=Path, default=_ROOT / "data" / "nets", help="as `voxplore build nets` makes it")
    parser.add_argument(
        "--shells", type=Path, default=_ROOT / "data" / "shells", help="as `voxplore build shells` does"
    )
    parser.add_argument("--real", type=Path, default=_ROOT.parent / "shared" / "data", help="folder with real cells")
    parser.add_argument("--model", type=Path, default=_ROOT / "runs" / "closed-form-nets-small" / "model")
    parser.add_argument("--references", type=int, default=60_000)
    parser.add_argument("--queries", type=int, default=1000)
    parser.add_argument("--peer-queries", type=int, default=32, help="queries that brute-force peers get")
    parser.add_argument("--pairs", type=int, default=20_000, help="pairs compared with brute force")
    parser.add_argument("--steps", type=int, default=0, help="also draw with this many steps (1000: minutes)")
    parser.add_argument(
        "--training-seconds", type=float, default=180, help="time that the published shape trains for; less for a look"
    )
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1, help="of every contestant")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def main() -> None:
    options = _arguments()
    # Before NumPy and torch are imported: they read these once.
    for name in ("OMP", "MKL", "OPENBLAS", "NUMBA"):
        os.environ[f"{name}_NUM_THREADS"] = str(options.threads)
    os.environ["VOXPLORE_THREADS"] = str(options.threads)
    from . import suite

    with tempfile.TemporaryDirectory(prefix="voxplore-speed-") as work:
        if options.scaling:
            print(suite.scaling(options))
        elif options.quick:
            print(suite.quick(options, Path(work)))
        else:
            print(suite.full(options, Path(work)))


if __name__ == "__main__":
    main()
