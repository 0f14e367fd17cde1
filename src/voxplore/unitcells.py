"""UnitCells: n binary unit cells of one resolution, bit-packed, with an index and their provenance.

A data set and a generated set are the same thing, so there is one reader (`load_cells`) and one writer (`save`).
"""

import csv
import hashlib
import io
import itertools
import math
import mmap
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np

from voxplore import files
from voxplore.errors import VoxploreError

__all__ = ["FORMAT_VERSION", "UnitCells", "as_voxels", "load_cells", "pack", "unpack"]

FORMAT_VERSION = 1
_INTEGER_COLUMNS = frozenset({"orientation", "seed"})
_TEXT_COLUMNS = frozenset({"id", "split", "source_id", "model", "family", "set", "nearest_id"})
_MAX_RESOLUTION = 1024


def pack(voxels: np.ndarray) -> np.ndarray:
    """Bool (n, d, d, d) -> uint8 (n, d^3 / 8): `np.packbits` of each flattened cell."""
    return np.packbits(voxels.reshape(len(voxels), math.prod(voxels.shape[1:])), axis=1)


def unpack(packed: np.ndarray, resolution: int) -> np.ndarray:
    """uint8 (n, d^3 / 8) -> Bool (n, d, d, d)."""
    bits = np.unpackbits(packed, axis=1, count=resolution**3)
    return bits.view(bool).reshape(len(packed), resolution, resolution, resolution)


