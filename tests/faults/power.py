"""A disk that loses power: records what a function does to files below a root, and rebuilds what each cut would leave.

The model: changes of names (create, rename, link, remove, swap) reach the disk in their order, any prefix of them; the
bytes of a file reach it when the file is flushed, and not before. What was never flushed is found empty. That is the
least that journalling file systems promise.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from voxplore.storage import placing

__all__ = ["Disk"]


class Disk:
    """events: (name of the change, its paths relative to the root) in order; flushed: their contents at each flush."""

    def __init__(self, root: Path):
        self.root = root
        self.events: list[tuple[str, tuple[Any, ...]]] = []
        self._known: set[tuple[int, int]] = set()

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Everything that happens below the root within is recorded."""
        with pytest.MonkeyPatch.context() as patch:
            for name in ("rename", "replace", "link", "mkdir", "rmdir", "unlink", "remove"):
                patch.setattr(os, name, self._names(name, getattr(os, name)))
            patch.setattr(os, "fsync", self._fsync(os.fsync))
            patch.setattr(placing, "_exchange", self._exchange(placing._exchange))
            patch.setattr(shutil, "rmtree", self._rmtree(shutil.rmtree))
            yield

    def after(self, cut: int, target: Path) -> None:
        """Build in the folder `target` what is on the disk when power goes after so many events."""
        shutil.copytree(self.start, target, symlinks=True)
        for name, parts in self.events[:cut]:
            _apply(name, target, parts)

    def begin(self, copy: Path) -> None:
        """Keep in `copy` what stands below the root before anything is recorded."""
        self.start = shutil.copytree(self.root, copy, symlinks=True)

    def _below(self, path: Any) -> str | None:
        try:
            return str(Path(os.path.abspath(path)).relative_to(self.root))
        except (ValueError, TypeError):
            return None

    def _names(self, name: str, function: Callable) -> Callable:
        def recorded(*arguments: Any, **named: Any) -> Any:
            self._note_new_files()
            result = function(*arguments, **named)
            paths = tuple(self._below(one) for one in arguments[:2] if isinstance(one, str | Path))
            if paths and all(path is not None for path in paths) and "dir_fd" not in named:
                self.events.append((name, paths))
            return result

        return recorded

    def _note_new_files(self) -> None:
        """Files that were opened for writing meanwhile: their names are on the disk, their bytes are not."""
        for folder, _, names in os.walk(self.root):
            for each in names:
                path = Path(folder, each)
                status = path.lstat()
                if (status.st_dev, status.st_ino) not in self._known:
                    self._known.add((status.st_dev, status.st_ino))
                    if not (self.start / path.relative_to(self.root)).exists():
                        self.events.append(("create", (str(path.relative_to(self.root)),)))

    def _fsync(self, function: Callable) -> Callable:
        def recorded(descriptor: int) -> None:
            function(descriptor)
            self._note_new_files()
            path = Path(os.readlink(f"/proc/self/fd/{descriptor}"))
            if self._below(path) is not None and path.is_file():
                self.events.append(("flush", (self._below(path), path.read_bytes())))

        return recorded

    def _exchange(self, function: Callable) -> Callable:
        def recorded(one: Path, other: Path) -> bool:
            self._note_new_files()
            swapped = function(one, other)
            if swapped:
                self.events.append(("swap", (self._below(one), self._below(other))))
            return swapped

        return recorded

    def _rmtree(self, function: Callable) -> Callable:
        def recorded(path: Any, *arguments: Any, **named: Any) -> None:
            self._note_new_files()
            if self._below(path) is not None and Path(path).exists():
                for file in sorted(Path(path).rglob("*"), reverse=True):
                    self.events.append(("rmdir" if file.is_dir() else "unlink", (self._below(file),)))
                self.events.append(("rmdir", (self._below(path),)))
            function(path, *arguments, **named)

        return recorded


def _apply(name: str, root: Path, parts: tuple[Any, ...]) -> None:
    one = root / parts[0]
    if name == "create":
        one.parent.mkdir(parents=True, exist_ok=True)
        one.touch()
    elif name == "flush":
        with open(one, "wb") as file:
            file.write(parts[1])
    elif name == "swap":
        between = root / "between"
        os.rename(one, between)
        os.rename(root / parts[1], one)
        os.rename(between, root / parts[1])
    elif name == "link":
        os.link(one, root / parts[1])
    elif name in ("rename", "replace"):
        os.replace(one, root / parts[1])
    elif name == "mkdir":
        one.mkdir(exist_ok=True)
    elif name == "rmdir":
        one.rmdir()
    elif one.exists():
        one.unlink()
