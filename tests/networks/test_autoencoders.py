import pytest
import torch

from voxplore.networks import (
    Decoder,
    Encoder,
    PrincipalDecoder,
    PrincipalEncoder,
    ResidualMLP,
    start_from_principal_components,
)
from voxplore.networks.autoencoder import from_patches, to_patches
from voxplore.networks.principal import block_mean, periodic_cubic

SHAPE = {
    "resolution": 16,
    "patch": 4,
    "width": 32,
    "layers": 1,
    "heads": 4,
    "feed_forward": 64,
    "bottleneck": 64,
    "latent": 8,
    "dropout": 0.0,
}


def test_patches_are_cut_and_joined_without_loss():
    cells = torch.rand(2, 16, 16, 16)
    assert torch.equal(from_patches(to_patches(cells, 4), 4, 4), cells)
    assert torch.equal(to_patches(cells, 4)[0, 1].reshape(4, 4, 4), cells[0, :4, :4, 4:8])


@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_the_transformer_autoencoder_keeps_its_shapes(activation):
    encoder, decoder = Encoder(**SHAPE, activation=activation), Decoder(**SHAPE, activation=activation)
    latents = encoder(torch.randint(0, 2, (3, 16, 16, 16), dtype=torch.uint8))
    assert latents.shape == (3, 8)
    assert decoder(latents).shape == (3, 16, 16, 16)


def test_the_published_autoencoder_has_the_published_bottleneck():
    published = {**SHAPE, "resolution": 48, "patch": 8, "width": 128, "bottleneck": 1024, "latent": 128}
    encoder = Encoder(**published, activation="relu")
    assert encoder.to_latent[0].in_features == 27_648
    assert encoder.to_latent[2].out_features == 128


def test_block_means_equal_plain_means():
    cells = torch.randint(0, 2, (2, 12, 12, 12), dtype=torch.uint8)
    plain = cells.float().reshape(2, 3, 4, 3, 4, 3, 4).mean((2, 4, 6)).flatten(1)
    torch.testing.assert_close(block_mean(cells, 4), plain)


def test_cubic_interpolation_is_exact_for_constants_and_periodic():
    weights = periodic_cubic(8)
    torch.testing.assert_close(weights.sum(1), torch.ones(16))
    torch.testing.assert_close(weights.roll((2, 1), (0, 1)), weights)


def test_the_principal_autoencoder_starts_at_the_best_linear_one():
    """Cells that lie in a space of few dimensions come back exactly, before any training."""
    torch.manual_seed(0)
    blocks = torch.randint(0, 2, (6, 4, 4, 4), dtype=torch.uint8)
    cells = blocks[torch.arange(60) % 6].repeat_interleave(4, 1).repeat_interleave(4, 2).repeat_interleave(4, 3)
    options = {"resolution": 16, "basis": 8, "width": 16, "layers": 1, "latent": 6}
    encoder, decoder = PrincipalEncoder(**options), PrincipalDecoder(**options)
    start_from_principal_components(encoder, decoder, cells)
    with torch.no_grad():
        logits = decoder.coarse_logits(encoder(cells))
    torch.testing.assert_close(logits > 0, block_mean(cells, 2) > 0.5)


def test_the_loss_compares_voxels_with_their_own_solid_fraction():
    decoder = PrincipalDecoder(resolution=16, basis=4, width=8, layers=1, latent=4)
    cells = torch.randint(0, 2, (2, 16, 16, 16), dtype=torch.uint8)
    torch.manual_seed(5)
    logits, wanted = decoder.compare(torch.zeros(2, 4), cells, 0.25)
    torch.manual_seed(5)
    voxels = torch.randperm(512)[:128]
    assert torch.equal(wanted, block_mean(cells, 2)[:, voxels])
    assert logits.shape == wanted.shape


def test_the_denoiser_tells_times_apart():
    denoiser = ResidualMLP(latent=4, width=16, layers=4)
    x = torch.randn(3, 4)
    assert not torch.equal(denoiser(x, torch.full((3,), 0.1)), denoiser(x, torch.full((3,), 0.9)))


def test_the_papers_denoiser_has_sixteen_hidden_layers_between_its_ends():
    network = ResidualMLP(latent=128, width=512, layers=16)
    linear = [m for m in network.modules() if isinstance(m, torch.nn.Linear)]
    assert [(m.in_features, m.out_features) for m in linear[:1] + linear[-1:]] == [(129, 512), (513, 128)]
    assert len(network.layers) == 16
    assert sum(1 for m in linear if m.out_features == 512 and m is not network.enter) == 16
