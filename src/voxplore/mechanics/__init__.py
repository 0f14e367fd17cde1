"""Effective properties of unit cells: stiffness, conductivity and what follows from them.

`effective_stiffness` and `effective_conductivity` solve a cell, `derived` gives its engineering constants and
`properties_of` makes the table of a whole set.
"""

from .bands import Bands, band_structure, zone_path
from .columns import COLUMNS
from .conductivity import effective_conductivity
from .constants import CONSTANTS, Constant, derived, directional_young, hashin_shtrikman
from .directions import spread_directions
from .elasticity import effective_stiffness
from .known import CONTENT, asked_and_solved, properties_file, read_properties
from .properties import properties_of, stiffness_of
from .strength import first_yield
from .waves import wave_speeds

__all__ = [
    "COLUMNS",
    "CONSTANTS",
    "Bands",
    "CONTENT",
    "Constant",
    "asked_and_solved",
    "band_structure",
    "derived",
    "directional_young",
    "effective_conductivity",
    "effective_stiffness",
    "first_yield",
    "hashin_shtrikman",
    "properties_file",
    "properties_of",
    "read_properties",
    "spread_directions",
    "stiffness_of",
    "wave_speeds",
    "zone_path",
]
