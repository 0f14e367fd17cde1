"""A worker that the system kills, as it does where memory ran out: one sentence, what was done stays, and the same
command goes on to the same bytes."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from fault_server import contents

WORKERS = "voxplore: workers: expected processes that live until they are done, got one that was killed from outside"


def workers_of(pid: int) -> list[int]:
    """Processes whose parent's parent is `pid`: those that the server of forks started."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(stat.parent.name)] = int(stat.read_text().rsplit(")", 1)[1].split()[1])
        except OSError:
            continue
    return [child for child, parent in parents.items() if parents.get(parent) == pid]


def kill_a_worker(command: list[str], environment: dict[str, str], ready: Callable[[], bool]) -> tuple[int, str]:
    """Run a command and kill a worker of it once `ready`; its status and what it told on stderr."""
    environment = {**os.environ, **environment, "VOXPLORE_QUIET": "1"}
    with subprocess.Popen(
        [sys.executable, "-m", "voxplore", *command], env=environment, stderr=subprocess.PIPE, text=True
    ) as process:
        deadline = time.monotonic() + 300
        while not (ready() and workers_of(process.pid)):
            assert process.poll() is None, "it was faster"
            assert time.monotonic() < deadline
            time.sleep(0.02)
        os.kill(workers_of(process.pid)[0], signal.SIGKILL)
        _, told = process.communicate(timeout=300)
    return process.returncode, told


def done(command: list[str], environment: dict[str, str]) -> None:
    environment = {**os.environ, **environment, "VOXPLORE_QUIET": "1"}
    subprocess.run([sys.executable, "-m", "voxplore", *command], env=environment, check=True, capture_output=True)


def check(tmp_path: Path, command: list[str], ready: Callable[[], bool], environment: dict[str, str]) -> None:
    out, whole = tmp_path / "out", tmp_path / "whole"
    status, told = kill_a_worker([*command, "--out", str(out)], environment, ready)
    assert (status, told.count("\n")) == (2, 1), told
    assert told.startswith(WORKERS)
    assert not out.exists()
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if "cache" in path.parts and path.is_file()}
    done([*command, "--out", str(out)], environment)
    assert all(path.stat().st_mtime_ns == at for path, at in kept.items())
    done([*command, "--out", str(whole)], {**environment, "VOXPLORE_CACHE": str(tmp_path / "another")})
    assert contents(out) == contents(whole)
    assert not list(tmp_path.glob(".*"))


@pytest.fixture
def cells(tmp_path) -> Path:
    """Sixteen cells at 16^3."""
    np.save(tmp_path / "cells.npy", np.random.default_rng(0).random((16, 16, 16, 16)) > 0.4)
    return tmp_path / "cells.npy"


def test_a_killed_worker_of_build_is_one_sentence(tmp_path):
    check(tmp_path, ["build", "plates", "--n", "3000", "--resolution", "24", "--workers", "2"], lambda: True, {})


@pytest.mark.slow
def test_a_killed_worker_of_properties_costs_no_solved_cell(tmp_path, cells):
    """Cells that were solved are in the cache, and are not solved again."""
    cache = tmp_path / "cache"
    command = ["properties", str(cells), "--workers", "2"]
    check(tmp_path, command, lambda: any(cache.rglob("*.json")), {"VOXPLORE_CACHE": str(cache)})


@pytest.mark.slow
def test_a_killed_worker_of_generate_costs_no_block_that_was_drawn(tmp_path):
    from voxplore.models import MODELS
    from voxplore.recipes import RECIPES

    MODELS["vae"](RECIPES["vae-nets-tiny"], "cpu").save(tmp_path / "model")
    rows = tmp_path / "out.unfinished" / "voxels.npy"
    command = ["generate", str(tmp_path / "model"), "--n", "20000", "--workers", "2", "--device", "cpu"]
    check(tmp_path, command, lambda: rows.exists() and rows.stat().st_size > 1000, {})


@pytest.mark.slow
@pytest.mark.parametrize("command", ["export {} --size 5", "refine {}"])
def test_a_killed_worker_of_any_other_verb_is_one_sentence(tmp_path, cells, command):
    check(tmp_path, [*command.format(cells).split(), "--workers", "2"], lambda: True, {})
