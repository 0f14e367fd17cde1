"""Runs a function in a process of its own that is killed just before one of its file events, whichever one names."""

import os
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

__all__ = ["killed_at"]

#: Audit events of Python that change what is on the disk, and those of `os.fsync`, which has none of its own.
WATCHED = frozenset({"open", "os.rename", "os.mkdir", "os.rmdir", "os.remove", "os.truncate", "os.chmod", "os.link"})


def killed_at(root: Path, at: int, function: Callable[[], object]) -> bool:
    """Whether the function, in a forked process, was killed before its file event number `at` below `root`."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            _die_at(str(root), at)
            function()
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert status in (0, -signal.SIGKILL)
    return status != 0


def _die_at(root: str, at: int) -> None:
    left = [at]

    def event() -> None:
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left[0] -= 1

    def audited(name: str, arguments: tuple[Any, ...]) -> None:
        if name in WATCHED and any(str(part).startswith(root) for part in arguments[:2]):
            event()

    flush = os.fsync

    def fsync(descriptor: int) -> None:
        event()
        flush(descriptor)

    os.fsync = fsync
    sys.addaudithook(audited)
