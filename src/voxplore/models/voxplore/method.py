"""VoxPlore on one page, to be read beside Sec. 4: encode, RAS, DDPM, SRR, decode.

Eq. 3 to 8 (RAS): `latent/ras.py`; Eq. 9: `losses`; Eq. 2 and the loss of DDPM: `diffusion/ddpm.py`; Eq. 10 (SRR):
`diffusion/srr.py`. Negatives are degraded cells (`data/prepare/negatives.py`); refinement is in `refine`. Known latents
are not clustered first: an exact list of neighbours gives the force of all pairs. Our choices, not in Sec. 4:
standardised latents, flips, `avoid`, `know`, the steps after decoding of the list `sampling.after` (`chain`). The class
of a configuration decides which autoencoder and denoiser stand in it (`parts`).
"""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from voxplore.data.prepare.orientations import orient_cells
from voxplore.diffusion import linear_schedule, sample, srr_guide
from voxplore.geometry import ORIENTATIONS
from voxplore.models.base import CellNoise, Generator
from voxplore.models.voxels import checked_cells, training_facts
from voxplore.models.voxplore.chain import Chain, with_drawing_steps
from voxplore.models.voxplore.conditioning import DENSITY, told
from voxplore.models.voxplore.flips import flips_of
from voxplore.models.voxplore.known import KnownLatents, known_cells
from voxplore.models.voxplore.losses import fit_autoencoder
from voxplore.models.voxplore.parts import autoencoder_of, denoiser_of
from voxplore.models.voxplore.upgrade import upgraded
from voxplore.recipes import Sampling, Symmetrise, VoxPloreConfig
from voxplore.unitcells import UnitCells, pack

__all__ = ["VoxPlore"]

#: Chains drawn together: fixed, the last batch filled up, so that a cell does not depend on how many are drawn.
_CHAINS = 256


