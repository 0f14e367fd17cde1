"""`voxplore recipes`: what `train` can be asked for."""

import os
from dataclasses import dataclass
from typing import Annotated

import tyro

from voxplore.cli.common import Result, Verb

__all__ = ["Command"]


@dataclass(frozen=True)
class Command(Verb):
    """List the recipes of `voxplore train`, a line a model and its variants, with the sets and sizes there are."""

    filter: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="FILTER")] = ""
    """Only names that hold this text; then every name in full."""

    def run(self) -> Result:
        from importlib.metadata import entry_points

        from voxplore.errors import VoxploreError, nearest
        from voxplore.recipes import RECIPES

        if entry_points(group="voxplore.models") or os.environ.get("VOXPLORE_MODELS"):
            from voxplore.models import registered  # loads torch, which the package's own recipes do not need

            registered()
        names = [name for name in RECIPES if self.filter in name]
        if not names:
            expected = f"a part of a recipe's name, such as {nearest(self.filter, RECIPES)}"
            raise VoxploreError("filter", expected=expected, got=repr(self.filter))
        if self.filter:
            return Result("\n".join(names), recipes=names)
        families: dict[str, dict[str, list[str]]] = {}
        for name in names:
            family, cells, size = name.rsplit("-", 2)
            families.setdefault(family, {}).setdefault(cells, []).append(size)
        width = max(map(len, families))
        lines = (f"{family:<{width}}  {_sets(sets)}" for family, sets in sorted(families.items()))
        return Result("\n".join(lines), recipes=names)


def _sets(sets: dict[str, list[str]]) -> str:
    """Which sizes there are on which sets; sets of the same sizes together."""
    groups: dict[str, list[str]] = {}
    for cells, sizes in sets.items():
        groups.setdefault("|".join(sizes), []).append(cells)
    return "; ".join(f"{'|'.join(cells)} {sizes}" for sizes, cells in groups.items())
