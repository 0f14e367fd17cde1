import pytest
import torch

from voxplore.networks.dit3d import SinusoidalTime
from voxplore.networks.unet3d import (
    BlockStyle,
    LearnedFrequencies,
    ResidualBlock,
    UNet3D,
    VolumeAttention,
    fold,
    unfold,
)


def network(**changes) -> UNet3D:
    options = {
        "inputs": 2,
        "outputs": 3,
        "widths": (8, 16),
        "time": LearnedFrequencies(12),
        "time_width": 12,
        "attention": ("none", "full"),
    }
    return UNet3D(**{**options, **changes})


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"fold": 2, "attention": ("linear", "full")},
        {"finest_skip": False, "middle": "none"},
        {"resample": "conv4", "stem": 7, "last": 1, "blocks": 2},
        {"style": BlockStyle("conv-first", "scale-shift", groups=8, head_width=4)},
        {"style": BlockStyle(time="scale-shift", dropout=0.1, attention="after-silu")},
        {"style": BlockStyle(attention="layer-norm"), "attention": ("linear", "full"), "last_time": False},
    ],
)
def test_any_network_puts_out_a_volume_and_every_weight_is_used(changes):
    unet = network(**changes)
    put = unet(torch.randn(2, 2, 8, 8, 8), torch.rand(2))
    assert put.shape == (2, 3, 8, 8, 8)
    put.square().sum().backward()
    assert all(p.grad is not None for p in unet.parameters())


def test_a_condition_changes_what_is_put_out():
    unet = network(condition=1, resolution=8)
    volumes, time = torch.randn(1, 2, 8, 8, 8), torch.rand(1)
    assert not torch.equal(unet(volumes, time, torch.tensor([[0.1]])), unet(volumes, time, torch.tensor([[0.9]])))


def test_folded_volumes_keep_blocks_together_and_unfold_again():
    volumes = torch.randn(2, 3, 6, 6, 6)
    folded = fold(volumes, 3)
    assert torch.equal(unfold(folded, 3), volumes)
    assert torch.equal(folded[1, 27:54, 0, 1, 0], volumes[1, 1, :3, 3:, :3].flatten())


def test_linear_attention_is_its_formula():
    attention = VolumeAttention(4, BlockStyle(heads=1, groups=1), linear=True)
    torch.nn.init.normal_(attention.out.weight)
    features = torch.randn(1, 4, 2, 2, 2)
    flat = attention.norm(features).flatten(2)[0]
    q, k, v = (attention.qkv.weight[:, :, 0, 0, 0] @ flat + attention.qkv.bias[:, None]).chunk(3)
    weights = torch.exp(k) / torch.exp(k).sum(1, keepdim=True)
    queries = torch.exp(q) / torch.exp(q).sum(0, keepdim=True) / 2
    expected = torch.stack([sum(weights[c] @ v[d] * queries[c] for c in range(4)) for d in range(4)])
    expected = attention.out.weight[:, :, 0, 0, 0] @ expected
    torch.testing.assert_close((attention(features) - features).flatten(2)[0], expected, atol=1e-5, rtol=1e-4)


def test_a_fresh_norm_first_block_is_its_skip():
    block = ResidualBlock(4, 4, 6, BlockStyle())
    features = torch.randn(2, 4, 3, 3, 3)
    torch.testing.assert_close(block(features, torch.randn(2, 6)), features)


def test_learned_frequencies_hold_the_value_and_its_waves():
    embed = LearnedFrequencies(5, 3)
    value = torch.tensor([0.7])
    angles = 2 * torch.pi * 0.7 * embed.frequencies
    expected = embed.layers(torch.cat([value, angles.sin(), angles.cos()])[None])
    torch.testing.assert_close(embed(value), expected)


def test_the_published_networks_have_the_published_sizes():
    """Yang et al.: 28.7 million parameters; 3D-CDM: 92.4 million at four levels, base 64."""
    yang = {"widths": (32, 64, 128, 256, 256), "attention": ("none", "none", "none", "full", "full")}
    cdm = {"widths": (64, 128, 256, 512), "attention": 4 * ("linear",), "blocks": 2, "stem": 7, "stem_width": 42}
    style = BlockStyle("conv-first", "scale-shift", groups=8, head_width=32)
    with torch.device("meta"):
        yang_net = network(**yang, outputs=1, time=LearnedFrequencies(128), time_width=128, finest_skip=False)
        time = SinusoidalTime(256, 64, gelu=True)
        cdm_net = network(**cdm, inputs=1, outputs=1, time=time, time_width=256, style=style, last=1, resample="conv4")
    for found, millions in ((yang_net, 28.7), (cdm_net, 92.4)):
        assert sum(p.numel() for p in found.parameters()) / 1e6 == pytest.approx(millions, rel=0.002)
