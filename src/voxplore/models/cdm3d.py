"""3D-CDM (Zheng, Shiomi and Yamada, 2025): a 3-D U-Net with linear attention and a short discrete diffusion.

Faithful, read against the public code: the U-Net, whose residual blocks are scaled and shifted by the time, but for the
last one, which is not told it; linear attention at every level and full attention in the middle, each behind a
LayerNorm over the channels, the linear one with another behind it; T = 200, linear betas from 1e-4 to 0.02, the noise
predicted, ancestral steps with variance beta_t, solid above one half; numbers of a cell told on the way down, in the
middle and on the way up as a volume of their own (`condition`); Adam at 1e-4, no averaged weights.

Its schedule is flawed, and is kept: those betas are meant for 1000 steps, and after 200 of them alpha_bar is 0.13, so
the noisiest cells of training still hold 36 % of the cell's amplitude, while sampling starts from noise alone. What the
network is then shown it never saw, and the mean density above all is guessed wrongly. `schedule="rescaled"` multiplies
the betas by 1000 / T and ends the flaw; recipes named `repaired` have it.

Our reading: no condition by default, as the other models have none; `density` tells the relative density, which needs
no solver, and draws it from the training cells. The original counts alpha_bar from one step earlier, steps through 199
of its 200 times and adds noise after the last; ours takes all and adds none there, which the threshold would hide. The
time enters the sinusoid as 1000 t / T (there: as t). Weights start as PyTorch has them (there: Keras, Glorot).
Augmentation is that of the other models; the article's title names one, the public code has none.

Left out: labels of Young's modulus and conductivity, the network that predicts them, binarisation by topological
derivative. The narrow recipes predict the cell rather than the noise and take fewer, deterministic steps.
"""

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from voxplore.diffusion import diffusion_loss, linear_schedule, sample
from voxplore.errors import VoxploreError
from voxplore.models.base import CellNoise, Generator
from voxplore.models.voxels import (
    check_divisible,
    draw_cells,
    fit_one_stage,
    no_condition,
    signed,
)
from voxplore.networks import BlockStyle, SinusoidalTime, UNet3D
from voxplore.recipes import CDM3DConfig, CDM3DSampling
from voxplore.training import placed
from voxplore.unitcells import UnitCells

__all__ = ["CDM3D"]


class CDM3D(Generator):
    """Noise a voxel grid for 200 steps, denoise it by a U-Net."""

    name: ClassVar[str] = "cdm3d"
    Config: ClassVar[type] = CDM3DConfig
    config: CDM3DConfig

    def __init__(self, config: CDM3DConfig, device: str = "auto"):
        super().__init__(config, device)
        check_divisible(config.resolution, config.network.fold * 2 ** (len(config.network.widths) - 1))
        torch.manual_seed(config.seed)
        self.denoiser = placed(_network(config), self.device)
        self.densities = Densities().to(self.device)
        scale = 1000 / config.steps if config.schedule == "rescaled" else 1.0
        self.schedule = linear_schedule(config.steps, scale * config.beta_first, scale * config.beta_last)

    def parts(self) -> dict[str, nn.Module]:
        told = {"densities": self.densities} if self.config.condition == "density" else {}
        return {"denoiser": self.denoiser, **told}

    def fit(self, cells: UnitCells, run: str | Path | None = None) -> "CDM3D":
        """Train on cells (n, d, d, d) of the configured resolution."""
        config = self.config
        self.densities.known = torch.from_numpy(np.sort(cells.relative_density())).float().to(self.device)

        def loss(solid: Tensor, n: int) -> tuple[Tensor, dict[str, Tensor]]:
            shown = signed(solid)
            density = (shown.mean((2, 3, 4)) + 1) / 2

            def denoise(x_t: Tensor, time: Tensor) -> Tensor:
                return self._denoise(x_t, time, density)

            return diffusion_loss(denoise, shown, self.schedule, config.prediction), {}

        return fit_one_stage(self, "denoiser", self.denoiser, loss, cells, run)

    def generate(
        self, n: int, *, seed: int, sampling: CDM3DSampling | None = None, condition: Any = None, first: int = 0
    ) -> UnitCells:
        """Draw n cells; cell i depends on (seed, i) and its condition alone.

        condition: relative densities (n,), or one for all, where the recipe has that condition; by default each cell
        takes that of a random training cell.
        """
        chosen, resolution = sampling or self.config.sampling, self.config.resolution
        wanted, batch = self._wanted(n, seed, condition, first), self.together(chosen)

        def draw(noise: CellNoise, start: int) -> Tensor:
            density = np.resize(wanted[start - first :][:batch], batch)
            told = torch.from_numpy(density).float().to(self.device)[:, None]

            def denoise(x_t: Tensor, time: Tensor) -> Tensor:
                return self._denoise(x_t, time, told)

            return sample(
                denoise,
                noise,
                self.schedule,
                steps=chosen.steps,
                sampler=chosen.sampler,
                prediction=self.config.prediction,
                variance=chosen.variance,
            )

        rows = draw_cells(draw, n, seed, resolution, batch, self.device, start=first)
        return self._drawn(rows, resolution, seed, first)

    def _denoise(self, x_t: Tensor, time: Tensor, density: Tensor) -> Tensor:
        return self.denoiser(x_t, time, density if self.config.condition == "density" else None).float()

    def _wanted(self, n: int, seed: int, condition: Any, first: int = 0) -> np.ndarray:
        """Relative densities (n,) that the cells are told, zeros where they are told none."""
        if self.config.condition == "none":
            no_condition(condition)
            return np.zeros(n)
        if condition is None:
            known = self.densities.known.cpu().numpy()
            numbers = range(first, first + n)
            # Streams apart from those of the cells' noise, which have two numbers for a key.
            return np.array([known[np.random.default_rng([seed, i, 1]).integers(len(known))] for i in numbers])
        asked = np.broadcast_to(np.asarray(condition, dtype=float), (n,))
        if not ((asked > 0) & (asked < 1)).all():
            raise VoxploreError("condition", expected="relative densities between 0 and 1", got=repr(condition)[:80])
        return asked


class Densities(nn.Module):
    """Relative densities of the training cells, from which those of drawn cells are drawn."""

    free_sized = ("known",)

    known: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("known", torch.zeros(0))


def _network(config: CDM3DConfig) -> UNet3D:
    options = config.network
    style = BlockStyle(
        "conv-first",
        "scale-shift",
        groups=8,
        heads=options.heads,
        head_width=options.head_width,
        attention="layer-norm",
    )
    return UNet3D(
        inputs=1,
        outputs=1,
        widths=options.widths,
        time=SinusoidalTime(options.time_width, options.widths[0], gelu=True),
        time_width=options.time_width,
        attention=("linear",) * len(options.widths),
        blocks=options.blocks,
        style=style,
        fold=options.fold,
        stem=options.stem,
        stem_width=options.stem_width,
        last=1,
        resample="conv4",
        last_time=False,
        condition=int(config.condition == "density"),
        resolution=config.resolution,
    )
