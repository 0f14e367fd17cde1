"""Image data of VTK (.vti), as ParaView and our own export write it: text, base64 or raw bytes, packed or not.

Layout: "VTK XML Formats" of the VTK documentation. ParaView appends raw bytes behind the XML, which no XML parser
reads, so that the head and the appended bytes are taken apart first.
"""

import base64
import binascii
import lzma
import math
import re
import zlib
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import numpy as np

from voxplore.errors import VoxploreError
from voxplore.storage.arrays import numbers_of
from voxplore.storage.bounded import unpacked
from voxplore.storage.system_errors import reason_of

__all__ = ["read_vti"]

_TYPES = {
    **{
        f"{sign}Int{bits}": f"{letter}{bits // 8}"
        for sign, letter in (("", "i"), ("U", "u"))
        for bits in (8, 16, 32, 64)
    },
    "Float32": "f4",
    "Float64": "f8",
}
_UNPACK = {"vtkZLibDataCompressor": zlib.decompressobj, "vtkLZMADataCompressor": lzma.LZMADecompressor}
_MOST_BYTES = 1 << 33


class _Head(NamedTuple):
    """What the file says of all of its arrays. order: "<" or ">"; counts: the type of the numbers before the data."""

    order: str
    counts: np.dtype
    compressor: str | None
    appended: bytes
    encoded: bool


def read_vti(path: Path) -> dict[str, np.ndarray]:
    """The arrays of numbers of an image by name, each (a, b, c) with axes x, y, z; those of cells and of points.

    Raises VoxploreError where the file is none, is damaged, or is packed in a way that the standard library lacks.
    """
    try:
        return _arrays(path)
    except VoxploreError:
        raise
    except (OSError, ElementTree.ParseError, LookupError, ValueError, TypeError, EOFError, OverflowError) as error:
        raise VoxploreError(path, expected="image data of VTK (.vti)", got=reason_of(error)[:200]) from error
    except (zlib.error, lzma.LZMAError, binascii.Error) as error:
        raise VoxploreError(path, expected="whole blocks of data", got=reason_of(error)[:200]) from error


def _arrays(path: Path) -> dict[str, np.ndarray]:
    if path.stat().st_size > _MOST_BYTES:
        raise VoxploreError(path, expected=f"at most {_MOST_BYTES} bytes", got="more")
    root, head = _opened(path, path.read_bytes())
    pieces = root.findall("./ImageData/Piece")
    if root.get("type") != "ImageData" or len(pieces) != 1:
        kind = f"{root.get('type')} of {len(pieces)} pieces"
        raise VoxploreError(path, expected="image data in one piece (ParaView's Save Data joins them)", got=kind)
    ends = [int(number) for number in pieces[0].get("Extent", "").split()]
    points = [last - first + 1 for first, last in zip(ends[::2], ends[1::2], strict=True)]
    if len(points) != 3 or min(points) < 1 or math.prod(points) > _MOST_BYTES:
        raise VoxploreError(path, expected="an extent of three axes", got=str(ends)[:100])
    found: dict[str, np.ndarray] = {}
    for place, shape in (("CellData", [n - 1 for n in points]), ("PointData", points)):
        for one in pieces[0].findall(f"./{place}/DataArray"):
            if one.get("NumberOfComponents", "1") != "1" or one.get("type") not in _TYPES:
                continue
            values = _values(path, one, head, math.prod(shape))
            found.setdefault(one.get("Name", place), values.reshape(shape[::-1]).transpose(2, 1, 0))
    return found


def _opened(path: Path, data: bytes) -> tuple[ElementTree.Element, _Head]:
    """The XML without what is appended to it, and the facts that all arrays share."""
    if b"<!DOCTYPE" in data[:4096] or b"<!ENTITY" in data[:4096]:
        raise VoxploreError(path, expected="image data of VTK without definitions of its own", got="a DOCTYPE")
    appended, encoded = b"", False
    if place := re.search(rb"<AppendedData[^>]*>\s*_", data):
        appended, encoded = data[place.end() :], b"base64" in place[0]
        data = data[: place.start()] + b"</VTKFile>"
    root = ElementTree.fromstring(data)
    order = ">" if root.get("byte_order") == "BigEndian" else "<"
    counts = np.dtype(order + ("u8" if root.get("header_type") == "UInt64" else "u4"))
    return root, _Head(order, counts, root.get("compressor") or None, appended, encoded)


def _values(path: Path, one: ElementTree.Element, head: _Head, n: int) -> np.ndarray:
    """The n numbers of one array."""
    kind, name = np.dtype(head.order + _TYPES[one.get("type", "")]), one.get("Name")
    if one.get("format") == "ascii":
        values = numbers_of((one.text or "").split(), kind, f"{path}, array {name}")
    else:
        if one.get("format") == "appended":
            stream, encoded = head.appended[int(one.get("offset", "0")) :], head.encoded
        else:
            stream, encoded = "".join((one.text or "").split()).encode("ascii"), True
        values = np.frombuffer(_block(path, stream, encoded, head, n * kind.itemsize), kind)
    if len(values) != n:
        raise VoxploreError(f"{path}, array {name}", expected=f"{n} numbers", got=str(len(values)))
    return values


def _block(path: Path, stream: bytes, encoded: bool, head: _Head, size: int) -> bytes:
    """The bytes of an array, `size` of them, without the counts in front of them, and unpacked."""
    width = head.counts.itemsize
    if head.compressor is None:
        body = base64.b64decode(stream[: _letters(width + size)]) if encoded else stream[: width + size]
        return body[width:]
    if head.compressor not in _UNPACK:
        expected = f"data packed by {' or '.join(_UNPACK)}, or not at all"
        raise VoxploreError(path, expected=expected, got=head.compressor)
    first = base64.b64decode(stream[: _letters(width)]) if encoded else stream
    blocks = int(np.frombuffer(first[:width], head.counts)[0])
    if not 0 < blocks <= len(stream):
        raise VoxploreError(path, expected="a number of blocks", got=str(blocks))
    front = width * (3 + blocks)
    start = _letters(front) if encoded else front  # the counts are encoded apart from the blocks
    lengths = np.frombuffer(base64.b64decode(stream[:start])[:front] if encoded else stream[:front], head.counts)[3:]
    rest = stream[start:]
    body = base64.b64decode(rest[: _letters(int(lengths.sum()))]) if encoded else rest
    ends = np.cumsum(lengths).tolist()
    parts = zip([0, *ends], ends, strict=False)
    return unpacked(path, (body[a:b] for a, b in parts), _UNPACK[head.compressor], size)


def _letters(size: int) -> int:
    """Letters of base64 that so many bytes take."""
    return -(-size // 3) * 4
