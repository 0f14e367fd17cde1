"""Kernels on packed bits: the compiled path, the NumPy path and plain Python give what slow loops give."""

import os
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest

from voxplore import kernels
from voxplore.checks import periodic_components
from voxplore.geometry import CUBE_OPERATIONS, HALF_SHIFTS, apply_operation, shift
from voxplore.kernels import components_numpy, neighbours_numpy, packing, vector
from voxplore.kernels import equivalence as equivalence_kernel
from voxplore.kernels import neighbours as neighbours_kernel

#: Plain Python is a hundred times slower than compiled code: 8^3 cells there.
PLAIN = kernels.HAVE_NUMBA and not vector.JIT


def smooth_cells(rng: np.random.Generator, n: int, d: int) -> np.ndarray:
    """Blobs of varied density, one cell empty and one full."""
    field = rng.normal(size=(n, d, d, d))
    for _ in range(2):
        for axis in (1, 2, 3):
            field = field + np.roll(field, 1, axis) + np.roll(field, -1, axis)
    voxels = field > np.quantile(field, np.linspace(0.4, 0.95, n), axis=(0, 1, 2, 3))[:, None, None, None]
    voxels[0], voxels[1] = False, True
    return voxels


def bits_of(voxels: np.ndarray) -> kernels.PackedBits:
    return kernels.packed_bits(np.packbits(voxels.reshape(len(voxels), -1), axis=1), voxels.shape[-1])


def plain_nearest(queries, references, k=1, groups=None):
    """By fractions, pair by pair: larger IoU first, then lower index; one of each group."""
    rows = []
    for query in queries:
        pairs = []
        for j, reference in enumerate(references):
            common = int(np.count_nonzero(query & reference))
            either = int(query.sum()) + int(reference.sum()) - common
            pairs.append((-Fraction(common, max(either, 1)), j))
        seen, chosen = set(), []
        for _, j in sorted(pairs):
            group = j if groups is None else groups[j]
            if group not in seen and len(chosen) < k:
                seen.add(group)
                chosen.append(j)
        rows.append(chosen + [-1] * (k - len(chosen)))
    return np.array(rows)


@pytest.fixture(params=["compiled", "numpy"])
def path(request, monkeypatch):
    """Both paths where numba is here, the NumPy path alone where it is not."""
    if request.param == "compiled" and not kernels.HAVE_NUMBA:
        pytest.skip("numba is not here")
    if request.param == "numpy":
        for module in (neighbours_kernel, packing, equivalence_kernel):
            monkeypatch.setattr(module, "HAVE_NUMBA", False)
        monkeypatch.setitem(kernels.components.__globals__, "HAVE_NUMBA", False)
    return request.param


