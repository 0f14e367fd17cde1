"""UnitCells: n binary unit cells of one resolution, bit-packed, with an index and their provenance.

A data set and a generated set are the same thing, so there is one reader (`load_cells`) and one writer (`save`).
"""

import hashlib
import io
import math
import mmap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np

from voxplore import storage
from voxplore.errors import VoxploreError
from voxplore.storage.arrays import read_archive, read_array
from voxplore.storage.index import read_index
from voxplore.storage.schema import check_about, check_ids, name_of, printable
from voxplore.storage.voxels import MAX_RESOLUTION, checked_voxels, chosen

__all__ = ["FORMAT_VERSION", "UnitCells", "as_voxels", "load_cells", "pack", "unpack"]

FORMAT_VERSION = 1


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
            got = f"{self.packed.dtype} {self.packed.shape}"
            raise VoxploreError("packed cells", expected=f"uint8 {shape}", got=got)
        for name, column in self.index.items():
            if len(column) != len(self.packed):
                raise VoxploreError(f"column {name}", expected=f"{len(self.packed)} rows", got=str(len(column)))

    @staticmethod
    def from_voxels(voxels: np.ndarray, index: dict[str, Any] | None = None, **about: Any) -> "UnitCells":
        """Pack Bool (n, d, d, d); ids are numbered where the index brings none."""
        voxels = checked_voxels(voxels, "voxels")
        columns = {name: np.asarray(column) for name, column in (index or {}).items()}
        name = str(about.get("name", "cell"))
        columns.setdefault("id", numbered_ids(name, len(voxels)))
        return UnitCells(pack(voxels), voxels.shape[-1], columns, dict(about))

    def __repr__(self) -> str:
        """One line: name, number, resolution and splits."""
        names, counts = np.unique(self.index.get("split", np.zeros(0, np.str_)), return_counts=True)
        shares = sorted(zip(counts.tolist(), names.tolist(), strict=True), reverse=True)
        splits = ", ".join(f"{count} {name}" for count, name in shares)
        name = printable(str(self.about.get("name", "cells")).replace("\n", " "))
        return f"{name}: {len(self)} unit cells at {self.resolution}^3{f' ({splits})' if splits else ''}"

    def _repr_html_(self) -> str:
        """What a notebook shows: the line, and a picture of the first cells."""
        import voxplore  # the package itself, above all rooms, knows who draws

        return voxplore.show.html_of(self)

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
        part = replace(part, packed=np.array(part.packed, order="C"))
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
            raise VoxploreError(self.about.get("name", "cells"), expected=f"a split named {name}", got=known)
        return self[splits == name]

    def rows_by_id(self) -> dict[str, int]:
        """The row of each id; VoxploreError where an id stands for two cells, so that nothing is tied to the wrong."""
        ids = self.index["id"].tolist()
        rows = {name: row for row, name in enumerate(ids)}
        if len(rows) < len(ids):
            twice = next(name for row, name in enumerate(ids) if rows[name] != row)
            name = self.about.get("name", "cells")
            raise VoxploreError(f"ids of {name}", expected="one for each cell", got=f"{twice!r} for two or more")
        return rows

    def sha256(self) -> str:
        """Checksum of the resolution and the packed bits (not of the index)."""
        digest = hashlib.sha256(str(self.resolution).encode())
        for part in self.parts(512):
            digest.update(part.packed.data)
        return digest.hexdigest()

    def row_sha256(self) -> np.ndarray:
        """The first 16 digits of a checksum of each cell's resolution and bits: str (n,); what tables are tied by."""
        first = str(self.resolution).encode()
        rows = (row.tobytes() for part in self.parts(512) for row in part.packed)
        return np.array([hashlib.sha256(first + row).hexdigest()[:16] for row in rows], np.str_)

    @staticmethod
    def concatenate(parts: Sequence["UnitCells"]) -> "UnitCells":
        """One set after the other; columns that not all of them have are dropped, `about` is the first one's."""
        if len({part.resolution for part in parts}) != 1:
            got = ", ".join(str(part.resolution) for part in parts) or "nothing"
            raise VoxploreError("sets to concatenate", expected="one or more of one resolution", got=got)
        shared = [name for name in parts[0].index if all(name in part.index for part in parts)]
        index = {name: np.concatenate([part.index[name] for part in parts]) for name in shared}
        packed = np.concatenate([part.packed for part in parts])
        return UnitCells(packed, parts[0].resolution, index, dict(parts[0].about))

    def save(self, folder: str | Path, overwrite: bool = False) -> None:
        """Write the folder `cells.json`, `voxels.npy`, `index.csv` in one step."""
        with storage.staged_folder(folder, overwrite) as stage:
            self.write_into(stage)

    def write_into(self, stage: Path) -> None:
        """Write the three files into an existing folder that is staged by the caller; ids that repeat are refused."""
        self.rows_by_id()
        check_ids(self.index["id"].tolist())
        np.save(stage / "voxels.npy", np.asarray(self.packed))
        storage.write_csv(stage / "index.csv", index_columns(self))
        write_header(stage, len(self), self.resolution, self.about)


