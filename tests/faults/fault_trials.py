"""Trials of one verb: killed, looked at, and run to its end."""

import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fault_server import Server, contents
from fault_verbs import Verb

__all__ = ["Trials"]


class Trials:
    """Kills of one verb, each against what an uninterrupted run writes."""

    def __init__(self, server: Server, verb: Verb):
        self.server, self.verb = server, verb
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

    def begin(self, replacing: bool) -> list[object]:
        """An empty place, or the old result where one is to be replaced; the command."""
        shutil.rmtree(self.out.parent)
        self._forget()
        self.out.parent.mkdir()
        if replacing:
            copy(self.kept, self.out)
        self.before = self.old if replacing else None
        return [*self.verb.arguments(self.server.work), "--out", self.out, *["--overwrite"] * replacing]

    def kill(self, command: list[object], **how: Any) -> bool:
        """Run and kill as `Server.run` is told; whether it came to its end before."""
        told = f"{'replacing ' * (self.before is not None)}{how}"
        ended = self.server.run(*command, **how)
        if ended.status < 0:
            self.verb.kills += 1
        elif ended.status != 0 and contents(self.artefact) != self.new:
            self.verb.differing.append(f"{told}: status {ended.status}, {ended.told}")
        if contents(self.artefact) not in (self.before, self.new):
            self.verb.lost.append(f"{told}: {found_at(self.artefact)}")
        self.told = told
        return contents(self.artefact) == self.new

    def end(self, command: list[object]) -> None:
        """The same command again: the new bytes, and nothing beside them."""
        ended = self.server.run(*command)
        finished = ended.status == 0 or "got an existing one" in ended.told
        if not finished or contents(self.artefact) != self.new:
            self.verb.differing.append(f"{self.told}: {ended.told} {found_at(self.artefact)}")
        left = {path.name for path in self.out.parent.iterdir()} - {self.out.name}
        if left:
            self.verb.lost.append(f"{self.told}: left behind {sorted(left)}")

    def once(self, rng: random.Random) -> None:
        """Up to three kills in a row at random events or moments, then the same command to its end."""
        command = self.begin(self.old is not None and rng.random() < 0.5)
        for _ in range(rng.randint(1, 3)):
            by_event = rng.random() < 0.6
            how = {"kill_at": rng.randrange(self.events)} if by_event else {"kill_after": rng.uniform(0, self.seconds)}
            if self.kill(command, **how):
                break
        self.end(command)


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
