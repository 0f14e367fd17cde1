"""Which steps have to run, and running them: each in a process of its own, as many at a time as asked for."""

import importlib
import json
import os
import pkgutil
import runpy
import shlex
import shutil
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path

from commands import Step, made

from voxplore.errors import VoxploreError

__all__ = ["plan", "run", "told"]

HERE = Path(__file__).resolve().parent
#: Seconds and memory of every step, a JSON line each.
LOG = Path("runs") / "steps.jsonl"


def plan(goals: Sequence[Step]) -> list[Step]:
    """Steps that have to run, in order. What a result needs is looked at only where the result is absent or follows."""
    needed: dict[str, Step | None] = {}

    def visit(step: Step) -> bool:
        if step.out not in needed:
            needed[step.out] = None
            exists = Path(step.out).exists()
            if not exists or step.follows:
                anew = [visit(need) for need in step.needs]
                if not exists or any(anew):
                    needed[step.out] = needed.pop(step.out) or step  # after all that it needs
        return needed[step.out] is not None

    for goal in goals:
        visit(goal)
    return [step for step in needed.values() if step is not None]


def run(steps: Sequence[Step], jobs: int = 1) -> int:
    """Run the steps; 0, or 1 once one has failed (what runs beside it ends first)."""
    if steps:
        _load()
    waiting, running = list(steps), {}
    number, failed = 0, ""
    open_outs = {step.out for step in steps}
    while waiting or running:
        ready = [step for step in waiting if not open_outs & {need.out for need in step.needs}]
        if ready and len(running) < jobs and not failed:
            step = ready[0]
            waiting.remove(step)
            running[_start(step)] = (step, time.monotonic())
            continue
        if not running:
            break
        process, status, usage = os.wait4(-1, 0)
        if process not in running:
            continue
        step, started = running.pop(process)
        number += 1
        seconds, cpu = time.monotonic() - started, usage.ru_utime + usage.ru_stime
        facts = {"out": step.out, "seconds": round(seconds, 1), "cpu_seconds": round(cpu, 1)}
        facts |= {"megabytes": usage.ru_maxrss // 1024}
        if status or not Path(step.out).exists():
            failed = step.out
            continue
        open_outs.discard(step.out)
        LOG.parent.mkdir(exist_ok=True)
        with LOG.open("a") as file:
            file.write(json.dumps(facts) + "\n")
        cost = f"{seconds:.1f} s ({cpu:.1f} s of processor time), {facts['megabytes']} MB"
        print(f"[{number}/{len(steps)}] {cost}: {step.out}", flush=True)
    if failed:
        print(f"{failed}: expected the step to make it, got a failure (see above)", file=sys.stderr)
    return int(bool(failed))


def told(step: Step) -> str:
    """The command of a step as a line; one whose options are computed from results that are absent is only named."""
    try:
        words = made(step.command)
    except (OSError, VoxploreError):
        return f"({step.out}: options computed from earlier results)"
    return shlex.join(words if words[0].endswith(".py") or words[0] == "copy" else ["voxplore", *words])


def _load() -> None:
    """Load what steps need, once for all processes forked from here; nothing is computed, so no thread starts."""
    rooms = ("cli", "workflows", "models", "metrics", "report", "show", "export", "mechanics", "refine")
    for room in rooms:
        for module in pkgutil.walk_packages(importlib.import_module(f"voxplore.{room}").__path__, f"voxplore.{room}."):
            importlib.import_module(module.name)
    for name in (
        "torch._dynamo",
        "tyro",
        "matplotlib.pyplot",
    ):  # what optimisers, options and plots load when first used
        importlib.import_module(name)


def _start(step: Step) -> int:
    """Run the command in a forked process; its number."""
    sys.stdout.flush()
    sys.stderr.flush()
    process = os.fork()
    if process:
        return process
    status = 1
    try:
        Path(step.out).parent.mkdir(parents=True, exist_ok=True)
        status = _do(list(made(step.command)))
        sys.stdout.flush()
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(bool(end.code))
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def _do(words: list[str]) -> int:
    if words[0] == "copy":
        return _copy(*words[1:])
    if words[0].endswith(".py"):
        sys.argv = [str(HERE / words[0]), *words[1:]]
        runpy.run_path(sys.argv[0], run_name="__main__")
        return 0
    from voxplore.cli import main

    return main(words)


def _copy(source: str, target: str, *names: str) -> int:
    """Copy files from one folder to another; the first file last, because it is what marks the step done."""
    Path(target).mkdir(parents=True, exist_ok=True)
    for name in reversed(names):
        shutil.copy(Path(source) / name, Path(target) / f"{name}.new")
        (Path(target) / f"{name}.new").replace(Path(target) / name)
    return 0