@pytest.mark.parametrize("d", [8] if PLAIN else [8, 16, 24])
def test_counts_of_patches_and_blocks_are_those_of_the_voxels(rng, path, d):
    voxels = smooth_cells(rng, 5, d)
    bits = bits_of(voxels)
    assert np.array_equal(bits.solid, voxels.sum(axis=(1, 2, 3)))
    for counts, size, unit in ((bits.coarse, 8, packing.COARSE_STEP), (bits.fine, 4, 1)):
        side = d // size
        want = voxels.reshape(5, side, size, side, size, side, size).sum(axis=(2, 4, 6)).reshape(5, -1)
        assert np.array_equal(counts[:, : side**3], -(-want // unit))
        assert not counts[:, side**3 :].any()


def test_packed_cells_are_not_copied(rng, tmp_path):
    np.save(tmp_path / "cells.npy", np.packbits(smooth_cells(rng, 3, 16).reshape(3, -1), axis=1))
    mapped = np.load(tmp_path / "cells.npy", mmap_mode="r")
    bits = kernels.packed_bits(mapped, 16)
    assert np.shares_memory(bits.words, mapped)
    assert not bits.words.flags.writeable


@pytest.mark.parametrize("d", [6, 8, 24])
def test_a_cell_comes_back_from_its_bits(rng, d):
    voxels = smooth_cells(rng, 3, d)
    bits = bits_of(voxels)
    assert all(np.array_equal(kernels.voxels_of(bits.words[i], d), voxels[i]) for i in range(3))


def hard_pairs(rng, n, size, d):
    """Queries with exact ties, copies, an empty and a full cell among them and among the references."""
    references = rng.random((size, d, d, d)) < rng.random((size, 1, 1, 1))
    references[3], references[5], references[7] = False, True, references[-1]
    queries = references[rng.integers(0, size, n)] ^ (rng.random((n, d, d, d)) < 0.05)
    queries[0], queries[1], queries[2] = False, True, references[-1]
    queries[3 : n // 2] = rng.random((n // 2 - 3, d, d, d)) < 0.3
    return queries, references


@pytest.mark.parametrize(("d", "size"), [(8, 40)] if PLAIN else [(8, 40), (16, 60)])
@pytest.mark.parametrize("k", [1, 4])
def test_nearest_equals_fractions_pair_by_pair(rng, path, d, size, k):
    queries, references = hard_pairs(rng, 14, size, d)
    groups = rng.integers(0, 9, size)
    for chosen in (None, groups):
        found = kernels.nearest(bits_of(queries), bits_of(references), k, chosen)
        assert np.array_equal(found.index, plain_nearest(queries, references, k, chosen))


def test_fewer_references_than_asked_for_leave_index_minus_one(rng, path):
    cells = bits_of(smooth_cells(rng, 3, 8))
    found = kernels.nearest(cells, cells, 5)
    assert (found.index[:, 3:] == -1).all()
    assert kernels.nearest(cells.rows(slice(0, 0)), cells).index.shape == (0, 1)
    assert (kernels.nearest(cells, cells.rows(slice(0, 0))).index == -1).all()


def test_ties_go_to_the_lowest_index(rng, path):
    cell = smooth_cells(rng, 4, 16)[2]
    references = np.stack([~cell, cell, cell, cell])
    assert kernels.nearest(bits_of(cell[None]), bits_of(references), 3).index.tolist() == [[1, 2, 3]]


def test_two_empty_cells_have_iou_zero(path):
    nothing = bits_of(np.zeros((2, 8, 8, 8), bool))
    found = kernels.nearest(nothing, nothing)
    assert found.index.tolist() == [[0], [0]]
    assert found.iou.tolist() == [[0.0], [0.0]]


def test_a_million_pairs_equal_brute_force(rng):
    """Near copies, far cells and everything between: bounds discard, and never the right answer."""
    d, n, size = 8, 250, 4000
    field = rng.normal(size=(size, d, d, d)).astype(np.float32)
    for axis in (1, 2, 3):
        field = field + np.roll(field, 1, axis) + np.roll(field, 2, axis)
    references = field > np.quantile(field, 0.7)
    queries = references[rng.integers(0, size, n)] ^ (rng.random((n, d, d, d)) < rng.random((n, 1, 1, 1)) * 0.4)
    queries[:50] = rng.random((50, d, d, d)) < 0.5
    found = kernels.nearest(bits_of(queries), bits_of(references))
    a = queries.reshape(n, -1).astype(np.float32)
    b = references.reshape(size, -1).astype(np.float32)
    common = (a @ b.T).astype(np.int64)  # whole numbers below 2^24: exact in float32
    total = a.sum(1)[:, None].astype(np.int64) + b.sum(1).astype(np.int64)
    iou = common / (total - common)
    assert np.array_equal(found.index[:, 0], iou.argmax(axis=1))
    assert np.array_equal(found.iou[:, 0], iou.max(axis=1))


@pytest.mark.parametrize("brute", [True, False])
def test_bounds_and_register_tile_agree(rng, monkeypatch, brute):
    """Every query goes to the tile, or none does."""
    queries, references = hard_pairs(rng, 37, 101, 16)
    monkeypatch.setattr(neighbours_kernel, "_choose_brute", lambda *arguments: arguments[-1].fill(brute))
    for k in (1, 3):
        found = kernels.nearest(bits_of(queries), bits_of(references), k)
        common = np.array([[np.count_nonzero(q & r) for r in references] for q in queries])
        total = queries.sum((1, 2, 3))[:, None] + references.sum((1, 2, 3))
        order = np.argsort(-(common / np.maximum(total, 1)), axis=1, kind="stable")
        assert np.array_equal(found.index, order[:, :k])


def test_inner_loops_count_what_numpy_counts(rng):
    if not vector.JIT:
        pytest.skip("numba does not compile here")
    words = rng.integers(0, 2**63, (8, 72), dtype=np.uint64)
    words[0], words[1] = 0, np.uint64(2**64 - 1)  # full lanes are where a byte counter would overflow
    words = np.tile(words, (1, 30))
    counts = rng.integers(0, 129, (8, 64), dtype=np.uint8)
    counts[1] = 128
    tile = np.empty((2, 4), np.int64)
    for i in range(0, 8, 2):
        for j in (0, 4):
            _call_tile(words, i, j, tile)
            for a in range(2):
                for b in range(4):
                    want = vector._overlap(words, i + a, words, j + b)
                    assert tile[a, b] == want
                    assert _call_overlap(words, i + a, j + b) == want
                    assert _call_minimum(counts, i + a, j + b) == vector._minimum_sum(counts, i + a, counts, j + b)


@pytest.mark.parametrize("width", [32, 224, 4096])
def test_numpy_adds_bytes_in_lanes_that_do_not_overflow(rng, width):
    counts = rng.integers(0, 129, (5, width), dtype=np.uint8)
    counts[0] = 128
    for query in counts[:2]:
        want = np.minimum(counts, query).sum(axis=1, dtype=np.int64)
        assert np.array_equal(neighbours_numpy._minimum_sums(query, counts), want)


@kernels.runtime.jit
def _call_tile(words, i, j, tile):
    vector.overlap_tile(words, i, words, j, tile)


@kernels.runtime.jit
def _call_overlap(words, i, j):
    return vector.overlap(words, i, words, j)


@kernels.runtime.jit
def _call_minimum(counts, i, j):
    return vector.minimum_sum(counts, i, counts, j)


def flooded(voxels: np.ndarray):
    """Plain search over the universal cover: (solid, largest periodic, largest in the box, spans) of one cell."""
    d = voxels.shape[0]
    sizes = {}
    for periodic in (True, False):
        seen, best, windings = set(), 0, []
        for start in map(tuple, np.argwhere(voxels).tolist()):
            if start in seen:
                continue
            where, found, queue = {start: (0, 0, 0)}, set(), [start]
            while queue:
                voxel = queue.pop()
                for axis in range(3):
                    for step in (-1, 1):
                        moved, cell = list(voxel), list(where[voxel])
                        moved[axis] += step
                        if not 0 <= moved[axis] < d:
                            if not periodic:
                                continue
                            moved[axis] %= d
                            cell[axis] += step
                        other = tuple(moved)
                        if not voxels[other]:
                            continue
                        if other not in where:
                            where[other] = tuple(cell)
                            queue.append(other)
                        elif where[other] != tuple(cell):
                            found.add(tuple(a - b for a, b in zip(cell, where[other], strict=True)))
            seen |= set(where)
            if len(where) > best:
                best, windings = len(where), sorted(found)
        sizes[periodic] = (best, windings)
    lattice = np.array(sizes[True][1]).reshape(-1, 3)
    rank = np.linalg.matrix_rank(lattice) if len(lattice) else 0
    spans = [bool(rank == np.linalg.matrix_rank(np.vstack([lattice, np.eye(3)[axis]]))) for axis in range(3)]
    return int(voxels.sum()), sizes[True][0], sizes[False][0], spans


@pytest.mark.parametrize("d", [5, 8] if PLAIN else [5, 8, 9])
def test_components_equal_a_plain_flood_over_periodic_images(rng, path, d):
    voxels = np.concatenate(
        [smooth_cells(rng, 10, d), rng.random((10, d, d, d)) < np.linspace(0.1, 0.5, 10).reshape(-1, 1, 1, 1)]
    )
    found = kernels.components(np.packbits(voxels, axis=-1))
    for i, cell in enumerate(voxels):
        want = flooded(cell)
        assert (found.solid[i], found.largest[i], found.largest_in_box[i]) == want[:3]
        assert found.spans[i].tolist() == want[3]


def test_a_diagonal_chain_spans_no_axis_and_a_rod_spans_its_own(path):
    d = 8
    cells = np.zeros((4, d, d, d), bool)
    for i in range(d):  # winds along (1, 1, 0) alone: it never meets its own image along x or along y
        cells[0, i, i, 2] = cells[0, i, (i + 1) % d, 2] = True
    cells[1, :, 3, 3] = True
    cells[2, :, :, 4] = True
    cells[3, 1:4, 1:4, 1:4] = True
    spans = kernels.components(np.packbits(cells, axis=-1)).spans
    assert spans.tolist() == [[False] * 3, [True, False, False], [True, True, False], [False] * 3]


def test_rows_of_more_than_64_voxels_are_labelled(rng, path):
    d = 72
    voxels = np.zeros((1, d, d, d), bool)
    voxels[0, 10, 10, :] = True
    voxels[0, 20, 20, 1:71] = True
    voxels[0, 30, 30, [0, 71]] = True
    found = kernels.components(np.packbits(voxels, axis=-1))
    assert (found.solid[0], found.largest[0], found.largest_in_box[0]) == (144, 72, 72)
    assert found.spans[0].tolist() == [False, False, True]


@pytest.mark.parametrize("d", [5, 8] if PLAIN else [5, 8, 9, 24])
def test_the_largest_pieces_are_those_of_the_periodic_components(rng, path, d):
    cells = np.concatenate([rng.random((6, d, d, d)) < 0.25, rng.random((6, d, d, d)) < 0.12, np.zeros((1, d, d, d))])
    cells = cells.astype(bool)
    kept = kernels.largest_pieces(np.packbits(cells, axis=-1))
    for cell, piece in zip(cells, np.unpackbits(kept, axis=-1, count=d).view(bool), strict=True):
        pieces = periodic_components(cell)
        as_large = np.count_nonzero(pieces.sizes == pieces.sizes.max(initial=0))
        assert np.array_equal(piece, cell & (pieces.labels <= as_large))


def best_iou(left: np.ndarray, right: np.ndarray, shifts: bool) -> Fraction:
    best = Fraction(0)
    for fractions in HALF_SHIFTS if shifts else HALF_SHIFTS[:1]:
        for operation in CUBE_OPERATIONS:
            moved = shift(apply_operation(left, operation), fractions)
            either = np.count_nonzero(moved | right)
            best = max(best, Fraction(np.count_nonzero(moved & right), max(either, 1)))
    return best


@pytest.mark.parametrize(("d", "n"), [(7, 3), (8, 4)] if PLAIN else [(6, 6), (7, 4), (8, 6), (16, 4)])
@pytest.mark.parametrize("shifts", [True, False])
def test_equivalence_equals_every_map_tried_in_turn(rng, path, d, n, shifts):
    references = smooth_cells(rng, n, d)
    queries = np.empty_like(references)
    for i in range(n):
        operation = CUBE_OPERATIONS[rng.integers(48)]
        queries[i] = shift(apply_operation(references[i], operation), HALF_SHIFTS[rng.integers(8) if shifts else 0])
        flips = 0.02 * i / n if i % 2 else 0.0
        queries[i] ^= rng.random((d, d, d)) < flips
    iou = [[best_iou(q, r, shifts) for r in references] for q in queries]
    want = [next((j for j in range(n) if iou[i][j] >= Fraction(9, 10)), -1) for i in range(n)]
    left, right = (kernels.orbits(bits_of(cells), d, shifts) for cells in (queries, references))
    assert kernels.first_equivalent(left, right).tolist() == want
    own = [[best_iou(queries[i], queries[j], shifts) for j in range(i)] for i in range(n)]
    earlier = [next((j for j in range(i) if own[i][j] >= Fraction(9, 10)), -1) for i in range(n)]
    assert kernels.first_equivalent(left, left, earlier=True).tolist() == earlier
    pairs = np.argwhere(np.ones((n, n), bool))
    common = [iou[i][j] * (int(queries[i].sum()) + int(references[j].sum())) / (1 + iou[i][j]) for i, j in pairs]
    need = np.array([int(value) for value in common])
    assert kernels.reach(left, right, pairs, need).all()
    assert not kernels.reach(left, right, pairs, need + 1).any()


def test_iou_of_exactly_nine_tenths_is_equivalent_and_one_voxel_less_is_not(path):
    cell = np.zeros((8, 8, 8), bool)
    cell.ravel()[:100] = True
    touching, apart = cell.copy(), cell.copy()
    touching.ravel()[:10] = False
    apart.ravel()[:11] = False
    queries = kernels.orbits(bits_of(np.stack([touching, apart])), 8)
    assert kernels.first_equivalent(queries, kernels.orbits(bits_of(cell[None]), 8)).tolist() == [0, -1]


def test_threads_share_the_work_without_changing_it(rng):
    queries, references = hard_pairs(rng, 40, 700, 8)
    one = kernels.nearest(bits_of(queries), bits_of(references), 2, threads=1)
    three = kernels.nearest(bits_of(queries), bits_of(references), 2, threads=3)
    assert np.array_equal(one.index, three.index)


@pytest.mark.parametrize("setting", [{"VOXPLORE_NO_NUMBA": "1"}, {"NUMBA_DISABLE_JIT": "1"}])
def test_this_file_passes_without_numba_and_without_its_compiler(setting):
    """Kernel bodies run as plain Python on small cells, where coverage sees them."""
    if os.environ.get("VOXPLORE_NO_NUMBA") or os.environ.get("NUMBA_DISABLE_JIT"):
        pytest.skip("this is that run")
    chosen = "not million and not threads and not this_file and not more_than_64"
    chosen += " and not numpy" if "NUMBA_DISABLE_JIT" in setting else " and not equivalence"
    command = [sys.executable, "-m", "pytest", "-q", "-x", __file__, "-k", chosen, "-p", "no:cacheprovider"]
    done = subprocess.run(command, env={**os.environ, **setting}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]


def test_the_numpy_components_follow_glued_labels_through_many_seams(rng):
    """Checkerboards of rods make many labels that only the seams join."""
    voxels = np.zeros((1, 8, 8, 8), bool)
    voxels[0, ::2, ::2, :] = rng.random((4, 4, 8)) < 0.7
    out = np.zeros((1, 6), np.int64)
    components_numpy.components(np.packbits(voxels, axis=-1), out)
    solid, largest, in_box, spans = flooded(voxels[0])
    assert out[0].tolist() == [solid, largest, in_box, *map(int, spans)]


def test_kernels_compile_without_a_cache_where_nothing_can_be_written(monkeypatch):
    class Numba:
        @staticmethod
        def njit(cache=False, **options):
            def decorate(function):
                if cache:
                    raise RuntimeError("cannot cache function: no locator available")
                return function

            return decorate

    monkeypatch.setattr(kernels.runtime, "numba", Numba)
    assert kernels.runtime.jit(len) is len


def test_the_number_of_threads_can_be_set(monkeypatch):
    monkeypatch.setenv("VOXPLORE_THREADS", "3")
    assert kernels.available_threads() == 3
    monkeypatch.setenv("VOXPLORE_THREADS", "many")
    monkeypatch.setenv("NUMBA_NUM_THREADS", "2")
    assert kernels.available_threads() == 2
    monkeypatch.delenv("NUMBA_NUM_THREADS")
    assert kernels.available_threads() >= 1
