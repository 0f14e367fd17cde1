"""Text and JSON, written in one step and read with errors that name the file; checksums."""

import hashlib
import json
from pathlib import Path
from typing import Any

from voxplore.errors import VoxploreError
from voxplore.storage.atomic import atomic_file
from voxplore.storage.bounded import limited_text
from voxplore.storage.system_errors import reason_of

__all__ = ["json_value", "read_json", "read_text", "sha256", "write_json", "write_text"]

#: Longest whole number that is read: longer ones overflow a float.
_DIGITS = 300


def write_text(path: str | Path, text: str) -> None:
    """Write `text` (UTF-8) in one step."""
    with atomic_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: str | Path, value: Any) -> None:
    """Write `value` as indented JSON in one step."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def read_text(path: str | Path) -> str:
    """The text of a UTF-8 file; VoxploreError where it is absent or not text."""
    path = Path(path)
    try:
        return limited_text(path)
    except (OSError, UnicodeDecodeError) as error:
        raise VoxploreError(path, expected="a readable text file", got=reason_of(error)) from error


def read_json(path: str | Path) -> Any:
    """The value in a JSON file; VoxploreError where it is absent or damaged."""
    text = read_text(path)
    try:
        value = json_value(text)
        if "\\u" in text:
            json.dumps(value, ensure_ascii=False).encode()  # half of a surrogate pair is no text
        return value
    except (ValueError, RecursionError) as error:
        raise VoxploreError(path, expected="JSON", got=reason_of(error)[:200]) from error


def json_value(text: str) -> Any:
    """The value of a JSON text; ValueError for what is none, and for whole numbers too long to be made floats."""
    return json.loads(text, parse_int=_whole_number)


def _whole_number(digits: str) -> int:
    if len(digits) > _DIGITS:
        raise ValueError(f"a whole number of {len(digits)} digits")
    return int(digits)


def sha256(path: str | Path) -> str:
    """The file's SHA-256 in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
