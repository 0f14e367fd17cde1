"""Rectified flow (Liu et al., 2023; Lipman et al., 2023): straight paths from noise to data, and Euler's steps back.

x_t = (1 - t) x_0 + (s + (1 - s) t) epsilon with t from 0 (data) to 1 (noise) and a floor s of the noise; along it the
velocity is dx_t/dt = (1 - s) epsilon - x_0, which the network learns (Trellis: Xiang et al., 2025, published code).
"""

import itertools
from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["FLOOR", "euler_sample", "euler_times", "flow_loss", "logit_normal_times"]

#: s, the deviation of the noise that is left at t = 0 (published code).
FLOOR = 1e-5


def logit_normal_times(
    n: int,
    mean: float = 1.0,
    deviation: float = 1.0,
    generator: torch.Generator | None = None,
    device: torch.device | str | None = None,
) -> Tensor:
    """n times in (0, 1) whose logit is normal; mean 1, deviation 1 as in the published settings: noisy times more."""
    return torch.sigmoid(mean + deviation * torch.randn(n, generator=generator, device=device))


def flow_loss(
    network: Callable[[Tensor, Tensor], Tensor],
    x_0: Tensor,
    *,
    mean: float = 1.0,
    deviation: float = 1.0,
    floor: float = FLOOR,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Mean squared error of the velocity at logit-normal times; x_0 (n, ...) -> scalar."""
    home = generator.device if generator else x_0.device
    t = logit_normal_times(len(x_0), mean, deviation, generator, home).to(x_0)
    epsilon = torch.randn(x_0.shape, generator=generator, dtype=x_0.dtype, device=home).to(x_0.device)
    along = t.reshape(-1, *(1,) * (x_0.ndim - 1))
    x_t = (1 - along) * x_0 + (floor + (1 - floor) * along) * epsilon
    target = (1 - floor) * epsilon - x_0
    return (network(x_t, t).float() - target.float()).square().mean()


def euler_times(steps: int, rescale: float = 1.0) -> list[float]:
    """steps + 1 times from 1 to 0, evenly spaced, then t' = r t / (1 + (r - 1) t), which dwells on noise for r > 1."""
    even = [1 - k / steps for k in range(steps + 1)]
    return [rescale * t / (1 + (rescale - 1) * t) for t in even]


@torch.no_grad()
def euler_sample(
    network: Callable[[Tensor, Tensor], Tensor],
    noise: Tensor,
    *,
    steps: int,
    rescale: float = 1.0,
    on_step: Callable[[], None] = lambda: None,
) -> Tensor:
    """Follow the velocity from noise (n, ...) at t = 1 to data at t = 0. on_step is called after each step."""
    x_t = noise
    for t, s in itertools.pairwise(euler_times(steps, rescale)):
        x_t = x_t - (t - s) * network(x_t, torch.full((len(x_t),), t, device=x_t.device, dtype=x_t.dtype)).to(x_t.dtype)
        on_step()
    return x_t
