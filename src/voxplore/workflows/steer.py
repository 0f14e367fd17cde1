"""Steps of a latent towards a target, by the derivative of the stiffness by each voxel and the decoder's own.

Gauss-Newton steps of least length (our choice). What is missed is measured on the cell itself, cut as always and solved
as it is; its slopes are those of the decoded, softened cell at half resolution (`mechanics.adjoint`), led through the
decoder. Where a density is asked for, every cell is cut at that density and slopes are those at it; where no condition
names the density it is kept. A step that comes no nearer is tried again at a third of its length, with the same slopes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from voxplore.kernels import largest_pieces
from voxplore.mechanics.adjoint import stiffness_and_gradient
from voxplore.workflows.residuals import residuals, with_slopes
from voxplore.workflows.targets import Target

__all__ = ["Steered", "steer"]

_ROWS, _COLUMNS = np.triu_indices(6)
#: Longest step as a share of the latent's length, how it grows and shrinks, the shortest worth trying, damping of the
#: normal equations, and the miss that is near enough (our choices).
_REACH, _GROWN, _SHRUNK, _LEAST, _DAMPING, _ENOUGH = 0.15, 1.5, 1 / 3, 0.004, 1e-3, 0.003
#: Relative residual of the solver of slopes (our choice).
_TOLERANCE = 1e-2

Cell = np.ndarray


@dataclass(frozen=True, eq=False)
class Steered:
    """voxels: Bool (d, d, d). start, end: sum of squared residuals of the first cell and of this one.

    solves: cells solved on the way. slopes: softened cells solved for their derivatives.
    """

    voxels: Cell
    start: float
    end: float
    solves: int
    slopes: int


@dataclass(frozen=True, eq=False)
class _Point:
    """A latent (1, ...), the level at which its logits were cut, the cell, and its residuals (m,)."""

    latent: Any
    level: float
    voxels: Cell
    stiffness: np.ndarray
    off: np.ndarray
    usable: bool

    @property
    def loss(self) -> float:
        return float((self.off**2).sum()) if self.usable else np.inf


def steer(
    decode: Callable[[Any], Any],
    latent: Any,
    target: Target,
    solve: Callable[[Cell], np.ndarray],
    *,
    steps: int = 6,
    usable: Callable[[Cell], bool] = np.any,
) -> Steered | None:
    """Follow one latent (1, ...) for `steps` solved cells; None where the cell that it began with is the nearest.

    decode: latent -> logits (1, d, d, d), differentiable. solve: Bool (d, d, d) -> stiffness (6, 6). usable: whether a
    cell may be stepped on to at all.
    """
    walk = _Walk(decode, target, solve, usable)
    best = first = walk.at(latent)
    reach, slopes, made = _REACH, None, 0
    for _ in range(steps):
        if best.usable and np.abs(best.off).max(initial=0) < _ENOUGH:
            break
        if slopes is None:
            slopes, made = walk.slopes(best), made + 1
        move = _least_move(slopes, best.off)
        length, size = float(np.linalg.norm(move)), float(best.latent.norm())
        if not np.isfinite(length) or length == 0 or reach < _LEAST:
            break
        share = min(length, reach * size)
        following = walk.at(best.latent + _like(move * share / length, best.latent))
        if following.loss <= best.loss or not best.usable:  # equal: the same cell, a step further
            best, slopes, reach = following, None, min(_GROWN * reach, _REACH)
        else:
            reach = _SHRUNK * share / size
    same = np.array_equal(best.voxels, first.voxels)
    if not best.usable or (same and walk.density is None):
        return None
    return Steered(best.voxels, first.loss, best.loss, walk.solves, made)


class _Walk:
    """What stays the same along the way."""

    def __init__(self, decode: Callable, target: Target, solve: Callable, usable: Callable):
        self.decode, self.target, self.solve, self.usable = decode, target, solve, usable
        asked = [c.value for c in target.conditions if (c.column, c.relation) == ("relative_density", "=")]
        self.density = asked[-1] if asked else None
        self.kept: float | None = None
        self.solves = 0

    def at(self, latent: Any) -> _Point:
        """The cell of a latent, solved."""
        import torch

        with torch.no_grad():
            logits = self.decode(latent)[0].float().cpu().numpy()
        voxels, level = cut(logits, self.density)
        if self.kept is None and "relative_density" not in self.target.columns:
            self.kept = float(voxels.mean())
        if not voxels.any() or not self.usable(voxels):
            size = len(residuals(self.target, np.eye(6)[None], np.ones(1), self.kept)[0])
            stiffness, off = np.zeros((6, 6)), np.ones(size)
            return _Point(latent, level, voxels, stiffness, off, False)
        stiffness = self.solve(voxels)
        self.solves += 1
        off = residuals(self.target, stiffness[None], np.array([voxels.mean()]), self.kept)[0]
        return _Point(latent, level, voxels, stiffness, off, True)

    def slopes(self, point: _Point) -> np.ndarray:
        """Slopes of the residuals by the latent: (m, k)."""
        import torch

        latent = point.latent.detach().clone().requires_grad_()
        logits = self.decode(latent).float() - point.level
        soft = torch.sigmoid(logits)
        if self.density is not None:  # the level moves with the latent, so that the softened density stays
            weight = (soft * (1 - soft)).detach()
            shift = (weight * logits).sum() / weight.sum().clamp(min=1e-12)
            soft = torch.sigmoid(logits - (shift - shift.detach()))
        pooled = torch.nn.functional.avg_pool3d(soft[None], 2)[0, 0] if soft.shape[-1] >= 32 else soft[0]
        density = pooled.detach().double().cpu().numpy().clip(1e-4, 1)
        solved = stiffness_and_gradient(density, tolerance=_TOLERANCE)
        stiffness = point.stiffness if point.usable else solved.stiffness
        factor = np.linalg.norm(stiffness) / max(float(np.linalg.norm(solved.stiffness)), 1e-12)
        _, slope = with_slopes(self.target, stiffness, float(point.voxels.mean()), self.kept)
        by_voxel = factor * solved.gradient[_ROWS, _COLUMNS]
        rows = []
        for row in slope:
            field = np.tensordot(row[:21], by_voxel, 1) + row[21] / by_voxel[0].size
            (found,) = torch.autograd.grad(pooled, latent, torch.from_numpy(field).to(pooled), retain_graph=True)
            rows.append(found.reshape(-1).double().cpu().numpy())
        return np.stack(rows)


def cut(logits: np.ndarray, density: float | None) -> tuple[Cell, float]:
    """Largest piece Bool (d, d, d) of logits above a level, and the level: 0, or such that the piece has `density`.

    Voxels of one value (of a symmetric cell) stay together.
    """
    if density is None:
        return _piece(logits > 0), 0.0
    ordered = np.sort(logits, axis=None)[::-1]
    wanted = round(density * logits.size)
    low, high = max(wanted, 1), logits.size  # the largest piece grows with the number of voxels
    while high - low > 1:
        middle = (low + high) // 2
        if _piece(logits >= ordered[middle - 1]).sum() < wanted:
            low = middle
        else:
            high = middle
    levels = [float(ordered[count - 1]) for count in (low, high)]
    pieces = [_piece(logits >= level) for level in levels]
    nearest = int(np.argmin([abs(int(piece.sum()) - wanted) for piece in pieces]))
    return pieces[nearest], levels[nearest]


def _piece(solid: Cell) -> Cell:
    if not solid.any():
        return solid
    kept = largest_pieces(np.packbits(solid[None], axis=-1))
    return np.unpackbits(kept, axis=-1, count=solid.shape[-1])[0].view(bool)


def _least_move(slopes: np.ndarray, off: np.ndarray) -> np.ndarray:
    """The shortest step (k,) that would undo the residuals (m,), were they linear; damped."""
    normal = slopes @ slopes.T
    damping = _DAMPING * max(float(np.trace(normal)), 1e-30)
    return -slopes.T @ np.linalg.solve(normal + damping * np.eye(len(off)), off)


def _like(move: np.ndarray, latent: Any) -> Any:
    import torch

    return torch.from_numpy(move).to(latent).reshape(latent.shape)
