"""Every number that `properties_of` gives, with its label and unit: one table for targets, reports and pages."""

from .constants import CONSTANTS, Constant
from .properties import CONDUCTIVITY_COLUMNS, DIFFUSIVITY_COLUMNS, FINER_COLUMNS, STIFFNESS_COLUMNS
from .strength import STRENGTHS

__all__ = ["COLUMNS"]

#: Key -> constant, in the order of the table. The stiffness is in Voigt order xx, yy, zz, yz, xz, xy.
COLUMNS: dict[str, Constant] = {
    constant.key: constant
    for constant in (
        Constant("relative_density", "relative density", "1"),
        *(Constant(key, f"stiffness {key} (Voigt)", "stress") for key in STIFFNESS_COLUMNS),
        *(Constant(key, f"conductivity {key[-2:]}", "conductivity") for key in CONDUCTIVITY_COLUMNS),
        *CONSTANTS,
        *STRENGTHS,
        Constant(
            "stiffness_error", "limit of the distance to the stiffness of a mesh twice as fine", "of the stiffness"
        ),
        *(Constant(key, f"stiffness {key[6:]} foretold for a mesh twice as fine", "stress") for key in FINER_COLUMNS),
        Constant("finer_error", "limit of the distance of what is foretold", "of the stiffness"),
        *(Constant(key, f"diffusivity of the pores {key[-2:]}", "that in the open") for key in DIFFUSIVITY_COLUMNS),
    )
}
