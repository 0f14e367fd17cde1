"""Configuration of the voxel VAE and its named rows."""

from dataclasses import dataclass, field, replace

from voxplore.recipes.common import MEDIUM_SECONDS, SMALL_SECONDS, Augment, Training, budgeted

__all__ = ["VAEConfig", "VAESampling", "vae_recipes"]


@dataclass(frozen=True)
class VAESampling:
    """How cells are drawn: one latent, decoded once."""

    threshold: float = 0.5
    """Solid where the chance of it exceeds this."""
    spread: float = 1.0
    """Deviation of the drawn latents; 1 is the prior."""


@dataclass(frozen=True)
class VAEConfig:
    """The voxel VAE (Sec. 2.2, after Kingma and Welling, 2013); the paper gives it no sizes: all are our choice."""

    resolution: int = 48
    stem: int = 4
    """Edge of the blocks of voxels that become channels at once."""
    widths: tuple[int, ...] = (64, 128, 256)
    """Channels of each level, finest first; each level halves the side."""
    blocks: int = 1
    """Residual blocks a level."""
    latent: int = 128
    """Dimensions of x; VoxPlore's own number (App. B.1)."""
    kl_weight: float = 1.0
    """Weight of the KL divergence to N(0, 1), nats of a cell, against its voxels' cross-entropy; 1 is the bound on the
    likelihood."""
    augment: Augment = "six"
    training: Training = Training(1_500_000, 128, 1e-3)
    sampling: VAESampling = field(default_factory=VAESampling)
    seed: int = 0


#: Ten minutes of one core.
_SMALL = VAEConfig(stem=8, widths=(64, 128), augment="none", training=budgeted(SMALL_SECONDS, 16, 1e-3))
_MEDIUM = VAEConfig(
    resolution=24, stem=4, widths=(64, 128), augment="none", training=budgeted(MEDIUM_SECONDS, 32, 1e-3, medium=True)
)
_TINY = replace(_SMALL, resolution=16, stem=4, widths=(32, 64), latent=16, training=Training(1_600, 16, 2e-3))


def vae_recipes() -> dict[str, VAEConfig]:
    """Name -> configuration of every row of the voxel VAE."""
    sizes = {"tiny": _TINY, "small": _SMALL, "medium": _MEDIUM, "full": VAEConfig()}
    sets = ("nets", "shells", "both", "metatruss", "metashell")
    return {f"vae-{cells}-{size}": config for cells in sets for size, config in sizes.items()}
