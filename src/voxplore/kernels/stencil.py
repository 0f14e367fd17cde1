"""A sparse symmetric matrix on the nodes of a periodic voxel grid whose rows repeat, and vectors for it.

A node touches eight voxels, each solid or void. Its couplings to its 27 neighbours (itself included) depend on that
alone, so the matrix is a table of a few hundred rows and a list of neighbours, and the table stays in the cache. Six
further slots (`SLOTS` in all) are for a neighbour along +x, +y, +z, -x, -y, -z that is two nodes, where parts of a body
meet by an edge. Vectors hold several right-hand sides side by side: float64 (n, size, lanes), lanes from `lanes_of`.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import scipy.sparse

from .runtime import HAVE_NUMBA, JIT, jit

__all__ = ["Stencil", "advance", "lane_products", "lanes_of", "turn"]

#: Lanes a block size: three right-hand sides of one unknown, six of three, filled up to what vector units hold.
_LANES = {1: 4, 3: 8}
#: A multiple of every number of lanes, long enough for loops over it to be vectorised.
_WIDTH = 768


def lanes_of(size: int) -> int:
    """Right-hand sides that a vector for blocks of size x size (1 or 3) holds."""
    return _LANES[size]


@dataclass(frozen=True, eq=False)
class Stencil:
    """kind: int32 (n,), row of the table. neighbours: int32 (n, SLOTS), the node itself where there is none.
    table: float64 (m, SLOTS, size, size), zero where a kind couples nothing.
    """

    kind: np.ndarray
    neighbours: np.ndarray
    table: np.ndarray

    @property
    def size(self) -> int:
        """Unknowns a node: 1 or 3."""
        return self.table.shape[-1]

    def __len__(self) -> int:
        return len(self.kind)

    def zeros(self) -> np.ndarray:
        """A vector: float64 (n, size, lanes)."""
        return np.zeros((len(self), self.size, lanes_of(self.size)))

    def multiply(self, x: np.ndarray, out: np.ndarray) -> None:
        """out = A x for float64 (n, size, lanes), both C-contiguous."""
        if JIT:
            product = _multiply_3 if self.size == 3 else _multiply_1
            product(self.kind, self.neighbours, *self.rows, x, out)
        else:
            flat = (len(self) * self.size, -1)
            out[...] = (self.matrix @ x.reshape(flat)).reshape(out.shape)

    @cached_property
    def rows(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The table without its zero blocks: first int64 (m + 1,), slots uint8 (q,), blocks float64 (q, ...)."""
        filled = self.table.any(axis=(2, 3))
        first = np.concatenate([[0], filled.sum(1).cumsum()]).astype(np.int64)
        return first, np.nonzero(filled)[1].astype(np.uint8), np.ascontiguousarray(self.table[filled])

    @cached_property
    def matrix(self) -> Any:
        """The matrix spelt out, for where no numba is: (size n, size n)."""
        filled = np.asarray(self.table.any(axis=(2, 3)))[self.kind]
        rows = np.concatenate([[0], filled.sum(1).cumsum()])
        blocks = self.table[self.kind][filled]
        n = len(self) * self.size
        return scipy.sparse.bsr_matrix((blocks, self.neighbours[filled], rows), shape=(n, n)).tocsr()


def lane_products(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Inner products lane by lane of float64 (n, size, lanes): (lanes,)."""
    if not HAVE_NUMBA:
        return np.einsum("nkl,nkl->l", a, b)
    out = np.zeros(_WIDTH)
    _lane_products(a.reshape(-1), b.reshape(-1), out)
    return out.reshape(-1, a.shape[-1]).sum(0)


def advance(
    alpha: np.ndarray, p: np.ndarray, q: np.ndarray, weights: np.ndarray, x: np.ndarray, r: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """One step of conjugate gradients, in place: x += alpha p, r -= alpha q.

    alpha: (lanes,); the rest float64 (n, size, lanes). Returns r.r and r.(weights r), each (lanes,).
    """
    if not HAVE_NUMBA:
        x += alpha * p
        r -= alpha * q
        return lane_products(r, r), lane_products(r, weights * r)
    rr, rz = np.zeros(_WIDTH), np.zeros(_WIDTH)
    flat = (array.reshape(-1) for array in (p, q, weights, x, r))
    _advance(_tiled(alpha), *flat, rr, rz)
    lanes = x.shape[-1]
    return rr.reshape(-1, lanes).sum(0), rz.reshape(-1, lanes).sum(0)


def turn(beta: np.ndarray, r: np.ndarray, weights: np.ndarray, p: np.ndarray) -> None:
    """The next direction, in place: p = weights r + beta p; beta (lanes,), the rest float64 (n, size, lanes)."""
    if not HAVE_NUMBA:
        p *= beta
        p += weights * r
        return
    _turn(_tiled(beta), r.reshape(-1), weights.reshape(-1), p.reshape(-1))


def _tiled(lanes: np.ndarray) -> np.ndarray:
    return np.tile(lanes, _WIDTH // len(lanes))


if JIT:
    from .stencil_ir import row_product_1, row_product_3

    @jit
    def _multiply_3(kind, neighbours, first, slots, values, x, out):
        for node in range(len(kind)):
            row = kind[node]
            row_product_3(first[row], first[row + 1], slots, values, neighbours, node, x, out)

    @jit
    def _multiply_1(kind, neighbours, first, slots, values, x, out):
        for node in range(len(kind)):
            row = kind[node]
            row_product_1(first[row], first[row + 1], slots, values, neighbours, node, x, out)


# The loops below run over slices of fixed width with one accumulator a position: they vectorise without any leave to
# re-order sums, and results do not depend on the chip's vector length.
@jit
def _lane_products(a, b, out):
    for start in range(0, a.size, _WIDTH):
        u, v = a[start : start + _WIDTH], b[start : start + _WIDTH]
        for m in range(u.size):
            out[m] += u[m] * v[m]


@jit
def _advance(alpha, p, q, weights, x, r, rr, rz):
    for start in range(0, x.size, _WIDTH):
        stop = min(start + _WIDTH, x.size)
        ps, qs, ws, xs, rs = p[start:stop], q[start:stop], weights[start:stop], x[start:stop], r[start:stop]
        for m in range(xs.size):
            xs[m] += alpha[m] * ps[m]
            residual = rs[m] - alpha[m] * qs[m]
            rs[m] = residual
            rr[m] += residual * residual
            rz[m] += residual * residual * ws[m]


@jit
def _turn(beta, r, weights, p):
    for start in range(0, p.size, _WIDTH):
        stop = min(start + _WIDTH, p.size)
        rs, ws, ps = r[start:stop], weights[start:stop], p[start:stop]
        for m in range(ps.size):
            ps[m] = ws[m] * rs[m] + beta[m] * ps[m]
