"""Cells on the straight line between the latents of two others."""

import torch

from voxplore.errors import VoxploreError
from voxplore.models.voxplore.flips import flips_of
from voxplore.models.voxplore.method import VoxPlore
from voxplore.unitcells import UnitCells

__all__ = ["interpolate"]


def interpolate(model: VoxPlore, first: UnitCells, last: UnitCells, steps: int) -> UnitCells:
    """Cells on the straight line between the latents of two cells each: `steps` a pair, both ends among them.

    An end has its own flips and a cell between two ends those that both have, where the recipe symmetrises or the
    decoder is told them.
    """
    if len(first) != len(last) or steps < 2:
        got = f"{len(first)} and {len(last)} cells, {steps} steps"
        raise VoxploreError("interpolation", expected="as many cells as cells, and two steps or more", got=got)
    ends = model.encode(first), model.encode(last)
    shares = torch.linspace(0, 1, steps, device=model.device)
    latents = torch.stack([torch.lerp(*ends, share) for share in shares], dim=1).flatten(0, 1)
    one, other = (torch.from_numpy(flips_of(cells)) for cells in (first, last))
    flips = torch.stack([one, *[one & other] * (steps - 2), other], dim=1).flatten()
    return model.decode(latents, flips)
