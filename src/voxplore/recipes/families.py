"""Configuration of VoxPlore with field latents, one model for each of several families of cells (our choice)."""

import re
from dataclasses import dataclass

from voxplore.errors import VoxploreError
from voxplore.recipes.fields import FieldSampling, FieldsConfig, fields_recipes

__all__ = ["FamiliesConfig", "Member", "families_recipes"]


@dataclass(frozen=True)
class Member:
    """One model and the cells that it learns."""

    name: str
    """Its files begin with it."""
    families: tuple[str, ...]
    """What the family of its cells begins with; a cell is the first member's that this fits."""
    config: FieldsConfig
    repulsion: float = 1.0
    """Factor on the strength of SRR for its cells."""

    def __post_init__(self) -> None:
        if not re.fullmatch("[a-z0-9]{1,40}", self.name):
            raise VoxploreError("members.name", expected="small letters and digits", got=repr(self.name)[:80])


@dataclass(frozen=True)
class FamiliesConfig:
    """All members, and how cells are drawn with each of them."""

    members: tuple[Member, ...]
    sampling: FieldSampling

    def __post_init__(self) -> None:
        names = [one.name for one in self.members]
        if not names or len(set(names)) < len(names):
            raise VoxploreError("members", expected="one or more, each of another name", got=", ".join(names) or "none")

    @property
    def resolution(self) -> int:
        """Voxels along an edge of the cells."""
        return self.members[0].config.autoencoder.resolution


def families_recipes() -> dict[str, FamiliesConfig]:
    """Nets and shells in one model: the rows with field latents of both sets."""
    rows, recipes = fields_recipes(), {}
    for size in ("medium", "tiny"):
        nets, shells = (rows[f"voxplore-field-{cells}-{size}"] for cells in ("nets", "shells"))
        strengths = [row.sampling.srr.strength for row in (nets, shells) if row.sampling.srr]
        members = (Member("nets", ("net-",), nets, strengths[0] / strengths[1]), Member("shells", ("",), shells))
        recipes[f"voxplore-families-both-{size}"] = FamiliesConfig(members, shells.sampling)
    return recipes
