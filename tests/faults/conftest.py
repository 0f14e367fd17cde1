"""A server of commands that can be killed, and the tiny inputs that they work on."""

import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from fault_server import Server
from fault_verbs import Verb, prepare, verbs


@pytest.fixture(scope="session", autouse=True)
def interruptible() -> None:
    """Processes started below hear Ctrl-C, even where the tests run in the background of a shell that ignores it."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def server(tmp_path_factory) -> Iterator[Server]:
    """One server for all, with `cells.npy` (8 cells at 16^3) in its work folder."""
    server = Server(tmp_path_factory.mktemp("faults"))
    rng = np.random.default_rng(0)
    field = rng.normal(size=(8, 16, 16, 16))
    for axis in (1, 2, 3):
        field = field + np.roll(field, 1, axis) + np.roll(field, -1, axis)
    np.save(server.work / "cells.npy", field > np.quantile(field, 0.6))
    yield server
    server.close()


@pytest.fixture
def prepared_verbs(server) -> tuple[Server, list[Verb]]:
    """The server, with all that the verbs read, and the verbs."""
    prepare(server)
    return server, verbs()
