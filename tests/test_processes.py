"""Processes wherever a person runs Python: on a share of a cluster's node, in a plain script, below a long TMPDIR."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from voxplore import processes
from voxplore.cli import main
from voxplore.errors import VoxploreError
from voxplore.parallel import map_items
from voxplore.storage import usable_cache


def test_cores_are_those_that_the_process_may_use(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3, 5, 7}, raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    for given, cores in (("", 3), ("2", 2), ("16", 3), ("0", 3), ("many", 3)):
        monkeypatch.setenv("SLURM_CPUS_PER_TASK", given)
        assert processes.available_cores() == cores
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.delenv("SLURM_CPUS_PER_TASK")
    assert processes.available_cores() == 64


def script(folder: Path, text: str, **environment: str) -> subprocess.CompletedProcess:
    (folder / "script.py").write_text(text)
    command = [sys.executable, str(folder / "script.py")]
    # Without coverage, which warns on standard error about modules that its processes share.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    return subprocess.run(
        command, capture_output=True, text=True, env={**inherited, **environment}, timeout=120, check=False
    )


PLAIN = """
import math
from voxplore.parallel import map_items
print("begun")
print(list(map_items(math.factorial, range(5), workers=2)))
"""


def test_a_plain_script_without_a_main_guard_uses_several_processes(tmp_path):
    done = script(tmp_path, PLAIN)
    assert (done.returncode, done.stdout, done.stderr) == (0, "begun\n[1, 1, 2, 6, 24]\n", "")


def test_a_long_name_of_the_temporary_folder_breaks_nothing(tmp_path):
    long = tmp_path / ("x" * 120)
    long.mkdir()
    done = script(tmp_path, PLAIN, TMPDIR=str(long))
    assert (done.returncode, done.stdout, done.stderr) == (0, "begun\n[1, 1, 2, 6, 24]\n", "")
    assert not list(long.iterdir())


def test_the_real_main_module_is_there_again_afterwards():
    before = sys.modules["__main__"]
    with processes.without_main(abs):
        assert sys.modules["__main__"] is not before
    assert sys.modules["__main__"] is before


def test_a_worker_that_is_killed_is_one_sentence():
    with pytest.raises(VoxploreError, match=r"workers: expected processes that live .* killed from outside"):
        list(map_items(signal.raise_signal, [signal.SIGKILL, signal.SIGKILL], workers=2))


@pytest.fixture
def no_cache(tmp_path, monkeypatch) -> Path:
    """A cache that nobody can write: a file stands in its place."""
    (tmp_path / "file").write_text("x")
    monkeypatch.setenv("VOXPLORE_CACHE", str(tmp_path / "file" / "cache"))
    return tmp_path / "file" / "cache"


def test_a_cache_that_cannot_be_written_is_told_once_and_is_no_error(no_cache, tmp_path, capsys):
    np.save(tmp_path / "cells.npy", np.ones((1, 4, 4, 4), bool))
    assert main(["properties", str(tmp_path / "cells.npy"), "--workers", "1", "--out", str(tmp_path / "out")]) == 0
    assert usable_cache("properties") is None
    told = [line for line in capsys.readouterr().err.splitlines() if "nothing is kept there" in line]
    assert told == [f"voxplore: {no_cache / 'properties'}: nothing is kept there (not a directory); "
                    "VOXPLORE_CACHE names another"]  # fmt: skip


def test_the_backend_of_a_notebook_is_ignored(tmp_path):
    text = "from voxplore.cli import main\nmain(['info', 'nothing'])\nfrom matplotlib.figure import Figure\nFigure()\n"
    done = script(tmp_path, text, MPLBACKEND="module://nothing_here.backend")
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert script(tmp_path, text, MPLBACKEND="nonsense").returncode == 0
