"""Slopes of the residuals, and steps of a latent through a decoder that can be written down."""

import numpy as np
import pytest
import torch

from voxplore.kernels import periodic_components
from voxplore.mechanics import effective_stiffness
from voxplore.unitcells import UnitCells
from voxplore.workflows.residuals import residuals, with_slopes
from voxplore.workflows.search import _alike, in_order
from voxplore.workflows.steer import cut, steer
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


def steered(start: torch.Tensor, target: Target, **how):
    return steer(beams, start, target, effective_stiffness, **how)


def test_slopes_of_the_residuals_are_those_of_differences_at_another_step():
    stiffness = stiffness_at(torch.tensor([[3.0, 2.0, 2.6]]))
    target = parse_target("young_x=0.05, poisson_xy<-0.1, relative_density=0.4")
    off, slope = with_slopes(target, stiffness, 0.3, None)
    assert off.shape == (3,)
    change = np.zeros((6, 6))
    change[0, 1] = change[1, 0] = 1e-3 * stiffness.max()
    moved = residuals(target, stiffness[None] + change, np.array([0.3]), None)[0]
    assert moved - off == pytest.approx(slope[:, 1] * change[0, 1], rel=0.05, abs=1e-9)
    assert slope[2] == pytest.approx([0] * 21 + [1 / 0.4], abs=1e-6)


def test_steps_come_near_to_a_stiffness_that_the_decoder_can_give():
    start, wanted = torch.tensor([[2.6, 2.6, 2.6]]), torch.tensor([[2.6, 2.6, 4.6]])
    target = Target(stiffness=tuple(stiffness_at(wanted).ravel()))
    found = steered(start, target, steps=8)
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
    found = steered(start, wanted, steps=8)
    assert found is not None
    before = (beams(start)[0] > 0).float().mean().item()
    assert found.voxels.mean() == pytest.approx(before, rel=0.25)
    assert effective_stiffness(found.voxels)[2, 2] > stiffness_at(start)[2, 2]


def test_a_latent_that_is_there_already_is_left_alone():
    start = torch.tensor([[2.6, 2.6, 2.6]])
    assert steered(start, parse_target("young_z>=0.0001")) is None


def test_where_a_density_is_asked_for_the_cell_has_it_and_the_modulus_beside_it():
    start = torch.tensor([[2.6, 2.6, 2.6]])
    found = steered(start, parse_target("relative_density=0.35, young_z=0.3"), steps=10)
    assert found is not None
    assert found.voxels.mean() == pytest.approx(0.35, abs=0.02)  # mirrored voxels of 12^3 come by the dozen
    assert 1 / np.linalg.inv(effective_stiffness(found.voxels))[2, 2] == pytest.approx(0.3, rel=0.15)


def test_no_step_goes_to_a_cell_that_is_of_no_use():
    start, wanted = torch.tensor([[2.6, 2.6, 2.6]]), parse_target("young_z>=0.5")
    seen = []

    def usable(voxels: np.ndarray) -> bool:
        seen.append(voxels.mean())
        return voxels.mean() < 0.5

    found = steered(start, wanted, steps=8, usable=usable)
    assert found is None or found.voxels.mean() < 0.5
    assert len(seen) > 1


@pytest.mark.parametrize("density", [0.1, 0.35])
def test_cut_at_a_density_no_level_gives_a_largest_piece_that_is_nearer(density, rng):
    field = torch.nn.functional.avg_pool3d(torch.from_numpy(rng.normal(size=(1, 10, 10, 10))), 3, 1)[0].numpy()
    voxels, level = cut(field, density)
    every = [periodic_components(field >= one).sizes[0] / field.size for one in np.sort(field, axis=None)]
    assert abs(voxels.mean() - density) == pytest.approx(np.abs(np.array(every) - density).min())
    assert not (voxels & (field < level)).any()


