"""The denoiser in closed form: the exact minimiser of the diffusion loss over a finite set of latents.

For known latents x_i, equally likely, the best guess of x_0 is their mean weighted by the chance of x_t under each,
softmax_i(-|x_t / sqrt(alpha_bar) - x_i|^2 / (2 (1 - alpha_bar) / alpha_bar)). It is what a network trained for ever
would become, and it costs no training. Left alone it draws the known latents again, which is the dilemma that Sec. 4.3
starts from; short-range repulsion is what leads away from them.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from voxplore.diffusion.ddpm import Schedule

__all__ = ["empirical_denoiser"]


def empirical_denoiser(known: Tensor, schedule: Schedule) -> Callable[[Tensor, Tensor], Tensor]:
    """A denoiser (x_t (n, l), t / T (n,)) -> epsilon (n, l) from known latents (m, l); all t of a call are one."""

    def denoise(x_t: Tensor, time: Tensor) -> Tensor:
        alpha_bar = float(schedule.alpha_bar[round(float(time[0]) * schedule.steps)])
        signal, variance = alpha_bar**0.5, 1 - alpha_bar
        distance = torch.cdist(x_t / signal, known)
        weights = torch.softmax(-distance.square() * (alpha_bar / (2 * variance)), dim=1)
        return (x_t - signal * (weights @ known)) / variance**0.5

    return denoise
