"""Refinement (Sec. 4 of the paper, optional): cells in, repaired cells out, and a word on what was done to each.

`refine` works on any generator's cells. Never part of drawing or scoring: whoever wants it calls it. Torch is loaded by
the learned method alone.
"""

from typing import Any

from .geometric import Repair, repair
from .sets import METHODS, Change, by_struts, compare, refine
from .struts import StrutFit, fit_struts, fits_of

__all__ = ["METHODS", "Change", "Refiner", "RefinerConfig", "Repair", "StrutFit", "by_struts", "compare", "fit_struts"]
__all__ += ["fits_of", "load_refiner", "refine", "repair"]

_LEARNED = ("Refiner", "RefinerConfig", "load_refiner")


def __getattr__(name: str) -> Any:
    if name in _LEARNED:
        from . import learned

        return getattr(learned, name)
    raise AttributeError(f"module 'voxplore.refine' has no attribute {name!r}")
