import itertools
import math

import pytest
import torch

from voxplore.diffusion.vp import (
    ddim_step,
    log_snr,
    published_times,
    sample_snapped,
    self_conditioned_loss,
    signal_and_noise,
)


def fixed_noise(shape):
    return lambda: torch.randn(shape, generator=torch.Generator().manual_seed(0))


def test_signal_and_noise_are_those_of_the_closed_formula():
    """alpha^2 = 1 / (1 + exp(-log-SNR)) = exp(-(1e-4 + 10 t^2)), by hand."""
    for t in (0.0, 0.1, 0.3, 0.5, 0.7, 1.0):
        alpha, sigma = signal_and_noise(log_snr(torch.tensor(t, dtype=torch.float64)))
        assert float(alpha) == pytest.approx(math.exp(-(1e-4 + 10 * t**2) / 2), rel=1e-9)
        assert float(alpha) ** 2 + float(sigma) ** 2 == pytest.approx(1)


def test_the_published_times_are_ten_to_four_fifths_and_eight_to_none():
    times = published_times()
    assert len(times) == 19
    assert (times[0], times[-1]) == (1.0, 0.0)
    assert times[10] == pytest.approx(0.8)
    assert times[5] == pytest.approx(0.9)
    assert times[14] == pytest.approx(0.4)
    assert all(a > b for a, b in itertools.pairwise(times))


def test_one_step_is_its_formula():
    x_t, x_0 = torch.randn(2, 1, 3, 3, 3), torch.randn(2, 1, 3, 3, 3)
    found = ddim_step(x_t, x_0, (0.6, 0.8), (0.8, 0.6))
    torch.testing.assert_close(found, 0.8 * x_0 + 0.6 * (x_t - 0.6 * x_0) / 0.8)


def test_a_walk_of_two_steps_is_written_out_by_hand():
    """One step above the time of snapping, one below it, each shown the estimate before."""
    seen = []

    def denoise(x_t, last, level):
        seen.append((x_t.clone(), last.clone(), float(level[0])))
        return 0.3 * x_t + 0.1 * last

    noise = fixed_noise((2, 1, 2, 2, 2))
    found = sample_snapped(denoise, noise, [1.0, 0.6, 0.0], snap_below=0.7)
    first = noise()
    estimate = (0.3 * first).clamp(-1, 1)
    a, b = (math.exp(-(1e-4 + 10 * t**2) / 2) for t in (1.0, 0.6))
    epsilon = (first - a * estimate) / math.sqrt(1 - a**2)
    second = b * estimate + math.sqrt(1 - b**2) * epsilon
    torch.testing.assert_close(seen[1][0], second)
    torch.testing.assert_close(seen[1][1], estimate)
    assert torch.equal(found, torch.where(0.3 * second + 0.1 * estimate > 0, 1.0, -1.0))


def test_estimates_shown_below_the_time_of_snapping_are_plus_or_minus_one_and_so_is_the_end():
    shown = {}

    def denoise(x_t, last, level):
        # log-SNR = -log(expm1(1e-4 + 10 t^2)), solved for t.
        time = math.sqrt((math.log1p(math.exp(-float(level[0]))) - 1e-4) / 10)
        shown[round(time, 6)] = last
        return torch.tanh(x_t)

    found = sample_snapped(denoise, fixed_noise((2, 1, 4, 4, 4)), published_times())
    assert set(found.unique().tolist()) == {-1.0, 1.0}
    times = sorted(shown, reverse=True)
    for before, time in itertools.pairwise(times):
        binary = bool((shown[time].abs() == 1).all())
        assert binary == (before < 0.7), (before, time)


def test_without_snapping_the_end_is_what_was_estimated():
    found = sample_snapped(
        lambda x, last, level: 0.25 * torch.ones_like(x), fixed_noise((1, 4)), [1.0, 0.5, 0.0], snap_below=0
    )
    torch.testing.assert_close(found, torch.full((1, 4), 0.25))


def test_the_loss_shows_the_first_estimate_or_zeros():
    calls = []

    def denoise(x_t, last, level):
        calls.append((torch.is_grad_enabled(), last))
        return torch.full_like(x_t, 0.5)

    x_0 = torch.ones(3, 1, 2, 2, 2)
    assert float(self_conditioned_loss(denoise, x_0, share=1.0)) == pytest.approx(0.25)
    assert [grad for grad, _ in calls] == [False, True]
    assert not calls[0][1].any()
    assert (calls[1][1] == 0.5).all()
    calls.clear()
    self_conditioned_loss(denoise, x_0, share=0.0)
    assert len(calls) == 1
    assert not calls[0][1].any()


def test_a_denoiser_that_knows_the_two_cells_draws_one_of_them():
    """The best estimate for two equally likely cells is their mean weighted by likelihood."""
    cells = torch.where(torch.rand(2, 64, generator=torch.Generator().manual_seed(1)) > 0.5, 1.0, -1.0)

    def best(x_t, last, level):
        alpha, sigma = signal_and_noise(level[0])
        weights = ((alpha / sigma**2) * x_t @ cells.T).softmax(1)
        return weights @ cells

    found = sample_snapped(best, fixed_noise((20, 64)), published_times())
    assert all(any(torch.equal(cell, row) for cell in cells) for row in found)
