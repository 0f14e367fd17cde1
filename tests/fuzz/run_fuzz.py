"""Feed damaged files to every reader and record what came of it.

    python tests/fuzz/run_fuzz.py --inputs 1000000 --out results/robustness/fuzz.json
    python tests/fuzz/run_fuzz.py --only stl ply --seed 1 --inputs 100000 --out results/robustness/fuzz.json
    python tests/fuzz/run_fuzz.py --reader npz --engine atheris --inputs 20000

Each reader runs in a process of its own under an address-space limit. The engine `mutation` needs nothing; `atheris`
follows the coverage of voxplore's own code, where that package is installed. Inputs that raise anything but
VoxploreError, or take too long, are kept in --keep. A run adds to the counts that the file holds; another seed gives
other inputs.
"""

import argparse
import contextlib
import json
import os
import platform
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

#: Share of the inputs, by what one costs.
WEIGHTS = {
    "latents": 0.05,
    "words": 0.05,
    "solved": 0.1,
    "meshes": 0.2,
    "slices": 0.3,
    "model": 0.05,
    "refiner": 0.2,
    "checkpoint": 0.5,
    "octants": 0.5,
    "cells": 0.7,
    "scores": 0.7,
}
ADDRESS_SPACE = 6 << 30
SLOW_SECONDS = 10.0
#: A reader that is still at work after so many seconds is broken off; a second of them would hide all inputs behind it.
LIMIT_SECONDS = 60


class Endless(BaseException):
    """Not an Exception: a reader that turns any of those into its own must not catch this one."""


def _broken_off(number: int, frame: object) -> None:
    raise Endless(f"still at work after {LIMIT_SECONDS} s")


def one_reader(name: str, inputs: int, seed: int, engine: str, keep: Path) -> dict:
    """Run in this process; what is found is returned (and, for atheris, written before it exits)."""
    base = Path(tempfile.mkdtemp(prefix="voxplore-fuzz-", dir="/dev/shm" if os.path.isdir("/dev/shm") else None))
    with _followed(engine):
        from fuzz_mutate import mutated
        from fuzz_readers import feed, readers

        # What a reader needs is imported as it is made and first used: its own code must come in here to be followed.
        reader = readers(base / "whole", (name,))[name]
        (base / "first").mkdir()
        for data in reader.seeds():
            assert feed(reader, data, base / "first"), name
    (base / "in").mkdir()
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    found = {"inputs": 0, "taken": 0, "uncaught": 0, "slow": 0, "worst_seconds": 0.0, "errors": []}
    begun = peak()

    signal.signal(signal.SIGALRM, _broken_off)

    def one(data: bytes) -> None:
        started = time.process_time()
        signal.alarm(LIMIT_SECONDS)
        try:
            found["taken"] += feed(reader, data, base / "in")
        except (Exception, Endless) as error:
            note(found, name, data, keep, error)
        finally:
            signal.alarm(0)
        seconds = time.process_time() - started
        found["inputs"] += 1
        found["slow"] += seconds > SLOW_SECONDS
        found["worst_seconds"] = max(found["worst_seconds"], round(seconds, 3))

    def last(data: bytes) -> None:
        """The engine leaves without a word to Python: the last input tells what was found."""
        one(data)
        if found["inputs"] >= inputs:
            print(json.dumps({**found, "worst_mb": peak() - begun}), flush=True)
            subprocess.run(["rm", "-rf", str(base)], check=False)
            os._exit(0)

    try:
        if engine == "atheris":
            import atheris

            corpus = base / "corpus"
            corpus.mkdir()
            for number, content in enumerate(reader.seeds()):
                (corpus / str(number)).write_bytes(content)
            options = [
                f"-runs={inputs + 1000}",
                f"-seed={seed + 1}",
                "-max_len=65536",
                "-timeout=60",
                "-rss_limit_mb=0",
            ]
            atheris.Setup([sys.argv[0], *options, "-verbosity=0", "-print_final_stats=0", str(corpus)], last)
            atheris.Fuzz()
        rng = random.Random(f"{seed} {name}")
        seeds = reader.seeds()
        for _ in range(inputs):
            one(mutated(seeds, rng))
    finally:
        subprocess.run(["rm", "-rf", str(base)], check=False)
    return {**found, "worst_mb": peak() - begun}


