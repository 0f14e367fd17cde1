import itertools

import pytest
import torch
from torch.nn import functional

from voxplore.networks.keep_drop import KeepDropVAE, Told, keep_drop_loss, pyramid
from voxplore.networks.latent_scale import LatentScale
from voxplore.networks.masked3d import dilated
from voxplore.networks.masked_unet3d import MaskedUNet3D


@pytest.fixture
def grid() -> torch.Tensor:
    """Three sparse grids (3, 1, 16, 16, 16)."""
    torch.manual_seed(0)
    seeds = (torch.rand(3, 1, 16, 16, 16) < 0.01).float()
    return functional.max_pool3d(seeds, 3, 1, 1)


def vae(block: int = 1, dense: bool = False) -> KeepDropVAE:
    torch.manual_seed(0)
    widths = (8, 8, 8) if block == 1 else (8, 8)
    return KeepDropVAE(block=block, widths=widths, latent=4, dense=dense, stem=8, bottleneck=2)


@pytest.mark.parametrize("block", [1, 2])
def test_latents_live_on_the_dilated_grid_alone_or_fill_the_cube(block, grid):
    sparse, dense = vae(block), vae(block, dense=True)
    mask = sparse.mask(grid)
    assert torch.equal(mask, dilated(grid, 4))
    mean, _ = sparse.encoder(grid)
    assert mean.shape == (3, 4, 4, 4, 4)
    assert (mean * (1 - mask) == 0).all()
    assert dense.mask(grid).all()


@pytest.mark.parametrize("block", [1, 2])
def test_only_children_of_kept_voxels_are_candidates(block, grid):
    model = vae(block)
    told = model.decoder(torch.randn(3, 4, 4, 4, 4), model.mask(grid))
    assert [level.logits.shape[-1] for level in told] == [4, 8, 16]
    assert torch.equal(told[0].candidates, model.mask(grid))
    for coarse, fine in itertools.pairwise(told):
        assert torch.equal(functional.interpolate(coarse.kept, scale_factor=2), fine.candidates)
    assert set(told[-1].kept.unique().tolist()) <= {0.0, 1.0}


def test_with_the_truth_at_hand_true_voxels_are_always_candidates(grid):
    model = vae()
    truth = pyramid(grid, 1, 3)[::-1]
    for head in model.decoder.heads:
        torch.nn.init.constant_(head.leave.bias, -100.0)  # keeps nothing of its own  # pyright: ignore
    told = model.decoder(torch.randn(3, 4, 4, 4, 4), model.mask(grid), truth)
    for level, true in zip(told, truth, strict=True):
        assert (level.candidates >= true).all()
    nothing = model.decoder(torch.randn(3, 4, 4, 4, 4), model.mask(grid))
    assert not nothing[-1].candidates.any()


def test_the_loss_is_the_cross_entropy_over_candidates_of_each_level(grid):
    logits = torch.randn(3, 1, 16, 16, 16)
    candidates = (torch.rand(3, 1, 16, 16, 16) < 0.5).float()
    there = candidates.bool()
    expected = functional.binary_cross_entropy_with_logits(logits[there], grid[there])
    told = Told(logits, candidates)
    torch.testing.assert_close(keep_drop_loss([told, told], [grid, grid]), 2 * expected)


def test_one_logit_gives_the_chances_of_two():
    two = torch.randn(10, 2)
    kept = torch.zeros(10, dtype=torch.long)
    one = functional.binary_cross_entropy_with_logits(two[:, 0] - two[:, 1], torch.ones(10))
    torch.testing.assert_close(one, functional.cross_entropy(two, kept))


@pytest.mark.parametrize("fold", [1, 2])
def test_the_masked_unet_neither_sees_nor_says_anything_outside_the_mask(fold, grid):
    torch.manual_seed(0)
    mask = dilated(grid, 2)
    network = MaskedUNet3D(
        channels=4, widths=(8, 16), blocks=1, attention=(False, True), heads=2, time_width=16, fold=fold
    )
    torch.nn.init.normal_(network.leave.conv.weight)
    latents = torch.randn(3, 4, 8, 8, 8) * mask
    time = torch.tensor([0.1, 0.5, 0.9])
    found = network(latents, time, mask)
    assert found.shape == latents.shape
    assert (found * (1 - mask) == 0).all()
    assert found.abs().sum() > 0
    alone = network(latents[:1], time[:1], mask[:1])
    torch.testing.assert_close(alone, found[:1], rtol=1e-4, atol=1e-4)


def test_the_masked_unet_survives_a_cell_with_no_active_voxel():
    network = MaskedUNet3D(channels=2, widths=(8, 8), blocks=1, attention=(True, True), heads=2, time_width=8)
    found = network(torch.zeros(2, 2, 4, 4, 4), torch.rand(2), torch.zeros(2, 1, 4, 4, 4))
    assert torch.equal(found, torch.zeros(2, 2, 4, 4, 4))


def test_standardised_latents_have_no_mean_and_unit_deviation_and_come_back():
    latents = 3 * torch.randn(50, 2, 4, 4, 4) + torch.tensor([1.0, -2.0])[:, None, None, None]
    scale = LatentScale(2)
    scale.learn(latents.mean((0, 2, 3, 4)), latents.var((0, 2, 3, 4)))
    found = scale.standardise(latents)
    torch.testing.assert_close(found.mean((0, 2, 3, 4)), torch.zeros(2), atol=1e-5, rtol=0)
    torch.testing.assert_close(found.std((0, 2, 3, 4)), torch.ones(2), atol=1e-4, rtol=0)
    torch.testing.assert_close(scale.restore(found), latents)
