"""Trellis (Xiang et al., 2025), the structure stage: a dense VAE of the occupancy and a rectified-flow transformer.

Faithful, read against the public code: two stages; a convolutional VAE with LayerNorm over channels, Dice loss and a
small KL term, which takes the cell to a grid a quarter as fine with 8 channels; a transformer on that grid with fixed
3-D positions, adaLN-Zero blocks and normed queries and keys, trained on the posterior means by rectified flow at
logit-normal times; Euler steps from noise at times that dwell on noise (rescaled by 3); solid where the decoder's logit
is positive; AdamW at 1e-4, averaged weights of 0.9999.

Our reading: latents are standardised by channel (`normalise_latents`), gradients are clipped at a fixed norm
(published: at the 95th percentile of the last norms, at most 1), half precision is autocast to bfloat16. `full` has
half the published widths in the VAE and a transformer of size S; `small` and `medium` further have one residual block a
level and start from blocks of voxels in place of the finest levels; `small` takes blocks of 2^3 latent voxels as one
token, so as to keep to its budget on a core.

Left out: the cross-attention to images or text and its guidance (cells are drawn without conditions), and the second
stage, which makes appearance and not shape.
"""

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from voxplore.diffusion.flow import euler_sample, flow_loss
from voxplore.models.base import CellNoise, Generator
from voxplore.models.encoding import encoded, occupancy
from voxplore.models.voxels import (
    check_divisible,
    checked_cells,
    fixed_batch,
    half_precision,
    no_condition,
    preparation,
    training_facts,
)
from voxplore.networks.dit3d import DiT3D
from voxplore.networks.gaussian import gaussian_divergence, gaussian_draw
from voxplore.networks.latent_scale import LatentScale
from voxplore.networks.structure_vae import StructureDecoder, StructureEncoder, dice_loss
from voxplore.recipes.trellis import TrellisConfig, TrellisSampling
from voxplore.training import placed, train
from voxplore.unitcells import UnitCells, pack

__all__ = ["Trellis"]


class Trellis(Generator):
    """Encode the occupancy on a coarse grid; let a transformer carry noise to such latents; decode."""

    name: ClassVar[str] = "trellis"
    Config: ClassVar[type] = TrellisConfig
    config: TrellisConfig

    def __init__(self, config: TrellisConfig, device: str = "auto"):
        super().__init__(config, device)
        vae, flow = config.vae, config.flow
        factor = vae.stem * 2 ** (len(vae.widths) - 1)
        check_divisible(config.resolution, factor)
        self.side = config.resolution // factor
        check_divisible(self.side, flow.patch, "side of the latents")
        torch.manual_seed(config.seed)
        shape = {"stem": vae.stem, "widths": vae.widths, "blocks": vae.blocks, "middle": vae.middle}
        self.encoder = placed(StructureEncoder(**shape, latent=vae.latent), self.device)
        self.decoder = placed(StructureDecoder(**shape, latent=vae.latent), self.device)
        self.flow = DiT3D(
            resolution=self.side,
            patch=flow.patch,
            width=flow.width,
            layers=flow.layers,
            heads=flow.heads,
            channels=vae.latent,
            qk_norm=flow.qk_norm,
            gelu="tanh",
            modulate_last=False,
        ).to(self.device)
        self.scale = LatentScale(vae.latent).to(self.device)

    def parts(self) -> dict[str, nn.Module]:
        return {"encoder": self.encoder, "decoder": self.decoder, "flow": self.flow, "scale": self.scale}

    def fit(self, cells: UnitCells, run: str | Path | None = None) -> "Trellis":
        """Train VAE, then transformer, on cells (n, d, d, d) of the configured resolution."""
        packed = checked_cells(cells, self.config.resolution)
        folder = self._run_folder(run)
        stages = {"vae": self._fit_vae(packed, folder)}
        latents = encoded(
            lambda solid: self.encoder(solid)[0],
            packed,
            self.config.resolution,
            self.config.augment,
            self.config.sampling.batch,
            self.device,
        )
        if self.config.normalise_latents:
            every = latents.float()
            self.scale.learn(every.mean((0, 2, 3, 4)), every.var((0, 2, 3, 4)))
        stages["flow"] = self._fit_flow(latents, folder)
        self.trained = training_facts(cells, stages)
        return self

    def generate(
        self, n: int, *, seed: int, sampling: TrellisSampling | None = None, condition: Any = None, first: int = 0
    ) -> UnitCells:
        """Draw n cells; cell i depends on (seed, i) alone."""
        no_condition(condition)
        sampling = sampling or self.config.sampling
        rows = [np.zeros((0, self.config.resolution**3 // 8), np.uint8)]
        shape = (self.config.vae.latent, *3 * (self.side,))
        batch = self.together(sampling)
        for start in range(first, first + n, batch):
            noise = CellNoise(seed, start, batch, shape, self.device)()
            rows.append(pack(self._drawn_from(noise, sampling)))
        return self._drawn(np.concatenate(rows)[:n], self.config.resolution, seed, first)

    @torch.no_grad()
    def reconstruct(self, cells: UnitCells) -> UnitCells:
        """Cells decoded from the mean of what they are encoded as."""
        size = self.config.sampling.batch

        def there_and_back(solid: Tensor) -> Tensor:
            return self.decoder(self.encoder(solid)[0])

        parts = (occupancy(voxels, self.device) for voxels in cells.batches(size))
        found = [(fixed_batch(there_and_back, part, size)[:, 0] > 0).cpu().numpy() for part in parts]
        return UnitCells.from_voxels(np.concatenate(found))

    def _fit_vae(self, packed: np.ndarray, folder: Path) -> dict[str, float]:
        networks = nn.ModuleDict({"encoder": self.encoder, "decoder": self.decoder})

        def loss(cells: Tensor, n: int) -> tuple[Tensor, dict[str, Tensor]]:
            solid = occupancy(cells, self.device)
            mean, log_variance = self.encoder(solid)
            recon = dice_loss(self.decoder(gaussian_draw(mean, log_variance)), solid)
            divergence = gaussian_divergence(mean, log_variance).mean()
            return recon + self.config.vae.kl_weight * divergence, {"dice": recon, "divergence": divergence}

        options = {"run": folder, "seed": self.config.seed, "device": self.device, **vars(self.config.vae_training)}
        options["prepare"] = preparation(packed, self.config.resolution, self.config.augment)
        return train("vae", networks, loss, **options)

    def _fit_flow(self, latents: Tensor, folder: Path) -> dict[str, float]:
        options = self.config.flow

        def loss(_: Any, n: int) -> tuple[Tensor, dict[str, Tensor]]:
            rows = torch.randint(len(latents), (n,), device=latents.device)
            x_0 = self.scale.standardise(latents[rows].float())
            return flow_loss(self.flow, x_0, mean=options.time_mean, deviation=options.time_deviation), {}

        length = vars(self.config.flow_training)
        return train("flow", self.flow, loss, run=folder, seed=self.config.seed, device=self.device, **length)

    @torch.no_grad()
    def _drawn_from(self, noise: Tensor, sampling: TrellisSampling) -> np.ndarray:
        with half_precision(self.device):
            latents = euler_sample(self.flow, noise, steps=sampling.steps, rescale=sampling.rescale)
            return (self.decoder(self.scale.restore(latents))[:, 0] > 0).cpu().numpy()
