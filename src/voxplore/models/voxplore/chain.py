"""From latents to cells: decoded, then the steps of post-processing in the order of the recipe (`recipes/steps.py`)."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from voxplore.models.base import CellNoise
from voxplore.models.voxels import randomly_oriented
from voxplore.models.voxplore.decoding import (
    connected,
    cut_at_density,
    cut_in_one_piece,
    largest_piece,
    shortest_steps,
    symmetrised,
)
from voxplore.recipes import FieldSampling, Levels, MatchDensity, Orient, Redraw, Sampling, Step, Symmetrise
from voxplore.recipes.steps import DRAWING

__all__ = ["Chain", "Draw", "with_drawing_steps"]

#: Cells that go through the steps together. Fixed, so that no cell depends on the others.
_TOGETHER = 64
#: Cells that are drawn again go in batches of their own size, since few of a batch are (our choice).
_AGAIN = 32
#: Steep enough for what lies between void and solid, 0 and 1, to count for the gradient of a density (our choice).
_SHARPNESS = 10.0
#: Longest step towards a wanted density, in units of the spacing of known latents (our choice).
_REACH = 0.5

#: Cells Bool (n, d, d, d) from the noise of n cells and what is asked of them: property -> (n,).
Draw = Callable[[CellNoise, dict[str, Tensor]], np.ndarray]


@dataclass(frozen=True)
class Draft:
    """Cells on their way: latents (n, l), the flips each is to have and the density asked for, both (n,) or None,
    decoded values (n, d, d, d), and which voxels are solid so far."""

    latents: Tensor
    flips: Tensor | None
    wanted: Tensor | None
    values: Tensor
    solid: Tensor


@dataclass(frozen=True)
class Chain:
    """Decoder and steps of one drawing.

    decode: (latents (n, l), flips (n,) or None) -> values (n, d, d, d). sampling: its threshold and steps are taken.
    logits: whether values are logits. spacing: of the known latents, in the unit of `latents`.
    """

    decode: Callable[[Tensor, Tensor | None], Tensor]
    sampling: Sampling | FieldSampling
    logits: bool
    spacing: float = 0.0

    @property
    def threshold(self) -> float:
        """What a decoded value must exceed to be solid."""
        return self._level(self.sampling.threshold)

    @torch.no_grad()
    def cells(self, latents: Tensor, flips: Tensor | None = None, wanted: Tensor | None = None) -> np.ndarray:
        """Bool (n, d, d, d) of latents (n, l), after all steps but those on whole drawn cells."""
        steps = tuple(step for step in self.sampling.after if not isinstance(step, DRAWING))
        parts = []
        for start in range(0, max(1, len(latents)), _TOGETHER):
            rows = slice(start, start + _TOGETHER)
            draft = self._decoded(latents[rows], flips if flips is None else flips[rows])
            if wanted is not None:
                draft = replace(draft, wanted=wanted[rows].to(draft.latents))
            parts.append(self._after(draft, steps).solid.cpu().numpy())
        return np.concatenate(parts)

    def _decoded(self, latents: Tensor, flips: Tensor | None, wanted: Tensor | None = None) -> Draft:
        values = self.decode(latents, flips)
        return Draft(latents, flips, wanted, values, values > self.threshold)

    def _after(self, draft: Draft, steps: tuple[Step, ...]) -> Draft:
        for number, step in enumerate(steps):
            draft = self._step(draft, step, steps[:number])
        return draft

    def _step(self, draft: Draft, step: Step, before: tuple[Step, ...]) -> Draft:
        if isinstance(step, Symmetrise):
            values = draft.values if draft.flips is None else symmetrised(draft.values, draft.flips)
            return replace(draft, values=values, solid=values > self.threshold)
        if isinstance(step, Levels):
            levels = [self.threshold, *(self._level(level) for level in step.levels)]
            return replace(draft, solid=cut_in_one_piece(draft.values, levels, step.spanning))
        if isinstance(step, MatchDensity):
            return draft if draft.wanted is None else self._matched(draft, step, before)
        piece = largest_piece(draft.solid.cpu().numpy())
        return replace(draft, solid=torch.from_numpy(piece).to(draft.solid.device))

    def _matched(self, draft: Draft, step: MatchDensity, before: tuple[Step, ...]) -> Draft:
        """Latents moved to where their cells have, or nearly, the densities wanted, and the cells there.

        A decoder draws thinner than what it was given, and between two cells thinner than their mean. Newton's steps
        (our choice): the difference is that of the cells after the steps before, its gradient that of softened ones;
        each step is the shortest that would undo the difference, were the density linear in the latents.
        """
        wanted, latents = draft.wanted, draft.latents
        assert wanted is not None
        for _ in range(step.corrections):
            values, slope = self._softened(latents, draft.flips)
            now = self._after(replace(draft, values=values, solid=values > self.threshold), before)
            off = wanted - now.solid.float().mean((1, 2, 3))
            latents = latents + shortest_steps(slope, off, _REACH * self.spacing)
        if step.corrections:
            draft = self._after(self._decoded(latents, draft.flips, wanted), before)
        return replace(draft, solid=cut_at_density(draft.values, wanted)) if step.calibrate else draft

    def _softened(self, latents: Tensor, flips: Tensor | None) -> tuple[Tensor, Tensor]:
        """Decoded values (n, d, d, d) of latents; gradient of their softened density, (n, l)."""
        with torch.enable_grad():
            at = latents.detach().requires_grad_()
            values = self.decode(at, flips)
            sharpness = 1.0 if self.logits else _SHARPNESS
            density = torch.sigmoid(sharpness * (values - self.threshold)).mean((1, 2, 3))
            (slope,) = torch.autograd.grad(density.sum(), at)
        return values.detach(), slope

    def _level(self, threshold: float) -> float:
        return float(torch.logit(torch.tensor(threshold))) if self.logits else threshold


def with_drawing_steps(draw: Draw, steps: tuple[Step, ...], rotate: bool = True) -> Draw:
    """The same with the steps on whole drawn cells behind it. rotate: whether cells may be."""
    for step in steps:
        if isinstance(step, Redraw):
            draw = _redrawn(draw, step.times)
        elif isinstance(step, Orient) and rotate:
            draw = _oriented(draw, step.by)
    return draw


def _redrawn(draw: Draw, times: int) -> Draw:
    def drawn(noise: CellNoise, wanted: dict[str, Tensor]) -> np.ndarray:
        cells = draw(noise, wanted)
        for _ in range(times):
            unconnected = np.flatnonzero(~connected(cells))
            for start in range(0, len(unconnected), _AGAIN):
                again = unconnected[start : start + _AGAIN]
                filled = torch.from_numpy(np.resize(again, _AGAIN))
                part = {name: values[filled] for name, values in wanted.items()}
                cells[again] = draw(noise.of(again, _AGAIN), part)[: len(again)]
        return cells

    return drawn


def _oriented(draw: Draw, by: str) -> Draw:
    return lambda noise, wanted: randomly_oriented(draw(noise, wanted), by, noise)
