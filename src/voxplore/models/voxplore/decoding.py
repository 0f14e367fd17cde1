"""What steps of post-processing do to decoded values and voxels: pure functions, see `chain` for who calls them."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from voxplore.geometry import FLIPS
from voxplore.kernels import Components, components, largest_pieces

__all__ = ["connected", "cut_at_density", "cut_in_one_piece", "largest_piece", "shortest_steps", "symmetrised"]


def symmetrised(values: Tensor, flips: Tensor) -> Tensor:
    """Mean of values (n, d, d, d) over the flips of each cell, uint8 (n,) as `geometry.flip_group` gives them.

    Exact to the last bit: one generator of the group after another, each a sum of two terms.
    """
    values = values.clone()
    groups = [_generators(int(group)) for group in flips.tolist()]
    for cell, generators in zip(values, groups, strict=True):
        for flip in generators:
            _make_even(cell, [axis for axis in range(3) if flip[axis]])
    return values


def _make_even(cell: Tensor, axes: list[int]) -> None:
    """Both halves of a cell (d, d, d) become the mean of it and its flip along the axes: a cell's own bits suffice."""
    half = -(-cell.shape[axes[0]] // 2)
    first = cell.narrow(axes[0], 0, half)
    mean = (first + cell.flip(axes).narrow(axes[0], 0, half)) / 2
    first.copy_(mean)
    cell.narrow(axes[0], cell.shape[axes[0]] - half, half).copy_(mean.flip(axes))


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


def cut_in_one_piece(values: Tensor, levels: Sequence[float], spanning: bool = False) -> Tensor:
    """Bool (n, d, d, d): each cell cut at the first of `levels` at which it is one periodic component, else the last.

    One component: at least 99.5 % of the solid, as benchmark v1 asks of a valid cell. spanning: of those levels the
    first at which it also connects to its own image along x, y and z; where there is none, the first of one component.
    """
    solid = values > levels[0]
    if len(levels) == 1:
        return solid
    rows, whole = np.arange(len(solid)), np.zeros(len(solid), bool)
    for level in levels:
        at = torch.from_numpy(rows).to(solid.device)
        cut = values[at] > level
        found = components(np.packbits(cut.cpu().numpy(), axis=-1))
        one = _in_one_piece(found)
        done = one & (found.spans.all(axis=1) | (not spanning) | (found.solid == 0))
        taken = torch.from_numpy(done | ~whole[rows]).to(solid.device)
        solid[at[taken]] = cut[taken]
        whole[rows] |= one
        rows = rows[~done]
        if not len(rows):
            break
    return solid


def connected(solid: np.ndarray) -> np.ndarray:
    """Bool (n,): is a cell (n, d, d, d) one periodic component, as above, that spans x, y and z?"""
    found = components(np.packbits(solid, axis=-1))
    return _in_one_piece(found) & found.spans.all(axis=1)


def _in_one_piece(found: Components) -> np.ndarray:
    return 1000 * found.largest >= 995 * found.solid


def largest_piece(solid: np.ndarray) -> np.ndarray:
    """Bool (n, d, d, d): of each cell its largest periodic component alone, or all of that size (mirror images)."""
    kept = largest_pieces(np.packbits(solid, axis=-1))
    return np.unpackbits(kept, axis=-1, count=solid.shape[-1]).view(bool)


def shortest_steps(slope: Tensor, off: Tensor, reach: float) -> Tensor:
    """Shortest steps (n, latent) by which linear functions of slopes (n, latent) rise by off (n,), none above reach."""
    step = slope * (off / slope.square().sum(1).clamp(min=1e-12))[:, None]
    return step * (reach / step.norm(dim=1, keepdim=True).clamp(min=1e-12)).clamp(max=1)
