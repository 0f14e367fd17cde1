"""Continuous-time variance-preserving diffusion of volumes in {-1, +1}: log-SNR, self-conditioning, snapped sampling.

At time t in [0, 1] a noisy volume is x_t = alpha x_0 + sigma epsilon with alpha^2 = sigmoid(log-SNR), sigma^2 =
sigmoid(-log-SNR). The denoiser predicts x_0 itself and is shown its own last estimate of it (Chen et al., "Analog
Bits", ICLR 2023); as Yang et al. (2024) use it, after LAS-Diffusion (Zheng et al., 2023).
"""

import itertools
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

__all__ = ["log_snr", "published_times", "sample_snapped", "self_conditioned_loss", "signal_and_noise", "snap"]

#: (noisy volumes x_t, estimate of x_0 or zeros, log-SNR (n,)) -> x_0.
Denoiser = Callable[[Tensor, Tensor, Tensor], Tensor]


def log_snr(t: Tensor) -> Tensor:
    """log(alpha^2 / sigma^2) at times t: -log(exp(1e-4 + 10 t^2) - 1) (published code, its "linear" schedule)."""
    return -torch.log(torch.expm1(1e-4 + 10 * t.square()))


def signal_and_noise(level: Tensor) -> tuple[Tensor, Tensor]:
    """(alpha, sigma) of log-SNRs."""
    return level.sigmoid().sqrt(), (-level).sigmoid().sqrt()


def published_times(first: int = 10, then: int = 8) -> list[float]:
    """Times of the uneven 18 steps: ten from 1 to 0.8, eight from there to 0 (published code)."""
    early = [1 - 0.2 * k / first for k in range(first)]
    return [*early, *(0.8 * (1 - k / then) for k in range(then + 1))]


def self_conditioned_loss(denoiser: Denoiser, x_0: Tensor, share: float = 0.5) -> Tensor:
    """Mean squared error of the estimate of x_0 (n, ...) at uniformly drawn times, without a weight; -> scalar.

    share: chance that this batch is shown a first estimate, made without gradient from none; else zeros.
    """
    level = log_snr(torch.rand(len(x_0), dtype=torch.float64, device=x_0.device)).to(x_0)
    alpha, sigma = (part.reshape(-1, *(1,) * (x_0.ndim - 1)) for part in signal_and_noise(level))
    x_t = alpha * x_0 + sigma * torch.randn(x_0.shape, dtype=x_0.dtype, device=x_0.device)
    estimate = torch.zeros_like(x_t)
    if float(torch.rand(())) < share:
        with torch.no_grad():
            estimate = denoiser(x_t, estimate, level).to(x_t.dtype)
    return (denoiser(x_t, estimate, level).float() - x_0).square().mean()


@torch.no_grad()
def sample_snapped(
    denoiser: Denoiser,
    noise: Callable[[], Tensor],
    times: Sequence[float],
    *,
    snap_below: float = 0.7,
    clamp: float = 1.0,
    on_step: Callable[[], None] = lambda: None,
) -> Tensor:
    """Draw x_0 by deterministic DDIM steps through decreasing `times`; returns the last estimate of x_0.

    snap_below: at times below it the estimate of x_0 becomes -1 or +1 before the step is taken and before it is shown
    to the next (published code); 0 never snaps. clamp: bound of the estimates.
    """
    x_t = noise()
    estimate = torch.zeros_like(x_t)
    levels = log_snr(torch.tensor(times, dtype=torch.float64))
    alphas, sigmas = signal_and_noise(levels)
    told = levels.to(x_t)
    for i, j in itertools.pairwise(range(len(times))):
        estimate = denoiser(x_t, estimate, told[i].expand(len(x_t))).to(x_t.dtype)
        estimate = snap(estimate) if times[i] < snap_below else estimate.clamp(-clamp, clamp)
        x_t = ddim_step(x_t, estimate, (float(alphas[i]), float(sigmas[i])), (float(alphas[j]), float(sigmas[j])))
        on_step()
    return estimate


def ddim_step(x_t: Tensor, x_0: Tensor, now: tuple[float, float], then: tuple[float, float]) -> Tensor:
    """x at the next time from an estimate of x_0; now, then: (alpha, sigma)."""
    epsilon = (x_t - now[0] * x_0) / now[1]
    return then[0] * x_0 + then[1] * epsilon


def snap(estimate: Tensor) -> Tensor:
    """+1 where positive, else -1."""
    return torch.where(estimate > 0, 1.0, -1.0).to(estimate.dtype)
