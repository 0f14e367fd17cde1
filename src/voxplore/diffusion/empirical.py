"""The denoiser in closed form: the exact minimiser of the diffusion loss over a finite set of latents.

For known latents x_i, equally likely, the best guess of x_0 is their mean weighted by the chance of x_t under each,
softmax_i(-|x_t / sqrt(alpha_bar) - x_i|^2 / (2 (1 - alpha_bar) / alpha_bar)). It is what a network trained for ever
would become, and it costs no training. Left alone it draws the known latents again, which is the dilemma that Sec. 4.3
starts from. Two things lead away from them: short-range repulsion, and taking for x_i not the known latents but points
between near ones (the vicinal distribution of mixup, Zhang et al. 2018, kept local).
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from voxplore.diffusion.closest_points import closest_points
from voxplore.diffusion.ddpm import Schedule
from voxplore.diffusion.local_means import LocalMeans

__all__ = ["between_neighbours", "empirical_denoiser", "mean_of_neighbours", "mean_of_points", "neighbours_of_points"]


def empirical_denoiser(
    known: Tensor, schedule: Schedule, log_chance: Tensor | None = None, keep: float = 0.0
) -> Callable[[Tensor, Tensor], Tensor]:
    """A denoiser (x_t (n, l), t / T (n,)) -> epsilon (n, l) from known latents (m, l); all t of a call are one.

    log_chance: (n, m), how likely each known latent is for each chain, up to a constant; all alike by default. It
    makes the draw conditional, exactly: the guess of x_0 stays the best one.

    keep: for one batch along its way from noise to none. While its noise is so large that all points count, a guess is
    kept until the variance of the noise has shrunk by this share, as it hardly moves between so near steps; 0 never.
    """
    near = LocalMeans(known)
    kept: tuple[float, Tensor] | None = None

    def mean_of_all(y: Tensor, variance: float) -> Tensor:
        nonlocal kept
        if kept is None or len(kept[1]) != len(y) or not 0 < math.log(kept[0] / variance) < keep:
            kept = variance, mean_of_points(y, known, near.half_squares, variance, log_chance)
        return kept[1]

    def denoise(x_t: Tensor, time: Tensor) -> Tensor:
        alpha_bar = float(schedule.alpha_bar[round(float(time[0]) * schedule.steps)])
        signal, variance = alpha_bar**0.5, (1 - alpha_bar) / alpha_bar
        y = x_t / signal
        if variance > near.worth_a_look:
            means = mean_of_all(y, variance)
        elif log_chance is not None:
            means = mean_of_points(y, known, near.half_squares, variance, log_chance)
        else:
            settled, means = near.means(y, variance)
            others = torch.nonzero(~settled).flatten()
            if len(others):
                means[others] = near.look(y, variance, others)
        return (y - means) / variance**0.5

    return denoise


def mean_of_points(
    y: Tensor, points: Tensor, half_squares: Tensor, variance: float | Tensor, log_chance: Tensor | None
) -> Tensor:
    """The mean (n, l) of points (m, l), each weighed by the chance of y (n, l) under it.

    half_squares: |p|^2 / 2 of each point, (m,). variance: of the noise in y, one number or (n, 1). log_chance: (n, m),
    of each point beforehand.
    """
    # |y|^2 is the same for all points, and softmax does not see it: what is left of the distances is one product, and
    # the whole is what attention computes, block by block within the cache.
    offset = half_squares / -variance
    offset = offset.expand(len(y), -1) if log_chance is None else offset + log_chance
    y, scale = (y / variance, 1.0) if isinstance(variance, Tensor) else (y, 1 / variance)
    mean = functional.scaled_dot_product_attention(
        y[None, None], points[None, None], points[None, None], attn_mask=offset[None, None], scale=scale
    )
    return mean[0, 0]


def between_neighbours(
    known: Tensor, count: int, neighbours: int, concentration: float, seed: int, found: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """`count` points, each a random convex mean of one of the known latents (m, l) and its nearest others.

    neighbours: latents a mean, itself included. concentration: of the symmetric Dirichlet distribution of the weights;
    1 is uniform, more is nearer to the plain mean. The same seed gives the same points. found: what
    `neighbours_of_points` gives for the same, where that is at hand. Returns the numbers of the latents and their
    weights, int64 and float (count, neighbours): `mean_of_neighbours` makes the points.
    """
    generator = torch.Generator().manual_seed(seed)
    neighbours = min(neighbours, len(known))
    rows = _rows(len(known), count, generator)
    found = _found(known, rows, neighbours) if found is None else found.long()
    ids = found[rows] if count >= len(known) else found
    # Gamma variables over their sum are Dirichlet; the sum of k exponentials is a gamma variable of shape k.
    shape = max(1, round(concentration))
    uniform = torch.rand(count, neighbours, shape, generator=generator).clamp(min=1e-7)
    weights = -uniform.log().sum(2)
    return ids, (weights / weights.sum(1, keepdim=True)).to(known)


def neighbours_of_points(known: Tensor, count: int, neighbours: int, seed: int) -> Tensor:
    """The search of `between_neighbours`, all but a moment of its time: int64 (at most `count`, neighbours)."""
    rows = _rows(len(known), count, torch.Generator().manual_seed(seed))
    return _found(known, rows, min(neighbours, len(known)))


def _rows(known: int, count: int, generator: torch.Generator) -> Tensor:
    """The known latent that each point is near, (count,): all of them in turn, in random order."""
    return torch.cat([torch.randperm(known, generator=generator) for _ in range(-(-count // known))])[:count]


def _found(known: Tensor, rows: Tensor, neighbours: int) -> Tensor:
    """Nearest known latents of each one, or where there are fewer points than latents, of each point's."""
    return closest_points(known if len(rows) >= len(known) else known[rows], known, neighbours)


def mean_of_neighbours(values: Tensor, ids: Tensor, weights: Tensor) -> Tensor:
    """Values (m, ...) of the known latents -> of the points (count, ...)."""
    return (weights.reshape(*weights.shape, *(1,) * (values.ndim - 1)) * values[ids]).sum(1)
