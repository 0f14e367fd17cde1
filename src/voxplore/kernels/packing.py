"""Packed cells ready for comparison: their bits as they lie on disk, with solid counts of 8^3 patches and 4^3 blocks.

Common solid voxels can be counted in any order of the bits, so the packed rows stay where they are, in memory or in a
memory map. Only counts are added: they bound the common solid of two cells, I(A, B) <= sum over patches of min(a, b).
"""

from dataclasses import dataclass

import numpy as np

from .runtime import HAVE_NUMBA, jit, map_threads

__all__ = ["COARSE_STEP", "PackedBits", "packed_bits", "voxels_of"]

#: Coarse counts are stored in units of this many voxels, rounded up, so that 512 fits a byte; a bound stays a bound.
COARSE_STEP = 4
_LANES = 32
_CHUNK = 512


@dataclass(frozen=True, eq=False)
class PackedBits:
    """n packed cells of resolution d, padded with void to the next multiple of 8, which changes no IoU.

    words: uint64 (n, d^3 / 64), read-only, the bytes of `np.packbits` of each flattened cell, eight at a time.
    coarse: uint8 (n, >= (d/8)^3), solid voxels of each 8^3 patch in units of COARSE_STEP, rounded up. fine: uint8
    (n, >= (d/4)^3), solid voxels of each 4^3 block. Both in C order of the grid, padded with zeros to a multiple of 32.
    solid: int64 (n,).
    """

    words: np.ndarray
    coarse: np.ndarray
    fine: np.ndarray
    solid: np.ndarray

    def __len__(self) -> int:
        return len(self.words)

    def rows(self, rows: np.ndarray | slice | list[int]) -> "PackedBits":
        """Some of the cells."""
        return PackedBits(_read_only(self.words[rows]), self.coarse[rows], self.fine[rows], self.solid[rows])


def packed_bits(packed: np.ndarray, resolution: int, threads: int | None = None) -> PackedBits:
    """uint8 (n, d^3 / 8) in C order -> PackedBits. Where d is a multiple of 8 the bits are not copied."""
    n, side = len(packed), -(-resolution // 8)
    packed = np.ascontiguousarray(packed if resolution % 8 == 0 else _padded_with_void(packed, resolution))
    coarse = np.zeros((n, _padded(side**3)), np.uint8)
    fine = np.zeros((n, _padded(8 * side**3)), np.uint8)
    solid = np.zeros(n, np.int64)
    words = _read_only(packed.view(np.uint64))
    count = _count if HAVE_NUMBA else _count_numpy

    def one(start: int) -> None:
        rows = slice(start, min(start + _CHUNK, n))
        count(_read_only(packed[rows]), side, coarse[rows], fine[rows], solid[rows])

    for _ in map_threads(one, range(0, n, _CHUNK), threads):
        pass
    return PackedBits(words, coarse, fine, solid)


def voxels_of(words: np.ndarray, resolution: int) -> np.ndarray:
    """One cell unpacked: uint64 (side^3 / 64,), side the next multiple of 8 from d -> Bool (d, d, d)."""
    side = -(-resolution // 8) * 8
    voxels = np.unpackbits(words.view(np.uint8)).reshape(side, side, side).view(bool)
    return voxels[:resolution, :resolution, :resolution]


def _padded_with_void(packed: np.ndarray, resolution: int) -> np.ndarray:
    side, n = -(-resolution // 8) * 8, len(packed)
    out = np.zeros((n, side**3 // 8), np.uint8)
    for start in range(0, n, _CHUNK):
        voxels = np.unpackbits(packed[start : start + _CHUNK], axis=1, count=resolution**3)
        cells = np.zeros((len(voxels), side, side, side), np.uint8)
        cells[:, :resolution, :resolution, :resolution] = voxels.reshape(-1, resolution, resolution, resolution)
        out[start : start + _CHUNK] = np.packbits(cells.reshape(len(cells), -1), axis=1)
    return out


def _padded(length: int) -> int:
    return -(-length // _LANES) * _LANES


def _read_only(array: np.ndarray) -> np.ndarray:
    """A plain read-only view: memory maps and arrays in memory then are one type to the compiler."""
    view = array.view(np.ndarray)
    view.flags.writeable = False
    return view


def _count_numpy(packed: np.ndarray, side: int, coarse: np.ndarray, fine: np.ndarray, solid: np.ndarray) -> None:
    """The NumPy path of `_count`."""
    rows = packed.reshape(len(packed), 2 * side, 4, 2 * side, 4, side)
    halves = [np.bitwise_count(nibbles).sum(axis=(2, 4), dtype=np.uint8) for nibbles in (rows >> 4, rows & 15)]
    blocks = np.stack(halves, axis=-1).reshape(len(packed), 2 * side, 2 * side, 2 * side)
    patches = blocks.reshape(len(packed), side, 2, side, 2, side, 2).sum(axis=(2, 4, 6), dtype=np.int64)
    fine[:, : blocks[0].size] = blocks.reshape(len(packed), -1)
    coarse[:, : side**3] = -(-patches.reshape(len(packed), -1) // COARSE_STEP)
    solid[:] = patches.sum(axis=(1, 2, 3))


@jit
def _count(packed, side, coarse, fine, solid):
    """packed uint8 (n, 64 side^3) -> counts; eight bytes (rows y) of a plane x of a patch are counted at once."""
    for n in range(packed.shape[0]):
        source = packed[n]
        blocks = fine[n]
        total = 0
        for patch in range(side * side * side):
            px, py, pz = patch // (side * side), patch // side % side, patch % side
            count = 0
            for x_half in range(2):
                high = np.uint64(0)  # byte lanes: solid voxels of the upper nibble (first z half) of each row y
                low = np.uint64(0)
                for x in range(8 * px + 4 * x_half, 8 * px + 4 * x_half + 4):
                    word = _rows_of_patch(source, (x * side + py) * 8 * side + pz, side)
                    word = word - ((word >> np.uint64(1)) & np.uint64(0x5555555555555555))
                    pairs = np.uint64(0x3333333333333333)
                    word = (word & pairs) + ((word >> np.uint64(2)) & pairs)
                    high += (word >> np.uint64(4)) & np.uint64(0x0F0F0F0F0F0F0F0F)
                    low += word & np.uint64(0x0F0F0F0F0F0F0F0F)
                at = ((2 * px + x_half) * 2 * side + 2 * py) * 2 * side + 2 * pz
                blocks[at] = _sum_of_four_bytes(high)
                blocks[at + 1] = _sum_of_four_bytes(low)
                blocks[at + 2 * side] = _sum_of_four_bytes(high >> np.uint64(32))
                blocks[at + 2 * side + 1] = _sum_of_four_bytes(low >> np.uint64(32))
                count += np.int64(blocks[at]) + np.int64(blocks[at + 1])
                count += np.int64(blocks[at + 2 * side]) + np.int64(blocks[at + 2 * side + 1])
            coarse[n, patch] = (count + COARSE_STEP - 1) // COARSE_STEP
            total += count
        solid[n] = total


@jit
def _rows_of_patch(source, at, side):
    """The eight bytes (rows y) of one plane x of a patch, the first in the lowest byte."""
    word = np.uint64(0)
    for y in range(8):
        word |= np.uint64(source[at + y * side]) << np.uint64(8 * y)
    return word


@jit
def _sum_of_four_bytes(word):
    """Sum of the lower four bytes, below 256: one multiplication gathers them in the fourth."""
    return (((word & np.uint64(0xFFFFFFFF)) * np.uint64(0x01010101)) >> np.uint64(24)) & np.uint64(255)
