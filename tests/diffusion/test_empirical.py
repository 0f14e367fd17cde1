import itertools

import pytest
import torch

from voxplore.diffusion import (
    between_neighbours,
    empirical,
    empirical_denoiser,
    linear_schedule,
    neighbours_of_points,
    sample,
)
from voxplore.diffusion.closest_points import closest_points
from voxplore.diffusion.local_means import LocalMeans


def plain_denoiser(known, schedule):
    """The weighted mean written down, in double precision and over all points."""

    def denoise(x_t, time):
        alpha_bar = schedule.alpha_bar[round(float(time[0]) * schedule.steps)]
        y = x_t.double() / alpha_bar.sqrt()
        chance = torch.softmax(-torch.cdist(y, known.double()).square() * alpha_bar / (2 * (1 - alpha_bar)), 1)
        return ((y - chance @ known.double()) * (alpha_bar / (1 - alpha_bar)).sqrt()).to(x_t)

    return denoise


@pytest.mark.parametrize("spread", [0.3, 1.0, 3.0])
@pytest.mark.parametrize("sampler", ["dpm++", "ddim", "ancestral"])
def test_lists_of_few_points_give_the_mean_over_all_of_them_along_a_chain(spread, sampler):
    generator, schedule = torch.Generator().manual_seed(0), linear_schedule(1000)
    known = spread * torch.randn(3000, 12, generator=generator)
    fast, plain = empirical_denoiser(known, schedule), plain_denoiser(known, schedule)

    def both(x_t, time):
        found, wanted = fast(x_t, time), plain(x_t, time)
        torch.testing.assert_close(found, wanted, atol=2e-4, rtol=2e-4)
        return found

    sample(both, lambda: torch.randn(40, 12, generator=generator), schedule, steps=60, sampler=sampler)


def test_a_chain_that_jumps_elsewhere_is_not_answered_from_its_old_list():
    generator, schedule = torch.Generator().manual_seed(1), linear_schedule(1000)
    known = torch.randn(3000, 12, generator=generator)
    fast, plain = empirical_denoiser(known, schedule), plain_denoiser(known, schedule)
    for step in range(8):
        place = known[step * 300 : step * 300 + 20] + 0.05 * torch.randn(20, 12, generator=generator)
        for time in (torch.full((20,), 0.05), torch.full((20,), 0.04), torch.full((20,), 0.1)):
            torch.testing.assert_close(fast(place, time), plain(place, time), atol=2e-4, rtol=2e-4)


def test_where_noise_is_small_most_steps_look_at_lists_alone(monkeypatch):
    generator, schedule, looked = torch.Generator().manual_seed(2), linear_schedule(1000), []
    known = torch.randn(3000, 24, generator=generator)
    look = LocalMeans.look
    monkeypatch.setattr(LocalMeans, "look", lambda *given: looked.append(len(given[3])) or look(*given))
    noise = torch.randn(30, 24, generator=generator)
    sample(empirical_denoiser(known, schedule), lambda: noise, schedule, steps=200, sampler="dpm++")
    assert 30 <= sum(looked) <= 30 * 40


def test_a_thousand_steps_with_kept_guesses_end_where_exact_ones_do(monkeypatch):
    generator, schedule, means = torch.Generator().manual_seed(4), linear_schedule(1000), []
    known = torch.randn(400, 12, generator=generator)
    mean = empirical.mean_of_points
    monkeypatch.setattr(empirical, "mean_of_points", lambda *given: means.append(1) or mean(*given))
    noise, options = torch.randn(60, 12, generator=generator), {"steps": 1000, "sampler": "dpm++"}
    fast = sample(empirical_denoiser(known, schedule, keep=0.1), lambda: noise, schedule, **options)
    exact = sample(plain_denoiser(known, schedule), lambda: noise, schedule, **options)
    assert len(means) < 200
    assert (torch.cdist(fast, known).argmin(1) == torch.cdist(exact, known).argmin(1)).float().mean() > 0.95


@pytest.mark.parametrize("early", [0, 6])
def test_times_fall_from_all_noise_to_none_and_early_steps_are_long(early):
    times = linear_schedule(1000).times(16, early)
    steps = [t - s for t, s in itertools.pairwise(times)]
    assert (times[0], times[-1], len(times)) == (1000, 0, 17)
    assert min(steps) > 0
    assert not early or (times[early] == 200 and min(steps[:early]) > 5 * max(steps[early:]))


@pytest.mark.parametrize("steps", [7, 206, 207, 1000])
def test_no_time_is_visited_twice_however_many_steps_are_asked_for(steps):
    times = linear_schedule(1000).times(steps, 6)
    assert len(set(times)) == steps + 1


def test_the_nearest_points_are_those_of_all_distances():
    generator = torch.Generator().manual_seed(3)
    for m in (7, 200, 5000):
        points = torch.randn(m, 9, generator=generator)
        sought = torch.randn(300, 9, generator=generator)
        wanted = torch.cdist(sought.double(), points.double()).topk(3, largest=False).indices
        assert torch.equal(closest_points(sought, points, 3), wanted)


@pytest.mark.parametrize("count", [20, 50, 120])
def test_points_are_the_same_whether_their_neighbours_were_kept_or_are_found_anew(count):
    known = torch.randn(50, 6, generator=torch.Generator().manual_seed(0))
    kept = neighbours_of_points(known, count, 3, seed=5)
    assert kept.shape == (min(count, 50), 3)
    with_them = between_neighbours(known, count, 3, 2.0, 5, kept.int())
    without = between_neighbours(known, count, 3, 2.0, 5)
    assert all(map(torch.equal, with_them, without))


def test_a_point_lies_between_a_known_latent_and_its_nearest_others():
    known = torch.randn(50, 6, generator=torch.Generator().manual_seed(1))
    ids, weights = between_neighbours(known, 120, 3, 2.0, 0)
    nearest_others = torch.cdist(known, known).topk(3, largest=False).indices
    assert torch.equal(ids, nearest_others[ids[:, 0]])
    assert torch.allclose(weights.sum(1), torch.ones(120))
    assert ids[:, 0].bincount(minlength=50).min() >= 2
