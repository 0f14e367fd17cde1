"""DiT-3D (Mo et al., NeurIPS 2023): a plain diffusion transformer over patches of voxels.

Faithful: tokens of p^3 voxels, fixed sine-cosine positions in three dimensions, adaLN-Zero blocks, attention within
windows in some of them, discrete diffusion with T = 1000 and linear betas, the noise predicted, ancestral sampling.

Our reading: the original turns 2048 surface points into voxels before the network and back after it. A cell is a voxel
grid already, and has more solid voxels than that, so here the grid itself, -1 void and +1 solid, is what is noised and
denoised, and solid is what ends above 0. The windows are really local; in the released code they have no effect
(`window=0` gives its global attention).

Left out: points and their voxelisation, classes and their guidance (a set of cells has none), weights of a 2-D model.
The narrow recipes predict the cell rather than the noise, which their width cannot carry.
"""

from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from voxplore.diffusion import diffusion_loss, linear_schedule, sample
from voxplore.models.base import CellNoise, Generator
from voxplore.models.voxels import (
    check_divisible,
    draw_cells,
    fit_one_stage,
    no_condition,
    signed,
)
from voxplore.networks import DiT3D as Transformer
from voxplore.recipes import DiT3DConfig, DiT3DSampling
from voxplore.unitcells import UnitCells

__all__ = ["DiT3D"]


class DiT3D(Generator):
    """Noise a voxel grid, denoise it by a transformer."""

    name: ClassVar[str] = "dit3d"
    Config: ClassVar[type] = DiT3DConfig
    config: DiT3DConfig

    def __init__(self, config: DiT3DConfig, device: str = "auto"):
        super().__init__(config, device)
        check_divisible(config.resolution, config.network.patch)
        torch.manual_seed(config.seed)
        self.denoiser = Transformer(resolution=config.resolution, **vars(config.network)).to(self.device)
        self.schedule = linear_schedule(config.steps, config.beta_first, config.beta_last)

    def parts(self) -> dict[str, nn.Module]:
        return {"denoiser": self.denoiser}

    def fit(self, cells: UnitCells, run: str | Path | None = None) -> "DiT3D":
        """Train on cells (n, d, d, d) of the configured resolution."""
        config = self.config

        def loss(solid: Tensor, n: int) -> tuple[Tensor, dict[str, Tensor]]:
            return diffusion_loss(self.denoiser, signed(solid), self.schedule, config.prediction), {}

        return fit_one_stage(self, "denoiser", self.denoiser, loss, cells, run)

    def generate(
        self, n: int, *, seed: int, sampling: DiT3DSampling | None = None, condition: Any = None, first: int = 0
    ) -> UnitCells:
        """Draw n cells; cell i depends on (seed, i) alone."""
        no_condition(condition)
        chosen, resolution = sampling or self.config.sampling, self.config.resolution

        def draw(noise: CellNoise, first: int) -> Tensor:
            return sample(
                self._denoise,
                noise,
                self.schedule,
                steps=chosen.steps,
                sampler=chosen.sampler,
                prediction=self.config.prediction,
            )

        rows = draw_cells(draw, n, seed, resolution, self.together(chosen), self.device, start=first)
        return self._drawn(rows, resolution, seed, first)

    def _denoise(self, x_t: Tensor, time: Tensor) -> Tensor:
        return self.denoiser(x_t, time).float()
