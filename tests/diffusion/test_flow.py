import itertools

import pytest
import torch

from voxplore.diffusion.flow import FLOOR, euler_sample, euler_times, flow_loss, logit_normal_times


def test_one_euler_step_is_its_formula():
    noise = torch.randn(3, 2, 4, 4, 4)
    seen = []

    def network(x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        seen.append(t.clone())
        return 2 * x + t.reshape(-1, 1, 1, 1, 1)

    found = euler_sample(network, noise, steps=2)
    half = noise - 0.5 * (2 * noise + 1)
    torch.testing.assert_close(found, half - 0.5 * (2 * half + 0.5))
    assert [float(t[0]) for t in seen] == [1.0, 0.5]


@pytest.mark.parametrize("steps", [1, 7])
@pytest.mark.parametrize("rescale", [1.0, 3.0])
def test_a_straight_path_is_followed_exactly(steps, rescale):
    """With one point of data the velocity is known: (x_t - x_0) / t, and any number of steps ends at the point."""
    point = torch.randn(1, 5, dtype=torch.float64)
    noise = torch.randn(4, 5, dtype=torch.float64)
    found = euler_sample(lambda x, t: (x - point) / t[:, None], noise, steps=steps, rescale=rescale)
    torch.testing.assert_close(found, point.expand(4, 5))


def test_times_run_from_one_to_zero_and_dwell_on_noise_when_rescaled():
    plain, dwelling = euler_times(10), euler_times(10, 3.0)
    assert plain[0] == dwelling[0] == 1
    assert plain[-1] == dwelling[-1] == 0
    assert all(a > b for a, b in itertools.pairwise(dwelling))
    assert all(d > p for p, d in zip(plain[1:-1], dwelling[1:-1], strict=True))


def test_the_velocity_of_the_true_path_has_no_loss():
    x_0 = torch.randn(6, 3, dtype=torch.float64)

    def truth(x_t: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        t = t[:, None]
        epsilon = (x_t - (1 - t) * x_0) / (FLOOR + (1 - FLOOR) * t)
        return (1 - FLOOR) * epsilon - x_0

    assert flow_loss(truth, x_0).item() == pytest.approx(0, abs=1e-9)


def test_a_network_that_says_nothing_loses_the_size_of_the_velocity():
    x_0 = torch.zeros(4000, 8)
    loss = flow_loss(lambda x, t: torch.zeros_like(x), x_0, generator=torch.Generator().manual_seed(0))
    assert loss.item() == pytest.approx(1, rel=0.02)


def test_times_are_logit_normal():
    times = logit_normal_times(20_000, 1.0, 0.5, torch.Generator().manual_seed(0)).double()
    assert times.logit().mean().item() == pytest.approx(1.0, abs=0.02)
    assert times.logit().std().item() == pytest.approx(0.5, abs=0.02)
