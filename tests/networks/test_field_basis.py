"""The smooth distance to the solid and its principal components."""

import numpy as np
import pytest
import torch
from scipy.ndimage import distance_transform_edt

from voxplore.data.synthetic.nets import build_nets
from voxplore.geometry import FLIPS
from voxplore.networks import FieldBasis, distance_field
from voxplore.networks.field_basis import _joined, _split

SUBGROUPS = (1, 0b10000001, 0b11000011, 0b11, 0b1111, 0b11111111)
ORDERS = ((0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0))


@pytest.fixture(scope="module")
def solid() -> torch.Tensor:
    return torch.from_numpy(build_nets(24, seed=3, resolution=16, workers=1).voxels()).float()


@pytest.fixture(scope="module")
def basis(solid) -> FieldBasis:
    basis = FieldBasis(side=16, components=48, whitening=0.7, edge=4)
    basis.start([distance_field(part, 0.5) for part in solid.split(10)], ORDERS)
    return basis


def test_the_field_is_the_sum_over_all_voxels_written_out():
    torch.manual_seed(0)
    solid = (torch.rand(2, 4, 4, 4) < 0.3).float()
    found = distance_field(solid, 0.7)
    places = np.stack(np.meshgrid(*3 * (np.arange(4),), indexing="ij"), -1).reshape(-1, 3)
    apart = np.abs(places[:, None] - places)
    r = np.sqrt((np.minimum(apart, 4 - apart) ** 2).sum(-1))
    wanted = -0.7 * np.log(solid.reshape(2, -1).double().numpy() @ np.exp(-r / 0.7))
    np.testing.assert_allclose(found.reshape(2, -1).numpy(), wanted, atol=1e-5)


def test_outside_the_solid_the_field_follows_the_distance(solid):
    """Against an exact Euclidean distance of the cell and its images; correlated to .9 in every cell."""
    for cell, field in zip(solid.numpy(), distance_field(solid, 0.5).numpy(), strict=True):
        tiled = np.tile(cell, (3, 3, 3)) > 0.5
        distance = distance_transform_edt(~tiled)[16:32, 16:32, 16:32]
        outside = cell < 0.5
        assert np.corrcoef(distance[outside], field[outside])[0, 1] > 0.9


def test_a_void_and_a_full_cell_have_finite_fields():
    assert distance_field(torch.stack([torch.zeros(8, 8, 8), torch.ones(8, 8, 8)]), 0.5).isfinite().all()


def test_even_and_odd_parts_are_an_orthonormal_split():
    torch.manual_seed(0)
    fields = torch.randn(3, 8, 8, 8, dtype=torch.float64)
    parts = _split(fields)
    torch.testing.assert_close(_joined(parts), fields)
    torch.testing.assert_close(parts.square().sum((1, 2)), fields.square().sum((1, 2, 3)))
    odd_along_x = _joined(torch.where(torch.arange(8)[:, None] == 4, parts, 0.0))
    torch.testing.assert_close(odd_along_x.flip(1), -odd_along_x)
    torch.testing.assert_close(odd_along_x.flip(2), odd_along_x)


@pytest.mark.parametrize("group", SUBGROUPS)
def test_latents_of_some_flips_make_fields_with_these_flips(basis, group):
    torch.manual_seed(0)
    fields = basis.fields(torch.randn(2, basis.length(group)), group)
    for k in range(8):
        if group >> k & 1:
            turned = fields.flip([1 + axis for axis in range(3) if FLIPS[k][axis]])
            torch.testing.assert_close(turned, fields, atol=1e-5, rtol=0)


@pytest.mark.parametrize("group", SUBGROUPS)
def test_latents_come_back_from_fields_and_from_patches(basis, group):
    torch.manual_seed(0)
    latents = torch.randn(3, basis.length(group))
    torch.testing.assert_close(basis.latents(basis.fields(latents, group), group), latents, atol=1e-4, rtol=0)
    torch.testing.assert_close(basis.gathered(basis.spread(latents, group), group), latents, atol=1e-4, rtol=0)


def test_the_components_are_those_of_all_orientations_and_mirror_images(basis, solid):
    """Against numpy's singular values of every cell in 48 orientations; the spread falls from the first to the last."""
    fields = distance_field(solid, 0.5)
    turned = [fields.permute(0, *(1 + a for a in order)) for order in ORDERS]
    axes = [[1 + a for a in range(3) if k >> (2 - a) & 1] for k in range(8)]
    every = torch.stack([part.flip(flipped) for part in turned for flipped in axes]).reshape(-1, 16**3).double()
    values = torch.linalg.svdvals(every - every.mean(0))[:48] / len(every) ** 0.5
    np.testing.assert_allclose(basis.deviations.numpy(), values.numpy(), rtol=2e-3)
    assert (basis.deviations.diff() <= 0).all()


def test_latents_of_training_cells_have_about_unit_size_and_whitening_evens_them(solid):
    sizes = []
    for whitening in (0.0, 1.0):
        basis = FieldBasis(side=16, components=32, whitening=whitening, edge=4)
        fields = distance_field(solid, 0.5)
        basis.start([fields], ORDERS)
        latents = torch.cat([basis.latents(fields.permute(0, *(1 + a for a in o)), 1) for o in ORDERS])
        assert float(latents.square().mean()) == pytest.approx(1.0, abs=0.02)
        sizes.append(latents.square().mean(0).sqrt())
    assert float(sizes[0].max() / sizes[0].min()) > 3
    assert float(sizes[1].max() / sizes[1].min()) < 1.5
