"""Two processes on one --out, Ctrl-C, a full disk: one sentence, the right status, and nothing half-written."""

import contextlib
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from voxplore import storage
from voxplore.cli import main
from voxplore.errors import VoxploreError

HOLDER = """
import sys
from voxplore import storage
with storage.lock(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""
LIMITED = """
import resource, sys
from voxplore.cli import main
size = int(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
sys.exit(main(sys.argv[2:]))
"""


def beside(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "voxplore", *map(str, arguments)]


def test_a_second_process_on_one_out_is_refused_until_the_first_has_gone(capsys, server, tmp_path):
    out = tmp_path / "out"
    build = ["build", "own", "--source", str(server.work / "cells.npy"), "--out", str(out)]
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(out)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        assert main(build) == 2
        assert capsys.readouterr().err == f"voxplore: {out}: expected no other process at work on it, got a held lock\n"
        other.kill()
    assert beside(tmp_path) == [".out.lock"]
    assert main(build) == 0
    assert beside(tmp_path) == ["out"]


def test_a_lock_leaves_no_folder_that_it_made(tmp_path):
    with storage.lock(tmp_path / "deep" / "er" / "out"):
        assert (tmp_path / "deep" / "er").is_dir()
    assert beside(tmp_path) == []


def test_what_killed_processes_left_is_removed_and_what_they_set_aside_put_back(tmp_path):
    for name in (".out.abcdefgh.part", ".out.stl.abcdefgh.part", ".other.abcdefgh.part", ".out.12345678.aside"):
        (tmp_path / name).mkdir()
    (tmp_path / ".out.12345678.aside" / "out").mkdir()
    (tmp_path / ".out.12345678.aside" / "out" / "old").write_text("x")
    with storage.lock(tmp_path / "out"):
        assert beside(tmp_path) == [".other.abcdefgh.part", ".out.lock", ".out.stl.abcdefgh.part", "out"]
        assert beside(tmp_path / "out") == ["old"]


def test_where_names_cannot_be_swapped_the_old_is_set_aside(tmp_path, monkeypatch):
    monkeypatch.setattr(storage.placing, "_exchange", lambda one, other: False)
    for text in ("old", "new"):
        with storage.staged_folder(tmp_path / "out", overwrite=True) as stage:
            (stage / text).write_text(text)
    assert beside(tmp_path) == ["out"]
    assert beside(tmp_path / "out") == [".voxplore", "new"]


def test_what_came_meanwhile_is_not_replaced(tmp_path):
    def late() -> None:
        with storage.staged_folder(tmp_path / "out") as stage:
            (stage / "mine").write_text("x")
            (tmp_path / "out").mkdir()
            (tmp_path / "out" / "theirs").write_text("x")

    with pytest.raises(VoxploreError, match="got an existing one"):
        late()
    assert beside(tmp_path / "out") == ["theirs"]


def test_control_c_ends_workers_too_with_one_line(tmp_path):
    """The signal goes to the whole process group, as a terminal sends it."""
    out = tmp_path / "out"
    build = command("build", "nets", "--n", 100_000, "--workers", 2, "--out", out)
    started = time.monotonic()
    subprocess.run([sys.executable, "-c", "import numpy"], check=True)
    slack = 10 * (time.monotonic() - started)  # a busy machine is no fault of ours
    with listening(build, process_group=0) as process:
        wait_for(lambda: len(children(process.pid)) >= 3)  # two workers and their server
        started = time.monotonic()
        os.killpg(process.pid, signal.SIGINT)
        out_text, told = process.communicate(timeout=120)
        seconds = time.monotonic() - started
    assert (process.returncode, out_text, told) == (130, "", "voxplore: interrupted\n")
    assert seconds < 2 + slack
    assert beside(tmp_path) == []


@contextlib.contextmanager
def listening(command: list[str], **options: Any) -> Iterator[subprocess.Popen]:
    """A process that hears Ctrl-C also where we do not (in the background of a shell); it ends with the block."""
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)
    finally:
        signal.signal(signal.SIGINT, before)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def children(pid: int) -> list[int]:
    """Processes below `pid`, at any depth."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        parents[int(stat.parent.name)] = int(fields[1])
    found: list[int] = []
    below = {pid}
    while below := {child for child, parent in parents.items() if parent in below}:
        found += below
    return found


def wait_for(ready, seconds: float = 120.0) -> None:
    deadline = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_control_c_is_heard_while_compiled_code_runs(tmp_path):
    """A key derived in 10^9 rounds does not look for signals for minutes: without the guard nothing ends it."""
    code = (
        "import hashlib, sys\nfrom voxplore import cli\n"
        "def long(verb, arguments):\n"
        "    print('busy', flush=True)\n"
        "    return hashlib.pbkdf2_hmac('sha256', b'a', b'b', 10**9).hex()\n"
        "cli._run = long\nsys.exit(cli.main(['info', 'x']))\n"
    )
    with listening([sys.executable, "-c", code]) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "busy\n"
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert told == "voxplore: interrupted\n"


@pytest.mark.slow
def test_control_c_ends_every_verb_with_one_line(prepared_verbs, capsys):
    """One process each, interrupted half-way."""
    server, verbs = prepared_verbs
    for number, verb in enumerate(verbs):
        out = server.work / f"interrupted{number}" / ("out" + verb.suffix)
        whole = server.done(*verb.arguments(server.work), "--out", out.with_name("whole" + verb.suffix))
        ended = server.run(
            *verb.arguments(server.work), "--out", out, kill_after=0.5 * whole.seconds, sign=signal.SIGINT
        )
        if ended.status != 0:  # it was faster
            assert (ended.status, ended.told) == (130, "voxplore: interrupted\n"), verb.name
        with capsys.disabled():
            print(f"{verb.name}: status {ended.status}, {ended.seconds:.2f} s after Ctrl-C")
        left = [name for name in beside(out.parent) if name.startswith(".")]
        assert left == []


def full(limit: int, *arguments: object) -> subprocess.CompletedProcess:
    code = [sys.executable, "-c", LIMITED, str(limit), *map(str, arguments)]
    return subprocess.run(code, capture_output=True, text=True, check=False, timeout=300)


def test_a_full_disk_is_one_sentence(tmp_path, server):
    ended = full(4000, "export", server.work / "cells.npy", "--size", 5, "--workers", 1, "--out", tmp_path / "out")
    assert ended.returncode == 2, ended
    told = [line for line in ended.stderr.splitlines() if "voxplore" in line and "overage" not in line]
    assert told == [f"voxplore: {tmp_path / 'out'}: expected to write it, got file too large"]
    assert beside(tmp_path) == []
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 4000


@pytest.mark.slow
def test_a_full_disk_is_one_sentence_for_every_verb(prepared_verbs):
    server, verbs = prepared_verbs
    for number, verb in enumerate(verbs):
        out = server.work / f"full{number}" / ("out" + verb.suffix)
        ended = full(200, *verb.arguments(server.work), "--out", out)
        assert ended.returncode == 2, (verb.name, ended)
        lines = [line for line in ended.stderr.splitlines() if line.startswith("voxplore: ")]
        assert len(lines) == 1, (verb.name, ended)
        assert "Traceback" not in ended.stderr, (verb.name, ended)
        assert "got file too large" in lines[0] or "got too little room" in lines[0], (verb.name, ended)
        assert not (out / verb.artefact).exists() or verb.name == "train"
