import pytest
import torch

from voxplore.networks.structure_vae import StructureDecoder, StructureEncoder, dice_loss


@pytest.mark.parametrize(("stem", "widths"), [(1, (4, 8, 16)), (2, (8, 16)), (4, (16,))])
def test_latents_have_a_quarter_of_the_side_and_logits_all_of_it(stem, widths):
    shape = {"stem": stem, "widths": widths, "blocks": 1, "middle": 1, "latent": 3}
    mean, log_variance = StructureEncoder(**shape)((torch.rand(2, 1, 16, 16, 16) < 0.3).float())
    assert mean.shape == log_variance.shape == (2, 3, 4, 4, 4)
    assert StructureDecoder(**shape)(mean).shape == (2, 1, 16, 16, 16)


def test_dice_is_one_minus_twice_the_overlap_over_the_sizes_of_the_whole_batch():
    occupancy = (torch.rand(2, 1, 4, 4, 4) < 0.5).float()
    sure = 200 * (occupancy - 0.5)
    assert dice_loss(sure, occupancy).item() == pytest.approx(0, abs=1e-6)
    solid = occupancy.sum().item()
    assert dice_loss(-sure, occupancy).item() == pytest.approx(1 - 1 / (128 + 1), rel=1e-5)
    half = dice_loss(torch.zeros_like(sure), occupancy).item()
    assert half == pytest.approx(1 - (solid + 1) / (64 + solid + 1), rel=1e-5)
