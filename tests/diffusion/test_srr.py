import math

import pytest
import torch

from voxplore.diffusion import repulsion, srr_guide
from voxplore.diffusion.neighbour_list import NeighbourList, median_nearest_distance


@pytest.fixture
def known() -> torch.Tensor:
    return torch.randn(400, 6, generator=torch.Generator().manual_seed(0)).double()


def plain_sum(x, known, tau, cap=math.inf):
    """Eq. 10's sum, a loop over known latents."""
    total = torch.zeros_like(x)
    for k, chain in enumerate(x):
        for point in known:
            d = (chain - point).norm().item()
            if 0 < d < tau:
                total[k] += (point - chain) / d * max(1 / math.log(1 - d / tau), -cap)
    return total


def test_repulsion_equals_the_plain_sum_of_equation_10(known):
    x = torch.randn(5, 6, generator=torch.Generator().manual_seed(1)).double()
    torch.testing.assert_close(repulsion(x, known, tau=2.0), plain_sum(x, known, 2.0))


def test_the_force_points_away_and_vanishes_at_tau():
    origin = torch.zeros(1, 3)
    near = repulsion(torch.tensor([[0.5, 0.0, 0.0]]), origin, tau=1.0)
    assert near[0, 0] > 0
    assert near[0, 1:].abs().max() == 0
    assert near[0, 0].item() == pytest.approx(-1 / math.log(0.5))
    assert repulsion(torch.tensor([[1.0, 0.0, 0.0]]), origin, tau=1.0).abs().max() == 0
    assert repulsion(torch.tensor([[2.0, 0.0, 0.0]]), origin, tau=1.0).abs().max() == 0


def test_the_cap_holds_the_force_next_to_a_known_latent():
    force = repulsion(torch.tensor([[1e-6, 0.0]]), torch.zeros(1, 2), tau=1.0, cap=3.0)
    assert force.norm().item() == pytest.approx(3.0)


def test_on_top_of_a_known_latent_the_direction_is_fixed_by_its_number():
    point = torch.ones(1, 4)
    first = repulsion(point, point, tau=1.0, cap=2.0)
    assert first.norm().item() == pytest.approx(2.0, rel=1e-5)
    assert torch.equal(first, repulsion(point.clone(), point, tau=1.0, cap=2.0))


@pytest.mark.parametrize("search", ["list", "clusters"])
@pytest.mark.parametrize("tau", [0.3, 1.5, 3.0, 20.0])
def test_every_search_gives_the_full_sum_along_a_walk(known, search, tau):
    generator = torch.Generator().manual_seed(3)
    x = 3 * torch.randn(9, 6, generator=generator).double()
    options = {"strength": 1.0, "every": 1, "cap": 5.0}
    fast = srr_guide(known, tau, search=search, **options)
    full = srr_guide(known, tau, search="all", **options)
    for _ in range(15):
        torch.testing.assert_close(fast(x, x, 1), full(x, x, 1), atol=1e-9, rtol=1e-9)
        x = 0.9 * x + 0.2 * torch.randn(9, 6, generator=generator).double()


def test_the_neighbour_list_scans_less_often_than_it_is_asked(known):
    near = NeighbourList(known, tau=0.5)
    x = torch.randn(20, 6, generator=torch.Generator().manual_seed(4)).double()
    for _ in range(50):
        near.within_reach(x)
        x = x + 0.002
    assert near.scans <= 5


def test_a_step_that_spans_many_training_steps_is_pushed_that_many_times(known):
    x = torch.zeros(2, 6).double()
    once = srr_guide(known, 3.0, strength=0.1, every=5, cap=10.0)(x, x, 5)
    twenty = srr_guide(known, 3.0, strength=0.1, every=5, cap=10.0)(x, x, 100)
    torch.testing.assert_close(20 * once, twenty)
    assert srr_guide(known, 3.0, strength=0.1, every=5, cap=10.0)(x, x, 4).abs().max() == 0


def test_the_unit_of_tau_is_the_median_distance_to_the_nearest_other(known):
    distances = torch.cdist(known, known).fill_diagonal_(math.inf).min(1).values
    assert median_nearest_distance(known) == pytest.approx(float(distances.median()))


@pytest.mark.parametrize("beyond", [0.0, 3.0])
def test_no_known_latent_within_tau_is_left_out_of_the_pairs(beyond):
    """Latents on a plane in 12 dimensions, at the origin and away from it, where products of floats lose digits."""
    generator = torch.Generator().manual_seed(5)
    known = torch.nn.functional.pad(torch.randn(4000, 3, generator=generator), (0, 9)) + beyond
    near, tau = NeighbourList(known, tau=0.25), 0.25
    noise, seen = torch.randn(50, 12, generator=generator), 0
    for scale in torch.linspace(0.3, 0.0, 20).tolist():
        x = known[:50] + scale * noise
        chain, ids = near.within_reach(x)
        found = set(zip(chain.tolist(), ids.tolist(), strict=True))
        within = torch.nonzero(torch.cdist(x.double(), known.double()) < tau).tolist()
        assert all((row, other) in found or row in near.overfull for row, other in within)
        seen += len(within)
    assert seen > 100


def test_the_sum_is_the_same_to_the_last_digit_whatever_was_looked_at_before(known):
    known, options = known.float(), {"strength": 1.0, "every": 1, "cap": 5.0}
    x = 0.5 * torch.randn(9, 6, generator=torch.Generator().manual_seed(6))
    walked, fresh = srr_guide(known, 0.6, **options), srr_guide(known, 0.6, **options)
    for step in range(10):
        walked(x + 0.01 * step, x + 0.01 * step, 1)
    assert torch.equal(walked(x, x, 1), fresh(x, x, 1))
