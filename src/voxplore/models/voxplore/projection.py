"""Guesses of x_0 that are latents of cells (our choice): while noise is small, each guess is decoded, cut and encoded.

A denoiser's guess is a mean of latents that fit, and of thin struts a mean is no latent of a cell: they fade. An
autoencoder has learned what cells look like; what it makes of such a guess, encoded again, is nearer to one. The
denoiser then goes on from there, so that what a projection breaks can still be mended.
"""

from collections.abc import Callable, Sequence

from torch import Tensor

from voxplore.diffusion import Schedule
from voxplore.diffusion.ddpm import Prediction

__all__ = ["with_projection"]

Denoiser = Callable[[Tensor, Tensor], Tensor]


def with_projection(
    denoise: Denoiser,
    project: Callable[[Tensor, float], Tensor],
    schedule: Schedule,
    prediction: Prediction,
    between: Sequence[float],
) -> Denoiser:
    """A denoiser (x_t (n, k), t / T (n,)) -> the prediction (n, k) for samplers, all t of a call alike.

    project: (latents (n, k), noise relative to the signal) -> latents of what they are decoded to. between: two
    numbers; it is applied to guesses at noise, sqrt((1 - alpha_bar_t) / alpha_bar_t), between them.
    """

    def projected(x_t: Tensor, time: Tensor) -> Tensor:
        guess = denoise(x_t, time)
        alpha_bar = schedule.on(x_t.device)[(time * schedule.steps).round().long()].float()[:, None]
        signal, noise = alpha_bar.sqrt(), (1 - alpha_bar).sqrt()
        level = float(noise[0] / signal[0])
        if not between[0] < level < between[1]:
            return guess
        means = {"velocity": signal * x_t - noise * guess, "epsilon": (x_t - noise * guess) / signal, "sample": guess}
        x_0 = project(means[prediction], level)
        epsilon = (x_t - signal * x_0) / noise
        return {"velocity": signal * epsilon - noise * x_0, "epsilon": epsilon, "sample": x_0}[prediction].to(x_t)

    return projected
