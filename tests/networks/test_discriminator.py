"""The network that tells cells from reconstructed ones."""

import torch

from voxplore.networks import PatchDiscriminator


def test_scores_move_with_the_cell_across_its_faces():
    torch.manual_seed(0)
    network, cells = PatchDiscriminator(4), (torch.rand(2, 24, 24, 24) > 0.5).float()
    with torch.no_grad():
        scores, moved = network(cells), network(cells.roll((8, 4, 12), (1, 2, 3)))
    assert scores.shape == (2, 6, 6, 6)
    torch.testing.assert_close(scores.roll((2, 1, 3), (1, 2, 3)), moved, atol=1e-5, rtol=1e-5)


def test_a_score_depends_on_a_neighbourhood_of_22_voxels_alone():
    torch.manual_seed(0)
    network, cell = PatchDiscriminator(4), torch.rand(1, 48, 48, 48, requires_grad=True)
    network(cell)[0, 6, 6, 6].backward()
    assert cell.grad is not None
    reached = cell.grad[0].nonzero()
    assert (reached.amax(0) - reached.amin(0) + 1).tolist() == [22, 22, 22]
