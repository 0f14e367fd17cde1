"""Configuration of the floor: random edits of training cells, and its named rows."""

from dataclasses import dataclass, field, replace
from typing import Literal

from voxplore.recipes.common import Augment

__all__ = ["EditsConfig", "EditsSampling", "edits_recipes"]


@dataclass(frozen=True)
class EditsSampling:
    """What is done to a training cell; lengths are in cell edges (all our choice)."""

    edits: int = 8
    """Edits of a cell."""
    move: float = 0.05
    """Kind "struts": deviation of the move of a node along each axis."""
    shortest: float = 0.17
    """Least length of a strut that is added, or that a move leaves; the least of `nets`."""
    longest: float = 0.6
    """Greatest length of a strut that is added, or of a capsule."""
    radius: float = 0.06
    """Kind "voxels": of the capsules that are cut and added."""
    blur: float = 0.03
    """Kind "voxels": deviation of the Gaussian that two cells are smoothed by before they are blended."""


@dataclass(frozen=True)
class EditsConfig:
    """Random edits of training cells: no network, no training.

    kind "struts": a strut is removed or added, or a node moved; the cells are those of `build nets`. kind "voxels": a
    capsule is cut or added, or the cell is blended with another one.
    """

    resolution: int = 48
    kind: Literal["struts", "voxels"] = "struts"
    augment: Augment = "six"
    sampling: EditsSampling = field(default_factory=EditsSampling)


def edits_recipes() -> dict[str, EditsConfig]:
    """Name -> configuration of every row of the floor; there is no training, so that small and full are alike."""
    recipes = {}
    for cells in ("nets", "shells", "both", "metatruss", "metashell"):
        struts = cells == "nets"
        config = EditsConfig(kind="struts" if struts else "voxels", sampling=EditsSampling(edits=8 if struts else 2))
        recipes[f"edits-{cells}-tiny"] = replace(config, resolution=16)
        recipes[f"edits-{cells}-small"] = recipes[f"edits-{cells}-full"] = config
    return recipes
