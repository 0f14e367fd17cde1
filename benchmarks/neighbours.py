"""Nearest cells by intersection over union, beside libraries and scripts that answer the same question.

Both sides are packed beforehand, each in the form that it wants; IoU and the search for the largest are in the time.
Brute force costs the same for every query, so slow peers get fewer queries or fewer references, as their notes say,
and are compared by pairs a second; for a search with bounds a pair counts as done when it needs no look.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from voxplore import kernels
from voxplore.kernels import neighbours as kernel
from voxplore.kernels import neighbours_numpy
from voxplore.unitcells import unpack

from .material import Material
from .race import Contestant, Row, Target, figure, race, threads

__all__ = ["brute_nearest", "neighbour_rows"]

Answer = np.ndarray


def brute_nearest(queries: np.ndarray, references: np.ndarray, block: int = 64) -> np.ndarray:
    """Index int64 (n,) of the largest IoU, lowest among equals: packed rows uint8, every pair counted by NumPy.

    float64 orders fractions of integers below 2^26 exactly.
    """
    words = np.ascontiguousarray(references).view(np.uint64)
    solid = np.bitwise_count(words).sum(axis=1, dtype=np.int64)
    found = np.zeros(len(queries), np.int64)
    for i, query in enumerate(np.ascontiguousarray(queries).view(np.uint64)):
        common = np.empty(len(words), np.int64)
        for start in range(0, len(words), block):
            common[start : start + block] = np.bitwise_count(words[start : start + block] & query).sum(axis=1)
        both = solid + int(np.bitwise_count(query).sum())
        found[i] = np.argmax(common / np.maximum(both - common, 1))
    return found


def neighbour_rows(material: Material, peer_queries: int, turns: int) -> tuple[list[Row], list[Target]]:
    """All queries of each kind against all references; then brute force alone, and the path without numba."""
    bits = kernels.packed_bits(material.reference.packed, material.reference.resolution, threads())
    rows, targets = [], []
    for kind, cells in material.queries.items():
        queries = kernels.packed_bits(cells.packed, cells.resolution, threads())
        few = queries.rows(slice(0, peer_queries))
        want = kernels.nearest(few, bits, threads=threads()).index[:, 0]
        own = [_ours(queries, bits, want, peer_queries)]
        peers = (
            [_numkong(few, bits, want)] if kind != "near" else _peers(few, bits, material.reference.resolution, want)
        )
        found = race(f"nearest, {kind}", "pairs", own + peers, turns)
        rows += found
        targets += _targets(kind, found)
    few = material.queries["near"].packed[:peer_queries]
    queries = kernels.packed_bits(few, material.reference.resolution, threads())
    want = kernels.nearest(queries, bits, threads=threads()).index[:, 0]
    # The tile is what one core does: beside a peer on several threads it would say nothing.
    brute = [_tile(queries, bits, want), _numkong(queries, bits, want)] if threads() == 1 else []
    brute = race("every pair counted", "pairs", brute, turns)
    without = race("nearest, near, without numba", "pairs", [_numpy_path(queries, bits, want)], turns)
    if brute and brute[1].rate:
        targets.append(Target("every pair counted, over numkong, one core", brute[1].ratio, 1.1, True, "times"))
    targets.append(Target("effective pairs a second without numba", without[0].rate / 1e6, 5, True, "million"))
    return rows + brute + without, targets


def _targets(kind: str, rows: list[Row]) -> list[Target]:
    rate = {row.name: row for row in rows if row.rate}
    seconds, out = figure(rows[0]), []
    if kind == "near":
        out.append(Target("1,000 near cells against 60,000", seconds, 0.5, False, "s"))
        out += [Target("near cells, over a NumPy script", rate["NumPy script"].ratio, 5000, True, "times")]
    if kind == "held-out nets":
        out.append(Target("1,000 held-out nets against 60,000", seconds, 1.0, False, "s"))
    if "numkong" in rate and kind in ("near", "held-out shells"):
        bound = 10 if kind == "near" else 1
        out.append(Target(f"{kind}, over numkong", rate["numkong"].ratio, bound, True, "times"))
    return out


def _agreement(want: Answer) -> Callable[[Answer], str]:
    """Compares as many answers as a contestant gives; its references may be the first ones only."""

    def agrees(got: Answer) -> str:
        differ = int(np.count_nonzero(np.asarray(got)[: len(want)] != want[: len(got)]))
        return "equal" if differ == 0 else f"{differ} of {min(len(got), len(want))} differ"

    return agrees


def _ours(queries: kernels.PackedBits, bits: kernels.PackedBits, want: Answer, few: int) -> Contestant:
    def prepare() -> Callable[[], Any]:
        return lambda: kernels.nearest(queries, bits, threads=threads()).index[:, 0]

    return Contestant("voxplore", prepare, len(queries) * len(bits), agrees=lambda got: _agreement(want)(got[:few]))


def _tile(queries: kernels.PackedBits, bits: kernels.PackedBits, want: Answer) -> Contestant:
    """The register tile that `nearest` falls back to, on one thread."""

    def prepare() -> Callable[[], Any]:
        if not kernels.HAVE_NUMBA:
            raise ImportError("numba")
        left, right = (kernel._Cells(cells.words, cells.coarse, cells.fine, cells.solid) for cells in (queries, bits))
        n, groups = len(queries), np.arange(len(bits))
        everyone, every = np.arange(n), np.ones(n, np.bool_)
        bounds = np.zeros((n, 0), np.int32)

        def run() -> Answer:
            best = kernel._Best(np.full((n, 1), -1), np.zeros((n, 1), np.int64), np.ones((n, 1), np.int64))
            kernel._scan(left, right, 0, len(bits), bounds, every, everyone, groups, best)
            return best.index[:, 0]

        return run

    return Contestant("voxplore", prepare, len(queries) * len(bits), note="register tile", agrees=_agreement(want))


def _numpy_path(queries: kernels.PackedBits, bits: kernels.PackedBits, want: Answer) -> Contestant:
    few = queries.rows(slice(0, 8))
    groups = np.arange(len(bits))

    def prepare() -> Callable[[], Any]:
        return lambda: neighbours_numpy.search(few, bits, 1, groups, 1)[0][:, 0]

    return Contestant("voxplore, NumPy path", prepare, len(few) * len(bits), agrees=_agreement(want))


def _peers(queries: kernels.PackedBits, bits: kernels.PackedBits, d: int, want: Answer) -> list[Contestant]:
    from . import neighbour_peers as peers

    words = bits.words.view(np.uint8)
    own = [_numkong(queries, bits, want)]
    own += [make(queries, bits, _agreement(want)) for make in (peers.simsimd, peers.usearch, peers.faiss_hamming)]
    # The rest wants whole numbers a voxel: of a slice of both sides, since 60,000 such cells do not fit in memory.
    left = unpack(queries.words.view(np.uint8)[:32], d).reshape(-1, d**3)
    right = unpack(words[:512], d).reshape(-1, d**3)
    agrees = _agreement(brute_nearest(queries.words.view(np.uint8)[:32], words[:512]))
    return own + [make(left, right, agrees) for make in peers.WIDE]


def _numkong(queries: kernels.PackedBits, bits: kernels.PackedBits, want: Answer) -> Contestant:
    from . import neighbour_peers as peers

    return peers.numkong(queries, bits, _agreement(want))
