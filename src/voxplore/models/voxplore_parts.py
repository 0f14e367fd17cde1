"""What VoxPlore is made of: its autoencoder in either kind, the losses, and the known latents."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from voxplore.diffusion.empirical import neighbours_of_points
from voxplore.diffusion.nearest import nearest
from voxplore.diffusion.neighbour_list import median_nearest_distance
from voxplore.latent import contrastive_loss, ras_loss, sink_potential
from voxplore.networks import Decoder, Encoder, PrincipalDecoder, PrincipalEncoder, start_from_principal_components
from voxplore.recipes import Autoencoder, Denoiser, VoxPloreConfig

__all__ = ["KnownLatents", "LatentAutoencoder", "autoencoder_loss"]


class KnownLatents(nn.Module):
    """Latents of the training cells, their mean and deviation a dimension, and the spacing that is the unit of tau.

    Of each cell also its relative density and which flips leave it as it is (`geometry.flip_group`). For the
    closed-form denoiser also the numbers of the known latents that its points lie between: to find them takes seconds.
    """

    free_sized = ("known", "density", "flips", "between")

    known: Tensor
    density: Tensor
    flips: Tensor
    between: Tensor
    mean: Tensor
    deviation: Tensor
    spacing: Tensor

    def __init__(self, latent: int, denoiser: Denoiser, seed: int = 0):
        super().__init__()
        self.denoiser, self.seed = denoiser, seed
        self.register_buffer("known", torch.zeros(0, latent, dtype=torch.float16))
        self.register_buffer("density", torch.zeros(0))
        self.register_buffer("flips", torch.zeros(0, dtype=torch.uint8))
        self.register_buffer("between", torch.zeros(0, denoiser.neighbours, dtype=torch.int32))
        self.register_buffer("mean", torch.zeros(latent))
        self.register_buffer("deviation", torch.ones(latent))
        self.register_buffer("spacing", torch.zeros(()))

    def learn(self, flat: Tensor, density: Tensor, flips: Tensor) -> None:
        """Take statistics over latents (m, latent); keep all of them, standardised, in float16.

        density: float32 (m,). flips: uint8 (m,).
        """
        self.density, self.flips = density, flips
        self.mean = flat.mean(0)
        deviation = flat.std(0).clamp(min=1e-6)
        together = self.denoiser.standardise == "all"
        self.deviation = deviation.square().mean().sqrt().expand_as(deviation).clone() if together else deviation
        self.known = self.standardise(flat).half()
        if self.denoiser.kind == "empirical" and self.denoiser.neighbours > 1:
            options = self.denoiser.points, self.denoiser.neighbours, self.seed
            self.between = neighbours_of_points(self.standardised(), *options).int()
        self.spacing = torch.tensor(median_nearest_distance(self.known.float()), device=flat.device)

    def consistent(self) -> bool:
        """Whether what a file brought belongs together: asked when a model is loaded."""
        n, between = len(self.known), self.between
        mixed = self.denoiser.kind == "empirical" and self.denoiser.neighbours > 1
        expected = (min(self.denoiser.points, n), min(self.denoiser.neighbours, n)) if mixed and n else None
        fits = len(self.density) == len(self.flips) == n and (expected is None or tuple(between.shape) == expected)
        return fits and (expected is None or bool(((between >= 0) & (between < n)).all()))

    def standardise(self, latents: Tensor) -> Tensor:
        """Latents (n, latent) of the encoder -> zero mean and unit deviation in each dimension."""
        return (latents - self.mean) / self.deviation

    def restore(self, standardised: Tensor) -> Tensor:
        """The inverse of `standardise`."""
        return standardised * self.deviation + self.mean

    def nearest(self, standardised: Tensor) -> Tensor:
        """The number of the known latent nearest to each of standardised latents (n, latent): int64 (n,)."""
        return nearest(standardised, self.standardised(), 1)[:, 0]

    def standardised(self) -> Tensor:
        """The known latents, float32 (m, latent)."""
        return self.known.float()


class LatentAutoencoder(nn.Module):
    """Encoder and decoder as configured."""

    def __init__(self, shape: Autoencoder):
        super().__init__()
        self.shape = shape
        if shape.kind == "principal":
            shared = {n: getattr(shape, n) for n in ("resolution", "basis", "width", "latent")}
            self.encoder: nn.Module = PrincipalEncoder(**shared, layers=shape.layers)
            self.decoder: PrincipalDecoder | Decoder = PrincipalDecoder(**shared, layers=shape.decoder_layers)
            return
        names = ("resolution", "patch", "width", "heads", "feed_forward", "bottleneck", "latent", "squeeze", "dropout")
        shared = {n: getattr(shape, n) for n in (*names, "norm")}
        self.encoder = Encoder(**shared, layers=shape.layers, positions_scale=shape.positions_scale)
        self.decoder = Decoder(**shared, layers=shape.decoder_layers, channels=shape.channels)

    def start(self, voxels: Tensor) -> None:
        """Begin where training need not: at the best linear autoencoder of cells (n, d, d, d), for that kind."""
        if isinstance(self.encoder, PrincipalEncoder) and isinstance(self.decoder, PrincipalDecoder):
            start_from_principal_components(self.encoder, self.decoder, voxels)


def autoencoder_loss(
    networks: LatentAutoencoder, valid: Tensor, degraded: Tensor, config: VoxPloreConfig
) -> tuple[Tensor, dict[str, Tensor]]:
    """Eq. 9 for a batch of valid cells (n, d, d, d) and degraded ones (m, d, d, d), and figures for the log."""
    n, kind = len(valid), config.autoencoder.loss
    shown = torch.cat([valid, degraded])
    latents = networks.encoder(shown)
    noisy = latents + config.latent_noise * torch.randn_like(latents) if config.latent_noise else latents
    wanted = len(shown) if config.negatives else n
    decoded, cells = networks.decoder.compare(noisy[:wanted], shown[:wanted], config.autoencoder.voxel_share)  # pyright: ignore
    recon = _reconstruction_loss(decoded[:n], cells[:n], kind)
    total = recon
    if wanted > n:
        total = total + config.negatives * _reconstruction_loss(decoded[n:], cells[n:], kind)
    regular = _regularisation(latents[:n], latents[n:], config)
    norm = latents[:n].detach().float().norm(dim=1).mean()
    return total + regular, {"reconstruction": recon, "regularisation": regular, "norm": norm}


def _regularisation(positives: Tensor, negatives: Tensor, config: VoxPloreConfig) -> Tensor:
    if config.regularisation == "ras":
        return ras_loss(positives, negatives, **vars(config.ras))
    # Noise on latents needs something to hold their scale, or the encoder outgrows the noise.
    sink = config.ras.sink if config.latent_noise else 0.0
    if config.regularisation == "contrastive":
        held = sink * (sink_potential(positives.float()) + sink_potential(negatives.float()))
        return config.contrastive * contrastive_loss(positives, negatives) + held
    return sink * sink_potential(positives.float())


def _reconstruction_loss(decoded: Tensor, voxels: Tensor, kind: str) -> Tensor:
    """Eq. 1 for decoded values and solid fractions (n, m)."""
    if kind == "mse":
        return functional.mse_loss(decoded.float(), voxels)
    decoded = decoded.float()
    cross_entropy = functional.binary_cross_entropy_with_logits(decoded, voxels)
    if kind == "bce":
        return cross_entropy
    chance = decoded.sigmoid()
    overlap = 2 * (chance * voxels).sum(1) / (chance.sum(1) + voxels.sum(1)).clamp(min=1.0)
    return cross_entropy + (1 - overlap).mean()
