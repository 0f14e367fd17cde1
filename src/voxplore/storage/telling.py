"""What is told on stderr while work goes on: a line for each stage that takes longer than a moment.

Nothing is told unless a program asks for it (the command line does): functions of the library are silent.
"""

import contextlib
import sys
import threading
from collections.abc import Iterator

__all__ = ["counted", "no_bar", "stage", "telling"]

#: A stage that ends within so many seconds is not worth a line.
DELAY = 3.0
_silent = True
_no_bars = False
_waiting: threading.Timer | None = None


@contextlib.contextmanager
def telling(quiet: bool = False) -> Iterator[None]:
    """Tell the stages of what is done within on stderr, unless `quiet`."""
    global _silent, _no_bars
    before, _silent, _no_bars = (_silent, _no_bars), quiet, quiet
    try:
        yield
    finally:
        _cancel()
        _silent, _no_bars = before


def counted(n: int, thing: str) -> str:
    """ "1 cell", "2 cells"."""
    return f"{n} {thing}" if n == 1 else f"{n} {thing}s"


def no_bar() -> bool | None:
    """What `tqdm` takes as `disable`: True for no bar at all, None for one on a terminal alone."""
    return True if _no_bars else None


def stage(text: str, bar: bool = False) -> None:
    """A stage begins, and the one before has ended; `bar`: a terminal gets a bar in place of the line."""
    global _waiting
    _cancel()
    if _silent or (bar and sys.stderr.isatty()):
        return
    _waiting = threading.Timer(DELAY, _tell, [text])
    _waiting.daemon = True
    _waiting.start()


def _tell(text: str) -> None:
    with contextlib.suppress(OSError, ValueError):  # a stream that is closed
        print(f"voxplore: {text}", file=sys.stderr, flush=True)


def _cancel() -> None:
    global _waiting
    if _waiting is not None:
        _waiting.cancel()
        _waiting = None
