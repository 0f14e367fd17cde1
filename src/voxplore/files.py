"""Writing so that a reader finds the old artefact or the new one, and nothing between."""

import contextlib
import csv
import ctypes
import fcntl
import hashlib
import io
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from voxplore.errors import VoxploreError

__all__ = [
    "atomic_file",
    "csv_line",
    "csv_rows",
    "lock",
    "put_in_place",
    "read_json",
    "read_text",
    "sha256",
    "staged_folder",
    "sweep",
    "write_csv",
    "write_json",
    "write_text",
]

#: Marks what is not whole yet; whoever holds the lock on the name may remove what a killed process left of it.
_PART = ".part"
#: Marks the old artefact while the new one takes its place, where that needs two steps.
_ASIDE = ".aside"
#: Paths that this process holds locks on.
_held: set[str] = set()


@contextlib.contextmanager
def atomic_file(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success it is flushed and renamed to `path`, on failure removed."""
    path = Path(path)
    with named_os_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        # The suffix stays last: writers such as np.save and Pillow choose the format by it.
        handle, name = tempfile.mkstemp(prefix=f".{path.stem}.", suffix=_PART + path.suffix, dir=path.parent)
        os.close(handle)
    temporary = Path(name)
    try:
        with named_os_errors(path):
            yield temporary
            _flush(temporary)
            os.chmod(temporary, 0o666 & ~_umask())
            os.replace(temporary, path)
            _flush(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def staged_folder(path: str | Path, overwrite: bool = False) -> Iterator[Path]:
    """Yield a temporary folder beside `path`; on success it takes the place of `path`, on failure it is removed.

    Raises VoxploreError where `path` exists and is not to be overwritten, or where another process holds its lock.
    """
    path = Path(path)
    refuse_existing(path, overwrite)
    with named_os_errors(path), lock(path, again=True):
        stage = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=_PART, dir=path.parent))
        os.chmod(stage, 0o777 & ~_umask())
        try:
            yield stage
            put_in_place(stage, path, overwrite)
        finally:
            shutil.rmtree(stage, ignore_errors=True)


def put_in_place(stage: Path, path: Path, overwrite: bool = False) -> None:
    """Flush a whole folder and let it take the place of `path`, beside it, in one step."""
    for file in stage.rglob("*"):
        _flush(file)
    refuse_existing(path, overwrite)
    _put_in_place(stage, path)
    _flush(path.parent)


def refuse_existing(path: Path, overwrite: bool) -> None:
    """Raise VoxploreError if something stands at `path` and `overwrite` is False; an empty folder is no obstacle."""
    empty_folder = path.is_dir() and not any(path.iterdir())
    if path.exists() and not overwrite and not empty_folder:
        raise VoxploreError(path, expected="a path that does not exist yet, or --overwrite", came="an existing one")


def write_text(path: str | Path, text: str) -> None:
    """Write `text` (UTF-8) in one step."""
    with atomic_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: str | Path, value: Any) -> None:
    """Write `value` as indented JSON in one step."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def write_csv(path: str | Path, columns: Mapping[str, Any]) -> None:
    """Write NumPy arrays (n,) as the columns of a table with a header, in one step; Bool as 0 and 1."""
    with atomic_file(path) as temporary, open(temporary, "w", encoding="utf-8", newline="") as file:
        file.write(csv_line(columns))
        for start in range(0, max(map(len, columns.values()), default=0), 4096):  # as Python objects all would be large
            file.write(csv_rows({name: values[start : start + 4096] for name, values in columns.items()}))


def csv_line(values: Iterable[Any]) -> str:
    """One row of a table as text."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(values)
    return text.getvalue()


def csv_rows(columns: Mapping[str, Any]) -> str:
    """NumPy arrays (n,) as the n rows of a table without a header; Bool as 0 and 1."""
    plain = [(values * 1 if values.dtype == bool else values).tolist() for values in columns.values()]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(zip(*plain, strict=True))
    return text.getvalue()


def read_text(path: str | Path) -> str:
    """The text of a UTF-8 file; VoxploreError where it is absent or not text."""
    path = Path(path)
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise VoxploreError(path, expected="a readable text file", came=_reason(error)) from error


def read_json(path: str | Path) -> Any:
    """The value in a JSON file; VoxploreError where it is absent or damaged."""
    text = read_text(path)
    try:
        return json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise VoxploreError(path, expected="JSON", came=_reason(error)) from error


def sha256(path: str | Path) -> str:
    """The file's SHA-256 in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextlib.contextmanager
def lock(path: str | Path, *, again: bool = False) -> Iterator[None]:
    """Hold the only lock on `path`; VoxploreError where another process holds it. It dies with its holder.

    What a killed holder left half-written beside `path` is removed. again: a lock that this process holds will do.
    """
    path = Path(path)
    name = os.path.abspath(path)
    if again and name in _held:
        yield
        return
    made = [folder for folder in path.parents if not folder.exists()]
    with named_os_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.parent / f".{path.name}.lock"
    try:
        with _locked(beside, path):
            _held.add(name)
            try:
                _recover(path)
                yield
            finally:
                _held.discard(name)
                beside.unlink(missing_ok=True)
    finally:
        for folder in made:  # the deepest first
            with contextlib.suppress(OSError):  # it holds something now
                folder.rmdir()


def sweep(folder: str | Path) -> None:
    """Remove what killed processes left half-written in a folder; only for the one process that writes there."""
    for part in Path(folder).glob(f".*{_PART}*"):
        _remove(part)


@contextlib.contextmanager
def _locked(file: Path, path: Path) -> Iterator[None]:
    """Hold the lock of `file`, which its last holder may have removed between our opening and locking it."""
    while True:
        with open(file, "w") as opened:
            try:
                fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise VoxploreError(path, expected="no other process at work on it", came="a held lock") from error
            if file.exists() and os.path.samestat(os.fstat(opened.fileno()), file.stat()):
                yield
                return


def _recover(path: Path) -> None:
    """Remove what killed processes left of `path`: staged folders and temporary files; put back what they set aside."""
    for aside in _beside(path, f".{path.name}.*{_ASIDE}"):
        if not path.exists() and (aside / path.name).exists():
            os.rename(aside / path.name, path)
        _remove(aside)
    for part in _beside(path, f".{path.name}.*{_PART}") + _beside(path, f".{path.stem}.*{_PART}{path.suffix}"):
        _remove(part)


def _beside(path: Path, pattern: str) -> list[Path]:
    """What lies beside `path` under a name that `tempfile` made; the star stands for its own part."""
    name = re.compile("[a-z0-9_]{8}".join(map(re.escape, pattern.rsplit("*", 1))))
    return [other for other in path.parent.iterdir() if name.fullmatch(other.name)]


def _remove(part: Path) -> None:
    if part.is_dir() and not part.is_symlink():
        shutil.rmtree(part, ignore_errors=True)
    else:
        part.unlink(missing_ok=True)


@contextlib.contextmanager
def named_os_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise VoxploreError(path, expected="to write it", came=_reason(error)) from error
    except Exception as error:
        # Writers in Rust (safetensors) hand on what the system said in a type of their own.
        number = re.search(r"\(os error (\d+)\)", str(error))
        if number is None:
            raise
        raise VoxploreError(path, expected="to write it", came=os.strerror(int(number[1])).lower()) from error


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno is None and "written" in str(error):
        return f"too little room on the disk ({error})"  # as NumPy tells it
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__).lower()


def _put_in_place(stage: Path, path: Path) -> None:
    if path.is_dir() and not path.is_symlink() and not any(path.iterdir()):
        os.rename(stage, path)  # an empty folder may be replaced by a folder
    elif not path.exists():
        os.rename(stage, path)
    elif _exchange(stage, path):
        _remove(stage)  # now the old one
    else:
        aside = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=_ASIDE, dir=path.parent))
        os.rename(path, aside / path.name)
        os.rename(stage, path)
        shutil.rmtree(aside, ignore_errors=True)


def _exchange(one: Path, other: Path) -> bool:
    """Swap two names in one step, so that neither is ever absent; False where the system has no such step."""
    here, swap = -100, 2  # AT_FDCWD; RENAME_EXCHANGE of Linux and RENAME_SWAP of macOS
    try:
        system = ctypes.CDLL(None)
        if hasattr(system, "renameat2"):
            return system.renameat2(here, os.fsencode(one), here, os.fsencode(other), swap) == 0
        return system.renamex_np(os.fsencode(one), os.fsencode(other), swap) == 0
    except (AttributeError, OSError):
        return False


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
