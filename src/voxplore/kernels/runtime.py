"""Whether numba is here, and how kernels are spread over threads.

Kernels are compiled for the user's own chip on first use and cached on disk. Where numba cannot be imported, or the
environment says VOXPLORE_NO_NUMBA=1, NumPy does the same work more slowly. With NUMBA_DISABLE_JIT=1 the kernel bodies
run as plain Python, which is how coverage sees them.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from voxplore.processes import available_cores

__all__ = ["HAVE_NUMBA", "JIT", "available_threads", "jit", "map_threads"]

Item = TypeVar("Item")
Result = TypeVar("Result")


def _import_numba() -> Any:
    if os.environ.get("VOXPLORE_NO_NUMBA", "") not in ("", "0"):
        return None
    try:
        import numba
    except Exception:  # numba fails in many ways when NumPy or LLVM is too new for it: any of them means "not here"
        return None
    return numba


numba = _import_numba()

#: True where kernels run through numba; False means the NumPy path.
HAVE_NUMBA: bool = numba is not None

#: True where kernels are really compiled (numba is here and NUMBA_DISABLE_JIT is not set).
JIT: bool = numba is not None and not numba.config.DISABLE_JIT


def jit(function: Callable) -> Callable:
    """Compile with numba: cached on disk, the interpreter lock released. Without numba, the function as it is."""
    if numba is None:
        return function
    options = {"nogil": True, "error_model": "numpy"}
    try:
        return numba.njit(cache=True, **options)(function)
    except RuntimeError:  # neither the package's folder nor the user's cache can be written to
        return numba.njit(**options)(function)


def available_threads() -> int:
    """Threads that kernels may use: VOXPLORE_THREADS, else NUMBA_NUM_THREADS, else the cores of this process."""
    for name in ("VOXPLORE_THREADS", "NUMBA_NUM_THREADS"):
        value = os.environ.get(name, "")
        if value.isdigit() and int(value) > 0:
            return int(value)
    return available_cores()


def map_threads(
    function: Callable[[Item], Result], items: Iterable[Item], threads: int | None = None
) -> Iterator[Result]:
    """Results of `function` in the order of `items`, which are handed to threads one at a time as they come free."""
    items = list(items)
    threads = min(threads or available_threads(), len(items))
    if threads <= 1 or not JIT:
        yield from map(function, items)
        return
    with ThreadPoolExecutor(threads) as pool:
        yield from pool.map(function, items)
