"""A coarse space on the nodes of a voxel grid: each node belongs to one aggregate that can move as a rigid body.

`CoarseSpace` carries vectors of nodes (float64 (n, 3, 8)) to aggregates (float64 (m, 6, 8)) and back, and forms the
coarse matrix Z^T A Z of a stencil A.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import scipy.sparse

from .runtime import JIT, jit
from .stencil import Stencil

__all__ = ["CoarseSpace"]


@dataclass(frozen=True, eq=False)
class CoarseSpace:
    """aggregate: int32 (n,), the aggregate of each node. modes: float64 (n, 3, 6), its motion in each rigid mode."""

    aggregate: np.ndarray
    modes: np.ndarray

    @cached_property
    def count(self) -> int:
        """Aggregates, m."""
        return int(self.aggregate.max()) + 1

    def restrict(self, x: np.ndarray) -> np.ndarray:
        """Z^T x: float64 (n, 3, 8) -> (m, 6, 8)."""
        out = np.zeros((self.count, 6, x.shape[-1]))
        if JIT:
            first, nodes, blocks = self._by_aggregate
            _restrict(first, nodes, blocks, x, out)
        else:
            out[...] = (self._matrix.T @ x.reshape(-1, x.shape[-1])).reshape(out.shape)
        return out

    def add_prolonged(self, y: np.ndarray, out: np.ndarray) -> None:
        """out += Z y: float64 (m, 6, 8) -> (n, 3, 8)."""
        if JIT:
            _prolong(self.aggregate, self.modes, y, out)
        else:
            out += (self._matrix @ y.reshape(-1, y.shape[-1])).reshape(out.shape)

    def coarse_matrix(self, stencil: Stencil) -> np.ndarray:
        """Z^T A Z: float64 (6 m, 6 m)."""
        if not JIT:
            return (self._matrix.T @ stencil.matrix @ self._matrix).toarray()
        half = np.zeros((6 * self.count, 6 * self.count))
        _coarse_half(stencil.kind, stencil.neighbours, *stencil.rows, self.aggregate, self.modes, half)
        return half + half.T

    @cached_property
    def _by_aggregate(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        nodes = np.argsort(self.aggregate, kind="stable").astype(np.int32)
        first = np.searchsorted(self.aggregate[nodes], np.arange(self.count + 1)).astype(np.int64)
        return first, nodes, np.ascontiguousarray(self.modes[nodes].transpose(0, 2, 1))

    @cached_property
    def _matrix(self) -> Any:
        n = len(self.aggregate)
        shape = (3 * n, 6 * self.count)
        return scipy.sparse.bsr_matrix((self.modes, self.aggregate, np.arange(n + 1)), shape=shape).tocsr()


if JIT:
    from .stencil_ir import add_rows_3_6, add_rows_6_3

    @jit
    def _restrict(first, nodes, blocks, x, out):
        for row in range(len(out)):
            add_rows_6_3(first[row], first[row + 1], nodes, blocks, row, x, out)

    @jit
    def _prolong(aggregate, modes, y, out):
        for node in range(len(out)):
            add_rows_3_6(node, node + 1, aggregate, modes, node, y, out)


@jit
def _coarse_half(kind, neighbours, first, slots, values, aggregate, modes, out):
    """The couplings to later slots, and half of a node's own (slot 13): the rest is the transpose."""
    moved = np.empty((3, 6))
    for node in range(len(kind)):
        row = kind[node]
        top = 6 * aggregate[node]
        for k in range(first[row], first[row + 1]):
            if slots[k] < 13 or slots[k] > 29:
                continue
            other = neighbours[node, slots[k]]
            share = 0.5 if slots[k] == 13 else 1.0
            for a in range(3):
                for mode in range(6):
                    moved[a, mode] = share * (
                        values[k, a, 0] * modes[other, 0, mode]
                        + values[k, a, 1] * modes[other, 1, mode]
                        + values[k, a, 2] * modes[other, 2, mode]
                    )
            left = 6 * aggregate[other]
            for mode in range(6):
                for n in range(6):
                    out[top + mode, left + n] += (
                        modes[node, 0, mode] * moved[0, n]
                        + modes[node, 1, mode] * moved[1, n]
                        + modes[node, 2, mode] * moved[2, n]
                    )
