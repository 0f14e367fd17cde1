"""Discrete-time diffusion of vectors (Eq. 2): schedule, training target, ancestral and fewer-step samplers.

With alpha_bar_t = prod(1 - beta), a noisy latent is x_t = sqrt(alpha_bar_t) x_0 + sqrt(1 - alpha_bar_t) epsilon; Eq. 2
writes alpha_t for sqrt(alpha_bar_t). Every sampler visits an increasing subset of the T training times; with all T of
them the ancestral one is Eq. 2.
"""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor

__all__ = ["Guide", "Prediction", "Sampler", "Schedule", "Variance", "diffusion_loss", "linear_schedule", "sample"]

Prediction = Literal["epsilon", "velocity", "sample"]
Sampler = Literal["ancestral", "ddim", "dpm++"]
Variance = Literal["posterior", "beta"]

#: A guide maps (x_{t-1}, x_t, number of training steps that this step spans) to a displacement of x_{t-1}.
Guide = Callable[[Tensor, Tensor, int], Tensor]


@dataclass(frozen=True)
class Schedule:
    """alpha_bar: float64 (T + 1,), with alpha_bar[0] = 1 (no noise) and alpha_bar[t] after t steps."""

    alpha_bar: Tensor
    _copies: dict[torch.device, Tensor] = field(default_factory=dict, init=False, repr=False, compare=False)

    def on(self, device: torch.device) -> Tensor:
        """alpha_bar on a device, copied there once."""
        if device == self.alpha_bar.device:
            return self.alpha_bar
        if device not in self._copies:
            self._copies[device] = self.alpha_bar.to(device)
        return self._copies[device]

    @property
    def steps(self) -> int:
        """T, the number of training steps."""
        return len(self.alpha_bar) - 1

    def noise(self, t: int) -> float:
        """Noise relative to the signal, sqrt((1 - alpha_bar_t) / alpha_bar_t), at a time from 0 to T."""
        alpha_bar = float(self.alpha_bar[t])
        return ((1 - alpha_bar) / alpha_bar) ** 0.5

    def at_noise(self, level: Tensor) -> Tensor:
        """The first times from 1 to T, int64 (n,), at which log sqrt((1 - alpha_bar_t) / alpha_bar_t) reaches `level`
        (n,)."""
        alpha_bar = self.on(level.device)[1:]
        levels = 0.5 * ((1 - alpha_bar).log() - alpha_bar.log())
        return 1 + torch.searchsorted(levels, level.to(levels)).clamp(max=self.steps - 1)

    def times(self, n: int, early: int = 0) -> list[int]:
        """n + 1 times from T down to 0, evenly spaced in t.

        early: with more than 0, so many of the n steps lead from T to T / 5, the others from there to 0 (our choice):
        before that little of what is drawn is decided. Where there are fewer times than steps, all are evenly spaced.
        """
        if not 0 < early < n or n - early > self.steps // 5:
            return torch.linspace(self.steps, 0, n + 1).round().int().tolist()
        first = torch.linspace(self.steps, self.steps / 5, early + 1)[:-1]
        return torch.cat([first, torch.linspace(self.steps / 5, 0, n - early + 1)]).round().int().tolist()


def linear_schedule(steps: int = 1000, beta_first: float = 1e-4, beta_last: float = 0.02) -> Schedule:
    """beta_t rising linearly from `beta_first` to `beta_last` (published settings)."""
    betas = torch.linspace(beta_first, beta_last, steps, dtype=torch.float64)
    return Schedule(torch.cat([torch.ones(1, dtype=torch.float64), (1 - betas).cumprod(0)]))


def diffusion_loss(
    denoiser: Callable[[Tensor, Tensor], Tensor],
    x_0: Tensor,
    schedule: Schedule,
    prediction: Prediction = "epsilon",
    generator: torch.Generator | None = None,
    mask: Tensor | None = None,
    noise_levels: Sequence[float] = (),
) -> Tensor:
    """Mean squared error of the prediction at random times; x_0 (n, ...) -> scalar.

    mask: 0 or 1 (n, 1, ...); the mean is taken where it is 1. noise_levels: times are drawn so that the logarithm of
    sqrt((1 - alpha_bar_t) / alpha_bar_t) is normal with this mean and deviation (Karras et al., 2022); none: evenly.

    epsilon: the noise (paper). velocity: sqrt(alpha_bar_t) epsilon - sqrt(1 - alpha_bar_t) x_0 (our choice). sample:
    x_0 itself (our choice).
    """
    home = generator.device if generator else x_0.device
    if noise_levels:
        mean, deviation = noise_levels
        t = schedule.at_noise(mean + deviation * torch.randn(len(x_0), generator=generator, device=home))
    else:
        t = torch.randint(1, schedule.steps + 1, (len(x_0),), generator=generator, device=home)
    t = t.to(x_0.device)
    epsilon = torch.randn(x_0.shape, generator=generator, dtype=x_0.dtype, device=home).to(x_0.device)
    alpha_bar = schedule.on(x_0.device)[t].to(x_0).reshape(-1, *(1,) * (x_0.ndim - 1))
    signal, noise = alpha_bar.sqrt(), (1 - alpha_bar).sqrt()
    target = {"epsilon": epsilon, "velocity": signal * epsilon - noise * x_0, "sample": x_0}[prediction]
    guess = denoiser(signal * x_0 + noise * epsilon, (t / schedule.steps).to(x_0))
    error = (guess.float() - target.float()).square()
    return error.mean() if mask is None else (error.mean(1, keepdim=True) * mask).sum() / mask.sum().clamp(min=1)