def test_the_distance_from_isotropy_is_nothing_for_an_isotropic_tensor_and_known_for_a_cubic_one():
    isotropic = np.diag([2.0, 2, 2, 0, 0, 0]) + np.diag([0, 0, 0, 1.0, 1, 1])
    isotropic[:3, :3] += 0.5
    target = parse_target("universal_anisotropy<=0")
    assert residuals(target, isotropic[None], np.array([0.3]), None) == pytest.approx(0, abs=1e-12)
    cubic = isotropic + np.diag([0, 0, 0, 0.6, 0.6, 0.6])
    off = residuals(target, cubic[None], np.array([0.3]), None)[0]
    weights = np.sqrt([1, 1, 1, 2, 2, 2])
    norm = np.linalg.norm(cubic * weights[:, None] * weights)
    # Shear 1.6 and 1: nearest is (2 * 1 + 3 * 1.6) / 5; its distance, squared: 3 of the shears, 2 of the rest.
    apart = np.sqrt(2 * (2 * 0.36) ** 2 + 3 * (2 * 0.24) ** 2)
    assert np.linalg.norm(off) == pytest.approx(apart / norm)


def test_the_surrogate_predicts_the_stiffness_of_cells_that_it_has_not_seen():
    from voxplore.mechanics import properties_of, stiffness_of
    from voxplore.unitcells import UnitCells

    rng = np.random.default_rng(0)
    latents = torch.from_numpy(rng.uniform(1.6, 4.4, (80, 1, 3)).astype(np.float32))
    cells = UnitCells.from_voxels(np.stack([(beams(latent)[0] > 0).numpy() for latent in latents]))
    solved = properties_of(cells, workers=1)
    seen = {name: column[:56] for name, column in solved.items()}
    predicted = Surrogate.fit(cells[:56], seen).predict(cells[56:])
    assert r_squared(predicted["C33"], solved["C33"][56:]) > 0.9
    assert r_squared(predicted["young_hill"], solved["young_hill"][56:]) > 0.9
    assert np.linalg.eigvalsh(stiffness_of(predicted)).min() > 0
    assert r_squared(np.full(24, solved["C33"][56:].mean()), solved["C33"][56:]) == pytest.approx(0, abs=1e-9)


def test_the_surrogate_tells_cells_of_one_density_apart():
    from voxplore.mechanics import properties_of
    from voxplore.unitcells import UnitCells

    rng = np.random.default_rng(1)
    latents = torch.from_numpy(rng.uniform(1.6, 4.4, (60, 1, 3)).astype(np.float32))
    voxels = np.stack([cut(beams(latent)[0].numpy(), 0.25)[0] for latent in latents])
    cells = UnitCells.from_voxels(voxels)
    solved = properties_of(cells, workers=1)
    seen = {name: column[:44] for name, column in solved.items()}
    predicted = Surrogate.fit(cells[:44], seen, 1).predict(cells[44:], 1)
    assert np.ptp(cells.relative_density()) < 0.05
    assert np.corrcoef(predicted["C11"], solved["C11"][44:])[0, 1] > 0.9


def test_where_isotropy_is_asked_for_mirrored_cells_come_first_and_become_cubic(rng):
    """Of whatever field with three mirror planes: the stiffness of the averaged one has three numbers."""
    octant = rng.normal(size=(4, 4, 4))
    whole = np.pad(octant, ((0, 4),) * 3, mode="symmetric")
    field = torch.from_numpy(whole)[None]
    averaged = _alike(lambda latent: latent)(field)[0].numpy()
    solid = averaged > np.quantile(averaged, 0.5)
    tensor = effective_stiffness(solid[None])[0]
    cubic = np.zeros((6, 6))
    cubic[:3, :3] = tensor[0, 1]
    cubic[range(6), range(6)] = [tensor[0, 0]] * 3 + [tensor[3, 3]] * 3
    np.testing.assert_allclose(tensor, cubic, atol=1e-4 * tensor[0, 0])

    mirrored = field[0].numpy() > 0
    other = rng.random((8, 8, 8)) > 0.5
    cells = UnitCells.from_voxels(np.stack([other, mirrored, other[::-1], mirrored.transpose(1, 2, 0)]))
    misses = np.array([0.1, 0.9, 0.05, 0.8])
    found = in_order(cells, misses, parse_target("universal_anisotropy<0.01"), workers=1).tolist()
    assert sorted(found[:2]) == [1, 3]
    assert found[2:] == [2, 0]
    assert in_order(cells, misses, parse_target("young_hill=0.1")).tolist() == [2, 0, 3, 1]
