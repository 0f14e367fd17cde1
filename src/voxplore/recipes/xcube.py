"""Configuration of XCube and its named rows."""

from dataclasses import dataclass, field, replace
from typing import Literal

from voxplore.recipes.common import Augment, Training

__all__ = ["KeepDrop", "LatentUNet", "XCubeConfig", "XCubeSampling", "xcube_recipes"]


@dataclass(frozen=True)
class KeepDrop:
    """The sparse structure VAE of one level; defaults are those of the coarse one (published code)."""

    block: int = 1
    """Edge of the blocks of voxels that are channels of the finest level; 1 as published."""
    widths: tuple[int, ...] = (64, 128, 256)
    """Channels of each level, finest first; each further level halves the side."""
    latent: int = 16
    """Channels of the latents."""
    stem: int = 32
    """Features that an active voxel starts with (published code)."""
    bottleneck: int = 2
    """Double convolutions before and after the latents (published code)."""
    keep_weight: float = 20.0
    """Weight of the cross-entropy of keeping (published code)."""
    kl_weight: float = 0.03
    """Weight of the KL divergence, a mean over latent voxels (published code: 0.03 coarse, 1 fine)."""
    candidates: Literal["own", "own+true"] = "own"
    """What the decoder splits in training: what it keeps itself (published code), or the true voxels besides (our
    choice: without them a short training may stay with nothing kept)."""


@dataclass(frozen=True)
class LatentUNet:
    """The U-Net that denoises the latents of one level; defaults are our reading of the coarse one."""

    widths: tuple[int, ...] = (128, 256)
    """Channels of each level, finest first (published code: 192 times 1, 2, 4, 4 on latents of 16^3)."""
    blocks: int = 2
    """Residual blocks a level (published code)."""
    attention: tuple[bool, ...] = (True, True)
    """Whether each level has attention; the middle always has."""
    heads: int = 8
    """Attention heads (published code)."""
    time_width: int = 512
    fold: int = 1
    """Edge of the blocks of latent voxels that are channels of the network; 1 as published. Fine level alone."""


@dataclass(frozen=True)
class XCubeSampling:
    """How cells are drawn."""

    sampler: Literal["ddim", "dpm++"] = "ddim"
    coarse_steps: int = 100
    """Published code: 100."""
    fine_steps: int = 100
    """Published code: 100."""
    batch: int = 32
    """Cells drawn together; the last digits, and with them a voxel here and there, may depend on it."""


@dataclass(frozen=True)
class XCubeConfig:
    """XCube (Ren et al., 2024) at 48^3 in two levels, 6^3 latents -> 24^3 grid -> 48^3 cell (our choice: there is no
    published setting of this size); the rest of the defaults is the published code's where nothing else is said."""

    resolution: int = 48
    coarse: KeepDrop = field(default_factory=KeepDrop)
    """VAE of the dilated grid that the fine latents live on."""
    fine: KeepDrop = field(default_factory=lambda: KeepDrop(widths=(32, 64), latent=8, kl_weight=1.0))
    """VAE of the cells."""
    coarse_unet: LatentUNet = field(default_factory=LatentUNet)
    fine_unet: LatentUNet = field(
        default_factory=lambda: LatentUNet(widths=(64, 128, 256), attention=(False, False, True))
    )
    steps: int = 1000
    """T."""
    beta_first: float = 1e-4
    beta_last: float = 0.02
    augment: Augment = "six"
    """Our choice."""
    coarse_vae_training: Training = Training(80_000, 32, 3e-4, clip=0.5)
    coarse_unet_training: Training = Training(400_000, 128, 2e-4, clip=0.5)
    fine_vae_training: Training = Training(40_000, 32, 3e-4, clip=0.5)
    fine_unet_training: Training = Training(80_000, 32, 2e-4, clip=0.5)
    """Lengths, batches and rates are our choice (published: 100 epochs, batch 32, 1e-4; 256 and 5e-5 for diffusion on
    eight GPUs); the clipping is published."""
    sampling: XCubeSampling = field(default_factory=XCubeSampling)
    seed: int = 0


#: Ten minutes of one core, five of two, with the latents encoded between the stages: blocks of 2^3 voxels are channels
#: everywhere, and all widths are small. Lengths follow from the measured seconds a step.
_SMALL = XCubeConfig(
    coarse=KeepDrop(2, (16, 48), 16, 16, 1, candidates="own+true"),
    fine=KeepDrop(2, (8,), 3, 8, 1, kl_weight=0.3, candidates="own+true"),
    coarse_unet=LatentUNet((64, 128), 1, (True, True), 4, 128),
    fine_unet=LatentUNet((24, 48), 1, (False, True), 4, 128, fold=2),
    augment="none",
    coarse_vae_training=Training(4_800, 16, 3e-3, ema=0.99),
    coarse_unet_training=Training(6_400, 16, 1e-3, ema=0.99),
    fine_vae_training=Training(1_600, 8, 3e-3, ema=0.98),
    fine_unet_training=Training(2_560, 8, 2e-3, ema=0.98),
    sampling=XCubeSampling("dpm++", 12, 8),
)

#: At 16^3: 2^3 latents -> 8^3 grid -> cell.
_TINY = replace(
    _SMALL,
    resolution=16,
    coarse=KeepDrop(2, (16, 32), 8, 8, 1, kl_weight=0.003, candidates="own+true"),
    fine=KeepDrop(2, (8,), 4, 8, 1, kl_weight=0.1, candidates="own+true"),
    coarse_unet=LatentUNet((48,), 1, (False,), 2, 32),
    fine_unet=LatentUNet((32,), 1, (False,), 2, 32, fold=2),
    coarse_vae_training=Training(1_600, 4, 3e-3, ema=0.98),
    coarse_unet_training=Training(4_000, 8, 2e-3, ema=0.98),
    fine_vae_training=Training(1_600, 4, 3e-3, ema=0.98),
    fine_unet_training=Training(2_000, 4, 3e-3, ema=0.98),
    sampling=XCubeSampling("dpm++", 15, 10, batch=16),
)


def xcube_recipes() -> dict[str, XCubeConfig]:
    """Name -> configuration of every row of XCube."""
    sizes = {"tiny": _TINY, "small": _SMALL, "full": XCubeConfig()}
    sets = ("nets", "shells", "both", "metatruss", "metashell")
    return {f"xcube-{cells}-{size}": config for cells in sets for size, config in sizes.items()}
