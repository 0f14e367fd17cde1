import itertools

import numpy as np
import pytest
import torch

from voxplore.networks.dit3d import Attention, DiT3D, DiTBlock, grid_positions, windowed


def awake(network: torch.nn.Module) -> torch.nn.Module:
    """All weights drawn at random: layers that start at zero would hide what is tested."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(0.3 * torch.randn(parameter.shape, generator=generator))
    return network.eval()


def test_positions_are_a_third_for_each_axis():
    side, width = 3, 18
    found = grid_positions(side, width).reshape(side, side, side, width).numpy()
    frequencies = 10_000.0 ** (-np.arange(3) / 3)
    for place in itertools.product(range(side), repeat=3):
        expected = [part for i in place for part in (np.sin(i * frequencies), np.cos(i * frequencies))]
        np.testing.assert_allclose(found[place], np.concatenate(expected), atol=1e-6)


def test_positions_of_a_width_that_six_does_not_divide_end_in_zeros():
    assert grid_positions(2, 20).shape == (8, 20)
    assert not grid_positions(2, 20)[:, 18:].any()


@pytest.mark.parametrize(("side", "window"), [(4, 2), (5, 2), (6, 4)])
def test_windowed_attention_ignores_a_change_outside_its_window(side, window):
    attention = awake(Attention(12, 2))
    tokens = torch.randn(2, side**3, 12, generator=torch.Generator().manual_seed(1))
    changed = tokens.clone()
    place = (1, 0, side - 1)
    number = place[0] * side**2 + place[1] * side + place[2]
    changed[:, number] += 3.0
    moved = (windowed(attention, tokens, side, window) - windowed(attention, changed, side, window)).abs().amax((0, 2))
    same = [
        all(i // window == j // window for i, j in zip(p, place, strict=True)) for p in np.ndindex(side, side, side)
    ]
    assert np.array_equal(moved.detach().numpy() > 0, same)


def test_attention_in_a_window_is_attention_among_its_tokens():
    attention, side, window = awake(Attention(12, 2)), 5, 2
    tokens = torch.randn(1, side**3, 12, generator=torch.Generator().manual_seed(1))
    found = windowed(attention, tokens, side, window).reshape(side, side, side, 12)
    grid = tokens.reshape(side, side, side, 12)
    for corner in itertools.product(range(0, side, window), repeat=3):
        part = tuple(slice(c, c + window) for c in corner)
        alone = attention(grid[part].reshape(1, -1, 12))[0]
        torch.testing.assert_close(found[part].reshape(-1, 12), alone, atol=1e-5, rtol=1e-4)


def test_a_block_and_a_network_with_windows_everywhere_stay_local_and_the_switch_opens_them():
    for window, reach in ((2, 8), (0, 64)):
        network = awake(
            DiT3D(resolution=8, patch=2, width=12, layers=3, heads=2, window=window, windowed_blocks=(0, 1, 2))
        )
        volumes = torch.zeros(1, 1, 8, 8, 8)
        changed = volumes.clone()
        changed[..., 0, 0, 0] = 2.0
        time = torch.tensor([0.3])
        moved = (network(volumes, time) - network(changed, time))[0, 0].abs() > 0
        assert int(moved.sum()) == reach * 8


def test_a_fresh_block_is_the_identity_and_a_fresh_network_puts_out_zero():
    tokens = torch.randn(2, 8, 12)
    torch.testing.assert_close(DiTBlock(12, 2, window=2)(tokens, torch.randn(2, 12), 2), tokens)
    network = DiT3D(resolution=4, patch=2, width=12, layers=2, heads=2)
    assert not network(torch.randn(2, 1, 4, 4, 4), torch.rand(2)).any()


def test_patches_and_volumes_are_inverse_and_keep_voxels_of_a_patch_together():
    network = DiT3D(resolution=6, patch=3, width=12, layers=1, heads=2, channels=2)
    volumes = torch.randn(2, 2, 6, 6, 6)
    patches = network._patches(volumes)
    assert torch.equal(network._volumes(patches), volumes)
    assert torch.equal(patches[1, 3], volumes[1, :, :3, 3:, 3:].flatten())


def test_normed_queries_and_keys_do_not_feel_their_length():
    attention = awake(Attention(12, 2, qk_norm=True))
    tokens = torch.randn(1, 5, 12)
    before = attention(tokens)
    with torch.no_grad():
        attention.qkv.weight[:24] *= 10
        attention.qkv.bias[:24] *= 10
    torch.testing.assert_close(attention(tokens), before, atol=1e-4, rtol=1e-4)


def test_the_small_published_network_has_the_published_size():
    """DiT-3D-S/4: 32.5 million parameters, less its table of classes."""
    with torch.device("meta"):
        network = DiT3D(resolution=48, patch=4, width=384, layers=12, heads=6)
    assert sum(p.numel() for p in network.parameters()) == pytest.approx(32.5e6, rel=0.01)
