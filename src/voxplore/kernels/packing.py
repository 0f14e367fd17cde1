"""Packed cells re-ordered for comparison: bits by 8^3 patch, and solid counts of patches and of 4^3 blocks.

On disk a cell is `np.packbits` in C order. In memory the bytes are re-ordered so that a patch of 8^3 voxels is 64
consecutive bytes: eight words of 64 bits, one plane x = const each, a byte a row y = const, the first z in the top bit.
Counts over patches bound the common solid of two cells: I(A, B) <= sum over patches of min(a, b).
"""

from dataclasses import dataclass

import numpy as np

from .runtime import JIT, jit, map_threads

__all__ = ["COARSE_STEP", "PatchBits", "patch_bits", "voxels_of"]

#: Coarse counts are stored in units of this many voxels, rounded up, so that 512 fits a byte; a bound stays a bound.
COARSE_STEP = 4
_LANES = 32
_CHUNK = 512


@dataclass(frozen=True, eq=False)
class PatchBits:
    """n packed cells ready for comparison.

    words: uint64 (n, d^3 / 64) in patch order. coarse: uint8 (n, >= (d/8)^3), solid voxels of each 8^3 patch in units
    of COARSE_STEP, rounded up. fine: uint8 (n, >= (d/4)^3), solid voxels of each 4^3 block. solid: int64 (n,).
    Counts are padded with zeros to a multiple of 32 bytes.
    """

    words: np.ndarray
    coarse: np.ndarray
    fine: np.ndarray
    solid: np.ndarray

    def __len__(self) -> int:
        return len(self.words)

    def rows(self, rows: np.ndarray | slice) -> "PatchBits":
        """Some of the cells."""
        return PatchBits(self.words[rows], self.coarse[rows], self.fine[rows], self.solid[rows])


def patch_bits(packed: np.ndarray, resolution: int, threads: int | None = None) -> PatchBits:
    """uint8 (n, d^3 / 8) in C order, d a multiple of 8 -> PatchBits. Works in chunks: a memory map is read once."""
    n, side = len(packed), resolution // 8
    patches = side**3
    out = PatchBits(
        _aligned(n, patches * 8),
        np.zeros((n, _padded(patches)), np.uint8),
        np.zeros((n, _padded(patches * 8)), np.uint8),
        np.zeros(n, np.int64),
    )

    def one(start: int) -> None:
        rows = slice(start, min(start + _CHUNK, n))
        source = np.ascontiguousarray(packed[rows])
        if JIT:
            _reorder_and_count(source, side, out.words[rows], out.coarse[rows], out.fine[rows], out.solid[rows])
        else:
            _reorder_and_count_numpy(source, side, out.rows(rows))

    for _ in map_threads(one, range(0, n, _CHUNK), threads):
        pass
    return out


def voxels_of(words: np.ndarray, resolution: int) -> np.ndarray:
    """One cell from patch order: uint64 (d^3 / 64,), d rounded up to a multiple of 8 -> Bool (d, d, d)."""
    side = -(-resolution // 8)
    bits = np.unpackbits(words.view(np.uint8)).reshape(side, side, side, 8, 8, 8)
    whole = bits.transpose(0, 3, 1, 4, 2, 5).reshape(8 * side, 8 * side, 8 * side)
    return whole[:resolution, :resolution, :resolution].astype(bool)


def _aligned(n: int, words: int) -> np.ndarray:
    """uint64 (n, words), unset, that starts on a cache line: each patch then is one line and one vector load."""
    raw = np.empty(n * words + 8, np.uint64)
    start = -raw.ctypes.data % 64 // 8
    return raw[start : start + n * words].reshape(n, words)


def _padded(length: int) -> int:
    return -(-length // _LANES) * _LANES


def _reorder_and_count_numpy(packed: np.ndarray, side: int, out: PatchBits) -> None:
    """The NumPy path: fills `out`, which holds views."""
    bytes_ = packed.reshape(len(packed), side, 8, side, 8, side).transpose(0, 1, 3, 5, 2, 4)
    out.words.view(np.uint8)[...] = bytes_.reshape(len(packed), -1)
    patches = side**3
    planes = out.words.view(np.uint8).reshape(len(packed), patches, 2, 4, 2, 4)  # x half, x, y half, y
    halves = np.stack([np.bitwise_count(planes >> 4), np.bitwise_count(planes & 15)], axis=-1)
    blocks = halves.sum(axis=(3, 5), dtype=np.uint8)
    counts = blocks.reshape(len(packed), patches, 8).sum(axis=2, dtype=np.int64)
    out.fine[:, : patches * 8] = blocks.reshape(len(packed), -1)
    out.coarse[:, :patches] = -(-counts // COARSE_STEP)
    out.solid[:] = counts.sum(axis=1)


@jit
def _reorder_and_count(packed, side, words, coarse, fine, solid):
    """packed uint8 (n, 512 side^3 / 8) -> words, and counts."""
    for n in range(packed.shape[0]):
        source = packed[n]
        target = words[n]
        blocks = fine[n]
        total = 0
        for patch in range(side * side * side):
            px, py, pz = patch // (side * side), patch // side % side, patch % side
            for x in range(8):
                at = ((px * 8 + x) * side + py) * 8 * side + pz
                word = np.uint64(0)
                for y in range(8):
                    word |= np.uint64(source[at + y * side]) << np.uint64(8 * y)
                target[patch * 8 + x] = word
            first = _count_blocks(target, patch * 8, blocks)
            second = _count_blocks(target, patch * 8 + 4, blocks)
            coarse[n, patch] = (first + second + COARSE_STEP - 1) // COARSE_STEP
            total += first + second
        solid[n] = total


@jit
def _count_blocks(words, first, blocks):
    """Four words (planes x) -> the four 4^3 blocks (y half, z half) that they hold, and all their solid voxels."""
    high = np.uint64(0)  # byte lanes: solid voxels of the upper nibble (first z half) of each row y
    low = np.uint64(0)
    for x in range(4):
        word = words[first + x]
        word = word - ((word >> np.uint64(1)) & np.uint64(0x5555555555555555))
        word = (word & np.uint64(0x3333333333333333)) + ((word >> np.uint64(2)) & np.uint64(0x3333333333333333))
        high += (word >> np.uint64(4)) & np.uint64(0x0F0F0F0F0F0F0F0F)
        low += word & np.uint64(0x0F0F0F0F0F0F0F0F)
    blocks[first] = _sum_of_four_bytes(high)
    blocks[first + 1] = _sum_of_four_bytes(low)
    blocks[first + 2] = _sum_of_four_bytes(high >> np.uint64(32))
    blocks[first + 3] = _sum_of_four_bytes(low >> np.uint64(32))
    return (
        np.int64(blocks[first])
        + np.int64(blocks[first + 1])
        + np.int64(blocks[first + 2])
        + np.int64(blocks[first + 3])
    )


@jit
def _sum_of_four_bytes(word):
    """Sum of the lower four bytes, below 256: one multiplication gathers them in the fourth."""
    return (((word & np.uint64(0xFFFFFFFF)) * np.uint64(0x01010101)) >> np.uint64(24)) & np.uint64(255)