def numbered_ids(name: str, n: int, start: int = 0) -> np.ndarray:
    """Ids "name-000000", ...: str (n,)."""
    return np.array([f"{name}-{i:06d}" for i in range(start, start + n)], dtype=np.str_)


def as_voxels(cells: "UnitCells | np.ndarray") -> np.ndarray:
    """Bool (n, d, d, d) from UnitCells, from Bool (n, d, d, d) or from one cell Bool (d, d, d)."""
    if isinstance(cells, UnitCells):
        return cells.voxels()
    cells = np.asarray(cells)
    return checked_voxels(cells, "voxels")


def load_cells(path: str | Path, split: str | None = None) -> UnitCells:
    """Open a folder of cells, the published MetaTruss npz, or voxels as .npy or .npz (see `checked_voxels`).

    Our folder and .npy files are memory-mapped. Nothing is unpickled. Raises VoxploreError naming the file.
    """
    path = Path(path)
    if path.is_dir():
        cells = _load_folder(path)
    elif path.suffix in (".npy", ".npz"):
        cells = _load_plain(path)
    else:
        got = f"a {path.suffix or 'nameless'} file" if path.exists() else "nothing there"
        raise VoxploreError(path, expected="a folder of cells, or a .npy or .npz file", got=got)
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
        "sha256": {name: storage.sha256(stage / name) for name in ("voxels.npy", "index.csv")},
    }
    storage.write_json(stage / "cells.json", header)


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
    header = storage.read_json(folder / "cells.json")
    if not isinstance(header, dict) or header.get("format") != "voxplore-cells":
        raise VoxploreError(folder / "cells.json", expected='"format": "voxplore-cells"', got="something else")
    if header.get("format_version") != FORMAT_VERSION:
        got = f"version {header.get('format_version')}"
        raise VoxploreError(folder / "cells.json", expected=f"format version {FORMAT_VERSION}", got=got)
    n: Any = header.get("n")
    resolution: Any = header.get("resolution")
    if not _is_count(n) or not _is_count(resolution) or not 1 <= resolution <= MAX_RESOLUTION:
        got = f"n {n}, resolution {resolution}"
        raise VoxploreError(folder / "cells.json", expected=f"counts, resolution up to {MAX_RESOLUTION}", got=got)
    packed = read_array(folder / "voxels.npy")
    if packed.dtype != np.uint8 or packed.shape != (n, -(-(resolution**3) // 8)):
        expected = f"uint8 ({n}, {-(-(resolution**3) // 8)})"
        raise VoxploreError(folder / "voxels.npy", expected=expected, got=f"{packed.dtype} {packed.shape}")
    index = read_index(folder / "index.csv", n)
    check_about(header, str(folder / "cells.json"))
    packed = packed if packed.flags.c_contiguous else np.ascontiguousarray(packed)  # a memory map otherwise stays one
    return UnitCells(packed, resolution, index, {k: v for k, v in header.items() if k not in _HEADER_KEYS})


def _is_count(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _load_plain(path: Path) -> UnitCells:
    about: dict[str, Any] = {"name": name_of(path), "source": printable(path.name)}
    arrays = {"": read_array(path)} if path.suffix == ".npy" else read_archive(path)
    if "packed" in arrays:
        return _published(path, arrays, about)
    voxels = checked_voxels(chosen(arrays, path), path)
    return UnitCells.from_voxels(voxels, None, **about)


def _published(path: Path, arrays: dict[str, np.ndarray], about: dict[str, Any]) -> UnitCells:
    """The published MetaTruss npz: `packed` uint8 (n, 13824) and `shape` (48, 48, 48)."""
    given = arrays.get("shape", np.zeros(0, np.int64))
    shape = given.ravel().tolist() if given.dtype.kind in "iu" else []
    if len(shape) != 3 or len(set(shape)) != 1 or not 1 <= shape[0] <= MAX_RESOLUTION:
        got = str(given.ravel().tolist())[:80]
        raise VoxploreError(path, expected="`shape` of three equal whole numbers", got=got)
    packed, resolution = arrays["packed"], int(shape[0])
    if packed.dtype != np.uint8 or packed.ndim != 2 or packed.shape[1] != -(-(resolution**3) // 8):
        expected = f"`packed` uint8 (n, {-(-(resolution**3) // 8)})"
        raise VoxploreError(path, expected=expected, got=f"{packed.dtype} {packed.shape}")
    index = {"id": numbered_ids(name_of(path), len(packed))}
    return UnitCells(np.ascontiguousarray(packed), resolution, index, about)