@dataclass(frozen=True, eq=False)
class UnitCells:
    """n unit cells; True (1) is solid, axes x, y, z in C order.

    packed: uint8 (n, d^3 / 8), possibly a read-only memory map. resolution: d.
    index: the columns of index.csv, each of length n; `id` is always there.
    about: the descriptive part of cells.json (name, source, licence, split_rule, periodicity_floor, options, ...).
    """

    packed: np.ndarray
    resolution: int
    index: dict[str, np.ndarray]
    about: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        shape = (len(self.packed), -(-(self.resolution**3) // 8))
        if self.packed.dtype != np.uint8 or self.packed.shape != shape:
            came = f"{self.packed.dtype} {self.packed.shape}"
            raise VoxploreError("packed cells", expected=f"uint8 {shape}", came=came)
        for name, column in self.index.items():
            if len(column) != len(self.packed):
                raise VoxploreError(f"column {name}", expected=f"{len(self.packed)} rows", came=str(len(column)))

    @staticmethod
    def from_voxels(voxels: np.ndarray, index: dict[str, Any] | None = None, **about: Any) -> "UnitCells":
        """Pack Bool (n, d, d, d); ids are numbered where the index brings none."""
        voxels = _checked_voxels(voxels, "voxels")
        columns = {name: np.asarray(column) for name, column in (index or {}).items()}
        name = str(about.get("name", "cell"))
        columns.setdefault("id", numbered_ids(name, len(voxels)))
        return UnitCells(pack(voxels), voxels.shape[-1], columns, dict(about))

    def __len__(self) -> int:
        return len(self.packed)

    def __getitem__(self, rows: slice | np.ndarray | Sequence[int]) -> "UnitCells":
        """The cells of a slice, of an integer array or of a Bool mask, as UnitCells."""
        rows = rows if isinstance(rows, slice) else np.asarray(rows)
        index = {name: column[rows] for name, column in self.index.items()}
        return replace(self, packed=self.packed[rows], index=index)

    def voxels(self) -> np.ndarray:
        """All cells unpacked: Bool (n, d, d, d), n d^3 bytes."""
        return unpack(np.asarray(self.packed), self.resolution)

    def parts(self, size: int) -> Iterator["UnitCells"]:
        """The cells in order as UnitCells of at most `size`, in memory."""
        yield from (self.part(start, start + size) for start in range(0, len(self), size))

    def part(self, start: int, stop: int) -> "UnitCells":
        """Cells start ... stop as UnitCells in memory; of a memory map nothing else stays there."""
        part = self[start:stop]
        part = replace(part, packed=np.array(part.packed))
        mapped = getattr(self.packed, "_mmap", None)
        if mapped is not None:  # pages that were read count as memory of this process
            mapped.madvise(mmap.MADV_DONTNEED)
        return part

    def batches(self, size: int) -> Iterator[np.ndarray]:
        """The cells in order as Bool (at most size, d, d, d)."""
        for start in range(0, len(self), size):
            yield unpack(np.asarray(self.packed[start : start + size]), self.resolution)

    def relative_density(self) -> np.ndarray:
        """Solid fraction of each cell: float64 (n,)."""
        counts = [np.bitwise_count(part.packed).sum(1, dtype=np.int64) for part in self.parts(512)]
        return np.concatenate([np.zeros(0, np.int64), *counts]) / self.resolution**3

    def split(self, name: str) -> "UnitCells":
        """The cells of one split ("train", "valid", "test")."""
        splits = self.index.get("split")
        if splits is None or not (splits == name).any():
            known = "no split column" if splits is None else ", ".join(sorted(set(splits.tolist())))
            raise VoxploreError(self.about.get("name", "cells"), expected=f"a split named {name}", came=known)
        return self[splits == name]

    def sha256(self) -> str:
        """Checksum of the resolution and the packed bits (not of the index)."""
        digest = hashlib.sha256(str(self.resolution).encode())
        for part in self.parts(512):
            digest.update(part.packed.data)
        return digest.hexdigest()

    @staticmethod
    def concatenate(parts: Sequence["UnitCells"]) -> "UnitCells":
        """One set after the other; columns that not all of them have are dropped, `about` is the first one's."""
        if len({part.resolution for part in parts}) != 1:
            came = ", ".join(str(part.resolution) for part in parts) or "nothing"
            raise VoxploreError("sets to concatenate", expected="one or more of one resolution", came=came)
        shared = [name for name in parts[0].index if all(name in part.index for part in parts)]
        index = {name: np.concatenate([part.index[name] for part in parts]) for name in shared}
        packed = np.concatenate([part.packed for part in parts])
        return UnitCells(packed, parts[0].resolution, index, dict(parts[0].about))

    def save(self, folder: str | Path, overwrite: bool = False) -> None:
        """Write the folder `cells.json`, `voxels.npy`, `index.csv` in one step."""
        with files.staged_folder(folder, overwrite) as stage:
            self.write_into(stage)

    def write_into(self, stage: Path) -> None:
        """Write the three files into an existing folder that is staged by the caller."""
        np.save(stage / "voxels.npy", np.asarray(self.packed))
        files.write_csv(stage / "index.csv", index_columns(self))
        write_header(stage, len(self), self.resolution, self.about)


def numbered_ids(name: str, n: int, start: int = 0) -> np.ndarray:
    """Ids "name-000000", ...: str (n,)."""
    return np.array([f"{name}-{i:06d}" for i in range(start, start + n)], dtype=np.str_)


def as_voxels(cells: "UnitCells | np.ndarray") -> np.ndarray:
    """Bool (n, d, d, d) from UnitCells, from Bool (n, d, d, d) or from one cell Bool (d, d, d)."""
    if isinstance(cells, UnitCells):
        return cells.voxels()
    cells = np.asarray(cells)
    return _checked_voxels(cells[None] if cells.ndim == 3 else cells, "voxels")


def load_cells(path: str | Path, split: str | None = None) -> UnitCells:
    """Open a folder of cells, the published MetaTruss npz, or a plain Bool .npy / .npz array (n, d, d, d).

    Our folder and .npy files are memory-mapped. Nothing is unpickled. Raises VoxploreError naming the file.
    """
    path = Path(path)
    if path.is_dir():
        cells = _load_folder(path)
    elif path.suffix in (".npy", ".npz"):
        cells = _load_plain(path)
    else:
        came = f"a {path.suffix or 'nameless'} file" if path.exists() else "nothing there"
        raise VoxploreError(path, expected="a folder of cells, or a .npy or .npz file", came=came)
    return cells.split(split) if split else cells


def write_header(stage: Path, n: int, resolution: int, about: dict[str, Any]) -> None:
    """Write `cells.json` beside the other two files of n cells, whose checksums it holds."""
    from voxplore import __version__

    header = {
        "format": "voxplore-cells",
        "format_version": FORMAT_VERSION,
        "name": about.get("name", "cells"),
        "n": n,
        "resolution": resolution,
        "axes": "x, y, z, C order",
        "values": "1 = solid",
        **{key: value for key, value in about.items() if key != "name"},
        "voxplore_version": __version__,
        "sha256": {name: files.sha256(stage / name) for name in ("voxels.npy", "index.csv")},
    }
    files.write_json(stage / "cells.json", header)


def array_header(shape: tuple[int, ...]) -> bytes:
    """What a .npy file of uint8 begins with, as `np.save` writes it; the numbers follow in C order."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|u1", "fortran_order": False, "shape": shape})
    return header.getvalue()


_HEADER_KEYS = frozenset(
    {"format", "format_version", "n", "resolution", "axes", "values", "voxplore_version", "sha256"}
)


def index_columns(cells: UnitCells) -> dict[str, np.ndarray]:
    """The columns of index.csv: those of the cells, and their relative density."""
    return {**cells.index, "relative_density": np.round(cells.relative_density(), 6)} | cells.index


def _load_folder(folder: Path) -> UnitCells:
    header = files.read_json(folder / "cells.json")
    if not isinstance(header, dict) or header.get("format") != "voxplore-cells":
        raise VoxploreError(folder / "cells.json", expected='"format": "voxplore-cells"', came="something else")
    if header.get("format_version") != FORMAT_VERSION:
        came = f"version {header.get('format_version')}"
        raise VoxploreError(folder / "cells.json", expected=f"format version {FORMAT_VERSION}", came=came)
    n: Any = header.get("n")
    resolution: Any = header.get("resolution")
    if not _is_count(n) or not _is_count(resolution) or not 1 <= resolution <= _MAX_RESOLUTION:
        came = f"n {n}, resolution {resolution}"
        raise VoxploreError(folder / "cells.json", expected=f"counts, resolution up to {_MAX_RESOLUTION}", came=came)
    packed = _read_array(folder / "voxels.npy")
    if packed.dtype != np.uint8 or packed.shape != (n, -(-(resolution**3) // 8)):
        expected = f"uint8 ({n}, {-(-(resolution**3) // 8)})"
        raise VoxploreError(folder / "voxels.npy", expected=expected, came=f"{packed.dtype} {packed.shape}")
    index = _read_index(folder / "index.csv", n)
    return UnitCells(packed, resolution, index, {k: v for k, v in header.items() if k not in _HEADER_KEYS})


def _is_count(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _read_index(path: Path, n: int) -> dict[str, np.ndarray]:
    """The columns of index.csv, read in pieces: as Python strings a large index takes hundreds of megabytes."""
    pieces: list[list[np.ndarray]] = []
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.reader(file)
            names = next(reader, [])
            if "id" not in names or len(set(names)) != len(names):
                came = str(names)[:80]
                raise VoxploreError(path, expected="a header of distinct names with an id column", came=came)
            while rows := list(itertools.islice(reader, 4096)):
                if any(len(row) != len(names) for row in rows):
                    raise VoxploreError(
                        path, expected=f"{n} rows of {len(names)} fields", came="a row of another length"
                    )
                pieces.append([np.array(column, dtype=np.str_) for column in zip(*rows, strict=True)])
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        came = str(getattr(error, "strerror", None) or error).lower()
        raise VoxploreError(path, expected="a CSV table", came=came) from error
    found = sum(len(piece[0]) for piece in pieces)
    if found != n:
        raise VoxploreError(path, expected=f"{n} rows of {len(names)} fields", came=f"{found} rows")
    empty = np.zeros(0, np.str_)
    columns = {name: np.concatenate([empty, *(piece[i] for piece in pieces)]) for i, name in enumerate(names)}
    return {name: _typed_column(name, column, path) for name, column in columns.items()}


def _typed_column(name: str, column: np.ndarray, path: Path) -> np.ndarray:
    if name in _TEXT_COLUMNS:
        return column
    try:
        return column.astype(np.int64 if name in _INTEGER_COLUMNS else np.float64)
    except (ValueError, OverflowError) as error:
        if name in _INTEGER_COLUMNS or name == "relative_density":
            raise VoxploreError(path, expected=f"numbers in column {name}", came=str(error)) from error
        return column


def _read_array(path: Path) -> np.ndarray:
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except Exception as error:  # NumPy raises half a dozen types on damaged files
        objects = "pickle" in str(error).lower() or "Python objects" in str(error)
        came = "objects" if objects else (str(error) or type(error).__name__)
        raise VoxploreError(path, expected="a NumPy array of numbers", came=came[:200]) from error
    if not isinstance(array, np.ndarray):
        raise VoxploreError(path, expected="a NumPy array of numbers", came="an archive")
    return array


def _load_plain(path: Path) -> UnitCells:
    about: dict[str, Any] = {"name": path.stem, "source": path.name}
    arrays = {"": _read_array(path)} if path.suffix == ".npy" else _read_archive(path)
    if "packed" in arrays:
        return _published(path, arrays, about)
    if len(arrays) != 1:
        came = ", ".join(sorted(arrays)) or "none"
        raise VoxploreError(path, expected="one array, or `packed` and `shape`", came=came)
    voxels = _checked_voxels(next(iter(arrays.values())), path)
    return UnitCells.from_voxels(voxels, None, **about)


def _published(path: Path, arrays: dict[str, np.ndarray], about: dict[str, Any]) -> UnitCells:
    """The published MetaTruss npz: `packed` uint8 (n, 13824) and `shape` (48, 48, 48)."""
    given = arrays.get("shape", np.zeros(0, np.int64))
    shape = given.ravel().tolist() if given.dtype.kind in "iu" else []
    if len(shape) != 3 or len(set(shape)) != 1 or not 1 <= shape[0] <= _MAX_RESOLUTION:
        came = str(given.ravel().tolist())[:80]
        raise VoxploreError(path, expected="`shape` of three equal whole numbers", came=came)
    packed, resolution = arrays["packed"], int(shape[0])
    if packed.dtype != np.uint8 or packed.ndim != 2 or packed.shape[1] != -(-(resolution**3) // 8):
        expected = f"`packed` uint8 (n, {-(-(resolution**3) // 8)})"
        raise VoxploreError(path, expected=expected, came=f"{packed.dtype} {packed.shape}")
    index = {"id": numbered_ids(path.stem, len(packed))}
    return UnitCells(packed, resolution, index, about)


#: An archive may unpack to this many bytes: 500,000 cells at 48^3, packed.
_MAX_UNPACKED = 8 << 30


def _read_archive(path: Path) -> dict[str, np.ndarray]:
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
            ratio = size / max(path.stat().st_size, 1)
        if size > _MAX_UNPACKED or (size > 1 << 28 and ratio > 500):
            raise VoxploreError(path, expected="an archive of plausible size", came=f"{size} bytes in all")
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except VoxploreError:
        raise
    except Exception as error:  # zipfile and NumPy raise a dozen types on damaged archives
        came = "objects" if "pickle" in str(error).lower() else (str(error) or type(error).__name__)
        raise VoxploreError(path, expected="an npz archive of number arrays", came=came[:200]) from error


def _checked_voxels(voxels: np.ndarray, where: object) -> np.ndarray:
    """Bool (n, d, d, d), C-contiguous, from such an array or one of 0 and 1."""
    voxels = np.asarray(voxels)
    shape = voxels.shape
    if len(shape) != 4 or len(set(shape[1:])) != 1 or not 1 <= shape[1] <= _MAX_RESOLUTION:
        raise VoxploreError(where, expected="cubes (n, d, d, d)", came=f"shape {shape}")
    if voxels.dtype != np.bool_:
        if voxels.dtype.kind not in "iuf" or not all(((part == 0) | (part == 1)).all() for part in voxels):
            raise VoxploreError(where, expected="Bool, or numbers 0 and 1", came=f"{voxels.dtype} values")
        voxels = voxels.astype(bool)
    return np.ascontiguousarray(voxels)
