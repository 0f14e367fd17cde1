"""Kernels on packed bits: the one place where numba is used, each with a NumPy path.

`packed_bits` counts patches of packed cells, `nearest` finds the largest IoU exactly, `components` labels packed rows,
`largest_pieces` keeps the largest component alone, `first_equivalent` compares cells up to the cube's operations and
half-period shifts.
"""

from .components import Components, components
from .equivalence import Orbits, first_equivalent, orbits, reach
from .neighbours import Neighbours, nearest
from .packing import PackedBits, packed_bits, voxels_of
from .pieces import largest_pieces
from .runtime import HAVE_NUMBA, available_threads, map_threads

__all__ = [
    "HAVE_NUMBA",
    "Components",
    "Neighbours",
    "Orbits",
    "PackedBits",
    "available_threads",
    "components",
    "first_equivalent",
    "largest_pieces",
    "map_threads",
    "nearest",
    "orbits",
    "packed_bits",
    "reach",
    "voxels_of",
]
