import pytest
import torch

from voxplore.latent import contrastive_loss, inter_potential, intra_potential, ras_loss, sink_potential

WEIGHTS = {"inter": 4.0, "intra": 4e-4, "sink": 1e-3, "softening": 0.1}


@pytest.fixture
def latents() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(7, 5, generator=generator).double(), torch.randn(6, 5, generator=generator).double() + 1


def test_potentials_equal_plain_loops_over_pairs(latents):
    pos, neg = latents
    inter = sum(1 / (a - b).norm() for a in pos for b in neg) / 42
    intra = sum(1 / (pos[i] - pos[j]).norm() for i in range(7) for j in range(i)) / 21
    assert inter_potential(pos, neg).item() == pytest.approx(float(inter))
    assert intra_potential(pos).item() == pytest.approx(float(intra))
    assert sink_potential(pos).item() == pytest.approx(float((pos**2).sum() / 35))


def test_the_force_between_classes_is_equation_3(latents):
    pos, neg = latents
    pos = pos.clone().requires_grad_()
    (force,) = torch.autograd.grad(-inter_potential(pos, neg), pos)
    expected = torch.stack([sum((a - b) / (a - b).norm() ** 3 for b in neg) for a in pos.detach()]) / 42
    torch.testing.assert_close(force, expected)


def test_the_forces_within_a_class_sum_to_zero(latents):
    pos = latents[0].clone().requires_grad_()
    (force,) = torch.autograd.grad(-intra_potential(pos), pos)
    torch.testing.assert_close(force.sum(0), torch.zeros(5).double(), atol=1e-12, rtol=0)


def test_the_sink_pulls_towards_the_origin(latents):
    pos = latents[0].clone().requires_grad_()
    (force,) = torch.autograd.grad(-sink_potential(pos), pos)
    torch.testing.assert_close(force, -2 * pos.detach() / 35)


def test_ras_is_the_weighted_sum_of_equation_8(latents):
    pos, neg = (part.float() for part in latents)
    expected = (
        4 * inter_potential(pos, neg, 0.1)
        + 4e-4 * (intra_potential(pos, 0.1) + intra_potential(neg, 0.1))
        + 1e-3 * (sink_potential(pos) + sink_potential(neg))
    )
    torch.testing.assert_close(ras_loss(pos, neg, **WEIGHTS), expected)


def test_ras_is_finite_where_latents_coincide():
    pos = torch.zeros(3, 4, requires_grad=True)
    value = ras_loss(pos, torch.zeros(3, 4), **WEIGHTS)
    value.backward()
    assert torch.isfinite(value)
    assert torch.isfinite(pos.grad).all()


def test_descending_ras_separates_the_classes_without_collapsing_either():
    """What Figure 4 shows: apart, and neither class a point."""
    generator = torch.Generator().manual_seed(1)
    points = torch.randn(2, 24, 2, generator=generator).requires_grad_()
    optimiser = torch.optim.Adam([points], 0.05)
    before = (points[0].mean(0) - points[1].mean(0)).norm().item()
    for _ in range(400):
        loss = ras_loss(points[0], points[1], inter=4.0, intra=0.4, sink=0.1, softening=0.1)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    apart = torch.cdist(points[0], points[1]).min().item()
    assert (points[0].mean(0) - points[1].mean(0)).norm().item() > before
    assert torch.pdist(points[0]).min().item() > 0.02
    assert points.abs().max().item() < 50
    assert apart > 0.2


def test_contrastive_loss_falls_when_the_classes_part():
    together = contrastive_loss(torch.ones(4, 3), torch.ones(4, 3))
    apart = contrastive_loss(torch.ones(4, 3), -torch.ones(4, 3))
    assert together.item() == pytest.approx(0.6931, abs=1e-3)
    assert apart < together


def test_contrastive_loss_equals_a_plain_loop_with_fewer_negatives(latents):
    positives, negatives = latents[0], latents[1][:3]
    losses = []
    for own, other in ((positives, negatives), (negatives, positives)):
        margins = [x @ other[i % len(other)] - x @ own[i - 1] for i, x in enumerate(own)]
        losses.append(torch.log1p(torch.stack(margins).exp()).mean())
    assert contrastive_loss(positives, negatives).item() == pytest.approx(float(sum(losses)) / 2)
