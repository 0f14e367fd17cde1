"""XCube (Ren et al., 2024): a coarse grid is drawn first, then the cell inside it, each by latent diffusion.

Faithful, read against the public code: p(coarse grid) p(cell | coarse grid), each level with a sparse structure VAE,
whose decoder keeps, drops and splits voxels from coarse to fine, and a latent diffusion with prediction of the velocity
and a linear schedule; early dilation, by which the coarse grid surrounds the cell; latents of the coarse level on a
full cube, those of the fine one on the active voxels of the coarse grid alone, with their coordinates told; the fine
level is trained on true coarse grids and drawn on generated ones; AdamW with AMSGrad, numbers of the gradient cut at
0.5, averaged weights of 0.9999 for the diffusion. Sparse volumes are held densely under masks, which gives the same
numbers.

Our reading: two levels, 6^3 latents -> 24^3 grid -> 48^3 cell; all solid voxels are active, not surfaces alone; latents
are standardised by channel (published: one factor of the first batch); the coarse U-Net halves and doubles by
convolutions and is narrower (128 and 256 channels in two levels; published: 192 times 1, 2, 4, 4 in four). `small` and
`medium` make blocks of 2^3 voxels channels and let the decoder split the true voxels besides its own in training, so as
to keep to their budget on a core; the latter spares it the published code's shaky start. Left out: normals, colours and
text, which cells do not have, and the refinement network, which the published code leaves out too.
"""

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from voxplore.diffusion import diffusion_loss, linear_schedule, sample
from voxplore.models.base import CellNoise, Generator
from voxplore.models.encoding import encoded, occupancy
from voxplore.models.voxels import (
    check_divisible,
    checked_cells,
    half_precision,
    no_condition,
    preparation,
    random_cells,
    training_facts,
)
from voxplore.networks.dit3d import SinusoidalTime
from voxplore.networks.gaussian import gaussian_draw
from voxplore.networks.keep_drop import KeepDropVAE
from voxplore.networks.latent_scale import LatentScale
from voxplore.networks.masked3d import dilated
from voxplore.networks.masked_unet3d import MaskedUNet3D
from voxplore.networks.unet3d import BlockStyle, UNet3D
from voxplore.recipes.common import Training
from voxplore.recipes.xcube import KeepDrop, LatentUNet, XCubeConfig, XCubeSampling
from voxplore.training import placed, train
from voxplore.unitcells import UnitCells, pack

__all__ = ["XCube"]

#: Cells that the scale of the fine latents is taken from (published code: one batch).
_FIRST_LOOK = 256


