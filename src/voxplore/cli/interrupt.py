"""Ctrl-C ends the program soon, also while compiled code runs that does not look for it."""

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator

__all__ = ["INTERRUPTED", "prompt_exit"]

INTERRUPTED = 130
#: How long the usual way (KeyboardInterrupt, cleaning up) may take.
_PATIENCE = 1.5


@contextlib.contextmanager
def prompt_exit() -> Iterator[threading.Event]:
    """Within it, an interrupt that has not come through after 1.5 seconds ends the process, with one line.

    What it leaves half-written is removed by the next command with the same --out. The event is set once an interrupt
    has come: a library that it caught at a bad moment can raise an error of its own instead.
    """
    done, interrupted = threading.Event(), threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield interrupted
        return
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    before = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    watch = threading.Thread(target=_watch, args=(reading, done, interrupted), daemon=True)
    watch.start()
    try:
        yield interrupted
    finally:
        done.set()
        signal.set_wakeup_fd(before)
        os.close(writing)  # the watch reads the end and leaves
        watch.join()
        os.close(reading)


def _watch(reading: int, done: threading.Event, interrupted: threading.Event) -> None:
    """Python's own handler waits for the main thread; the system writes the signal's number here at once."""
    while received := os.read(reading, 16):
        if signal.SIGINT not in received:
            continue
        interrupted.set()
        if not done.wait(_PATIENCE):
            print("voxplore: interrupted", file=sys.stderr, flush=True)
            os._exit(INTERRUPTED)
