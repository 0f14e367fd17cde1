"""Configuration of the baseline DiT-3D and its named rows."""

from dataclasses import dataclass, field, replace
from typing import Literal

from voxplore.recipes.common import MEDIUM_SECONDS, SMALL_SECONDS, Augment, Training, budgeted

__all__ = ["DiT3DConfig", "DiT3DNetwork", "DiT3DSampling", "dit3d_recipes"]


@dataclass(frozen=True)
class DiT3DNetwork:
    """The transformer; defaults are the published size S/4."""

    patch: int = 4
    """p, edge of a patch in voxels (paper: 2, 4 or 8)."""
    width: int = 384
    """Model dimension (published code, size S)."""
    layers: int = 12
    """Blocks (published code, size S)."""
    heads: int = 6
    """Attention heads (published code, size S)."""
    window: int = 4
    """R, edge of an attention window in tokens (paper); 0 makes all attention global, as the released code has it."""
    windowed_blocks: tuple[int, ...] = (0, 3, 6, 9)
    """Blocks whose attention stays within windows (paper)."""


@dataclass(frozen=True)
class DiT3DSampling:
    """How cells are drawn."""

    sampler: Literal["ancestral", "ddim", "dpm++"] = "ancestral"
    """Ancestral with the posterior variance (published code)."""
    steps: int = 1000
    """Steps of the T that are taken (published code: all)."""
    batch: int = 50
    """Cells drawn together (our choice)."""


@dataclass(frozen=True)
class DiT3DConfig:
    """All of DiT-3D on voxels; defaults are the published settings where voxels have such."""

    resolution: int = 48
    network: DiT3DNetwork = field(default_factory=DiT3DNetwork)
    steps: int = 1000
    """T (published code)."""
    beta_first: float = 1e-4
    """beta_1 (published code)."""
    beta_last: float = 0.02
    """beta_T (published code)."""
    prediction: Literal["epsilon", "velocity", "sample"] = "epsilon"
    """What the network puts out: the noise (paper), or the cell itself (our choice for narrow networks)."""
    augment: Augment = "six"
    """Our choice, as for all models here."""
    training: Training = Training(2_000_000, 32, 1e-4, 0.0, 0.01, 0.0, 1.0, 0.9999, beta2=0.999)
    """AdamW at 1e-4, constant, beta2 0.999 (published code); batch 32 (there 16), averaged weights of decay 0.9999
    (optional there), a bound on the gradient and the length are our choice."""
    sampling: DiT3DSampling = field(default_factory=DiT3DSampling)
    seed: int = 0


#: Ten minutes of one core, and two and a half of two for drawing 1,000 cells (our choice). A patch of 8^3 voxels passes
#: through 120 numbers, too few to carry its noise back out: the network puts out the cell instead.
_SMALL = DiT3DConfig(
    network=DiT3DNetwork(patch=8, width=120, layers=4, heads=4, window=3, windowed_blocks=(0, 2)),
    prediction="sample",
    augment="none",
    training=budgeted(SMALL_SECONDS, 8, 1e-3),
    sampling=DiT3DSampling("ddim", 25),
)
_TINY = replace(
    _SMALL,
    resolution=16,
    network=DiT3DNetwork(patch=4, width=48, layers=3, heads=2, window=2, windowed_blocks=(0,)),
    training=Training(12_000, 8, 4e-3, ema=0.99),
    sampling=DiT3DSampling("ddim", 12, 8),
)
#: 24^3 on one core: 216 tokens of 4^3 voxels, more than twice as wide as what they carry, so that the noise is
#: predicted as published.
_MEDIUM = DiT3DConfig(
    resolution=24,
    network=DiT3DNetwork(patch=4, width=144, layers=6, heads=4, window=3, windowed_blocks=(0, 3)),
    augment="none",
    training=budgeted(MEDIUM_SECONDS, 32, 5e-4, medium=True),
    sampling=DiT3DSampling("ddim", 50),
)
#: One GPU: a quarter of the 1000 steps, evenly spaced, which the posterior variance allows (our choice).
_FULL = DiT3DConfig(sampling=DiT3DSampling(steps=250, batch=100))


def dit3d_recipes() -> dict[str, DiT3DConfig]:
    """Name -> configuration of every row of DiT-3D."""
    sizes = {"tiny": _TINY, "small": _SMALL, "medium": _MEDIUM, "full": _FULL}
    sets = ("nets", "shells", "both", "metatruss", "metashell")
    return {f"dit3d-{cells}-{size}": config for cells in sets for size, config in sizes.items()}
