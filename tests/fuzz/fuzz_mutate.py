"""Damage to files, as a generic fuzzer does it: bits, pieces, and numbers and words that parsers stumble over."""

import random
import re

__all__ = ["mutated"]

_WORDS = [
    *(b"NaN", b"Infinity", b"-Infinity", b"1e999", b"-1", b"0", b"null", b"true", b'""', b"[]", b"{}", b"1.5"),
    *(b"4294967295", b"4294967296", b"9223372036854775807", b"18446744073709551616", b"9" * 400, b"[" * 3000),
    *(b"../../../etc/passwd", b"/etc/passwd", b"\x00", b"\xff\xff\xff\xff", b"\xff\xfe", b"\r\n", b",", b'"', b"\n"),
    *(b"'descr': '|O'", b"(1000000000, 1000000000)", b"'fortran_order': True", b"PK\x05\x06", b"\x80\x04cposix\n"),
    *(b"1 " * 50, b"e", b"-0", b"1_0", "\u0661\u0662".encode(), "\ud7ff".encode(), b"\\ud800"),
]


def mutated(seeds: list[bytes], rng: random.Random) -> bytes:
    """One of the seeds after one to four changes; the first byte, which says which file it is, stays."""
    seed = rng.choice(seeds)
    first, data = seed[:1], bytearray(seed[1:])
    for _ in range(rng.randint(1, 4)):
        data = bytearray(rng.choice(_CHANGES)(data, rng, seeds))
    return first + bytes(data[: 1 << 20])


def _flip(data: bytearray, rng: random.Random, _: list[bytes]) -> bytearray:
    if data:
        data[_place(data, rng)] ^= 1 << rng.randrange(8)
    return data


def _byte(data: bytearray, rng: random.Random, _: list[bytes]) -> bytearray:
    if data:
        data[_place(data, rng)] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, 0x20, 0x30, rng.randrange(256)))
    return data


def _cut(data: bytearray, rng: random.Random, _: list[bytes]) -> bytearray:
    return data[: rng.randrange(len(data) + 1)]


def _remove(data: bytearray, rng: random.Random, _: list[bytes]) -> bytearray:
    start = _place(data, rng)
    del data[start : start + rng.choice((1, 2, 4, 16, 100))]
    return data


def _repeat(data: bytearray, rng: random.Random, _: list[bytes]) -> bytearray:
    start = _place(data, rng)
    piece = data[start : start + rng.choice((1, 4, 16, 64))]
    return data[:start] + piece * rng.choice((2, 3, 50)) + data[start:]


def _insert(data: bytearray, rng: random.Random, _: list[bytes]) -> bytearray:
    start = _place(data, rng)
    return data[:start] + rng.choice(_WORDS) + data[start:]


def _number(data: bytearray, rng: random.Random, _: list[bytes]) -> bytearray:
    """Another number or word in the place of a number of the text."""
    found = list(re.finditer(rb"-?\d[\d.]*", bytes(data[:5000])))
    if not found:
        return data
    place = rng.choice(found)
    return data[: place.start()] + rng.choice(_WORDS) + data[place.end() :]


def _splice(data: bytearray, rng: random.Random, seeds: list[bytes]) -> bytearray:
    other = rng.choice(seeds)[1:]
    return data[: _place(data, rng)] + other[rng.randrange(len(other) + 1) :]


def _place(data: bytearray, rng: random.Random) -> int:
    """A position, half of the time near the beginning, where headers are."""
    return rng.randrange(min(len(data), 200) if rng.random() < 0.5 else len(data)) if data else 0


_CHANGES = (_flip, _byte, _cut, _remove, _repeat, _insert, _insert, _number, _number, _splice)