class VoxPlore(Generator):
    """The paper's generator: encode, regulate, diffuse, repel, decode."""

    name: ClassVar[str] = "voxplore"
    Config: ClassVar[type] = VoxPloreConfig
    config: VoxPloreConfig
    upgraded = staticmethod(upgraded)

    def __init__(self, config: VoxPloreConfig, device: str = "auto"):
        super().__init__(config, device)
        torch.manual_seed(config.seed)
        self.schedule = linear_schedule()
        self.autoencoder = autoencoder_of(config.autoencoder).to(self.device)
        self.denoiser = denoiser_of(config, self.schedule, self.device)
        self.latents = KnownLatents(config).to(self.device)
        self.avoided = torch.zeros(0, config.autoencoder.latent, device=self.device)

    def parts(self) -> dict[str, nn.Module]:
        networks = {"encoder": self.autoencoder.encoder, "decoder": self.autoencoder.decoder, "latents": self.latents}
        return {**networks, **self.denoiser.parts()}

    def fit(self, cells: UnitCells, run: str | Path | None = None) -> "VoxPlore":
        """Train autoencoder, then denoiser, on cells (n, d, d, d) of the configured resolution."""
        checked_cells(cells, self.config.autoencoder.resolution)
        config, networks, folder = self.config, self.autoencoder, self._run_folder(run)
        batches = networks.batches(cells, config.augment)
        # Sec. 4.2: Eq. 9, reconstruction of valid and degraded cells, and RAS on their latents (Eq. 8).
        stages = {"autoencoder": fit_autoencoder(networks, batches, len(cells), config, folder, self.device)}
        self.latents.learn(*known_cells(networks, cells, config.augment))
        stages |= self.denoiser.fit(self.latents, folder)  # Sec. 4.3: the loss of DDPM, in `denoiser`
        self.trained = training_facts(cells, stages)
        return self

    def encode(self, cells: UnitCells) -> Tensor:
        """Latents of cells as the encoder puts them out: float32 (n, latent).

        Raises VoxploreError for cells at another resolution than the model's."""
        checked_cells(cells, self.config.autoencoder.resolution, f"cells for {self.name}")
        return self.autoencoder.encode(cells, flips_of(cells))

    def decode(self, latents: Tensor, flips: Tensor, sampling: Sampling | None = None) -> UnitCells:
        """Cells from latents (n, latent) in the encoder's own unit, with the flips uint8 (n,) where these are used."""
        chain = Chain(self.autoencoder.decode, sampling or self.config.sampling, self.autoencoder.logits)
        return UnitCells.from_voxels(chain.cells(latents, flips.to(self.device)))

    def reconstruct(self, cells: UnitCells) -> UnitCells:
        """decode(encode(cells)), each with its own flips."""
        return self.decode(self.encode(cells), torch.from_numpy(flips_of(cells)))

    def generate(
        self, n: int, *, seed: int, sampling: Sampling | None = None, condition: Any = None, first: int = 0
    ) -> UnitCells:
        """Draw n cells; cell i depends on (seed, i) and its condition alone.

        condition: for a closed form, property ("relative_density", or what `know` was told) -> a number or n of them,
        kept as column `wanted_<property>` of the index.
        """
        sampling = sampling or self.config.sampling
        wanted = self.denoiser.wanted(condition, n, self.latents)
        draw = with_drawing_steps(partial(self._cells, sampling), sampling.after, rotate=set(wanted) <= {DENSITY})
        shape = self.config.autoencoder
        rows = [np.zeros((0, shape.resolution**3 // 8), np.uint8)]
        for start in range(0, n, _CHAINS):
            part = {name: np.resize(values[start : start + _CHAINS], _CHAINS) for name, values in wanted.items()}
            noise = CellNoise(seed, first + start, _CHAINS, (shape.latent,), self.device)
            rows.append(pack(draw(noise, {name: torch.from_numpy(values) for name, values in part.items()})))
        drawn = self._drawn(np.concatenate(rows)[:n], shape.resolution, seed, first)
        drawn.index.update({f"wanted_{name}": values.copy() for name, values in wanted.items()})
        return drawn

    def _cells(self, sampling: Sampling, noise: CellNoise, wanted: dict[str, Tensor]) -> np.ndarray:
        """Eq. 2 with the last term of Eq. 10, then the decoder: Bool (n, d, d, d) from the noise of n cells."""
        latents = sample(
            self.denoiser.denoise(self.latents, wanted, sampling.points),
            noise,
            self.schedule,
            steps=sampling.steps,
            early=sampling.early,
            sampler=sampling.sampler,
            temperature=sampling.temperature,
            prediction=self.denoiser.prediction,
            guide=self._repulsion(sampling),
        )
        read = self.autoencoder.by_flips or Symmetrise() in sampling.after
        flips = self.latents.flips_of(latents) if read else None  # those of the nearest known cell
        decode = lambda z, flips: self.autoencoder.decode(self.latents.restore(z), flips)  # noqa: E731
        chain = Chain(decode, sampling, self.autoencoder.logits, spacing=float(self.latents.spacing))
        return chain.cells(latents, flips, wanted.get(DENSITY))

    def _repulsion(self, sampling: Sampling):
        """SRR (Eq. 10) from all known latents; tau is a multiple of their spacing."""
        if sampling.srr is None:
            return None
        known = torch.cat([self.latents.standardised(), self.avoided])
        return srr_guide(known, **sampling.srr.at(float(self.latents.spacing)))

    def avoid(self, cells: UnitCells) -> "VoxPlore":
        """Let SRR repel from these cells in their six orientations, too, as from known ones."""
        self.avoided = self.latents.standardise(self.encode(orient_cells(cells, len(ORIENTATIONS))))
        return self

    def together(self, sampling: Any) -> int:
        """Cells that `generate` draws in one batch."""
        return _CHAINS

    def know(self, cells: UnitCells, properties: Mapping[str, np.ndarray]) -> "VoxPlore":
        """Tell properties of cells, float (n,) each, so that `generate` can be asked for them (see `conditioning`)."""
        cells, values = told(cells, properties)
        self.denoiser.know(self.latents.standardise(self.encode(cells)), values)
        return self
