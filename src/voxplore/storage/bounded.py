"""Text from files of any size, packed or not, in bounded memory: lines, bytes in all and what they unpack to."""

import gzip
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from voxplore.errors import VoxploreError

__all__ = ["LONGEST_LINE", "MOST_BYTES", "check_regular", "limited_lines", "limited_text", "unpacked"]

#: Bytes of one line: a strut graph of 50,000 nodes.
LONGEST_LINE = 1 << 22
#: Bytes of one text file that is read whole.
MOST_BYTES = 1 << 24
#: What a packed file may unpack to: so many bytes, or so many times its own size where that is more than the first.
_UNPACKED, _PLAUSIBLE, _RATIO = 1 << 36, 1 << 28, 500


def limited_lines(path: Path, file: BinaryIO) -> Iterator[str]:
    """The lines of an opened file (of gzip's contents where `path` ends in .gz) as text; what is not UTF-8 is replaced.

    Raises VoxploreError where a line is longer than LONGEST_LINE or the contents are implausibly large.
    """
    packed = path.suffix.lower() == ".gz"
    source = gzip.GzipFile(fileobj=file) if packed else file
    most = min(_UNPACKED, max(_PLAUSIBLE, _RATIO * path.stat().st_size)) if packed else _UNPACKED
    number = total = 0
    while line := source.readline(LONGEST_LINE + 1):
        number, total = number + 1, total + len(line)
        if len(line) > LONGEST_LINE:
            where = f"{path}, line {number}"
            raise VoxploreError(where, expected=f"a line of at most {LONGEST_LINE} bytes", got="a longer one")
        if total > most:
            raise VoxploreError(path, expected=f"at most {most} bytes once unpacked", got="more")
        yield line.removeprefix(b"\xef\xbb\xbf").decode(errors="replace")


def check_regular(path: Path) -> None:
    """Raise VoxploreError where a path leads to a pipe or a device, which may never end."""
    if path.exists() and not path.is_file() and not path.is_dir():
        raise VoxploreError(path, expected="a file", got="a pipe or a device")


def limited_text(path: Path, most: int = MOST_BYTES) -> str:
    """The whole text of a UTF-8 file, without its byte-order mark; VoxploreError where it is larger than `most` bytes.

    Raises OSError and UnicodeDecodeError as `Path.read_text` does.
    """
    check_regular(path)
    with open(path, "rb") as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise VoxploreError(path, expected=f"a text of at most {most} bytes", got="a larger one")
    return data.decode("utf-8-sig")


def unpacked(where: object, packed: Iterable[bytes], unpacker: Callable[[], Any], size: int) -> bytes:
    """The bytes of packed blocks, each unpacked by its own `unpacker()` of the standard library; `size` of them.

    Raises VoxploreError where they are more or fewer: nothing is unpacked past that.
    """
    found = bytearray()
    for block in packed:
        found += unpacker().decompress(block, max(size - len(found) + 1, 1))
        if len(found) > size:
            break
    if len(found) != size:
        got = "more" if len(found) > size else str(len(found))
        raise VoxploreError(where, expected=f"{size} bytes once unpacked", got=got)
    return bytes(found)
