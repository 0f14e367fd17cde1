"""Yang et al. (2024): a self-conditioned 3-D U-Net that predicts the cell, with few and snapped sampling steps.

Faithful, read against the public code: the U-Net, told the log-SNR through learned frequencies, whose attention stands
behind a norm and SiLU that take the features' place, with a norm of its own; continuous time with log-SNR -log(exp(1e-4
+ 10 t^2) - 1), the cell itself predicted, plain squared error; its own last estimate shown to it, in half of the
batches while it learns; 18 deterministic steps over uneven times, in whose later part each estimate is made -1 or +1
before it is used and shown, so that the output is binary; AdamW, gradient norm 1, averaged weights of 0.999.

Our reading: whole cells of 48^3 with five levels down to 3^3 (published: octants of 64^3, down to 4^3), and no
averaging over the permutations of the axes unless the set has that symmetry (published: always). Averaging cannot draw
a cell that lacks the symmetry, and mirroring an octant makes central symmetry and periodicity perfect by construction;
both are switches. bfloat16 on GPUs. `small` and `medium` make blocks of voxels channels.

Left out: conditions on stiffness and volume with their cross-attention, guidance by a bulk-modulus regressor, the loop
of active learning, the optimisation afterwards, and keeping only the largest component, which would be post-processing.
"""

import itertools
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from voxplore.diffusion import published_times, sample_snapped, self_conditioned_loss
from voxplore.models.base import CellNoise, Generator
from voxplore.models.voxels import (
    check_divisible,
    draw_cells,
    fit_one_stage,
    no_condition,
    signed,
)
from voxplore.networks import BlockStyle, LearnedFrequencies, UNet3D
from voxplore.recipes import Yang2024Config, Yang2024Network, Yang2024Sampling
from voxplore.training import placed
from voxplore.unitcells import UnitCells

__all__ = ["Yang2024", "permutation_mean"]


class Yang2024(Generator):
    """Noise a voxel grid, estimate the cell again and again, each time shown the last estimate."""

    name: ClassVar[str] = "yang2024"
    Config: ClassVar[type] = Yang2024Config
    config: Yang2024Config

    def __init__(self, config: Yang2024Config, device: str = "auto"):
        super().__init__(config, device)
        self.side = config.resolution // 2 if config.octant else config.resolution
        check_divisible(config.resolution, 2 if config.octant else 1)
        check_divisible(self.side, config.network.fold * 2 ** (len(config.network.widths) - 1))
        torch.manual_seed(config.seed)
        self.denoiser = placed(_network(config.network), self.device)

    def parts(self) -> dict[str, nn.Module]:
        return {"denoiser": self.denoiser}

    def fit(self, cells: UnitCells, run: str | Path | None = None) -> "Yang2024":
        """Train on cells (n, d, d, d) of the configured resolution."""
        config = self.config

        def loss(solid: Tensor, n: int) -> tuple[Tensor, dict[str, Tensor]]:
            return self_conditioned_loss(self.estimate, signed(solid), config.self_conditioning), {}

        return fit_one_stage(self, "denoiser", self.denoiser, loss, cells, run, self.side)

    def generate(
        self, n: int, *, seed: int, sampling: Yang2024Sampling | None = None, condition: Any = None, first: int = 0
    ) -> UnitCells:
        """Draw n cells; cell i depends on (seed, i) alone."""
        no_condition(condition)
        chosen, resolution = sampling or self.config.sampling, self.config.resolution
        times = published_times(chosen.early, chosen.late)

        def draw(noise: CellNoise, first: int) -> Tensor:
            drawn = sample_snapped(self.estimate, noise, times, snap_below=chosen.snap_below)
            return mirrored(drawn) if self.config.octant else drawn

        rows = draw_cells(draw, n, seed, self.side, self.together(chosen), self.device, put=resolution, start=first)
        return self._drawn(rows, resolution, seed, first)

    def estimate(self, x_t: Tensor, last: Tensor, level: Tensor) -> Tensor:
        """The cell in a noisy one: x_t and the last estimate (n, 1, s, s, s), log-SNR (n,) -> (n, 1, s, s, s)."""
        shown = torch.cat([x_t, last], dim=1)
        if not self.config.axis_permutation_symmetry:
            return self.denoiser(shown, level).float()
        return permutation_mean(self.denoiser(permutation_mean(shown), level).float())


def permutation_mean(volumes: Tensor) -> Tensor:
    """The mean of (n, c, s, s, s) over the six permutations of its last three axes."""
    turned = [volumes.permute(0, 1, *order) for order in itertools.permutations((2, 3, 4))]
    return torch.stack(turned).mean(0)


def mirrored(octants: Tensor) -> Tensor:
    """The whole (..., 2s, 2s, 2s) of which (..., s, s, s) is the first octant, mirrored in all three axes."""
    for axis in (-3, -2, -1):
        octants = torch.cat([octants, octants.flip(axis)], dim=axis)
    return octants


def _network(options: Yang2024Network) -> UNet3D:
    return UNet3D(
        inputs=2,
        outputs=1,
        widths=options.widths,
        time=LearnedFrequencies(options.time_width),
        time_width=options.time_width,
        attention=options.attention,
        style=BlockStyle(dropout=options.dropout, heads=options.heads, attention="after-silu"),
        fold=options.fold,
        stem=options.stem,
        last=options.stem,
        finest_skip=False,
    )
