"""Configuration of Trellis' structure stage and its named rows."""

from dataclasses import dataclass, field, replace

from voxplore.recipes.common import MEDIUM_SECONDS, SMALL_SECONDS, Augment, Training, budgeted

__all__ = ["FlowTransformer", "StructureVAE", "TrellisConfig", "TrellisSampling", "trellis_recipes"]


@dataclass(frozen=True)
class StructureVAE:
    """The dense convolutional VAE; defaults are half the published widths."""

    stem: int = 1
    """Edge of the blocks of voxels that are channels of the finest level; 1 as published."""
    widths: tuple[int, ...] = (16, 64, 256)
    """Channels of each level, finest first (published code: 32, 128, 512); each further level halves the side."""
    blocks: int = 2
    """Residual blocks a level (published code)."""
    middle: int = 2
    """Residual blocks at the coarsest level besides (published code)."""
    latent: int = 8
    """Channels of the latents (published code)."""
    kl_weight: float = 1e-3
    """Weight of the KL divergence, a mean over all latent numbers, beside the Dice loss (published code)."""


@dataclass(frozen=True)
class FlowTransformer:
    """The rectified-flow transformer on the latent grid; defaults are of size S (published: B, L and XL)."""

    patch: int = 1
    """Edge of the blocks of latent voxels that are one token (published code: 1)."""
    width: int = 384
    layers: int = 12
    heads: int = 6
    qk_norm: bool = True
    """Queries and keys of unit root mean square, times a gain (published code)."""
    time_mean: float = 1.0
    """Mean of the logit of the times in training (published code)."""
    time_deviation: float = 1.0
    """Deviation of the logit of the times in training (published code)."""


@dataclass(frozen=True)
class TrellisSampling:
    """How cells are drawn: Euler steps from noise."""

    steps: int = 25
    """Published code: 50 by default, 12 in its example."""
    rescale: float = 3.0
    """r of t' = r t / (1 + (r - 1) t) (3 in the released pipeline); 1 leaves the times evenly spaced."""
    batch: int = 32
    """Cells drawn together; the last digits, and with them a voxel here and there, may depend on it."""


@dataclass(frozen=True)
class TrellisConfig:
    """The structure stage of Trellis (Xiang et al., 2025) without conditions, at 48^3."""

    resolution: int = 48
    vae: StructureVAE = field(default_factory=StructureVAE)
    flow: FlowTransformer = field(default_factory=FlowTransformer)
    normalise_latents: bool = True
    """Standardise each channel of the latents (our choice; the published structure stage takes them as they are)."""
    augment: Augment = "six"
    """Our choice."""
    vae_training: Training = Training(400_000, 32, 1e-4, 0.0, 0.02, 0.3, 1.0, 0.9999, beta2=0.999)
    flow_training: Training = Training(2_000_000, 64, 1e-4, 0.0, 0.02, 0.0, 1.0, 0.9999, beta2=0.999)
    """AdamW at 1e-4, beta2 0.999, averaged weights of decay 0.9999 (published code); lengths, batches, the fall of the
    rate of the VAE and the fixed bound on the gradient are our choice (published: a million steps of 256)."""
    sampling: TrellisSampling = field(default_factory=TrellisSampling)
    seed: int = 0


#: Ten minutes of one core: blocks of 4^3 voxels are channels at once, and all widths are small; a token of 2^3 latent
#: voxels carries 64 numbers, a third of its width, as a velocity cannot pass through fewer.
_SMALL = TrellisConfig(
    vae=StructureVAE(4, (24,), 1, 0, 8),
    flow=FlowTransformer(2, 192, 6, 4),
    augment="none",
    vae_training=budgeted(0.3 * SMALL_SECONDS, 16, 3e-3, ema=0.99),
    flow_training=budgeted(0.7 * SMALL_SECONDS, 32, 1e-3, ema=0.99),
    sampling=TrellisSampling(25),
)

#: 24^3 on one core: blocks of 2^3 voxels are channels, two levels, 6^3 latents, each of them a token as published.
_MEDIUM = TrellisConfig(
    resolution=24,
    vae=StructureVAE(2, (24, 72), 1, 1, 8),
    flow=FlowTransformer(1, 144, 6, 4),
    augment="none",
    vae_training=budgeted(0.3 * MEDIUM_SECONDS, 32, 1e-3, medium=True),
    flow_training=budgeted(0.7 * MEDIUM_SECONDS, 32, 5e-4, medium=True),
    sampling=TrellisSampling(25),
)

#: At 16^3: 4^3 latents, 2^3 tokens.
_TINY = replace(
    _SMALL,
    resolution=16,
    vae=StructureVAE(4, (32,), 1, 0, 8),
    flow=FlowTransformer(2, 96, 3, 4),
    vae_training=Training(2_400, 4, 3e-3, ema=0.98),
    flow_training=Training(9_600, 16, 2e-3, ema=0.98),
    sampling=TrellisSampling(16, batch=16),
)


def trellis_recipes() -> dict[str, TrellisConfig]:
    """Name -> configuration of every row of Trellis."""
    sizes = {"tiny": _TINY, "small": _SMALL, "medium": _MEDIUM, "full": TrellisConfig()}
    sets = ("nets", "shells", "both", "metatruss", "metashell")
    return {f"trellis-{cells}-{size}": config for cells in sets for size, config in sizes.items()}
