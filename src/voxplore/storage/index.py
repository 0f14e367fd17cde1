"""index.csv of a folder of cells: a header of names, one of them `id`, and a row a cell."""

import csv
import itertools
from pathlib import Path

import numpy as np

from voxplore.errors import VoxploreError
from voxplore.storage.schema import LONGEST_FIELD
from voxplore.storage.tables import unquoted

__all__ = ["read_index"]

_INTEGER_COLUMNS = frozenset({"orientation", "seed"})
_TEXT_COLUMNS = frozenset({"id", "split", "source_id", "model", "family", "set", "nearest_id"})


def read_index(path: Path, n: int) -> dict[str, np.ndarray]:
    """The columns of index.csv, read in pieces: as Python strings a large index takes hundreds of megabytes."""
    pieces: list[list[np.ndarray]] = []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            names = [unquoted(name) for name in next(reader, [])]
            if "id" not in names or len(set(names)) != len(names):
                got = str(names)[:80]
                raise VoxploreError(path, expected="a header of distinct names with an id column", got=got)
            while rows := list(itertools.islice(reader, 4096)):
                if any(len(row) != len(names) for row in rows):
                    raise VoxploreError(
                        path, expected=f"{n} rows of {len(names)} fields", got="a row of another length"
                    )
                if any(len(field) > LONGEST_FIELD for row in rows for field in row):
                    raise VoxploreError(path, expected=f"fields of at most {LONGEST_FIELD} letters", got="longer ones")
                pieces.append([np.array(column, dtype=np.str_) for column in zip(*rows, strict=True)])
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        got = str(getattr(error, "strerror", None) or error).lower()
        raise VoxploreError(path, expected="a CSV table", got=got) from error
    found = sum(len(piece[0]) for piece in pieces)
    if found != n:
        raise VoxploreError(path, expected=f"{n} rows of {len(names)} fields", got=f"{found} rows")
    empty = np.zeros(0, np.str_)
    columns = {name: np.concatenate([empty, *(piece[i] for piece in pieces)]) for i, name in enumerate(names)}
    return {name: _typed_column(name, column, path) for name, column in columns.items()}


def _typed_column(name: str, column: np.ndarray, path: Path) -> np.ndarray:
    if name in _TEXT_COLUMNS:
        quoted = np.char.startswith(column, "'") if len(column) else np.zeros(0, bool)
        return np.array([unquoted(text) for text in column.tolist()], np.str_) if quoted.any() else column
    try:
        return column.astype(np.int64 if name in _INTEGER_COLUMNS else np.float64)
    except (ValueError, OverflowError) as error:
        if name in _INTEGER_COLUMNS or name == "relative_density":
            raise VoxploreError(path, expected=f"numbers in column {name}", got=str(error)) from error
        return column
