"""Peers of the nearest-cell search, each in the form of its own documentation; imported only when it is its turn."""

from collections.abc import Callable
from typing import Any

import numpy as np

from voxplore.kernels import PackedBits

from .race import Contestant, threads

__all__ = ["WIDE", "faiss_hamming", "numkong", "simsimd", "usearch"]

Agrees = Callable[[np.ndarray], str]
_BLOCK = 16


def _nearest_of(differ: np.ndarray, solid: np.ndarray, own: np.ndarray) -> np.ndarray:
    """Nearest by IoU from numbers of voxels that differ: with h of them, IoU is (a + b - h) / (a + b + h)."""
    both = own[:, None] + solid
    return np.argmax((both - differ) / np.maximum(both + differ, 1), axis=1)


def numkong(queries: PackedBits, bits: PackedBits, agrees: Agrees) -> Contestant:
    """Its packed kernel: exact Hamming distances, from which IoU follows; a block of queries a call."""

    def prepare() -> Callable[[], Any]:
        import numkong as nk

        packed = nk.hammings_pack(np.ascontiguousarray(bits.words.view(np.uint8)), dtype="uint1")
        rows = np.ascontiguousarray(queries.words.view(np.uint8))

        def block(start: int) -> np.ndarray:
            part = rows[start : start + _BLOCK]
            differ = np.asarray(nk.hammings_packed(part, packed)).astype(np.int64)
            return _nearest_of(differ, bits.solid, queries.solid[start : start + _BLOCK])

        return lambda: np.concatenate(_over_threads(block, range(0, len(rows), _BLOCK)))

    return Contestant("numkong", prepare, len(queries) * len(bits), "numkong", _slice(queries), agrees)


def simsimd(queries: PackedBits, bits: PackedBits, agrees: Agrees) -> Contestant:
    queries = queries.rows(slice(0, 8))

    def prepare() -> Callable[[], Any]:
        import simsimd as library

        left, right = (np.ascontiguousarray(cells.words.view(np.uint8)) for cells in (queries, bits))

        def run() -> np.ndarray:
            return np.asarray(library.cdist(left, right, metric="jaccard", dtype="bin8", threads=threads())).argmin(
                axis=1
            )

        return run

    return Contestant("simsimd", prepare, len(queries) * len(bits), "simsimd", _slice(queries), agrees)


def usearch(queries: PackedBits, bits: PackedBits, agrees: Agrees) -> Contestant:
    queries = queries.rows(slice(0, 8))

    def prepare() -> Callable[[], Any]:
        from usearch.index import MetricKind, ScalarKind, search

        left, right = (np.ascontiguousarray(cells.words.view(np.uint8)) for cells in (queries, bits))
        options: dict[str, Any] = {"exact": True, "threads": threads(), "dtype": ScalarKind.B1}

        def run() -> np.ndarray:
            return np.asarray(search(right, left, 1, MetricKind.Tanimoto, **options).keys).reshape(-1).astype(np.int64)

        return run

    return Contestant("usearch", prepare, len(queries) * len(bits), "usearch", _slice(queries, "exact search"), agrees)


def faiss_hamming(queries: PackedBits, bits: PackedBits, agrees: Agrees) -> Contestant:
    """Not the same question: its binary index knows the Hamming distance alone."""
    queries = queries.rows(slice(0, 8))

    def prepare() -> Callable[[], Any]:
        import faiss

        faiss.omp_set_num_threads(threads())
        index = faiss.IndexBinaryFlat(8 * bits.words.view(np.uint8).shape[1])
        index.add(np.ascontiguousarray(bits.words.view(np.uint8)))  # pyright: ignore[reportCallIssue]
        rows = np.ascontiguousarray(queries.words.view(np.uint8))
        return lambda: index.search(rows, 1)[1][:, 0]  # pyright: ignore[reportCallIssue]

    note = _slice(queries, "Hamming distance, another question")
    return Contestant("faiss, binary", prepare, len(queries) * len(bits), "faiss-cpu", note, agrees)


