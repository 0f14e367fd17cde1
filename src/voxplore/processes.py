"""How many processes to start, and how to start them wherever a person runs Python: scripts, notebooks, clusters."""

import contextlib
import multiprocessing.util
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from types import ModuleType
from typing import Any

__all__ = ["available_cores", "module_of", "short_temporary_folder", "without_main"]

#: Longest folder below which a socket's name still fits in the 104 bytes that systems allow.
_LONGEST_FOLDER = 60
#: Where sockets go if the folder for temporary files has a longer name.
_SHORT_FOLDERS = ("/tmp", "/var/tmp", "/dev/shm")


def available_cores() -> int:
    """Cores that this process may use: those it is bound to, and no more than Slurm gave to the task."""
    bound = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    given = os.environ.get("SLURM_CPUS_PER_TASK", "")
    return min(bound, int(given)) if given.isdigit() and int(given) > 0 else bound


def module_of(function: Callable) -> str:
    """Name of the module that a function, or what a partial calls, was written in."""
    while isinstance(function, partial):
        function = function.func
    return getattr(function, "__module__", None) or "builtins"


@contextlib.contextmanager
def without_main(function: Callable) -> Iterator[None]:
    """Start processes within it that do not run the user's script again, unless the function is the script's own.

    A script without `if __name__ == "__main__":` would otherwise start itself over and over in its own workers.
    """
    script = sys.modules.get("__main__")
    if script is None or module_of(function) == "__main__":
        yield
        return
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = script


def short_temporary_folder() -> None:
    """Let multiprocessing keep its sockets in a folder of a short name, where TMPDIR has a long one."""
    config: dict[str, Any] = multiprocessing.process.current_process()._config  # pyright: ignore
    if config.get("tempdir") is not None or len(os.fsencode(tempfile.gettempdir())) <= _LONGEST_FOLDER:
        return
    for folder in _SHORT_FOLDERS:
        if os.access(folder, os.W_OK | os.X_OK):
            before = tempfile.tempdir
            tempfile.tempdir = folder
            try:
                multiprocessing.util.get_temp_dir()  # made now, and removed at exit
            finally:
                tempfile.tempdir = before
            return
