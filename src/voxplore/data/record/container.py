"""Arrays in one small file: xz over safetensors. Reading runs nothing and believes no size that it has not checked."""

import json
import lzma
from pathlib import Path
from typing import Any

import numpy as np

from voxplore import storage
from voxplore.errors import VoxploreError

__all__ = ["read_arrays", "read_column", "store_column", "write_arrays"]

#: Most bytes a file may unpack to: twenty times the record of 15,200 cells.
LIMIT = 1 << 27
#: Most bytes that unpacking may use besides; what is written here asks for 9 MB.
_MEMORY = 1 << 26
_LEVEL = 6 | lzma.PRESET_EXTREME
_FACTS = "facts"
_LONGEST_TEXT = 100


def write_arrays(path: str | Path, arrays: dict[str, np.ndarray], facts: dict[str, Any]) -> None:
    """Write arrays of numbers and JSON-able facts in one step; the same bytes for the same content."""
    from safetensors.numpy import save

    text = np.frombuffer(json.dumps(facts).encode(), np.uint8)
    whole = {name: np.ascontiguousarray(array) for name, array in {**arrays, _FACTS: text}.items()}
    with storage.atomic_file(path) as temporary:
        temporary.write_bytes(lzma.compress(save(whole), preset=_LEVEL))


def read_arrays(path: str | Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The arrays and the facts of such a file; VoxploreError where it is absent, damaged or not one."""
    path = Path(path)
    try:
        arrays = _parsed(_unpacked(path))
        facts = json.loads(arrays.pop(_FACTS).tobytes())
    except VoxploreError:
        raise
    except Exception as error:  # lzma, safetensors and json raise a dozen types on damaged files
        got = str(getattr(error, "strerror", None) or error or type(error).__name__)[:200].lower()
        raise VoxploreError(path, expected="a record of cells", got=got) from error
    if not isinstance(facts, dict):
        raise VoxploreError(path, expected="facts by name", got=type(facts).__name__)
    return arrays, facts


def _unpacked(path: Path) -> bytes:
    if path.stat().st_size > LIMIT:
        raise VoxploreError(path, expected=f"at most {LIMIT} bytes", got=str(path.stat().st_size))
    unpacker = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_MEMORY)
    data = unpacker.decompress(path.read_bytes(), max_length=LIMIT + 1)
    if len(data) > LIMIT:
        raise VoxploreError(path, expected=f"at most {LIMIT} bytes once unpacked", got="more")
    if not unpacker.eof or unpacker.unused_data:
        raise VoxploreError(path, expected="one whole xz stream", got="a part of one, or more than one")
    return data


def _parsed(data: bytes) -> dict[str, np.ndarray]:
    from safetensors.numpy import load

    return load(data)


def store_column(column: np.ndarray) -> np.ndarray:
    """A column of an index as numbers: texts joined by line ends, in UTF-8."""
    return np.frombuffer("\n".join(column.tolist()).encode(), np.uint8) if column.dtype.kind == "U" else column


def read_column(name: str, stored: np.ndarray | None, n: int, where: object) -> np.ndarray:
    """The column of n rows that `store_column` stored; VoxploreError naming `where` for anything else."""
    column = _texts(stored, n) if stored is not None and stored.dtype == np.uint8 else stored
    if column is None or column.shape != (n,) or column.dtype.kind not in "Uif":
        raise VoxploreError(where, expected=f"column {name} of {n} texts or numbers", got="none, or another")
    return column


def _texts(stored: np.ndarray, n: int) -> np.ndarray | None:
    """n texts, or None where these are not as many, or longer than texts of an index are."""
    try:
        texts = stored.tobytes().decode().split("\n")
    except UnicodeDecodeError:
        return None
    # A NumPy array of texts takes as much for each as for the longest.
    return np.array(texts, np.str_) if len(texts) == n and max(map(len, texts)) <= _LONGEST_TEXT else None