def _faiss_jaccard(left: np.ndarray, right: np.ndarray, agrees: Agrees) -> Contestant:
    left, right = left[:8], right[:256]

    def prepare() -> Callable[[], Any]:
        import faiss

        faiss.omp_set_num_threads(threads())
        index = faiss.IndexFlat(right.shape[1], faiss.METRIC_Jaccard)
        index.add(right.astype(np.float32))  # pyright: ignore[reportCallIssue]
        rows = left.astype(np.float32)
        return lambda: index.search(rows, 1)[1][:, 0]  # pyright: ignore[reportCallIssue]

    note = f"float32, {len(left)} x {len(right)} cells"
    return Contestant("faiss, Jaccard", prepare, len(left) * len(right), "faiss-cpu", note)


def _torch_product(left: np.ndarray, right: np.ndarray, agrees: Agrees) -> Contestant:
    def prepare() -> Callable[[], Any]:
        import torch

        torch.set_num_threads(threads())
        a, b = (torch.from_numpy(cells).float() for cells in (left, right))
        own, solid = a.sum(1, keepdim=True), b.sum(1)

        def run() -> np.ndarray:
            common = a @ b.T
            return (common / (own + solid - common).clamp(min=1)).argmax(1).numpy()

        return run

    note = f"float32, {len(left)} x {len(right)} cells"
    return Contestant("torch matrix product", prepare, len(left) * len(right), "torch", note, agrees)


def _scikit_learn(left: np.ndarray, right: np.ndarray, agrees: Agrees) -> Contestant:
    left = left[:4]

    def prepare() -> Callable[[], Any]:
        from sklearn.neighbors import NearestNeighbors

        search = NearestNeighbors(n_neighbors=1, metric="jaccard", algorithm="brute", n_jobs=threads()).fit(right)
        return lambda: search.kneighbors(left, return_distance=False)[:, 0]

    note = f"boolean, {len(left)} x {len(right)} cells"
    return Contestant("scikit-learn", prepare, len(left) * len(right), "scikit-learn", note, agrees)


def _numpy_script(left: np.ndarray, right: np.ndarray, agrees: Agrees) -> Contestant:
    """What one writes first: a loop over pairs of boolean arrays."""
    left = left[:4]

    def run() -> np.ndarray:
        found = []
        for query in left:
            ious = [np.logical_and(query, cell).sum() / max(np.logical_or(query, cell).sum(), 1) for cell in right]
            found.append(int(np.argmax(ious)))
        return np.array(found)

    note = f"boolean, {len(left)} x {len(right)} cells"
    return Contestant("NumPy script", lambda: run, len(left) * len(right), "numpy", note, agrees)


def _numpy_packed(left: np.ndarray, right: np.ndarray, agrees: Agrees) -> Contestant:
    """A better script: packed rows and `bitwise_count`."""
    words, cells = (np.packbits(side, axis=1).view(np.uint64) for side in (left, right))
    own, solid = (np.bitwise_count(side).sum(axis=1, dtype=np.int64) for side in (words, cells))

    def run() -> np.ndarray:
        common = np.stack([np.bitwise_count(cells & query).sum(axis=1, dtype=np.int64) for query in words])
        return np.argmax(common / np.maximum(own[:, None] + solid - common, 1), axis=1)

    note = f"{len(left)} x {len(right)} cells"
    return Contestant("NumPy, packed", lambda: run, len(left) * len(right), "numpy", note, agrees)


#: Peers that take a number a voxel: boolean rows (n, d^3) and (m, d^3).
WIDE = (_faiss_jaccard, _torch_product, _scikit_learn, _numpy_packed, _numpy_script)


def _over_threads(block: Callable[[int], np.ndarray], starts: range) -> list[np.ndarray]:
    from concurrent.futures import ThreadPoolExecutor

    if threads() == 1:
        return [block(start) for start in starts]
    with ThreadPoolExecutor(threads()) as pool:
        return list(pool.map(block, starts))


def _slice(queries: PackedBits, more: str = "") -> str:
    return f"{more + ', ' if more else ''}{len(queries)} queries"
