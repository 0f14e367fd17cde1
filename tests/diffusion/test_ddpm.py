import pytest
import torch

from voxplore.diffusion import diffusion_loss, empirical_denoiser, linear_schedule, sample
from voxplore.diffusion.ddpm import ancestral_step, posterior_deviation


def fixed_noise(shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return lambda: torch.randn(shape, generator=generator, dtype=torch.float64)


def test_alpha_bar_is_the_running_product_of_one_minus_beta():
    schedule = linear_schedule(1000)
    betas = [1e-4 + (0.02 - 1e-4) * t / 999 for t in range(1000)]
    product = 1.0
    for t, beta in enumerate(betas):
        product *= 1 - beta
        assert float(schedule.alpha_bar[t + 1]) == pytest.approx(product, rel=1e-12)


def test_one_step_between_neighbours_is_equation_2():
    schedule = linear_schedule(1000)
    x_t, epsilon = torch.randn(3, 4).double(), torch.randn(3, 4).double()
    t = 400
    ab_t, ab_s = float(schedule.alpha_bar[t]), float(schedule.alpha_bar[t - 1])
    beta = 1e-4 + (0.02 - 1e-4) * (t - 1) / 999
    expected = (x_t - beta / (1 - ab_t) ** 0.5 * epsilon) / (1 - beta) ** 0.5
    torch.testing.assert_close(ancestral_step(x_t, epsilon, ab_t, ab_s), expected)
    assert posterior_deviation(ab_t, ab_s) ** 2 == pytest.approx(beta * (1 - ab_s) / (1 - ab_t))


def test_a_ddim_step_keeps_the_predicted_noise():
    """With a perfect prediction DDIM walks straight to x_0."""
    schedule = linear_schedule(100)
    x_0 = torch.randn(5, 3).double()

    def perfect(x_t, time):
        alpha_bar = schedule.alpha_bar[round(float(time[0]) * 100)]
        return (x_t - alpha_bar.sqrt() * x_0) / (1 - alpha_bar).sqrt()

    for sampler in ("ddim", "dpm++", "ancestral"):
        found = sample(perfect, fixed_noise((5, 3)), schedule, steps=10, sampler=sampler)
        torch.testing.assert_close(found, x_0, atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("sampler", ["ancestral", "ddim", "dpm++"])
def test_samplers_draw_a_gaussian_whose_denoiser_is_known(sampler):
    """For x_0 ~ N(m, s^2) the best epsilon is linear in x_t."""
    schedule = linear_schedule(1000)
    m, s = 1.5, 0.5

    def best(x_t, time):
        alpha_bar = float(schedule.alpha_bar[round(float(time[0]) * 1000)])
        variance = alpha_bar * s**2 + 1 - alpha_bar
        return (x_t - alpha_bar**0.5 * m) * (1 - alpha_bar) ** 0.5 / variance

    drawn = sample(best, fixed_noise((20_000, 1)), schedule, steps=200, sampler=sampler)
    assert drawn.mean().item() == pytest.approx(m, abs=0.03)
    assert drawn.std().item() == pytest.approx(s, abs=0.03)


def test_velocity_and_epsilon_predictions_that_say_the_same_draw_the_same():
    schedule = linear_schedule(50)

    def epsilon(x_t, time):
        return 0.3 * x_t

    def velocity(x_t, time):
        alpha_bar = schedule.alpha_bar[round(float(time[0]) * 50)]
        signal, noise = alpha_bar.sqrt(), (1 - alpha_bar).sqrt()
        guess = 0.3 * x_t
        return signal * guess - noise * (x_t - noise * guess) / signal

    first = sample(epsilon, fixed_noise((4, 2)), schedule, steps=10, sampler="ddim")
    second = sample(velocity, fixed_noise((4, 2)), schedule, steps=10, sampler="ddim", prediction="velocity")
    torch.testing.assert_close(first, second)


def test_the_loss_of_the_empirical_denoiser_is_the_least():
    known = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
    schedule = linear_schedule(1000)
    best = empirical_denoiser(known, schedule)
    rows = known[torch.randint(0, 6, (512,), generator=torch.Generator().manual_seed(1))]
    each = [best(*pair) for pair in [(rows[:1], torch.tensor([0.5]))]]
    assert each[0].shape == (1, 4)

    def denoise(x_t, time):
        return torch.cat([best(x_t[i : i + 1], time[i : i + 1]) for i in range(len(x_t))])

    def worse(x_t, time):
        return 0.98 * denoise(x_t, time)

    losses = [
        diffusion_loss(d, rows, schedule, generator=torch.Generator().manual_seed(2)).item() for d in (denoise, worse)
    ]
    assert losses[0] < losses[1]


def test_the_empirical_denoiser_alone_draws_known_latents_again():
    known = torch.randn(20, 8, generator=torch.Generator().manual_seed(0)).double()
    schedule = linear_schedule(1000)
    drawn = sample(empirical_denoiser(known, schedule), fixed_noise((50, 8)), schedule, steps=50, sampler="dpm++")
    assert torch.cdist(drawn, known).min(1).values.max() < 1e-3


def test_a_prediction_of_the_sample_that_says_the_same_draws_the_same():
    schedule = linear_schedule(50)

    def epsilon(x_t, time):
        return 0.3 * x_t

    def x_0(x_t, time):
        alpha_bar = schedule.alpha_bar[round(float(time[0]) * 50)]
        return (x_t - (1 - alpha_bar).sqrt() * 0.3 * x_t) / alpha_bar.sqrt()

    first = sample(epsilon, fixed_noise((4, 2)), schedule, steps=10, sampler="ddim")
    second = sample(x_0, fixed_noise((4, 2)), schedule, steps=10, sampler="ddim", prediction="sample")
    torch.testing.assert_close(first, second)


def test_the_loss_of_a_prediction_of_the_sample_is_its_squared_error():
    x_0 = torch.full((3, 4), 2.0)
    loss = diffusion_loss(lambda x_t, time: torch.zeros_like(x_t), x_0, linear_schedule(50), "sample")
    assert loss.item() == pytest.approx(4.0)


def test_an_ancestral_step_of_variance_beta_is_its_formula():
    """Two steps of a schedule of two, written out; none is added at the end."""
    schedule = linear_schedule(2, 0.1, 0.3)
    noise = fixed_noise((3, 4))
    found = sample(lambda x_t, time: 0.5 * x_t, noise, schedule, steps=2, variance="beta")
    again = fixed_noise((3, 4))
    x, added = again(), again()
    x = (x - 0.3 / (1 - 0.9 * 0.7) ** 0.5 * 0.5 * x) / 0.7**0.5 + 0.3**0.5 * added
    x = (x - 0.1 / 0.1**0.5 * 0.5 * x) / 0.9**0.5
    torch.testing.assert_close(found, x)


def test_the_temperature_is_a_factor_on_the_random_part_of_a_step_alone():
    schedule = linear_schedule(2, 0.1, 0.3)
    plain, cold, still = (
        sample(lambda x_t, time: 0 * x_t, fixed_noise((3, 4)), schedule, steps=2, temperature=factor)
        for factor in (1.0, 0.5, 0.0)
    )
    torch.testing.assert_close(cold, (plain + still) / 2)
    start = fixed_noise((3, 4))()
    torch.testing.assert_close(still, start / 0.7**0.5 / 0.9**0.5)


def test_samples_of_a_gaussian_narrow_with_the_temperature():
    """The exact denoiser of N(0, 1): at temperature 1 samples have deviation 1, below it less."""
    schedule = linear_schedule(200)
    generator = torch.Generator().manual_seed(0)

    def exact(x_t, time):
        alpha_bar = float(schedule.alpha_bar[round(float(time[0]) * 200)])
        return (1 - alpha_bar) ** 0.5 * x_t

    found = [
        sample(exact, lambda: torch.randn(4000, 1, generator=generator), schedule, steps=200, temperature=factor).std()
        for factor in (1.0, 0.8)
    ]
    assert float(found[0]) == pytest.approx(1, abs=0.05)
    assert 0.75 < float(found[1]) < 0.9


def test_times_are_drawn_so_that_the_logarithm_of_the_noise_is_normal():
    """Seen through the denoiser, which is told the time: 20,000 drawn levels have the mean and deviation asked for."""
    schedule, told = linear_schedule(), []

    def denoiser(x_t, time):
        told.append(time)
        return torch.zeros_like(x_t)

    torch.manual_seed(0)
    diffusion_loss(denoiser, torch.zeros(20_000, 1), schedule, noise_levels=(-0.5, 0.8))
    t = (told[0] * schedule.steps).round().long()
    alpha_bar = schedule.alpha_bar[t]
    levels = 0.5 * ((1 - alpha_bar) / alpha_bar).log()
    assert float(levels.mean()) == pytest.approx(-0.5, abs=0.03)
    assert float(levels.std()) == pytest.approx(0.8, abs=0.03)


def test_levels_beyond_the_schedule_are_its_first_and_last_time():
    schedule = linear_schedule()
    assert schedule.at_noise(torch.tensor([-50.0, 50.0])).tolist() == [1, schedule.steps]
