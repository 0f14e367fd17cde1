"""kill -9 at any moment leaves the old artefact or the new one; the same command again ends in the same bytes.

Each trial kills a verb at a random file event or at a random moment, up to three times in a row, looks at what stands
at --out each time, and then lets the same command end. Timings in JSON are not compared; everything else is, to the
last byte.
"""

import json
import os
import platform
import random
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from fault_server import contents
from fault_verbs import Verb, verbs

from voxplore import __version__, storage

#: Kills of the slow test; VOXPLORE_KILLS sets another number. VOXPLORE_RECORD: where to write what was found, as JSON.
KILLS = int(os.environ.get("VOXPLORE_KILLS", "208"))
RECORD = os.environ.get("VOXPLORE_RECORD")


@pytest.fixture(scope="module")
def small(server):
    """What the fast test needs: a set and its scores."""
    w = server.work
    if not (w / "few").exists():
        server.done("build", "spinodoid", "--n", 6, "--resolution", 16, "--workers", 1, "--out", w / "few")
        server.done("evaluate", w / "cells.npy", "--reference", w / "few", "--no-vun", "--out", w / "few-scores")
    return server


class Trials:
    """Kills of one verb, each against what an uninterrupted run writes."""

    def __init__(self, server, verb: Verb, rng: random.Random):
        self.server, self.verb, self.rng = server, verb, rng
        self.out = server.work / "out" / (verb.name + verb.suffix)
        self.artefact = self.out / verb.artefact
        shutil.rmtree(self.out.parent, ignore_errors=True)
        self.old = self._write(verb.old) if verb.old else None
        self.kept = server.work / "old"
        remove(self.kept)
        if self.old is not None:
            copy(self.out, self.kept)
        remove(self.out)
        self._forget()
        ended = server.done(*verb.arguments(server.work), "--out", self.out)
        self.events, self.seconds, self.new = ended.events, ended.seconds, contents(self.artefact)
        assert self.new
        if self.old is not None:
            assert self.old != self.new

    def _write(self, arguments: Callable[[Path], list[object]]):
        self.server.done(*arguments(self.server.work), "--out", self.out)
        return contents(self.artefact)

    def _forget(self) -> None:
        """Solved cells would make the next run short."""
        shutil.rmtree(self.server.work / "cache" / "properties", ignore_errors=True)

    def once(self) -> None:
        """Up to three kills in a row, then the same command to its end."""
        replacing = self.old is not None and self.rng.random() < 0.5
        shutil.rmtree(self.out.parent)
        self._forget()
        self.out.parent.mkdir()
        if replacing:
            copy(self.kept, self.out)
        command = [*self.verb.arguments(self.server.work), "--out", self.out]
        command += ["--overwrite"] if replacing else []
        before = self.old if replacing else None
        for _ in range(self.rng.randint(1, 3)):
            by_event = self.rng.random() < 0.6
            at = self.rng.randrange(self.events) if by_event else None
            after = None if by_event else self.rng.uniform(0, self.seconds)
            ended = self.server.run(*command, kill_at=at, kill_after=after)
            how = f"{'replacing ' if replacing else ''}killed at event {at}, second {after}"
            if ended.status == -9:
                self.verb.kills += 1
            elif ended.status != 0 and contents(self.artefact) != self.new:
                self.verb.differing.append(f"{how}: status {ended.status}, {ended.told}")
            if contents(self.artefact) not in (before, self.new):
                self.verb.lost.append(f"{how}: {found_at(self.artefact)}")
            if contents(self.artefact) == self.new:
                break
        ended = self.server.run(*command)
        finished = ended.status == 0 or "got an existing one" in ended.told
        if not finished or contents(self.artefact) != self.new:
            self.verb.differing.append(f"{how}: {ended.told} {found_at(self.artefact)}")
        left = {path.name for path in self.out.parent.iterdir()} - {self.out.name}
        if left:
            self.verb.lost.append(f"{how}: left behind {sorted(left)}")


def copy(path: Path, to: Path) -> None:
    """A file, or a folder with all in it."""
    if path.is_file():
        shutil.copy(path, to)
    else:
        shutil.copytree(path, to)


def remove(path: Path) -> None:
    """Whatever stands at a path."""
    if path.is_file():
        path.unlink()
    shutil.rmtree(path, ignore_errors=True)


def found_at(path: Path) -> list[str]:
    return sorted(str(file.relative_to(path.parent)) for file in path.parent.rglob("*"))


def killed(server, chosen: list[Verb], kills: int, seed: int) -> str:
    """Kill the verbs in turn until there were so many kills; returns the table of what was found."""
    rng = random.Random(seed)
    for verb in chosen:
        started, trials = time.monotonic(), Trials(server, verb, rng)
        while verb.kills < kills / len(chosen):
            trials.once()
        verb.seconds = time.monotonic() - started
    lines = [f"{'verb':<12}{'kills':>6}{'lost':>6}{'differing':>11}{'seconds':>9}"]
    lines += [f"{v.name:<12}{v.kills:>6}{len(v.lost):>6}{len(v.differing):>11}{v.seconds:>9.0f}" for v in chosen]
    total = sum(verb.kills for verb in chosen)
    return "\n".join([*lines, f"{'all':<12}{total:>6}"])


def record(path: Path, chosen: list[Verb], seed: int) -> None:
    """What was found, a verb each: kills, what was lost, what ended in other bytes, and the seconds of all its runs."""
    found = {
        verb.name: {"kills": verb.kills, "lost": verb.lost, "differing": verb.differing, "seconds": round(verb.seconds)}
        for verb in chosen
    }
    total = {key: sum(len(each[key]) for each in found.values()) for key in ("lost", "differing")}
    total = {"kills": sum(verb.kills for verb in chosen), **total}
    hardware = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    about = {"seed": seed, "voxplore_version": __version__, "hardware": hardware}
    storage.write_json(path, {"verbs": found, **total, **about})


def check(chosen: list[Verb]) -> None:
    assert not [text for verb in chosen for text in verb.lost]
    assert not [text for verb in chosen for text in verb.differing]


def test_a_killed_build_or_compare_leaves_the_old_or_the_new(small, tmp_path):
    chosen = [verb for verb in verbs("few-scores") if verb.name in ("build", "compare")]
    killed(small, chosen, 12, seed=1)
    record(tmp_path / "kills.json", chosen, seed=1)
    found = json.loads((tmp_path / "kills.json").read_text())
    assert found["kills"] == sum(each["kills"] for each in found["verbs"].values()) >= 12
    check(chosen)


@pytest.mark.slow
def test_every_verb_survives_kills_at_random_moments(prepared_verbs, capsys):
    server, chosen = prepared_verbs
    table = killed(server, chosen, KILLS, seed=0)
    with capsys.disabled():
        print("\n" + table)
    if RECORD:
        record(Path(RECORD), chosen, seed=0)
    assert sum(verb.kills for verb in chosen) >= KILLS
    check(chosen)
