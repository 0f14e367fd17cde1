"""Steps of a latent towards a target, by the derivative of the stiffness by each voxel and the decoder's own.

Gauss-Newton steps of least length (our choice): the residuals of all conditions at once, their derivatives by the
stiffness and the density of the decoded, softened cell at half resolution (`mechanics.adjoint`), and from there through
the decoder. Where no condition names the density it is kept. The cell itself is the decoded one, cut as always.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from voxplore.mechanics import derived
from voxplore.mechanics.adjoint import stiffness_and_gradient
from voxplore.mechanics.properties import CONDUCTIVITY_COLUMNS, STIFFNESS_COLUMNS
from voxplore.workflows.targets import PROPERTIES, Target

__all__ = ["Steered", "residuals", "steer"]

_ROWS, _COLUMNS = np.triu_indices(6)
#: Longest step as a share of the latent's length, damping of the normal equations, weight of a kept density, and by how
#: much of its value a bound is overshot (our choices).
_REACH, _DAMPING, _KEPT, _MARGIN = 0.1, 1e-3, 0.5, 0.02


@dataclass(frozen=True, eq=False)
class Steered:
    """voxels: Bool (d, d, d). loss: sum of squared residuals at the start and at the best step. solves: made for it."""

    voxels: np.ndarray
    start: float
    end: float
    solves: int


def steer(
    decode: Callable[[Any], Any], latent: Any, target: Target, stiffness: np.ndarray, steps: int = 6
) -> Steered | None:
    """Follow one latent (1, k) for `steps`; None where no step came nearer to the target.

    decode: latent -> logits (1, d, d, d), differentiable. stiffness: (6, 6) of the cell at the start, solved at full
    resolution: softened cells are solved in proportion to it.
    """
    import torch

    at, kept, factor = latent.clone(), None, 0.0
    best, start, found, reach = None, np.inf, np.inf, _REACH
    for step in range(steps + 1):
        point = at.clone().requires_grad_()
        logits = decode(point)
        soft = torch.sigmoid(logits)
        pooled = torch.nn.functional.avg_pool3d(soft[None], 2)[0, 0] if soft.shape[-1] >= 32 else soft[0]
        density = pooled.detach().double().cpu().numpy().clip(1e-4, 1)
        solved = stiffness_and_gradient(density)
        if step == 0:
            factor = np.linalg.norm(stiffness) / max(np.linalg.norm(solved.stiffness), 1e-12)
            kept = None if "relative_density" in target.columns else density.mean()
        off, slope = _with_slopes(target, factor * solved.stiffness, density.mean(), kept)
        loss = float((off**2).sum())
        start = loss if step == 0 else start
        if loss < found:
            found, base, here = loss, at, _jacobian(slope, factor * solved.gradient, pooled, point)
            residual = off
            if step:
                best = (logits.detach()[0] > 0).cpu().numpy()
        else:
            reach /= 2
        if step == steps or loss < 1e-8:
            return None if best is None else Steered(best, start, found, step + 2)
        move = -here.T @ np.linalg.solve(
            here @ here.T + _DAMPING * np.trace(here @ here.T) * np.eye(len(here)), residual
        )
        length = float(np.linalg.norm(move))
        longest = reach * float(base.norm())
        at = base + torch.from_numpy(move * min(1.0, longest / max(length, 1e-12))).to(base)[None]
    return None


def residuals(target: Target, stiffness: np.ndarray, density: np.ndarray, kept: float | None) -> np.ndarray:
    """Signed misses of (n, 6, 6) and densities (n,): float64 (n, m), 0 where a bound is kept by a small margin.

    kept: a density to hold. Conditions on lengths are left out: they follow from no stiffness.
    """
    numbers = dict(zip(STIFFNESS_COLUMNS, stiffness[:, _ROWS, _COLUMNS].T, strict=True))
    columns = {"relative_density": density, **numbers, **derived(stiffness, density)}
    parts = []
    for condition in target.conditions:
        if PROPERTIES[condition.column].unit == "mm" or condition.column in CONDUCTIVITY_COLUMNS:
            continue
        wanted = condition.wanted(columns)
        absolute = condition.value == 0 or condition.column.startswith("poisson")
        scale = np.ones_like(wanted) if absolute else np.maximum(abs(wanted), 1e-12)
        off = (np.nan_to_num(np.asarray(columns[condition.column], float), posinf=1e3) - wanted) / scale
        sign = {"<": 1, "<=": 1, ">": -1, ">=": -1}.get(condition.relation, 0)
        parts.append(off if sign == 0 else sign * np.maximum(sign * off + _MARGIN, 0))
    if target.stiffness is not None:
        weights = np.sqrt([1, 1, 1, 2, 2, 2])
        weights = weights[:, None] * weights
        wanted = np.reshape(target.stiffness, (6, 6))
        twice = np.where(_ROWS == _COLUMNS, 1, np.sqrt(2))
        off = (stiffness - wanted) * weights / np.linalg.norm(wanted * weights)
        parts += list((off[:, _ROWS, _COLUMNS] * twice).T)
    if kept is not None:
        parts.append(_KEPT * (density - kept) / kept)
    return np.stack(parts, axis=1)


def _with_slopes(
    target: Target, stiffness: np.ndarray, density: float, kept: float | None
) -> tuple[np.ndarray, np.ndarray]:
    """Residuals (m,), and their slopes by the 21 numbers of the stiffness and by the density (m, 22)."""
    size = 1e-4 * float(np.abs(stiffness).max())
    steps = [(np.zeros((6, 6)), 0.0)]
    for i, j in zip(_ROWS, _COLUMNS, strict=True):
        change = np.zeros((6, 6))
        change[i, j] = change[j, i] = size
        steps += [(change, 0.0), (-change, 0.0)]
    steps += [(np.zeros((6, 6)), 1e-5), (np.zeros((6, 6)), -1e-5)]
    tensors = stiffness + np.stack([change for change, _ in steps])
    values = residuals(target, tensors, density + np.array([more for _, more in steps]), kept)
    spans = np.array([2 * size] * 21 + [2e-5])
    return values[0], ((values[1::2] - values[2::2]) / spans[:, None]).T


def _jacobian(slope: np.ndarray, gradient: np.ndarray, pooled: Any, point: Any) -> np.ndarray:
    """Slopes of the residuals by the latent: (m, k)."""
    return np.stack(list(_rows(slope, gradient, pooled, point)))


def _rows(slope: np.ndarray, gradient: np.ndarray, pooled: Any, point: Any) -> Iterator[np.ndarray]:
    import torch

    by_voxel = gradient[_ROWS, _COLUMNS]
    for row in slope:
        field = np.tensordot(row[:21], by_voxel, 1) + row[21] / by_voxel[0].size
        (found,) = torch.autograd.grad(pooled, point, torch.from_numpy(field).to(pooled), retain_graph=True)
        yield found[0].double().cpu().numpy()
