"""Kernels on packed bits: the one place where numba is used, each with a NumPy path.

`patch_bits` re-orders packed cells for comparison, `nearest` finds the largest IoU exactly, `components`
labels packed rows.
"""

from .components import Components, components
from .neighbours import Neighbours, nearest
from .packing import PatchBits, patch_bits
from .runtime import HAVE_NUMBA, available_threads, map_threads

__all__ = [
    "HAVE_NUMBA",
    "Components",
    "Neighbours",
    "PatchBits",
    "available_threads",
    "components",
    "map_threads",
    "nearest",
    "patch_bits",
]