@torch.no_grad()
def sample(
    denoiser: Callable[[Tensor, Tensor], Tensor],
    noise: Callable[[], Tensor],
    schedule: Schedule,
    *,
    steps: int,
    early: int = 0,
    sampler: Sampler = "ancestral",
    prediction: Prediction = "epsilon",
    variance: Variance = "posterior",
    temperature: float = 1.0,
    guide: Guide | None = None,
    on_step: Callable[[], None] = lambda: None,
) -> Tensor:
    """Draw x_0. `noise()` returns fresh standard normal numbers (n, ...), first for x_T, then for each random step.

    early: see `Schedule.times`. variance: of the random part of an ancestral step: that of x_{t-1} given x_t and x_0
    (Eq. 2), or beta_t, the other choice of Ho et al. (2020). temperature: factor on that random part; below 1 the
    likelier x_0 are drawn more often (our choice). guide: added to each x_{t-1}, the last term of Eq. 10.
    on_step is called after each step (progress).
    """
    x_t = noise()
    older: tuple[float, Tensor] | None = None  # (log-SNR / 2, x_0) of the step before, for the second-order solver
    times = schedule.times(steps, early)
    for t, s in itertools.pairwise(times):
        ab_t, ab_s = float(schedule.alpha_bar[t]), float(schedule.alpha_bar[s])
        guess = denoiser(x_t, torch.full((len(x_t),), t / schedule.steps, device=x_t.device, dtype=x_t.dtype))
        x_0, epsilon = _split(guess, x_t, ab_t, prediction)
        if sampler == "ancestral":
            x_s = ancestral_step(x_t, epsilon, ab_t, ab_s)
            deviation = posterior_deviation(ab_t, ab_s) if variance == "posterior" else (1 - ab_t / ab_s) ** 0.5
            x_s = x_s + temperature * deviation * noise() if s > 0 else x_s
        elif sampler == "ddim":
            x_s = ab_s**0.5 * x_0 + (1 - ab_s) ** 0.5 * epsilon
        else:
            x_s, older = _dpm_step(x_t, x_0, ab_t, ab_s, older)
        x_t = x_s if guide is None else x_s + guide(x_s, x_t, t - s)
        on_step()
    return x_t


def ancestral_step(x_t: Tensor, epsilon: Tensor, ab_t: float, ab_s: float) -> Tensor:
    """The mean of Eq. 2 from alpha_bar_t to alpha_bar_s; for neighbours beta is beta_t."""
    beta = 1 - ab_t / ab_s
    return (x_t - beta / (1 - ab_t) ** 0.5 * epsilon) / (1 - beta) ** 0.5


def posterior_deviation(ab_t: float, ab_s: float) -> float:
    """rho_t of Eq. 2: the standard deviation of x_s given x_t and x_0."""
    return ((1 - ab_t / ab_s) * (1 - ab_s) / (1 - ab_t)) ** 0.5


def _split(guess: Tensor, x_t: Tensor, ab_t: float, prediction: Prediction) -> tuple[Tensor, Tensor]:
    """(x_0, epsilon) that a prediction implies."""
    signal, noise = ab_t**0.5, (1 - ab_t) ** 0.5
    if prediction == "velocity":
        return signal * x_t - noise * guess, noise * x_t + signal * guess
    if prediction == "sample":
        return guess, (x_t - signal * guess) / noise
    return (x_t - noise * guess) / signal, guess


def _dpm_step(
    x_t: Tensor, x_0: Tensor, ab_t: float, ab_s: float, older: tuple[float, Tensor] | None
) -> tuple[Tensor, tuple[float, Tensor]]:
    """One step of DPM-Solver++(2M) (Lu et al., 2022), first order where there is no history and at the last step."""
    lambda_t = _half_log_snr(ab_t)
    if ab_s == 1.0:
        return x_0, (lambda_t, x_0)
    h = _half_log_snr(ab_s) - lambda_t
    direction = x_0
    if older is not None:
        r = (lambda_t - older[0]) / h
        direction = (1 + 1 / (2 * r)) * x_0 - older[1] / (2 * r)
    ratio = ((1 - ab_s) / (1 - ab_t)) ** 0.5
    shrink = torch.expm1(torch.tensor(-h, dtype=torch.float64)).item()
    return ratio * x_t - ab_s**0.5 * shrink * direction, (lambda_t, x_0)


def _half_log_snr(alpha_bar: float) -> float:
    return 0.5 * float(torch.logit(torch.tensor(alpha_bar, dtype=torch.float64)))