class XCube(Generator):
    """Draw a coarse grid, then the cell inside it."""

    name: ClassVar[str] = "xcube"
    Config: ClassVar[type] = XCubeConfig
    config: XCubeConfig

    def __init__(self, config: XCubeConfig, device: str = "auto"):
        super().__init__(config, device)
        torch.manual_seed(config.seed)
        self.fine_vae = placed(_vae(config.fine, dense=False), self.device)
        self.coarse_vae = placed(_vae(config.coarse, dense=True), self.device)
        self.fine_unet = placed(_fine_unet(config.fine_unet, config.fine.latent), self.device)
        self.coarse_unet = placed(_coarse_unet(config.coarse_unet, config.coarse.latent), self.device)
        self.fine_scale = LatentScale(config.fine.latent).to(self.device)
        self.coarse_scale = LatentScale(config.coarse.latent).to(self.device)
        check_divisible(config.resolution, self.fine_vae.factor * self.coarse_vae.factor)
        self.fine_side = config.resolution // self.fine_vae.factor
        self.coarse_side = self.fine_side // self.coarse_vae.factor
        fine, coarse = config.fine_unet, config.coarse_unet
        check_divisible(self.fine_side, fine.fold * 2 ** (len(fine.widths) - 1), "side of the fine latents")
        check_divisible(self.coarse_side, 2 ** (len(coarse.widths) - 1), "side of the coarse latents")
        self.schedule = linear_schedule(config.steps, config.beta_first, config.beta_last)

    def parts(self) -> dict[str, nn.Module]:
        names = ("coarse_vae", "coarse_unet", "coarse_scale", "fine_vae", "fine_unet", "fine_scale")
        return {name: getattr(self, name) for name in names}

    def fit(self, cells: UnitCells, run: str | Path | None = None) -> "XCube":
        """Train VAE and diffusion of the coarse level, then of the fine one, on cells (n, d, d, d)."""
        packed = checked_cells(cells, self.config.resolution)
        folder = self._run_folder(run)
        stages = {"coarse_vae": self._fit_vae("coarse_vae", packed, folder)}
        known = self._coarse_latents(packed)
        stages["coarse_unet"] = self._fit_coarse_unet(known, folder)
        del known
        stages["fine_vae"] = self._fit_vae("fine_vae", packed, folder)
        self._learn_fine_scale(packed)
        stages["fine_unet"] = self._fit_fine_unet(packed, folder)
        self.trained = training_facts(cells, stages)
        return self

    def generate(
        self, n: int, *, seed: int, sampling: XCubeSampling | None = None, condition: Any = None, first: int = 0
    ) -> UnitCells:
        """Draw n cells; cell i depends on (seed, i) alone. Where no coarse voxel is kept, the cell is empty."""
        no_condition(condition)
        sampling = sampling or self.config.sampling
        rows = [np.zeros((0, self.config.resolution**3 // 8), np.uint8)]
        numbers = self.config.coarse.latent * self.coarse_side**3 + self.config.fine.latent * self.fine_side**3
        batch = self.together(sampling)
        for start in range(first, first + n, batch):
            noise = CellNoise(seed, start, batch, (numbers,), self.device)()
            rows.append(pack(self._drawn_from(noise, sampling)))
        return self._drawn(np.concatenate(rows)[:n], self.config.resolution, seed, first)

    @torch.no_grad()
    def reconstruct(self, cells: UnitCells) -> UnitCells:
        """Cells decoded by the fine level from the mean of what they are encoded as, inside their true coarse grids."""
        found = []
        for voxels in cells.batches(self.config.sampling.batch):
            solid = occupancy(voxels, self.device)
            told = self.fine_vae.decoder(self.fine_vae.encoder(solid)[0], self.fine_vae.mask(solid))
            found.append((told[-1].kept[:, 0] > 0).cpu().numpy())
        return UnitCells.from_voxels(np.concatenate(found))

    # ------------------------------------------------------------------------------------------------ training

    def _train(self, stage: str, loss: Any, folder: Path, packed: np.ndarray | None = None) -> dict[str, float]:
        """packed: cells of which the loss is shown random ones."""
        length: Training = getattr(self.config, f"{stage}_training")
        options = {"run": folder, "seed": self.config.seed, "device": self.device, **vars(length)}
        if packed is not None:
            options["prepare"] = preparation(packed, self.config.resolution, self.config.augment)
        return train(stage, getattr(self, stage), loss, **options)

    def _fit_vae(self, stage: str, packed: np.ndarray, folder: Path) -> dict[str, float]:
        coarse = stage == "coarse_vae"
        vae, shape = (self.coarse_vae, self.config.coarse) if coarse else (self.fine_vae, self.config.fine)

        def loss(cells: Tensor, n: int) -> tuple[Tensor, dict[str, Tensor]]:
            solid = occupancy(cells, self.device)
            grid = dilated(solid, self.fine_vae.factor) if coarse else solid
            keep, divergence = vae.compare(grid, own=shape.candidates == "own")
            return shape.keep_weight * keep + shape.kl_weight * divergence, {"keep": keep, "divergence": divergence}

        return self._train(stage, loss, folder, packed)

    def _coarse_latents(self, packed: np.ndarray) -> Tensor:
        """Means and log variances of all cells' coarse latents, float16 (m, 2 latent, s, s, s); learns their scale."""

        def encode(solid: Tensor) -> Tensor:
            return torch.cat(self.coarse_vae.encoder(dilated(solid, self.fine_vae.factor)), dim=1)

        config = self.config
        known = encoded(encode, packed, config.resolution, config.augment, config.sampling.batch, self.device)
        mean, log_variance = known.float().chunk(2, dim=1)
        # The variance of what is drawn: that of the means, and the mean of the variances.
        variance = mean.var((0, 2, 3, 4)) + log_variance.exp().mean((0, 2, 3, 4))
        self.coarse_scale.learn(mean.mean((0, 2, 3, 4)), variance)
        return known

    def _fit_coarse_unet(self, known: Tensor, folder: Path) -> dict[str, float]:
        def loss(_: Any, n: int) -> tuple[Tensor, dict[str, Tensor]]:
            rows = torch.randint(len(known), (n,), device=known.device)
            x_0 = self.coarse_scale.standardise(gaussian_draw(*known[rows].float().chunk(2, dim=1)))
            return diffusion_loss(self.coarse_unet, x_0, self.schedule, "velocity"), {}

        return self._train("coarse_unet", loss, folder)

    @torch.no_grad()
    def _learn_fine_scale(self, packed: np.ndarray) -> None:
        """From the first of the cells, by a generator of its own, so that a resumed run learns the same."""
        rng = np.random.default_rng(self.config.seed)
        size = self.config.sampling.batch
        total = torch.zeros(3, self.config.fine.latent, device=self.device)
        for _ in range(0, min(_FIRST_LOOK, len(packed)), size):
            voxels = random_cells(packed, self.config.resolution, size, self.config.augment, rng)
            solid = occupancy(voxels, self.device)
            mean, log_variance = self.fine_vae.encoder(solid)
            mask = self.fine_vae.mask(solid)
            square = mean.square() + log_variance.exp()
            total += torch.stack([(part * mask).sum((0, 2, 3, 4)) for part in (torch.ones_like(mean), mean, square)])
        count, first, second = total.clamp(min=torch.tensor([[1.0], [-torch.inf], [0.0]], device=self.device))
        self.fine_scale.learn(first / count, second / count - (first / count).square())

    def _fit_fine_unet(self, packed: np.ndarray, folder: Path) -> dict[str, float]:
        """Latents are encoded anew at each step: all of them would not fit the memory of a small machine."""

        def loss(cells: Tensor, n: int) -> tuple[Tensor, dict[str, Tensor]]:
            solid = occupancy(cells, self.device)
            mask = self.fine_vae.mask(solid)
            with torch.no_grad():
                x_0 = self.fine_scale.standardise(gaussian_draw(*self.fine_vae.encoder(solid))) * mask

            def denoise(x_t: Tensor, t: Tensor) -> Tensor:
                return self.fine_unet(x_t * mask, t, mask)

            return diffusion_loss(denoise, x_0, self.schedule, "velocity", mask=mask), {}

        return self._train("fine_unet", loss, folder, packed)

    # ------------------------------------------------------------------------------------------------ sampling

    @torch.no_grad()
    def _drawn_from(self, noise: Tensor, sampling: XCubeSampling) -> np.ndarray:
        """Cells Bool (n, d, d, d) from noise (n, numbers): that of the coarse latents, then that of the fine ones."""
        shapes = [(self.config.coarse.latent, self.coarse_side), (self.config.fine.latent, self.fine_side)]
        parts = noise.split([channels * side**3 for channels, side in shapes], dim=1)
        coarse, fine = (part.reshape(-1, c, s, s, s) for part, (c, s) in zip(parts, shapes, strict=True))
        with half_precision(self.device):
            latents = self._denoised(self.coarse_unet, coarse, sampling.coarse_steps, sampling)
            everywhere = torch.ones_like(latents[:, :1])
            grid = self.coarse_vae.decoder(self.coarse_scale.restore(latents), everywhere)[-1].kept.float()

            def denoise(x_t: Tensor, t: Tensor) -> Tensor:
                return self.fine_unet(x_t, t, grid)

            latents = self._denoised(denoise, fine * grid, sampling.fine_steps, sampling)
            told = self.fine_vae.decoder(self.fine_scale.restore(latents), grid)
        return (told[-1].kept[:, 0] > 0).cpu().numpy()

    def _denoised(self, network: Any, noise: Tensor, steps: int, sampling: XCubeSampling) -> Tensor:
        options = {"steps": steps, "sampler": sampling.sampler, "prediction": "velocity"}
        return sample(network, lambda: noise, self.schedule, **options)


def _vae(shape: KeepDrop, dense: bool) -> KeepDropVAE:
    names = ("block", "widths", "latent", "stem", "bottleneck")
    return KeepDropVAE(**{name: getattr(shape, name) for name in names}, dense=dense)


def _coarse_unet(shape: LatentUNet, latent: int) -> UNet3D:
    return UNet3D(
        inputs=latent,
        outputs=latent,
        widths=shape.widths,
        time=SinusoidalTime(shape.time_width),
        time_width=shape.time_width,
        attention=["full" if there else "none" for there in shape.attention],
        blocks=shape.blocks,
        style=BlockStyle(time="scale-shift", heads=shape.heads),
    )


def _fine_unet(shape: LatentUNet, latent: int) -> MaskedUNet3D:
    return MaskedUNet3D(channels=latent, **vars(shape))
