"""Volumes of other programs as arrays with axes x, y, z: NRRD (3D Slicer, ITK), TIFF stacks (ImageJ, Avizo), slices.

Layout of NRRD: "Definition of NRRD File Format", teem.sourceforge.net/nrrd/format.html. TIFF is read by tifffile, which
scikit-image brings.
"""

import bz2
import contextlib
import logging
import math
import re
import struct
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from voxplore.data.imported.vti import read_vti
from voxplore.errors import VoxploreError
from voxplore.storage.arrays import numbers_of, read_archive, read_array
from voxplore.storage.bounded import unpacked
from voxplore.storage.system_errors import reason_of

__all__ = ["READERS", "natural", "read_nrrd", "read_slices", "read_tiff"]

_MOST_BYTES = 1 << 33
_LONGEST_HEAD = 1 << 16
_TYPES = {
    "i1": "signed char, int8, int8_t",
    "u1": "uchar, unsigned char, uint8, uint8_t",
    "i2": "short, short int, signed short, signed short int, int16, int16_t",
    "u2": "ushort, unsigned short, unsigned short int, uint16, uint16_t",
    "i4": "int, signed int, int32, int32_t",
    "u4": "uint, unsigned int, uint32, uint32_t",
    "i8": "longlong, long long, long long int, signed long long, signed long long int, int64, int64_t",
    "u8": "ulonglong, unsigned long long, unsigned long long int, uint64, uint64_t",
    "f4": "float",
    "f8": "double",
}
_TYPE = {name: kind for kind, names in _TYPES.items() for name in names.split(", ")}
_GZIP: Callable[[], Any] = partial(zlib.decompressobj, 31)
_UNPACK = {"gzip": _GZIP, "gz": _GZIP, "bzip2": bz2.BZ2Decompressor, "bz2": bz2.BZ2Decompressor}


def read_nrrd(path: Path) -> dict[str, np.ndarray]:
    """The volume of a NRRD file, .nrrd or .nhdr beside its data: (a, b, c), or (n, a, b, c) where n is the last axis.

    Raises VoxploreError where the file is none, is damaged, or keeps its data in an encoding of its own.
    """
    try:
        with open(path, "rb") as file:
            head = file.read(_LONGEST_HEAD)
        end = re.search(rb"\r?\n\r?\n", head)
        fields = _fields(path, head[: end.start()] if end else head)
        beside = fields.get("datafile") or fields.get("data file")
        data = path if beside is None else path.parent / Path(beside).name  # nothing outside the folder is read
        if data.stat().st_size > _MOST_BYTES:
            raise VoxploreError(data, expected=f"at most {_MOST_BYTES} bytes", got="more")
        body = data.read_bytes()[end.end() if beside is None and end else 0 :]
        return {path.stem: _volume(path, fields, body)}
    except (OSError, UnicodeDecodeError, ValueError, KeyError, EOFError, zlib.error) as error:
        if isinstance(error, VoxploreError):
            raise
        raise VoxploreError(path, expected="a NRRD volume", got=reason_of(error)[:200]) from error


def _fields(path: Path, head: bytes) -> dict[str, str]:
    first, *lines = head.decode("latin-1").splitlines() or [""]
    if not re.fullmatch(r"NRRD000\d", first):
        raise VoxploreError(path, expected="a first line NRRD000n", got=repr(first[:40]))
    pairs = (line.split(": ", 1) for line in lines if ": " in line and not line.startswith("#"))
    return {name.strip().lower(): value.strip() for name, value in pairs}


def _volume(path: Path, fields: dict[str, str], body: bytes) -> np.ndarray:
    sizes = [int(size) for size in fields["sizes"].split()]
    kind, encoding = fields["type"].lower(), fields["encoding"].lower()
    if kind not in _TYPE or len(sizes) not in (3, 4) or min(sizes) < 1 or math.prod(sizes) > _MOST_BYTES:
        got = f"{kind[:40]}, sizes {sizes[:5]}"
        raise VoxploreError(path, expected="whole or real numbers on three axes, or four", got=got)
    dtype = np.dtype(("<" if fields.get("endian", "little").lower() == "little" else ">") + _TYPE[kind])
    n = math.prod(sizes)
    if encoding in _UNPACK:
        body = unpacked(path, [body], _UNPACK[encoding], n * dtype.itemsize)
    elif encoding not in ("raw", "ascii", "txt", "text"):
        raise VoxploreError(path, expected=f"encoding raw, ascii, {' or '.join(_UNPACK)}", got=encoding[:40])
    text = encoding not in ("raw", *_UNPACK)
    values = numbers_of(body.split(), dtype, path) if text else np.frombuffer(body, dtype)
    if len(values) != n:
        raise VoxploreError(path, expected=f"{n} numbers", got=str(len(values)))
    array = values.reshape(sizes, order="F")  # the first axis is the fastest
    return array if len(sizes) == 3 else np.moveaxis(array, -1, 0)


