"""The voxel VAE of Sec. 2.2: a convolutional autoencoder whose latents are held to a Gaussian, which is drawn from.

Faithful to the text: cells are encoded as a Gaussian, decoded from a draw of it, and generated from N(0, 1). The text
gives no architecture; ours is in `networks/vae3d.py`. It is the row without RAS, without diffusion and without SRR.
"""

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from voxplore.models.base import CellNoise, Generator
from voxplore.models.voxels import (
    check_divisible,
    fit_one_stage,
    no_condition,
)
from voxplore.networks.gaussian import gaussian_divergence, gaussian_draw
from voxplore.networks.vae3d import VolumeDecoder, VolumeEncoder
from voxplore.recipes.vae import VAEConfig, VAESampling
from voxplore.training import placed
from voxplore.unitcells import UnitCells, pack

__all__ = ["VAE"]

#: Cells that are reconstructed together.
_DECODED = 64


class VAE(Generator):
    """Encode as a Gaussian, decode a draw of it; generate by decoding N(0, 1)."""

    name: ClassVar[str] = "vae"
    Config: ClassVar[type] = VAEConfig
    config: VAEConfig

    def __init__(self, config: VAEConfig, device: str = "auto"):
        super().__init__(config, device)
        check_divisible(config.resolution, config.stem * 2 ** (len(config.widths) - 1))
        torch.manual_seed(config.seed)
        shape = {name: getattr(config, name) for name in ("resolution", "stem", "widths", "blocks", "latent")}
        self.networks = nn.ModuleDict({"encoder": VolumeEncoder(**shape), "decoder": VolumeDecoder(**shape)})
        placed(self.networks, self.device)

    def parts(self) -> dict[str, nn.Module]:
        return dict(self.networks.items())

    def fit(self, cells: UnitCells, run: str | Path | None = None) -> "VAE":
        """Train on cells (n, d, d, d) of the configured resolution."""

        def loss(solid: Tensor, n: int) -> tuple[Tensor, dict[str, Tensor]]:
            return self._loss(solid)

        return fit_one_stage(self, "vae", self.networks, loss, cells, run)

    def generate(
        self, n: int, *, seed: int, sampling: VAESampling | None = None, condition: Any = None, first: int = 0
    ) -> UnitCells:
        """Draw n cells; cell i depends on (seed, i) alone."""
        no_condition(condition)
        sampling = sampling or self.config.sampling
        rows = [np.zeros((0, self.config.resolution**3 // 8), np.uint8)]
        batch = self.together(sampling)
        for start in range(first, first + n, batch):
            noise = CellNoise(seed, start, batch, (self.config.latent,), self.device)
            rows.append(pack(self._decoded(sampling.spread * noise(), sampling.threshold)))
        return self._drawn(np.concatenate(rows)[:n], self.config.resolution, seed, first)

    @torch.no_grad()
    def reconstruct(self, cells: UnitCells) -> UnitCells:
        """Cells decoded from the mean of what they are encoded as."""
        rows = [
            self._decoded(self.networks["encoder"](self._bytes(voxels))[0], self.config.sampling.threshold)
            for voxels in cells.batches(_DECODED)
        ]
        return UnitCells.from_voxels(np.concatenate(rows))

    def _loss(self, cells: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """The negative bound on the log-likelihood, a voxel, of cells uint8 (n, d, d, d)."""
        mean, log_variance = self.networks["encoder"](cells)
        logits = self.networks["decoder"](gaussian_draw(mean, log_variance))
        recon = functional.binary_cross_entropy_with_logits(logits.float(), cells.float())
        divergence = gaussian_divergence(mean, log_variance).sum(1).mean()
        total = recon + self.config.kl_weight * divergence / cells[0].numel()
        return total, {"reconstruction": recon, "divergence": divergence}

    @torch.no_grad()
    def _decoded(self, latents: Tensor, threshold: float) -> np.ndarray:
        cut = float(torch.logit(torch.tensor(threshold)))
        return (self.networks["decoder"](latents) > cut).cpu().numpy()

    def _bytes(self, voxels: np.ndarray) -> Tensor:
        return torch.from_numpy(voxels.view(np.uint8)).to(self.device)
