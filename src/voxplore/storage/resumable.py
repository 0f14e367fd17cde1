"""Hours of work, written as they go: a folder beside the result from which the same command goes on after a kill."""

import contextlib
import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from voxplore.errors import VoxploreError
from voxplore.storage import placing
from voxplore.storage.locks import lock
from voxplore.storage.placing import real, refuse_existing, unfinished
from voxplore.storage.system_errors import named_os_errors
from voxplore.storage.text import read_json, write_json

__all__ = ["ResumableFolder", "resumable_folder", "unfinished"]

_ASKED, _LOG = "asked.json", "blocks.jsonl"
#: Blocks are made to last on the disk this often: what a kill can cost.
_FLUSH_SECONDS = 10.0


class ResumableFolder:
    """Files that are appended to, and the blocks of work that they hold whole.

    notes: what was committed with each block, those of earlier runs included.
    """

    def __init__(self, folder: Path, request: Any, names: Sequence[str] = ()):
        """names: of the files that blocks append to. VoxploreError where the folder holds any other."""
        self.folder = folder
        self.notes: list[dict[str, Any]] = []
        self._sizes: dict[str, int] = {}
        self._waiting: list[bytes] = []
        self._flushed = time.monotonic()
        _refuse_foreign(folder)
        if _begun(folder, request):
            for line in _whole_lines(folder / _LOG):
                self.notes.append(line["note"])
                self._sizes = line["sizes"]
        else:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            write_json(folder / _ASKED, {"asked": request, "files": list(names)})
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

    def link_into(self, stage: Path) -> None:
        """Let the files of all blocks stand in a staged folder too; copies where the file system has no hard links."""
        self.flush()
        for name in self._sizes:
            try:
                os.link(self.folder / name, stage / name)
            except OSError:
                shutil.copyfile(self.folder / name, stage / name)

    def committing(self, stage: Path) -> None:
        """A staged folder is about to be the result: when it is, and not before, the work may be removed."""
        placing.write_commit(self.folder, stage)

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
def resumable_folder(
    path: str | Path, request: Any, names: Sequence[str], overwrite: bool = False
) -> Iterator[ResumableFolder]:
    """Yield the unfinished work for `path`, as far as it is; it stays where it is broken off after a first block.

    request: what decides the result, as JSON; work that was begun for something else is thrown away. names: of the
    files that blocks append to. The result is put in place by `staged_folder(..., committing=resumable.committing)`;
    the work is removed after that. Raises VoxploreError where `path` exists and is not to be overwritten, another
    process is at work on it, or files of somebody else stand where the unfinished work would.
    """
    path = Path(path)
    refuse_existing(path, overwrite)
    with lock(path, again=True), named_os_errors(path):
        folder, resumable = unfinished(path), None
        try:
            resumable = ResumableFolder(folder, request, names)
            yield resumable
        except BaseException:
            if placing.is_committed(folder, real(path)) or (resumable is not None and not resumable.notes):
                placing.discard(real(path))
            elif resumable is not None and folder.exists():
                with contextlib.suppress(OSError):  # a full disk: what was flushed before remains
                    resumable.flush()
            raise
        placing.discard(real(path))


def _flush(path: Path) -> None:
    with open(path, "rb") as file:
        os.fsync(file.fileno())


def _refuse_foreign(folder: Path) -> None:
    """Raise VoxploreError where a folder holds anything that work of ours has not written: it would be thrown away."""
    try:
        ours = {_ASKED, _LOG, *read_json(folder / _ASKED)["files"]}
    except (VoxploreError, KeyError, TypeError):
        ours = set()
    found = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else [""] * folder.exists()
    for name in found:
        if name not in ours and not placing.is_part(name) and name != placing.COMMIT:
            expected = "a folder of unfinished work, or none (choose another --out, or move it away)"
            raise VoxploreError(folder, expected=expected, got=f"one with {name} in it" if name else "a file")


def _begun(folder: Path, request: Any) -> bool:
    """Whether the folder holds work on the same, and all that its log counts."""
    try:
        same = read_json(folder / _ASKED)["asked"] == json.loads(json.dumps(request))
        lines = _whole_lines(folder / _LOG)
        same = same and all(isinstance(line["note"], dict) for line in lines)
        sizes = [line["sizes"] for line in lines][-1:]
        found = [(size, (folder / name).stat().st_size) for each in sizes for name, size in each.items()]
        return same and all(type(size) is int and 0 <= size <= held for size, held in found)
    except (VoxploreError, OSError, ValueError, TypeError, KeyError, RecursionError):
        return False


def _whole_lines(path: Path) -> list[dict[str, Any]]:
    """The lines of the log; a last one that was cut off counts as none."""
    if not path.exists():
        return []
    *lines, _ = path.read_bytes().split(b"\n")
    return [json.loads(line) for line in lines]
