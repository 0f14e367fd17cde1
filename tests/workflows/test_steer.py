"""Slopes of the residuals, and steps of a latent through a decoder that can be written down."""

import numpy as np
import pytest
import torch

from voxplore.mechanics import effective_stiffness
from voxplore.workflows.steer import _with_slopes, residuals, steer
from voxplore.workflows.surrogate import Surrogate, r_squared
from voxplore.workflows.targets import Target, parse_target

D = 12


def beams(latent: torch.Tensor) -> torch.Tensor:
    """Three crossing square bars whose half widths in voxels are the latent (1, 3): logits (1, D, D, D)."""
    at = (torch.arange(D) - (D - 1) / 2).abs()
    near = [2 * (latent[0, axis] - at) for axis in range(3)]
    x = torch.minimum(near[0][:, None], near[0][None, :])[None].expand(D, D, D)
    y = torch.minimum(near[1][:, None], near[1][None, :])[:, None].expand(D, D, D)
    z = torch.minimum(near[2][:, None], near[2][None, :])[:, :, None].expand(D, D, D)
    return torch.logsumexp(torch.stack([x, y, z]) * 4, 0)[None] / 4


def stiffness_at(latent: torch.Tensor) -> np.ndarray:
    return effective_stiffness((beams(latent)[0] > 0).numpy())


def test_slopes_of_the_residuals_are_those_of_differences_at_another_step():
    stiffness = stiffness_at(torch.tensor([[3.0, 2.0, 2.6]]))
    target = parse_target("young_x=0.05, poisson_xy<-0.1, relative_density=0.4")
    off, slope = _with_slopes(target, stiffness, 0.3, None)
    assert off.shape == (3,)
    change = np.zeros((6, 6))
    change[0, 1] = change[1, 0] = 1e-3 * stiffness.max()
    moved = residuals(target, stiffness[None] + change, np.array([0.3]), None)[0]
    assert moved - off == pytest.approx(slope[:, 1] * change[0, 1], rel=0.05, abs=1e-9)
    assert slope[2] == pytest.approx([0] * 21 + [1 / 0.4], abs=1e-6)


def test_steps_come_near_to_a_stiffness_that_the_decoder_can_give():
    start, wanted = torch.tensor([[2.6, 2.6, 2.6]]), torch.tensor([[2.6, 2.6, 4.6]])
    target = Target(stiffness=tuple(stiffness_at(wanted).ravel()))
    found = steer(beams, start, target, stiffness_at(start), steps=8)
    assert found is not None
    assert found.end < 0.3 * found.start
    before, after = (
        np.linalg.norm(effective_stiffness(cell) - np.reshape(target.stiffness, (6, 6)))
        for cell in ((beams(start)[0] > 0).numpy(), found.voxels)
    )
    assert after < 0.6 * before


def test_where_no_condition_names_the_density_it_is_kept():
    start = torch.tensor([[3.1, 3.1, 3.1]])
    wanted = parse_target("young_z>=0.4")
    found = steer(beams, start, wanted, stiffness_at(start), steps=8)
    assert found is not None
    before = (beams(start)[0] > 0).float().mean().item()
    assert found.voxels.mean() == pytest.approx(before, rel=0.25)
    assert effective_stiffness(found.voxels)[2, 2] > stiffness_at(start)[2, 2]


def test_a_latent_that_is_there_already_is_left_alone():
    start = torch.tensor([[2.6, 2.6, 2.6]])
    assert steer(beams, start, parse_target("young_z>=0.0001"), stiffness_at(start)) is None


def test_the_surrogate_predicts_the_stiffness_of_cells_that_it_has_not_seen():
    from voxplore.mechanics import properties_of
    from voxplore.unitcells import UnitCells

    rng = np.random.default_rng(0)
    latents = torch.from_numpy(rng.uniform(1.6, 4.4, (80, 1, 3)).astype(np.float32))
    cells = UnitCells.from_voxels(np.stack([(beams(latent)[0] > 0).numpy() for latent in latents]))
    solved = properties_of(cells, workers=1)
    seen = {name: column[:56] for name, column in solved.items()}
    predicted = Surrogate.fit(cells[:56], seen).predict(cells[56:])
    assert r_squared(predicted["C33"], solved["C33"][56:]) > 0.9
    assert r_squared(np.full(24, solved["C33"][56:].mean()), solved["C33"][56:]) == pytest.approx(0, abs=1e-9)
