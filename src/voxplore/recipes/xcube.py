"""Configuration of XCube and its named rows."""

from dataclasses import dataclass, field, replace
from typing import Literal

from voxplore.recipes.common import MEDIUM_SECONDS, SMALL_SECONDS, Augment, Training, budgeted

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


def _published(cells: int, batch: int, learning_rate: float, decay: float, ema: float | None) -> Training:
    usual = {"clip": None, "clip_value": 0.5, "amsgrad": True, "beta2": 0.999}
    return Training(cells, batch, learning_rate, decay=decay, ema=ema, **usual)


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
    coarse_vae_training: Training = _published(400_000, 32, 1e-4, 0.3, None)
    coarse_unet_training: Training = _published(2_000_000, 128, 5e-5, 0.0, 0.9999)
    fine_vae_training: Training = _published(400_000, 32, 1e-4, 0.3, None)
    fine_unet_training: Training = _published(1_000_000, 32, 5e-5, 0.0, 0.9999)
    """AdamW with AMSGrad, beta2 0.999, numbers of the gradient cut at 0.5, 1e-4 for the VAEs and 5e-5 for the
    diffusion, whose weights are averaged with decay 0.9999 (published code). Lengths and batches are our choice
    (published: 100 epochs of batches of 32; 256 for diffusion, on eight GPUs), and so is how the rate of the VAEs falls
    (published: by 0.7 every 50,000 cells)."""
    sampling: XCubeSampling = field(default_factory=XCubeSampling)
    seed: int = 0


def _medium(learning_rate: float) -> Training:
    return budgeted(MEDIUM_SECONDS / 4, 32, learning_rate, medium=True, clip=None, clip_value=0.5, amsgrad=True)


#: Ten minutes of one core in four equal parts: blocks of 2^3 voxels are channels everywhere, and all widths are small;
#: that of the fine U-Net is twice the 24 numbers of a block, as a velocity cannot pass through fewer.
_SMALL = XCubeConfig(
    coarse=KeepDrop(2, (16, 48), 16, 16, 1, candidates="own+true"),
    fine=KeepDrop(2, (8,), 3, 8, 1, kl_weight=0.3, candidates="own+true"),
    coarse_unet=LatentUNet((64, 128), 1, (True, True), 4, 128),
    fine_unet=LatentUNet((48, 96), 1, (False, True), 4, 128, fold=2),
    augment="none",
    coarse_vae_training=budgeted(SMALL_SECONDS / 4, 16, 3e-3, ema=0.99),
    coarse_unet_training=budgeted(SMALL_SECONDS / 4, 16, 1e-3, ema=0.99),
    fine_vae_training=budgeted(SMALL_SECONDS / 4, 8, 3e-3, ema=0.98),
    fine_unet_training=budgeted(SMALL_SECONDS / 4, 8, 2e-3, ema=0.98),
    sampling=XCubeSampling("dpm++", 12, 8),
)

#: 24^3 on one core: 6^3 latents -> 12^3 grid -> cell. The 32 numbers of a block of fine latents pass through 64.
_MEDIUM = XCubeConfig(
    resolution=24,
    coarse=KeepDrop(1, (32, 64), 16, 16, 1, candidates="own+true"),
    fine=KeepDrop(2, (32,), 4, 16, 1, kl_weight=0.3, candidates="own+true"),
    coarse_unet=LatentUNet((64, 128), 1, (True, True), 4, 256),
    fine_unet=LatentUNet((64, 128), 1, (False, True), 4, 256, fold=2),
    augment="none",
    coarse_vae_training=_medium(1e-3),
    coarse_unet_training=_medium(5e-4),
    fine_vae_training=_medium(1e-3),
    fine_unet_training=_medium(5e-4),
    sampling=XCubeSampling("ddim", 50, 50),
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
    sizes = {"tiny": _TINY, "small": _SMALL, "medium": _MEDIUM, "full": XCubeConfig()}
    sets = ("nets", "shells", "both", "metatruss", "metashell")
    return {f"xcube-{cells}-{size}": config for cells in sets for size, config in sizes.items()}
