"""A server of commands that can be killed, and what two folders have in common."""

import contextlib
import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: What a run took may differ from run to run: all else must not.
_TIMINGS = frozenset({"seconds", "processor_seconds", "seconds_per_1000", "training_seconds"})
_ENVIRONMENT = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "VOXPLORE_THREADS": "1"}


@dataclass(frozen=True)
class Ended:
    """How a command ended: status (negative: the signal), file events, seconds, what it told."""

    status: int
    events: int
    seconds: float
    told: str


class Server:
    """Runs commands one after the other, each in a process of its own."""

    def __init__(self, root: Path):
        self.root = root
        self.work = root / "work"
        self.work.mkdir()
        environment = {**os.environ, **_ENVIRONMENT, "VOXPLORE_CACHE": str(self.work / "cache")}
        self.process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("fault_zygote.py"))],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment, cwd=root,
        )  # fmt: skip
        assert self._answer() == {"ready": True}

    def run(
        self,
        *arguments: object,
        kill_at: int | None = None,
        kill_after: float | None = None,
        tear_at: int | None = None,
        sign: int = signal.SIGKILL,
    ) -> Ended:
        """Run one command, killed just before file event `kill_at`, or in the write that makes a file longer than
        `tear_at` bytes, or sent `sign` `kill_after` seconds from its start.

        Seconds are counted from the signal where one is sent.
        """
        request = {
            "arguments": list(map(str, arguments)),
            "kill_at": kill_at,
            "root": str(self.root),
            "tear_at": tear_at,
        }
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        started, pid = time.monotonic(), self._answer()["pid"]
        timer = None if kill_after is None else threading.Timer(kill_after, _send, (pid, sign))
        if timer:
            timer.start()
        answer = self._answer()
        if timer:
            timer.cancel()
        told = (self.root / "told").read_text()
        seconds = time.monotonic() - started - (kill_after or 0.0)
        return Ended(answer["status"], answer["events"], seconds, told)

    def done(self, *arguments: object) -> Ended:
        """Run one command that has to succeed."""
        ended = self.run(*arguments)
        assert ended.status == 0, (arguments, ended)
        return ended

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(30)

    def _answer(self) -> Any:
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())


def _send(pid: int, sign: int) -> None:
    try:
        os.kill(pid, sign)
    except ProcessLookupError:
        return  # it was faster


def contents(path: Path) -> dict[str, str] | None:
    """sha256 of every file at and below a path, timings in JSON and cards left out; None where nothing stands."""
    if path.is_file():
        return {"": _digest(path)}
    if not path.is_dir():
        return None
    return {str(file.relative_to(path)): _digest(file) for file in sorted(path.rglob("*")) if file.is_file()}


def _digest(path: Path) -> str:
    data = path.read_bytes()
    if path.suffix == ".json":
        with contextlib.suppress(json.JSONDecodeError):  # half-written: no other file has its bytes
            data = json.dumps(_timeless(json.loads(data))).encode()
    if path.suffix == ".md":  # a card's seconds of training, and the "Made in 3 s" of a discovery
        lines = (line for line in data.splitlines() if b"seconds" not in line)
        data = re.sub(rb"(?<=^Made in )\d+", b"", b"\n".join(lines), flags=re.MULTILINE)
    return hashlib.sha256(data).hexdigest()


def _timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _timeless(part) for key, part in value.items() if key not in _TIMINGS}
    return [_timeless(part) for part in value] if isinstance(value, list) else value
