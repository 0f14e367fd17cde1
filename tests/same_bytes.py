"""Same seed, same bytes: run the same commands on two versions of the package and compare every file they write.

    python tests/same_bytes.py OLD/src NEW/src --out FOLDER

Built (nets, shells, 64 cells each; a few of every other family), generated (shipped model, 8 cells), scored, solved (2
cells), refined, trained (the tiny recipe). Of JSON the facts that must differ are left out: seconds. Exit status 1 and
the names where two files differ.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

COMMANDS = (
    "build nets --n 64 --out nets",
    "build shells --n 64 --out shells",
    "build nets --n 24 --resolution 16 --orientations 6 --out nets16",
    "build joined --sets nets shells --out both",
    *(f"build {name} --n 6 --out {name}" for name in ("spinodoid", "voronoi", "plates", "extruded", "kirigami")),
    "degrade nets --out negatives",
    "generate default --n 8 --seed 0 --out drawn",
    "generate default --n 4 --seed 1 --density 0.1 0.3 --out dense",
    "evaluate drawn --reference nets --rows --row-size 8 --out scores",
    "compare scores --printed metatruss --out table",
    "properties drawn --n 2 --checks --no-cache --workers 1 --out properties",
    "refine drawn --workers 1 --out refined",
    "export drawn --n 2 --size 10 --format stl --out parts",
    "render drawn --out drawn.png",
    "train nets16 --recipe vae-nets-tiny --device cpu --out trained",
    "generate trained/model --n 8 --seed 0 --out tiny",
    "info nets",
    "train nets --recipe xcube-nets-small --dry-run --out none",
)
#: Keys of JSON whose values say how long something took, or where.
_TIMES = ("seconds", "training_seconds", "seconds_per_1000", "stages")


def run(source: Path, work: Path) -> dict[str, str]:
    """Run COMMANDS with the package in `source`; file (or command, for what it prints) -> SHA-256."""
    work.mkdir(parents=True)
    one = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "VOXPLORE_THREADS"), "1")
    environment = os.environ | one | {"PYTHONPATH": str(source.resolve()), "VOXPLORE_CACHE": str(work / ".cache")}
    found = {}
    for command in COMMANDS:
        line = [sys.executable, "-m", "voxplore", *command.split()]
        done = subprocess.run(line, cwd=work, env=environment, capture_output=True, text=True)
        printed = f"{done.returncode}\n{done.stdout}"
        print(
            f"{source}: {command}: {done.returncode} {done.stderr.strip()[-300:] if done.returncode else ''}",
            flush=True,
        )
        if not command.startswith(("train nets16", "compare")):  # these print seconds
            found[f"$ {command}"] = hashlib.sha256(printed.encode()).hexdigest()
    places = (path.relative_to(work) for path in sorted(work.rglob("*")) if path.is_file())
    # The folder of a run holds checkpoints and a log with times; the model made of them is compared.
    kept = (place for place in places if place.parts[0] != ".cache" and place.parts[:2] != ("trained", "run"))
    return found | {str(place): checksum(work / place) for place in kept}


def checksum(path: Path) -> str:
    """SHA-256 of the file; of JSON without the times, and of what is a checksum of a file that has them."""
    data = path.read_bytes()
    if path.suffix == ".json":
        data = json.dumps(_timeless(json.loads(data))).encode()
    elif path.suffix in (".md", ".txt", ".tex", ".csv") and path.parent.name in ("model", "table"):
        return f"{len(data.splitlines())} lines"  # costs in seconds stand among the numbers
    return hashlib.sha256(data).hexdigest()


def _timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _timeless(item) for key, item in value.items() if key not in _TIMES}
    return [_timeless(item) for item in value] if isinstance(value, list) else value


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    sides = []
    for name, source in (("old", asked.old), ("new", asked.new)):
        record = asked.out / f"{name}.json"
        if not record.exists():
            record.parent.mkdir(parents=True, exist_ok=True)
            record.write_text(json.dumps(run(source, (asked.out / name).resolve()), indent=1))
        sides.append(json.loads(record.read_text()))
    old, new = sides
    differ = [name for name in sorted(old.keys() | new.keys()) if old.get(name) != new.get(name)]
    print("\n".join([*(f"differs: {name}" for name in differ), f"{len(old)} compared, {len(differ)} differ"]))
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main())
