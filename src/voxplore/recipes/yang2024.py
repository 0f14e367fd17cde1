"""Configuration of the baseline of Yang et al. (2024) and its named rows."""

from dataclasses import dataclass, field, replace
from typing import Literal

from voxplore.recipes.common import MEDIUM_SECONDS, SMALL_SECONDS, Augment, Training, budgeted

__all__ = ["Yang2024Config", "Yang2024Network", "Yang2024Sampling", "yang2024_recipes"]


@dataclass(frozen=True)
class Yang2024Network:
    """The U-Net; defaults are the published settings, for five levels from 48^3 to 3^3."""

    widths: tuple[int, ...] = (32, 64, 128, 256, 256)
    """Channels of each level, finest first (published code)."""
    attention: tuple[Literal["none", "full", "linear"], ...] = ("none", "none", "none", "full", "full")
    """Attention at each level (published code: the two coarsest)."""
    heads: int = 4
    """Attention heads (published code)."""
    dropout: float = 0.1
    """In each residual block (published code)."""
    time_width: int = 128
    """Width of the embedding of the log-SNR (published code: four times the base)."""
    fold: int = 1
    """Edge of the blocks of voxels that become channels at once; 1 is published."""
    stem: int = 3
    """Kernel of the first and the last convolution (published code: 3)."""


@dataclass(frozen=True)
class Yang2024Sampling:
    """How cells are drawn: deterministic steps over uneven times, with snapped estimates."""

    early: int = 10
    """Steps from time 1 to 0.8 (published code)."""
    late: int = 8
    """Steps from time 0.8 to 0 (published code)."""
    snap_below: float = 0.7
    """Time below which estimates become -1 or +1 (published code); 0 never snaps."""
    batch: int = 50
    """Cells drawn together (our choice)."""


@dataclass(frozen=True)
class Yang2024Config:
    """All of the model; defaults are the published settings at 48^3, whole cells, no symmetry."""

    resolution: int = 48
    network: Yang2024Network = field(default_factory=Yang2024Network)
    axis_permutation_symmetry: bool = False
    """Average what goes in and out over the six permutations of the axes (published code: always). It lets no cell be
    drawn that is not invariant under them, so it is on where the set is (metashell) and off elsewhere (our choice)."""
    octant: bool = False
    """Learn one octant and mirror it out (paper); right only where every cell is its own mirror image in all axes."""
    self_conditioning: float = 0.5
    """Chance that a batch is shown a first estimate (published code)."""
    augment: Augment = "six"
    """Our choice, as for all models here."""
    training: Training = Training(2_000_000, 32, 2e-4, 0.01, 0.01, 0.0, 1.0, 0.999, beta2=0.999)
    """AdamW at 2e-4 with its usual decay 0.01 and beta2 0.999, gradient norm 1, averaged weights 0.999 (published
    code); the length is our choice."""
    sampling: Yang2024Sampling = field(default_factory=Yang2024Sampling)
    seed: int = 0


#: Ten minutes of one core, and two and a half of two for drawing 1,000 cells (our choice): blocks of 4^3 voxels become
#: channels, so that convolutions have many channels and few voxels.
_SMALL = Yang2024Config(
    network=Yang2024Network(
        widths=(32, 64, 128), attention=("none", "full", "full"), dropout=0.0, time_width=64, fold=4, stem=1
    ),
    augment="none",
    training=budgeted(SMALL_SECONDS, 8, 1e-3),
)
_TINY = replace(
    _SMALL,
    resolution=16,
    network=replace(_SMALL.network, widths=(32, 48), attention=("none", "full"), time_width=32, fold=4),
    training=Training(6_400, 8, 2e-3, ema=0.99),
    sampling=Yang2024Sampling(6, 6, batch=8),
)
#: 24^3 on one core: blocks of 2^3 voxels become channels; the rest as published, with three levels from 12^3 to 3^3.
_MEDIUM = Yang2024Config(
    resolution=24,
    network=Yang2024Network(widths=(32, 64, 128), attention=("none", "full", "full"), fold=2),
    augment="none",
    training=budgeted(MEDIUM_SECONDS, 32, 5e-4, medium=True, weight_decay=0.01),
)


def yang2024_recipes() -> dict[str, Yang2024Config]:
    """Name -> configuration of every row of Yang et al.; `octant` for the sets whose cells mirror out of one."""
    sizes = {"tiny": _TINY, "small": _SMALL, "medium": _MEDIUM, "full": Yang2024Config()}
    recipes = {}
    for size, config in sizes.items():
        for cells in ("nets", "shells", "both", "metatruss", "metashell"):
            native = replace(config, axis_permutation_symmetry=cells == "metashell")
            recipes[f"yang2024-{cells}-{size}"] = native
            if cells in ("shells", "metashell"):
                recipes[f"yang2024-octant-{cells}-{size}"] = _octant(native)
    return recipes


def _octant(config: Yang2024Config) -> Yang2024Config:
    """An octant has half the side: one level, or half the fold, less."""
    network = config.network
    if network.fold > 1:
        return replace(config, octant=True, network=replace(network, fold=network.fold // 2))
    smaller = replace(network, widths=network.widths[:-1], attention=("none", "none", "full", "full"))
    return replace(config, octant=True, network=smaller)
