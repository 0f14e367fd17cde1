"""VoxPlore: autoencoder with RAS-regularised latents, latent diffusion with SRR (Sec. 4)."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from voxplore.data.negatives import degrade
from voxplore.diffusion import (
    between_neighbours,
    diffusion_loss,
    empirical_denoiser,
    linear_schedule,
    sample,
    srr_guide,
)
from voxplore.geometry import CUBE_OPERATIONS, apply_operation
from voxplore.models.base import CellNoise, Generator
from voxplore.models.voxels import OPERATIONS, checked_cells, fixed_batch, no_condition, random_cells, training_facts
from voxplore.models.voxplore_parts import KnownLatents, LatentAutoencoder, autoencoder_loss
from voxplore.networks import ResidualMLP
from voxplore.recipes import Denoiser, Sampling, VoxPloreConfig
from voxplore.training import train
from voxplore.unitcells import UnitCells, pack

__all__ = ["VoxPlore"]

#: Chains drawn together. Fixed, and the last batch filled up, so that a cell does not depend on how many are drawn.
_CHAINS = 256
_DECODED = 64
#: Cells that the principal components are taken from.
_FIRST_LOOK = 6000
Denoise = Callable[[Tensor, Tensor], Tensor]


class VoxPlore(Generator):
    """The paper's generator: encode, regulate, diffuse, repel, decode."""

    name: ClassVar[str] = "voxplore"
    Config: ClassVar[type] = VoxPloreConfig
    config: VoxPloreConfig

    def __init__(self, config: VoxPloreConfig, device: str = "auto"):
        super().__init__(config, device)
        torch.manual_seed(config.seed)
        shape = config.autoencoder
        self.autoencoder = LatentAutoencoder(shape).to(self.device)
        self.denoiser = _network(config.denoiser, shape.latent).to(self.device)
        self.latents = KnownLatents(shape.latent, config.denoiser.standardise).to(self.device)
        steps = config.denoiser
        self.schedule = linear_schedule(steps.steps, steps.beta_first, steps.beta_last)

    def parts(self) -> dict[str, nn.Module]:
        networks = {"encoder": self.autoencoder.encoder, "decoder": self.autoencoder.decoder, "latents": self.latents}
        return networks if self.config.denoiser.kind == "empirical" else {**networks, "denoiser": self.denoiser}

    def fit(self, cells: UnitCells, run: str | Path | None = None) -> "VoxPlore":
        """Train autoencoder, then denoiser, on cells (n, d, d, d) of the configured resolution."""
        checked_cells(cells, self.config.autoencoder.resolution)
        folder = self._run_folder(run)
        stages = {"autoencoder": self._fit_autoencoder(cells, folder)}
        oriented = self._encode_orientations(cells)
        self.latents.learn(oriented)
        if self.config.denoiser.kind == "mlp":
            stages["denoiser"] = self._fit_denoiser(self.latents.standardise(oriented.flatten(0, 1)), folder)
        self.trained = training_facts(cells, stages)
        return self

    def generate(
        self, n: int, *, seed: int, sampling: Sampling | None = None, condition: Any = None, progress: bool = False
    ) -> UnitCells:
        """Draw n cells; cell i depends on (seed, i) alone."""
        no_condition(condition)
        sampling = sampling or self.config.sampling
        empirical = self.config.denoiser.kind == "empirical"
        denoise = empirical_denoiser(self._points(), self.schedule) if empirical else self.denoiser
        packed = [self._draw(denoise, seed, first, sampling) for first in range(0, n, _CHAINS)]
        resolution = self.config.autoencoder.resolution
        rows = np.concatenate(packed)[:n] if packed else np.zeros((0, resolution**3 // 8), np.uint8)
        return self._drawn(rows, resolution, seed)

    def encode(self, cells: UnitCells) -> Tensor:
        """Latents of cells as the encoder puts them out: float32 (n, latent)."""
        return _encode(self.autoencoder.encoder, cells, CUBE_OPERATIONS[0], self.device)

    def decode(self, latents: Tensor, threshold: float = 0.5) -> UnitCells:
        """Cells from latents (n, latent) in the encoder's own unit."""
        return UnitCells.from_voxels(self._decoded(latents, threshold))

    def reconstruct(self, cells: UnitCells) -> UnitCells:
        """decode(encode(cells)) at the configured threshold."""
        return self.decode(self.encode(cells), self.config.sampling.threshold)

    # ------------------------------------------------------------------------------------------------ training

    def _fit_autoencoder(self, cells: UnitCells, folder: Path) -> dict[str, float]:
        options = vars(self.config.autoencoder_training)
        packed = np.asarray(cells.packed)
        if not (folder / "autoencoder.safetensors").exists():
            rng = np.random.default_rng(self.config.seed)
            shown = random_cells(packed, cells.resolution, min(_FIRST_LOOK, len(cells)), self.config.augment, rng)
            self.autoencoder.start(self._bytes(shown))

        def loss(rng: np.random.Generator, n: int) -> tuple[Tensor, dict[str, Tensor]]:
            voxels = random_cells(packed, cells.resolution, n, self.config.augment, rng)
            m = round(n * self.config.negative_share)
            degraded = degrade(voxels[:m], rng, others=voxels) if m else voxels[:0]
            return autoencoder_loss(self.autoencoder, self._bytes(voxels), self._bytes(degraded), self.config)

        return train(
            "autoencoder", self.autoencoder, loss, run=folder, seed=self.config.seed, device=self.device, **options
        )

    def _encode_orientations(self, cells: UnitCells) -> Tensor:
        """Latents of every cell in every orientation of the augmentation: float32 (orientations, n, latent)."""
        operations = OPERATIONS[self.config.augment]
        return torch.stack([_encode(self.autoencoder.encoder, cells, o, self.device) for o in operations])

    def _fit_denoiser(self, known: Tensor, folder: Path) -> dict[str, float]:
        def loss(rng: np.random.Generator, n: int) -> tuple[Tensor, dict[str, Tensor]]:
            rows = torch.from_numpy(rng.integers(0, len(known), n))
            prediction = self.config.denoiser.prediction
            return diffusion_loss(self.denoiser, known[rows.to(known.device)], self.schedule, prediction), {}

        options = vars(self.config.denoiser_training)
        return train("denoiser", self.denoiser, loss, run=folder, seed=self.config.seed, device=self.device, **options)

    # ------------------------------------------------------------------------------------------------ sampling

    def _draw(self, denoise: Denoise, seed: int, first: int, sampling: Sampling) -> np.ndarray:
        """Packed cells first ... first + _CHAINS of a seed."""
        noise = CellNoise(seed, first, _CHAINS, (self.config.autoencoder.latent,), self.device)
        empirical = self.config.denoiser.kind == "empirical"
        latents = sample(
            denoise,
            noise,
            self.schedule,
            steps=sampling.steps,
            sampler=sampling.sampler,
            prediction="epsilon" if empirical else self.config.denoiser.prediction,
            guide=self._guide(sampling),
        )
        return pack(self._decoded(self.latents.restore(latents), sampling.threshold))

    def _points(self) -> Tensor:
        """What the closed-form denoiser takes for the latents of all cells there are."""
        known, options = self.latents.standardised(), self.config.denoiser
        if options.neighbours == 1:
            return known
        return between_neighbours(known, options.points, options.neighbours, options.concentration, self.config.seed)

    def _guide(self, sampling: Sampling):
        srr = sampling.srr
        if srr is None:
            return None
        known = self.latents.standardised()
        tau = srr.radius * float(self.latents.spacing)
        return srr_guide(
            known, tau, strength=srr.strength, every=srr.every, cap=srr.cap, search=srr.search, clusters=srr.clusters
        )

    @torch.no_grad()
    def _decoded(self, latents: Tensor, threshold: float) -> np.ndarray:
        cut = threshold if self.config.autoencoder.loss == "mse" else float(torch.logit(torch.tensor(threshold)))
        parts = [fixed_batch(self.autoencoder.decoder, part, _DECODED) > cut for part in latents.split(_DECODED)]
        resolution = self.config.autoencoder.resolution
        return torch.cat(parts).cpu().numpy() if parts else np.zeros((0, *3 * (resolution,)), bool)

    def _bytes(self, voxels: np.ndarray) -> Tensor:
        return torch.from_numpy(voxels.view(np.uint8)).to(self.device)


def _network(denoiser: Denoiser, latent: int) -> ResidualMLP:
    return ResidualMLP(
        latent=latent,
        width=denoiser.width,
        layers=denoiser.layers,
        time_width=denoiser.time_width,
        norm=denoiser.norm,
    )


@torch.no_grad()
def _encode(encoder: nn.Module, cells: UnitCells, operation: Any, device: str) -> Tensor:
    parts = []
    for voxels in cells.batches(_DECODED):
        turned = np.ascontiguousarray(apply_operation(voxels, operation))
        parts.append(fixed_batch(encoder, torch.from_numpy(turned.view(np.uint8)).to(device), _DECODED))
    return torch.cat(parts)
