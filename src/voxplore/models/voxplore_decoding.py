"""From latents to cells: decoded, symmetrised where the cell is to be symmetric, cut at a level or at a density."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from voxplore.geometry import FLIPS
from voxplore.kernels import Components, components, largest_pieces
from voxplore.models.voxels import fixed_batch
from voxplore.models.voxplore_parts import KnownLatents, LatentAutoencoder
from voxplore.recipes import Sampling

__all__ = ["DECODED", "Decoding", "connected", "cut_at_density", "cut_in_one_piece", "largest_piece", "symmetrised"]

#: Latents that are decoded together. Fixed, and the last batch filled up, so that no cell depends on the others.
DECODED = 64
#: Steep enough for what lies between void and solid, 0 and 1, to count for the gradient of a density (our choice).
_SHARPNESS = 10.0
#: Longest step towards a wanted density, in units of the spacing of known latents (our choice).
_REACH = 0.5


class Decoding:
    """What a sampling makes of latents. flips: uint8 (n,), which flips each cell is to have; None to let it be."""

    def __init__(self, autoencoder: LatentAutoencoder, known: KnownLatents, sampling: Sampling):
        self.decoder, self.known, self.sampling = autoencoder.decoder, known, sampling
        self.logits = autoencoder.shape.loss != "mse"

    @torch.no_grad()
    def cells(self, latents: Tensor, flips: Tensor | None = None, wanted: Tensor | None = None) -> np.ndarray:
        """Bool (n, d, d, d) of the encoder's latents (n, latent); wanted: relative densities (n,), see `calibrate`."""
        parts, calibrated = [], wanted if self.sampling.calibrate else None
        for start in range(0, max(1, len(latents)), DECODED):
            rows = slice(start, start + DECODED)
            values = fixed_batch(self.decoder, latents[rows], DECODED)
            values = values if flips is None else symmetrised(values, flips[rows])
            solid = self._cut(values) if calibrated is None else cut_at_density(values, calibrated[rows])
            parts.append(solid.cpu().numpy())
        cells = np.concatenate(parts)
        return largest_piece(cells) if self.sampling.largest_piece else cells

    def at_density(self, latents: Tensor, wanted: Tensor, flips: Tensor | None = None) -> Tensor:
        """Standardised latents (n, latent) moved to where their cells have, or nearly, the densities wanted (n,).

        A decoder draws thinner than what it was given, and between two cells thinner than their mean. Newton's steps
        (our choice): the difference is that of the cells as they are cut, its gradient that of softened ones; each step
        is the shortest that would undo the difference, were the density linear in the latents, within _REACH.
        """
        moved = [latents[:0]]
        for start in range(0, len(latents), DECODED):
            rows = slice(start, start + DECODED)
            part, group = latents[rows], None if flips is None else flips[rows]
            for _ in range(self.sampling.density_corrections):
                values, slope = self._softened(part)
                values = values if group is None else symmetrised(values, group)
                off = wanted[rows].to(part) - self._cut(values).float().mean((1, 2, 3))
                part = part + _shortest(slope, off, _REACH * float(self.known.spacing))
            moved.append(part)
        return torch.cat(moved)

    def _softened(self, latents: Tensor) -> tuple[Tensor, Tensor]:
        """Decoded values (n, d, d, d) of standardised latents; gradient of their softened density, (n, latent)."""
        level, sharpness = self._level(self.sampling.threshold), 1.0 if self.logits else _SHARPNESS
        with torch.enable_grad():
            at = latents.detach().requires_grad_()
            values = fixed_batch(self.decoder, self.known.restore(at), DECODED)
            density = torch.sigmoid(sharpness * (values - level)).mean((1, 2, 3))
            (slope,) = torch.autograd.grad(density.sum(), at)
        return values.detach(), slope

    def _cut(self, values: Tensor) -> Tensor:
        levels = [self._level(threshold) for threshold in (self.sampling.threshold, *self.sampling.lower)]
        return cut_in_one_piece(values, levels, self.sampling.spanning)

    def _level(self, threshold: float) -> float:
        """What a decoded value must exceed: the threshold itself, or its logit where logits are decoded."""
        return float(torch.logit(torch.tensor(threshold))) if self.logits else threshold


def _shortest(slope: Tensor, off: Tensor, reach: float) -> Tensor:
    """Shortest steps (n, latent) by which linear functions of slopes (n, latent) rise by off (n,), none above reach."""
    step = slope * (off / slope.square().sum(1).clamp(min=1e-12))[:, None]
    return step * (reach / step.norm(dim=1, keepdim=True).clamp(min=1e-12)).clamp(max=1)


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
