"""From decoded values to cells: symmetrised where the cell is to be symmetric, cut at a level or at a density."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from voxplore.checks import periodic_components
from voxplore.geometry import FLIPS
from voxplore.kernels import components

__all__ = ["cut_at_density", "cut_in_one_piece", "largest_piece", "symmetrised"]


def symmetrised(values: Tensor, flips: Tensor) -> Tensor:
    """Mean of values (n, d, d, d) over the flips of each cell, uint8 (n,) as `geometry.flip_group` gives them.

    Exact to the last bit: one generator of the group after another, each a sum of two terms.
    """
    values = values.clone()
    for group in flips.unique().tolist():
        rows = torch.nonzero(flips == group)[:, 0]
        part = values[rows]
        for flip in _generators(group):
            part = (part + part.flip([axis - 3 for axis in range(3) if flip[axis]])) / 2
        values[rows] = part
    return values


def _generators(group: int) -> list[tuple[bool, bool, bool]]:
    """Flips that generate the group of a bit mask; FLIPS[i] after FLIPS[j] is FLIPS[i ^ j]."""
    found, chosen = {0}, []
    for k in range(1, len(FLIPS)):
        if group >> k & 1 and k not in found:
            found |= {k ^ other for other in found}
            chosen.append(FLIPS[k])
    return chosen


def cut_at_density(values: Tensor, density: Tensor) -> Tensor:
    """Bool (n, d, d, d): the largest of values (n, d, d, d), as many as relative densities (n,) ask for.

    Voxels of one value (of a symmetric cell) stay together, so a few more can be solid than asked for.
    """
    ordered = values.flatten(1).sort(dim=1, descending=True).values
    last = (density.to(values) * ordered.shape[1]).round().long().clamp(1, ordered.shape[1]) - 1
    return values >= ordered.gather(1, last[:, None])[:, :, None, None]


def cut_in_one_piece(values: Tensor, levels: Sequence[float]) -> Tensor:
    """Bool (n, d, d, d): each cell cut at the first of `levels` at which it is one periodic component, else the last.

    One component: at least 99.5 % of the solid, as benchmark v1 asks of a valid cell.
    """
    solid = values > levels[0]
    for level in levels[1:]:
        found = components(np.packbits(solid.cpu().numpy(), axis=-1))
        loose = torch.from_numpy(np.flatnonzero(1000 * found.largest < 995 * found.solid)).to(values.device)
        if not len(loose):
            break
        solid[loose] = values[loose] > level
    return solid


def largest_piece(solid: np.ndarray) -> np.ndarray:
    """Bool (n, d, d, d): of each cell its largest periodic component alone, or all of that size (mirror images)."""
    found = components(np.packbits(solid, axis=-1))
    kept = solid.copy()
    for row in np.flatnonzero(found.largest < found.solid):
        pieces = periodic_components(solid[row])
        as_large = np.count_nonzero(pieces.sizes == pieces.sizes[0])
        kept[row] &= pieces.labels <= as_large
    return kept
