"""Kernels on packed bits: the one place where numba is used, each with a NumPy path.

`packed_bits` counts patches of packed cells, `nearest` finds the largest IoU exactly, `components` labels packed rows,
`periodic_components` and `carrying` know which solid is one body and which of it carries (`contact` states the rule),
`largest_pieces` keeps the largest component alone, `first_equivalent` compares cells up to the cube's operations and
half-period shifts.
"""

from .components import Components, components
from .contact import Bodies, bodies, carrying, grid_nodes
from .equivalence import Orbits, first_equivalent, orbits, reach
from .neighbours import Neighbours, nearest
from .packing import PackedBits, packed_bits, voxels_of
from .periodic import PeriodicComponents, periodic_components
from .pieces import largest_pieces
from .runtime import HAVE_NUMBA, available_threads, map_threads

__all__ = [
    "HAVE_NUMBA",
    "Bodies",
    "Components",
    "Neighbours",
    "Orbits",
    "PackedBits",
    "PeriodicComponents",
    "available_threads",
    "bodies",
    "carrying",
    "components",
    "first_equivalent",
    "grid_nodes",
    "largest_pieces",
    "map_threads",
    "nearest",
    "orbits",
    "packed_bits",
    "periodic_components",
    "reach",
    "voxels_of",
]
