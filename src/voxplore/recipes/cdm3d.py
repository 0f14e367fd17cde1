"""Configuration of the baseline 3D-CDM and its named rows."""

from dataclasses import dataclass, field, replace
from typing import Literal

from voxplore.recipes.common import MEDIUM_SECONDS, SMALL_SECONDS, Augment, Training, budgeted

__all__ = ["CDM3DConfig", "CDM3DNetwork", "CDM3DSampling", "cdm3d_recipes"]


@dataclass(frozen=True)
class CDM3DNetwork:
    """The U-Net; defaults are the published settings."""

    widths: tuple[int, ...] = (64, 128, 256, 512)
    """Channels of each level, finest first (published code: base 64 times 1, 2, 4, 8)."""
    blocks: int = 2
    """Residual blocks a level (published code)."""
    heads: int = 4
    """Heads of attention, linear at every level and full in the middle (published code)."""
    head_width: int = 32
    """Channels of a head (published code)."""
    time_width: int = 256
    """Width of the embedding of time (published code: four times the base)."""
    stem: int = 7
    """Kernel of the first convolution (published code)."""
    stem_width: int = 42
    """Channels that it puts out (published code: two thirds of the base)."""
    fold: int = 1
    """Edge of the blocks of voxels that become channels at once; 1 is published."""


@dataclass(frozen=True)
class CDM3DSampling:
    """How cells are drawn."""

    sampler: Literal["ancestral", "ddim", "dpm++"] = "ancestral"
    """Ancestral (published code)."""
    steps: int = 200
    """Steps of the T that are taken (published code: all)."""
    variance: Literal["posterior", "beta"] = "beta"
    """Of ancestral steps (published code: beta_t)."""
    batch: int = 50
    """Cells drawn together (our choice)."""


@dataclass(frozen=True)
class CDM3DConfig:
    """All of 3D-CDM; defaults are the published settings without labels."""

    resolution: int = 48
    network: CDM3DNetwork = field(default_factory=CDM3DNetwork)
    steps: int = 200
    """T (published code)."""
    beta_first: float = 1e-4
    """beta_1 (published code)."""
    beta_last: float = 0.02
    """beta_T (published code)."""
    schedule: Literal["published", "rescaled"] = "published"
    """published: the betas as they are, whose last alpha_bar is 0.13. rescaled: times 1000 / T, so that a cell ends as
    noise (our choice)."""
    prediction: Literal["epsilon", "velocity", "sample"] = "epsilon"
    """What the network puts out: the noise (published code), or the cell itself (our choice for narrow networks)."""
    condition: Literal["none", "density"] = "none"
    """What every level is told of the cell: nothing (our choice), or its relative density (published code: with Young's
    modulus and conductivity, which take a solver)."""
    augment: Augment = "six"
    """Our choice, as for all models here."""
    training: Training = Training(1_000_000, 32, 1e-4, 0.0, 0.0, 0.0, None, None, beta2=0.999)
    """Adam at 1e-4, constant, beta2 0.999, batch 32, no averaged weights, no clipping (published code); the length is
    ours (published: 300,000)."""
    sampling: CDM3DSampling = field(default_factory=CDM3DSampling)
    seed: int = 0


#: Ten minutes of one core, and two and a half of two for drawing 1,000 cells (our choice): blocks of 4^3 voxels become
#: channels, 18 deterministic steps, averaged weights; what goes out is the cell, as the 64 voxels of a block pass
#: through 32 channels, too few to carry their noise.
_SMALL = CDM3DConfig(
    network=CDM3DNetwork(
        widths=(32, 64, 128), blocks=1, heads=4, head_width=16, time_width=64, stem=1, stem_width=0, fold=4
    ),
    prediction="sample",
    augment="none",
    training=budgeted(SMALL_SECONDS, 8, 1e-3),
    sampling=CDM3DSampling("ddim", 18),
)
_TINY = replace(
    _SMALL,
    resolution=16,
    network=replace(_SMALL.network, widths=(32, 48), head_width=8, time_width=32),
    training=Training(6_400, 8, 2e-3, ema=0.99),
    sampling=CDM3DSampling("ddim", 12, batch=8),
)
#: 24^3 on one core: blocks of 2^3 voxels become channels, fewer than half as many as the finest level has, so that the
#: noise is predicted as published; 50 deterministic steps.
_MEDIUM = CDM3DConfig(
    resolution=24,
    network=CDM3DNetwork(
        widths=(32, 64, 128), blocks=1, heads=4, head_width=16, time_width=128, stem=3, stem_width=0, fold=2
    ),
    augment="none",
    training=budgeted(MEDIUM_SECONDS, 32, 5e-4, medium=True),
    sampling=CDM3DSampling("ddim", 50),
)


def cdm3d_recipes() -> dict[str, CDM3DConfig]:
    """Name -> configuration of every row of 3D-CDM: as published, `repaired` schedule, told the `density`."""
    sizes = {"tiny": _TINY, "small": _SMALL, "medium": _MEDIUM, "full": CDM3DConfig()}
    recipes = {}
    for cells in ("nets", "shells", "both", "metatruss", "metashell"):
        for size, config in sizes.items():
            recipes[f"cdm3d-{cells}-{size}"] = config
            recipes[f"cdm3d-repaired-{cells}-{size}"] = replace(config, schedule="rescaled")
            recipes[f"cdm3d-density-{cells}-{size}"] = replace(config, condition="density")
    return recipes
