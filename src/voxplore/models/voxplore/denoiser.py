"""The denoiser that is trained: the interface of `closed_form.ClosedFormDenoiser`, with a network."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from voxplore.diffusion import Schedule, diffusion_loss
from voxplore.diffusion.ddpm import Prediction
from voxplore.models.voxels import no_condition
from voxplore.models.voxplore.known import KnownLatents
from voxplore.networks import ResidualMLP
from voxplore.recipes import ResidualDenoiser, VoxPloreConfig
from voxplore.training import train

__all__ = ["TrainedDenoiser"]


class TrainedDenoiser:
    """The residual MLP over standardised latents, and the training of Sec. 4.3."""

    def __init__(self, options: ResidualDenoiser, config: VoxPloreConfig, schedule: Schedule, device: str):
        self.config, self.schedule, self.device = config, schedule, device
        self.prediction: Prediction = options.prediction
        shape = {name: getattr(options, name) for name in ("width", "layers", "time_width", "norm")}
        self.network = ResidualMLP(latent=config.autoencoder.latent, **shape).to(device)

    def parts(self) -> dict[str, nn.Module]:
        """The networks to save."""
        return {"denoiser": self.network}

    def fit(self, latents: KnownLatents, folder: Path) -> dict[str, dict[str, float]]:
        """Train on the known latents; stage -> cells and seconds."""
        known = latents.standardised()

        def loss(_: np.random.Generator, n: int) -> tuple[Tensor, dict[str, Tensor]]:
            rows = torch.randint(len(known), (n,), device=known.device)
            return diffusion_loss(self.network, known[rows], self.schedule, self.prediction), {}

        options = {**vars(self.config.denoiser_training), "seed": self.config.seed, "device": self.device}
        # All of a step is drawn on the device, so that a GPU may record it.
        return {"denoiser": train("denoiser", self.network, loss, run=folder, graph=True, **options)}

    def wanted(self, condition: Any, n: int, latents: KnownLatents) -> dict[str, np.ndarray]:
        """Property -> values (n,): none; VoxploreError for a condition, which this denoiser cannot meet."""
        no_condition(condition)
        return {}

    def know(self, latents: Tensor, values: Mapping[str, Tensor]) -> None:
        """VoxploreError: this denoiser cannot be asked for properties."""
        no_condition(", ".join(values))

    def denoise(self, latents: KnownLatents, wanted: dict[str, Tensor], points: int) -> nn.Module:
        """(x_t (n, l), t / T (n,)) -> the prediction (n, l)."""
        return self.network
