"""Cells of wanted properties: what is asked for, and how likely each known latent, or point between them, then is.

A condition is a dictionary: name of a property -> the value wanted, one for all cells or one each. Points between known
cells are taken to have the mean of their properties, and those whose values are off are less likely by a normal law, so
that the denoiser's guess stays the exact one (`diffusion/empirical.py`). Nothing is trained for it.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from voxplore.diffusion import between_neighbours, mean_of_neighbours
from voxplore.errors import VoxploreError
from voxplore.recipes import ClosedForm
from voxplore.unitcells import UnitCells

__all__ = ["DENSITY", "Points", "log_chance", "points_of", "told", "wanted_values"]

#: The property that every training cell is known with.
DENSITY = "relative_density"
Wanted = dict[str, np.ndarray]
#: Asked for a relative density: deviation of the points' densities from it.
_DENSITY_WIDTH = 0.01
#: Asked for another property: share of the points within one deviation of it.
_PROPERTY_SHARE = 0.02


class Points(NamedTuple):
    """What the denoiser takes for all cells there are: standardised latents (m, latent), and property -> (m,)."""

    latents: Tensor
    values: dict[str, Tensor]

    def first(self, count: int) -> "Points":
        """The first `count` of them, or all where there are fewer."""
        return Points(self.latents[:count], {name: values[:count] for name, values in self.values.items()})


def points_of(
    latents: Tensor, values: Mapping[str, Tensor], options: ClosedForm, seed: int, found: Tensor | None = None
) -> Points:
    """Known latents (m, latent) as they are, or points between neighbours, with the means of their properties (m,).

    found: those neighbours, where `neighbours_of_points` was asked before.
    """
    if options.neighbours == 1:
        return Points(latents, dict(values))
    mix = between_neighbours(latents, options.points, options.neighbours, options.concentration, seed, found)
    return Points(mean_of_neighbours(latents, *mix), {name: mean_of_neighbours(v, *mix) for name, v in values.items()})


def told(cells: UnitCells, properties: Mapping[str, np.ndarray]) -> tuple[UnitCells, dict[str, Tensor]]:
    """Cells whose properties, float (n,) each, are finite, and property -> (m,) of them, relative density among them.

    cells: of the training or others; at least two must remain. Cells asked for one of these properties are drawn from
    near these cells alone.
    """
    values = {DENSITY: cells.relative_density(), **properties}
    finite = np.all([np.isfinite(column) for column in values.values()], axis=0)
    if finite.sum() < 2:
        raise VoxploreError("properties", expected="two cells or more with finite ones", got=str(finite.sum()))
    return cells[finite], {name: torch.from_numpy(np.asarray(v, np.float64)[finite]) for name, v in values.items()}


def wanted_values(condition: Any, n: int, known: Mapping[str, Tensor]) -> Wanted:
    """Property -> wanted values float64 (n,); empty for no condition.

    known: property -> values of the cells it is known of; nothing outside their range can be asked for.
    """
    if condition is None:
        return {}
    if not isinstance(condition, Mapping) or not condition or not set(condition) <= set(known):
        expected = f"property -> number or numbers, properties {', '.join(known)}"
        raise VoxploreError("condition", expected=expected, got=repr(condition)[:80])
    return {name: _checked(name, value, n, known[name]) for name, value in condition.items()}


def log_chance(
    points: Points, wanted: Mapping[str, Tensor], width: float = _DENSITY_WIDTH, share: float = _PROPERTY_SHARE
) -> Tensor | None:
    """How likely each of m points is for each of n chains, (n, m) up to a constant; None where nothing is wanted.

    width: deviation of relative density. share: of the points, within one deviation of another property.
    """
    parts = [_off(name, values, points, width, share).square() for name, values in wanted.items()]
    return -0.5 * torch.stack(parts).sum(0) if parts else None


def _off(name: str, wanted: Tensor, points: Points, density_width: float, share: float) -> Tensor:
    """Differences from what is wanted (n,), in deviations: (n, m)."""
    values = points.values[name]
    off = wanted.to(values)[:, None] - values
    if name == DENSITY:
        return off / density_width
    # Moduli span decades: the deviation is as wide as it must be to take in a share of the points.
    count = max(2, round(share * len(values)))
    width = off.abs().kthvalue(min(count, len(values)), dim=1, keepdim=True).values
    return off / width.clamp(min=1e-6 * float(values.std()) + 1e-30)


def _checked(name: str, value: Any, n: int, known: Tensor) -> np.ndarray:
    try:
        wanted = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise VoxploreError(name, expected="numbers", got=repr(value)[:80]) from error
    if wanted.shape not in ((), (n,)):
        raise VoxploreError(name, expected=f"one number or {n}", got=f"an array of shape {wanted.shape}")
    low, high = (0.0, 1.0) if name == DENSITY else (float(known.min()), float(known.max()))
    inside = (wanted >= low) & (wanted <= high) if name != DENSITY else (wanted > low) & (wanted < high)
    if not inside.all():
        got = f"{np.atleast_1d(wanted)[~np.atleast_1d(inside)][0]:g}"
        raise VoxploreError(name, expected=f"numbers between {low:.6g} and {high:.6g}", got=got)
    return np.broadcast_to(wanted, n)
