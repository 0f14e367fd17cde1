"""Answers against brute force: near and far queries, exact ties, empty and full cells; no clock."""

import numpy as np

from voxplore import kernels
from voxplore.kernels import neighbours_numpy

from .material import quick_material
from .neighbours import brute_nearest
from .race import Target, threads

__all__ = ["pairs_checked"]


def pairs_checked(pairs: int, seed: int) -> list[Target]:
    """Nearest cells of at least that many pairs at 24^3, compiled and by NumPy; a target counts wrong answers."""
    size = max(50, round((pairs / 2) ** 0.5))
    material = quick_material(size, -(-pairs // (2 * size)), 24, seed)
    wrong = {"compiled": 0, "NumPy": 0}
    bits = kernels.packed_bits(material.reference.packed, 24, threads())
    done = 0
    for cells in material.queries.values():
        want = brute_nearest(cells.packed, material.reference.packed)
        queries = kernels.packed_bits(cells.packed, 24, threads())
        found = kernels.nearest(queries, bits, threads=threads()).index[:, 0]
        by_numpy = neighbours_numpy.search(queries, bits, 1, np.arange(len(bits)), 1)[0][:, 0]
        wrong["compiled"] += int(np.count_nonzero(found != want))
        wrong["NumPy"] += int(np.count_nonzero(by_numpy != want))
        done += len(queries) * len(bits)
    return [Target(f"wrong answers in {done:,} pairs, {path}", float(n), 0, False, "") for path, n in wrong.items()]
