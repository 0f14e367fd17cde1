"""What can be read off a cell's geometry before it is printed: percolation, pockets, thinnest parts, surface, symmetry.

`verdict` says in a sentence whether a cell can be printed and why not; `checks_of` makes the table of a whole set.
"""

from .features import thinnest
from .percolation import PeriodicComponents, enclosed_voids, periodic_components
from .surface import Surface, surface
from .symmetry import SymmetryGroup, operation_name, symmetry_group
from .table import checks_of
from .verdict import DEFAULT_FEATURE_MM, DEFAULT_SIZE_MM, Checks, Verdict, check, verdict

__all__ = [
    "DEFAULT_FEATURE_MM",
    "DEFAULT_SIZE_MM",
    "Checks",
    "PeriodicComponents",
    "Surface",
    "SymmetryGroup",
    "Verdict",
    "check",
    "checks_of",
    "enclosed_voids",
    "operation_name",
    "periodic_components",
    "surface",
    "symmetry_group",
    "thinnest",
    "verdict",
]
