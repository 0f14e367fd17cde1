"""Writing so that a reader finds the old artefact or the new one, and nothing between."""

import contextlib
import csv
import fcntl
import hashlib
import io
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from voxplore.errors import VoxploreError

__all__ = [
    "atomic_file",
    "lock",
    "read_json",
    "read_text",
    "sha256",
    "staged_folder",
    "write_csv",
    "write_json",
    "write_text",
]


@contextlib.contextmanager
def atomic_file(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success it is flushed and renamed to `path`, on failure removed."""
    path = Path(path)
    with _named_os_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        # The suffix stays last: writers such as np.save and Pillow choose the format by it.
        handle, name = tempfile.mkstemp(prefix=f".{path.stem}.", suffix=path.suffix, dir=path.parent)
        os.close(handle)
    temporary = Path(name)
    try:
        with _named_os_errors(path):
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

    Raises VoxploreError where `path` exists and is not to be overwritten.
    """
    path = Path(path)
    refuse_existing(path, overwrite)
    with _named_os_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        stage = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
        os.chmod(stage, 0o777 & ~_umask())
    try:
        with _named_os_errors(path):
            yield stage
            for file in stage.rglob("*"):
                _flush(file)
            _put_in_place(stage, path)
            _flush(path.parent)
    finally:
        shutil.rmtree(stage, ignore_errors=True)


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
    plain = [(values * 1 if values.dtype == bool else values).tolist() for values in columns.values()]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*plain, strict=True))
    write_text(path, text.getvalue())


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
def lock(path: str | Path) -> Iterator[None]:
    """Hold the only lock on `path`; VoxploreError where another process holds it. It dies with its holder."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path.parent / f".{path.name}.lock", "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise VoxploreError(path, expected="no other process at work on it", came="a held lock") from error
        yield


@contextlib.contextmanager
def _named_os_errors(path: Path) -> Iterator[None]:
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
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__).lower()


def _put_in_place(stage: Path, path: Path) -> None:
    if not path.exists():
        os.rename(stage, path)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{path.name}.old.", dir=path.parent))
    os.rename(path, old)  # an empty folder may be replaced by a folder
    os.rename(stage, path)
    shutil.rmtree(old, ignore_errors=True)


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
