"""Hours of work, written as they go: a folder beside the result from which the same command goes on after a kill."""

import contextlib
import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from voxplore import files
from voxplore.errors import VoxploreError

__all__ = ["Growing", "growing_folder", "unfinished"]

_ASKED, _LOG = "asked.json", "blocks.jsonl"
#: Blocks are made to last on the disk this often: what a kill can cost.
_FLUSH_SECONDS = 10.0


class Growing:
    """Files that are appended to, and the blocks of work that they hold whole.

    notes: what was committed with each block, those of earlier runs included.
    """

    def __init__(self, folder: Path, asked: Any):
        self.folder = folder
        self.notes: list[dict[str, Any]] = []
        self._sizes: dict[str, int] = {}
        self._waiting: list[bytes] = []
        self._flushed = time.monotonic()
        if _begun(folder, asked):
            for line in _whole_lines(folder / _LOG):
                self.notes.append(line["note"])
                self._sizes = line["sizes"]
        else:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            files.write_json(folder / _ASKED, asked)
        self._take_back()

    def commit(self, note: dict[str, Any], more: Mapping[str, bytes]) -> None:
        """Append to files by name, then count the block as done; on the disk soon, see `flush`."""
        for name, data in more.items():
            self._append(name, data)
            self._sizes[name] = self._sizes.get(name, 0) + len(data)
        self._waiting.append(json.dumps({"note": note, "sizes": self._sizes}).encode() + b"\n")
        self.notes.append(note)
        if time.monotonic() - self._flushed >= _FLUSH_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Make what was committed last: the files first, then the log that counts on them."""
        lines, self._waiting = self._waiting, []
        for name in self._sizes if lines else ():
            _flush(self.folder / name)
        self._append(_LOG, b"".join(lines))
        _flush(self.folder / _LOG)
        self._flushed = time.monotonic()

    def put_in_place(self, path: Path, overwrite: bool = False) -> None:
        """Let the folder, as far as it was appended to, take the place of `path`; the log goes first."""
        for name in (_LOG, _ASKED):
            (self.folder / name).unlink(missing_ok=True)
        files.put_in_place(self.folder, path, overwrite)

    def remove(self) -> None:
        """The last before a result that was made of it is put in place."""
        shutil.rmtree(self.folder)

    def _append(self, name: str, data: bytes) -> None:
        with open(self.folder / name, "ab") as file:
            file.write(data)

    def _take_back(self) -> None:
        """What a killed process appended without committing it, or left of files that are no blocks."""
        for path in self.folder.iterdir():
            if path.name == _LOG:
                os.truncate(path, path.read_bytes().rfind(b"\n") + 1)
            elif path.name in self._sizes:
                os.truncate(path, self._sizes[path.name])
            elif path.name != _ASKED:
                path.unlink()


@contextlib.contextmanager
def growing_folder(path: str | Path, asked: Any, overwrite: bool = False) -> Iterator[Growing]:
    """Yield the unfinished work for `path`, as far as it is; it stays where it is broken off after a first block.

    asked: what decides the result, as JSON; work that was begun for something else is thrown away. Raises VoxploreError
    where `path` exists and is not to be overwritten, or another process is at work on it.
    """
    path = Path(path)
    files.refuse_existing(path, overwrite)
    with files.lock(path, again=True), files.named_os_errors(path):
        folder, growing = unfinished(path), None
        try:
            growing = Growing(folder, asked)
            yield growing
        except BaseException:
            if growing is None or not growing.notes:
                shutil.rmtree(folder, ignore_errors=True)
            elif folder.exists():
                with contextlib.suppress(OSError):  # a full disk: what was flushed before remains
                    growing.flush()
            raise
        shutil.rmtree(folder, ignore_errors=True)


def _flush(path: Path) -> None:
    with open(path, "rb") as file:
        os.fsync(file.fileno())


def unfinished(path: Path) -> Path:
    """Where the unfinished work for `path` stands."""
    return path.with_name(f"{path.name}.unfinished")


def _begun(folder: Path, asked: Any) -> bool:
    """Whether the folder holds work on the same, and all that its log counts."""
    try:
        same = files.read_json(folder / _ASKED) == json.loads(json.dumps(asked))
        sizes = [line["sizes"] for line in _whole_lines(folder / _LOG)][-1:]
        return same and all((folder / name).stat().st_size >= size for each in sizes for name, size in each.items())
    except (VoxploreError, OSError, ValueError, TypeError, KeyError):
        return False


def _whole_lines(path: Path) -> list[dict[str, Any]]:
    """The lines of the log; a last one that was cut off counts as none."""
    if not path.exists():
        return []
    *lines, _ = path.read_bytes().split(b"\n")
    return [json.loads(line) for line in lines]
