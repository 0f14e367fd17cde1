"""Runs commands of voxplore in forked processes that can be killed at any moment; imports are paid once.

One request a line on stdin: {"arguments": [...], "kill_at": file event or null, "root": folder}. One answer a line:
{"pid": ...} when the process runs, then {"status": ..., "events": ...} when it has ended (a negative status is the
signal). A file event is an opening, renaming, linking, making or removing below the root, or a flush; the process kills
itself just before the one numbered `kill_at`, or in the write that makes a file longer than `tear_at` bytes.
"""

import json
import os
import resource
import signal
import sys
import traceback
from pathlib import Path
from typing import Any

#: A checkpoint after every step, and blocks of a few cells, so that a kill may fall between any two.
CHECKPOINT_SECONDS = 0.0
#: Modules that verbs import when they need them.
_MODULES = (
    *(
        "data.synthetic.families",
        "data.synthetic.nets",
        "data.synthetic.shells",
        "export",
        "models",
        "refine",
        "report",
    ),
    *("report.compare", "show"),
    *(f"workflows.{name}" for name in ("build", "discover", "evaluate", "generate", "info", "train")),
)
_WATCHED = {"open", "os.rename", "os.link", "os.mkdir", "os.rmdir", "os.remove", "os.truncate", "os.chmod", "os.utime"}


def preload() -> None:
    """Import what the verbs use, before the first fork."""
    import importlib

    import numpy as np
    import torch

    import voxplore.cli
    from voxplore import metrics
    from voxplore.mechanics import properties_of
    from voxplore.storage import resumable
    from voxplore.training import loop
    from voxplore.workflows import generate

    for name in (*_MODULES, *(f"cli.{verb}" for verb in voxplore.cli.VERBS)):
        importlib.import_module(f"voxplore.{name}")
    torch.set_num_threads(1)
    generate._block_size = lambda together: 5
    metrics.rows.BLOCK = 3
    resumable._FLUSH_SECONDS = 0.0
    loop._CHECKPOINT_SECONDS = CHECKPOINT_SECONDS
    # Compiled code is loaded once, here.
    noise = np.random.default_rng(0).random((3, 16, 16, 16)) > 0.3
    cells = voxplore.unitcells.UnitCells.from_voxels(noise)
    metrics.evaluate(cells, cells, held_out=cells)
    voxplore.refine.refine(cells, workers=1)
    properties_of(cells[:1], None, workers=1)


def shrink(work: str) -> None:
    """What is shipped, at 48^3, takes half a minute to draw and solve: `discover` draws with the tiny model at 16^3."""
    from voxplore import models
    from voxplore.unitcells import load_cells

    models.SHIPPED["default"] = Path(work, "run", "model")
    sys.modules["voxplore.workflows.discover"].reference_cells = lambda: load_cells(Path(work, "nets"))


def watch(root: str, kill_at: int | None) -> list[int]:
    """Count file events below `root`; the counter is the only item of the list."""
    count = [0]

    def happens() -> None:
        if count[0] == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        count[0] += 1

    def event(name: str, arguments: tuple[Any, ...]) -> None:
        if name in _WATCHED and any(str(part).startswith(root) for part in arguments[:2]):
            happens()

    flush = os.fsync

    def fsync(descriptor: int) -> None:
        happens()
        flush(descriptor)

    os.fsync = fsync
    sys.addaudithook(event)
    return count


def tear(size: int) -> None:
    """Die in the write that would make any file longer than this: what fits of it is in the file."""
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def child(request: dict[str, Any], report: int) -> None:
    """Run the command and leave; stdout and stderr go to root/told."""
    told = os.open(os.path.join(request["root"], "told"), os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
    os.dup2(told, 1)
    os.dup2(told, 2)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background ignores it
    count = watch(request["root"] + "/work", request.get("kill_at"))
    from voxplore.cli import main

    shrink(request["root"] + "/work")
    if request.get("tear_at") is not None:
        tear(request["tear_at"])
    status = 99
    try:
        status = main(request["arguments"])
    except BaseException:
        traceback.print_exc()  # what comes through main would be lost with the process
    finally:
        os.write(report, str(count[0]).encode())
        os._exit(status)


def serve() -> None:
    """Answer requests until stdin ends."""
    answers = os.fdopen(os.dup(1), "w")
    preload()
    print(json.dumps({"ready": True}), file=answers, flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(reading)
            child(request, writing)
        os.close(writing)
        print(json.dumps({"pid": pid}), file=answers, flush=True)
        with os.fdopen(reading) as report:
            events = report.read()
        _, status = os.waitpid(pid, 0)
        answer = {"status": os.waitstatus_to_exitcode(status), "events": int(events or 0)}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    serve()
