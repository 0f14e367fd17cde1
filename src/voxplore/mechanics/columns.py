"""Every number that `properties_of` gives, with its label and unit: one table for targets, reports and pages."""

from .constants import CONSTANTS, Constant
from .properties import CONDUCTIVITY_COLUMNS, STIFFNESS_COLUMNS

__all__ = ["COLUMNS"]

#: Key -> constant, in the order of the table. The stiffness is in Voigt order xx, yy, zz, yz, xz, xy.
COLUMNS: dict[str, Constant] = {
    constant.key: constant
    for constant in (
        Constant("relative_density", "relative density", "1"),
        *(Constant(key, f"stiffness {key} (Voigt)", "stress") for key in STIFFNESS_COLUMNS),
        *(Constant(key, f"conductivity {key[-2:]}", "conductivity") for key in CONDUCTIVITY_COLUMNS),
        *CONSTANTS,
    )
}