def _followed(engine: str) -> contextlib.AbstractContextManager:
    """Within it, what is imported is followed by the engine; kernels come in before: numba cannot compile such code."""
    if engine != "atheris":
        return contextlib.nullcontext()
    import atheris

    import voxplore.kernels  # noqa: F401

    return atheris.instrument_imports(include=["voxplore"])


def peak() -> int:
    """Most memory held so far, in megabytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def note(found: dict, name: str, data: bytes, keep: Path, error: BaseException) -> None:
    found["uncaught"] += 1
    frame = traceback.extract_tb(error.__traceback__)[-1]
    text = f"{type(error).__name__}: {str(error)[:120]} ({Path(frame.filename).name}:{frame.lineno})"
    if all(text.split("(")[-1] not in known for known in found["errors"]) and len(found["errors"]) < 20:
        found["errors"].append(text)
        keep.mkdir(parents=True, exist_ok=True)
        (keep / f"{name}-{len(found['errors'])}").write_bytes(data)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=20_000, help="over all readers, those of --only, or the one")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--engine", choices=("mutation", "atheris"), default="mutation")
    parser.add_argument("--only", nargs="+", metavar="READER", help="these readers instead of all")
    parser.add_argument("--reader", help="only this one, in this process; prints JSON")
    parser.add_argument("--out", type=Path, help="JSON to write, or to add to")
    parser.add_argument("--keep", type=Path, default=Path("/tmp/voxplore-fuzz"), help="for inputs that failed")
    parser.add_argument("--nice", type=int, default=19, help="19 gives way to all other work")
    asked = parser.parse_args()
    os.nice(asked.nice)
    if asked.reader:
        print(json.dumps(one_reader(asked.reader, asked.inputs, asked.seed, asked.engine, asked.keep)))
        return
    from fuzz_readers import READERS

    weights = {name: WEIGHTS.get(name, 1.0) for name in asked.only or READERS}
    for name in weights:
        share = round(asked.inputs * weights[name] / sum(weights.values()))
        command = [sys.executable, __file__, "--reader", name, "--inputs", str(share), "--seed", str(asked.seed)]
        command += ["--engine", asked.engine, "--keep", str(asked.keep), "--nice", "0"]
        started = time.monotonic()
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
        lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
        found = json.loads(lines[-1]) if lines else {"uncaught": 1, "died": done.returncode}
        print(f"{name:<11}", json.dumps(found), f"{time.monotonic() - started:.0f} s", flush=True)
        if asked.out:
            record(asked.out, name, found, asked)


def record(path: Path, name: str, found: dict, asked: argparse.Namespace) -> None:
    """Add one reader's counts to the file."""
    from voxplore import __version__, storage

    data = storage.read_json(path) if path.exists() else {"readers": {}, "runs": []}
    before = data["readers"].get(name, {})
    after = {key: before.get(key, 0) + found.get(key, 0) for key in ("inputs", "taken", "uncaught", "slow")}
    after |= {key: max(before.get(key, 0), found.get(key, 0)) for key in ("worst_seconds", "worst_mb")}
    data["readers"][name] = after
    run = {"engine": asked.engine, "seed": asked.seed, "voxplore_version": __version__}
    run |= {"hardware": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"}
    same = [each for each in data["runs"] if run.items() <= each.items()]
    data["runs"] = [each for each in data["runs"] if each not in same]
    data["runs"].append({**run, "inputs": found.get("inputs", 0) + sum(each["inputs"] for each in same)})
    data["inputs"] = sum(each["inputs"] for each in data["readers"].values())
    data["uncaught"] = sum(each["uncaught"] for each in data["readers"].values())
    storage.write_json(path, data)


if __name__ == "__main__":
    main()
