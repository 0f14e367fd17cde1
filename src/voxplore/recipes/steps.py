"""Post-processing of drawn cells as named steps, taken in the order of the recipe's list; an empty list is the plain
drawing: cells as they are decoded, cut at the threshold. All of them are our choice.

The first four work on decoded values and voxels, the last two on whole drawn cells, so they stand at the end.
"""

from dataclasses import dataclass, field, replace
from typing import Literal

from voxplore.recipes.common import Augment

__all__ = ["DRAWING", "LargestPiece", "Levels", "MatchDensity", "Orient", "Redraw", "Step", "Symmetrise"]
__all__ += ["calibrated_steps"]


@dataclass(frozen=True)
class Symmetrise:
    """Give each cell the flips that the known cell nearest in latent space has; a cell near one without any stays."""

    name: Literal["symmetrise"] = field(default="symmetrise", kw_only=True)


@dataclass(frozen=True)
class Levels:
    """Cut a cell that is not one periodic component at the threshold at the first of these levels where it is."""

    name: Literal["levels"] = field(default="levels", kw_only=True)
    levels: tuple[float, ...] = (0.45, 0.4, 0.35, 0.3, 0.25, 0.2, 0.15, 0.1)
    """Tried in turn (tuned on 256 nets)."""
    spanning: bool = True
    """Ask also that the component connects to its own image along each axis, where some level gives that."""


@dataclass(frozen=True)
class MatchDensity:
    """Bring each cell to the relative density asked for, where one is; without a condition it does nothing."""

    name: Literal["match_density"] = field(default="match_density", kw_only=True)
    corrections: int = 4
    """Newton steps of each latent towards where its cell, after the steps before this one, has the density."""
    calibrate: bool = False
    """Then cut each cell at the density itself instead of the threshold."""


@dataclass(frozen=True)
class LargestPiece:
    """Keep each cell's largest periodic component alone, or all of that size (mirror images)."""

    name: Literal["largest_piece"] = field(default="largest_piece", kw_only=True)


@dataclass(frozen=True)
class Redraw:
    """Draw a cell again, from its own random numbers, while it is not one periodic component that connects to its own
    image along every axis, as each cell of `nets` and `shells` is."""

    name: Literal["redraw"] = field(default="redraw", kw_only=True)
    times: int = 3
    """Draws more, at most."""


@dataclass(frozen=True)
class Orient:
    """Rotate each cell at random, so that a model of cells in one orientation draws them in all that the reference has.

    Cells asked for a property other than relative density stay as they are.
    """

    name: Literal["orient"] = field(default="orient", kw_only=True)
    by: Augment = "six"


Step = Symmetrise | Levels | MatchDensity | LargestPiece | Redraw | Orient

#: The steps on whole drawn cells.
DRAWING = (Redraw, Orient)


def calibrated_steps(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """The same, with each cell cut at the density asked for: a step more, where none of them matches densities."""
    if not any(isinstance(step, MatchDensity) for step in steps):
        later = [number for number, step in enumerate(steps) if isinstance(step, (LargestPiece, *DRAWING))]
        place = min([*later, len(steps)])
        return (*steps[:place], MatchDensity(corrections=0, calibrate=True), *steps[place:])
    return tuple(replace(step, calibrate=True) if isinstance(step, MatchDensity) else step for step in steps)
