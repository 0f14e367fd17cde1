import itertools

import numpy as np
import pytest
import torch
from torch.nn import functional

from voxplore.networks.masked3d import (
    MaskedConv3d,
    MaskedGroupNorm,
    coordinates,
    dilated,
    masked_max_pool,
    masked_mean_pool,
    plain_parents,
    subdivide,
)


@pytest.fixture
def volume() -> tuple[torch.Tensor, torch.Tensor]:
    """Features (2, 4, 6, 6, 6), zero outside a random mask; the mask."""
    torch.manual_seed(0)
    mask = (torch.rand(2, 1, 6, 6, 6) < 0.3).float()
    return torch.randn(2, 4, 6, 6, 6) * mask, mask


def active(mask: torch.Tensor) -> list[tuple[int, ...]]:
    return [tuple(map(int, row)) for row in mask[:, 0].nonzero()]


def test_a_masked_convolution_equals_gather_multiply_scatter(volume):
    features, mask = volume
    layer = MaskedConv3d(4, 5)
    weight, bias = layer.conv.weight.detach(), layer.conv.bias.detach()
    expected = torch.zeros(2, 5, 6, 6, 6)
    stored = {place: features[place[0], :, *place[1:]] for place in active(mask)}
    for n, x, y, z in stored:
        total = bias.clone()
        for i, j, k in itertools.product(range(3), repeat=3):
            neighbour = stored.get((n, x + i - 1, y + j - 1, z + k - 1))
            if neighbour is not None:
                total += weight[:, :, i, j, k] @ neighbour
        expected[n, :, x, y, z] = total
    torch.testing.assert_close(layer(features, mask), expected)


def test_masked_group_norm_takes_its_statistics_over_active_voxels(volume):
    features, mask = volume
    layer = MaskedGroupNorm(4, groups=2)
    torch.nn.init.normal_(layer.weight)
    torch.nn.init.normal_(layer.bias)
    found = layer(features, mask)
    for n in range(2):
        places = mask[n, 0].bool()
        gathered = features[n][:, places][None]
        expected = functional.group_norm(gathered, 2, layer.weight, layer.bias, 1e-5)[0]
        torch.testing.assert_close(found[n][:, places], expected)
    assert (found * (1 - mask) == 0).all()


def test_with_all_voxels_active_it_is_group_norm():
    features = torch.randn(3, 8, 4, 4, 4) + 2
    layer = MaskedGroupNorm(8)
    expected = functional.group_norm(features, 8, eps=1e-5)
    torch.testing.assert_close(layer(features, torch.ones(1, 1, 4, 4, 4)), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("factor", [2, 4, 8])
def test_dilation_equals_the_rule_of_the_eight_nearest_coarse_centres(factor, rng):
    fine, coarse = 16, 16 // factor
    occupancy = rng.random((fine, fine, fine)) < 0.004
    centres = (np.arange(-1, coarse + 1) + 0.5) * factor
    expected = np.zeros((coarse + 2,) * 3, bool)
    for place in np.argwhere(occupancy):
        nearest = [np.argsort(np.abs(centres - position))[:2] for position in place + 0.5]
        expected[np.ix_(*nearest)] = True
    expected = expected[1:-1, 1:-1, 1:-1]  # beyond the edge of the box there is no voxel to activate
    found = dilated(torch.from_numpy(occupancy)[None, None].float(), factor)
    assert np.array_equal(found[0, 0].numpy() > 0, expected)


def test_a_dilated_grid_holds_the_plain_parents(volume):
    _, mask = volume
    assert (dilated(mask, 2) >= plain_parents(mask)).all()


def test_max_pooling_takes_active_children_alone(volume):
    features, mask = volume
    coarse = dilated(mask, 2)
    found = masked_max_pool(features, mask, coarse)
    for n, x, y, z in itertools.product(range(2), range(3), range(3), range(3)):
        block = (slice(2 * x, 2 * x + 2), slice(2 * y, 2 * y + 2), slice(2 * z, 2 * z + 2))
        there = mask[n, 0][block].bool()
        children = features[n][:, *block][:, there]
        expected = children.amax(1) if children.numel() else torch.zeros(4)
        torch.testing.assert_close(found[n, :, x, y, z], expected)


def test_mean_pooling_divides_by_the_number_of_active_children(volume):
    features, mask = volume
    found = masked_mean_pool(features, mask)
    there = mask[0, 0, 2:4, 0:2, 4:6].bool()
    assert there.any()
    torch.testing.assert_close(found[0, :, 1, 0, 2], features[0, :, 2:4, 0:2, 4:6][:, there].mean(1))
    assert torch.equal(found.abs().sum(1, keepdim=True) > 0, plain_parents(mask) > 0)


def test_subdivision_gives_each_kept_voxel_eight_children(volume):
    features, mask = volume
    finer, candidates = subdivide(features, mask)
    assert candidates.sum() == 8 * mask.sum()
    assert torch.equal(finer[:, :, ::2, 1::2, ::2], features)


def test_coordinates_are_voxel_centres():
    found = coordinates(4)
    assert found[0, 0, :, 0, 0].tolist() == [-0.75, -0.25, 0.25, 0.75]
    assert found[0, 2, 0, 0].tolist() == [-0.75, -0.25, 0.25, 0.75]