def read_tiff(path: Path) -> dict[str, np.ndarray]:
    """The stack of a TIFF file: pages along z, rows along y, columns along x -> (a, b, c), or (n, a, b, c).

    A file of one page is (a, b): a slice.
    """
    import tifffile

    _check_pages(path)
    try:
        with _silent("tifffile"), tifffile.TiffFile(path) as file:
            size = sum(series.size * series.dtype.itemsize for series in file.series if series.dtype is not None)
            if size > max(1 << 28, min(_MOST_BYTES, 500 * path.stat().st_size)):
                raise VoxploreError(path, expected="a stack of plausible size", got=f"{size} bytes")
            stack = np.squeeze(file.asarray())
    except VoxploreError:
        raise
    except Exception as error:  # tifffile and its codecs raise a dozen types on damaged files
        raise VoxploreError(path, expected="a TIFF stack", got=reason_of(error)[:200]) from error
    if stack.ndim not in (2, 3, 4):
        raise VoxploreError(path, expected="a stack of grey images", got=f"shape {stack.shape}")
    return {path.stem: np.swapaxes(stack, -1, -2) if stack.ndim == 2 else np.swapaxes(stack, -1, -3)}


def _check_pages(path: Path) -> None:
    """Refuse a TIFF whose lists of tags overlap or lead in a circle: each would be read again and again, for hours."""
    size = left = path.stat().st_size
    with path.open("rb") as file:
        order = {b"II": "<", b"MM": ">"}.get(file.read(2), "<")
        large = _number(file, 2, order + "H") == 43
        count, tag, link, at = (order + "Q", 20, order + "Q", 8) if large else (order + "H", 12, order + "I", 4)
        place = _number(file, at, link)
        while 0 < place < size:
            taken = struct.calcsize(count) + _number(file, place, count) * tag
            left -= taken + struct.calcsize(link)
            if left < 0:
                raise VoxploreError(path, expected="a TIFF stack", got="lists of tags that overlap or are cut off")
            place = _number(file, place + taken, link)


def _number(file: BinaryIO, place: int, kind: str) -> int:
    """One number of a file; what lies behind its end is 0."""
    file.seek(place)
    return struct.unpack(kind, file.read(struct.calcsize(kind)).ljust(struct.calcsize(kind), b"\0"))[0]


@contextlib.contextmanager
def _silent(name: str) -> Iterator[None]:
    """Let a package log nothing meanwhile: what matters of a damaged file is the one error."""
    logger = logging.getLogger(name)
    before, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = before


def read_slices(paths: list[Path]) -> np.ndarray:
    """One volume (a, b, c) of images that are its slices along z, in this order."""
    images = [next(iter(read_tiff(path).values())) for path in paths]
    for path, image in zip(paths, images, strict=True):
        if image.shape != images[0].shape or image.ndim != 2:
            raise VoxploreError(path, expected=f"a slice {images[0].shape} as {paths[0].name}", got=f"{image.shape}")
    return np.stack(images, axis=-1)


def natural(path: Path) -> list[Any]:
    """A key by which slice10 comes after slice9."""
    parts = re.split(r"(\d+)", path.name)
    return [(int(part), "") if part.isdigit() else (-1, part.lower()) for part in parts]


def _numpy(path: Path) -> dict[str, np.ndarray]:
    return {path.stem: read_array(path)}


#: Suffix -> function from a file to its arrays by name.
READERS: dict[str, Callable[[Path], dict[str, np.ndarray]]] = {
    ".npy": _numpy,
    ".npz": read_archive,
    ".vti": read_vti,
    ".nrrd": read_nrrd,
    ".nhdr": read_nrrd,
    ".tif": read_tiff,
    ".tiff": read_tiff,
}
