"""VoxPlore: autoencoder with RAS-regularised latents, latent diffusion with SRR (Sec. 4)."""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from voxplore.data.negatives import degrade
from voxplore.diffusion import (
    diffusion_loss,
    empirical_denoiser,
    linear_schedule,
    sample,
    srr_guide,
)
from voxplore.errors import VoxploreError
from voxplore.geometry import CUBE_OPERATIONS, apply_operation, flip_group
from voxplore.models.base import CellNoise, Generator
from voxplore.models.voxels import (
    OPERATIONS,
    checked_cells,
    fixed_batch,
    no_condition,
    random_cells,
    training_facts,
    turned_by_lot,
)
from voxplore.models.voxplore_condition import DENSITY, Points, log_chance, points_of, wanted_values
from voxplore.models.voxplore_decoding import DECODED, Decoding, connected
from voxplore.models.voxplore_parts import KnownLatents, LatentAutoencoder, autoencoder_loss
from voxplore.networks import ResidualMLP
from voxplore.recipes import Denoiser, Sampling, VoxPloreConfig
from voxplore.training import train
from voxplore.unitcells import UnitCells, pack

__all__ = ["VoxPlore"]

#: Chains drawn together. Fixed, and the last batch filled up, so that a cell does not depend on how many are drawn.
_CHAINS = 256
#: Chains of cells that are drawn again; a batch of their own size, since few of _CHAINS are (our choice).
_AGAIN = 32
#: See `empirical_denoiser`; samplers of 100 even steps or fewer take longer ones and keep no guess (our choice).
_KEPT = 0.1
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
        self.latents = KnownLatents(shape.latent, config.denoiser, config.seed).to(self.device)
        steps = config.denoiser
        self.schedule = linear_schedule(steps.steps, steps.beta_first, steps.beta_last)
        self.labelled: Points | None = None
        """Cells of known properties, see `know`; not saved with the model."""

    def parts(self) -> dict[str, nn.Module]:
        networks = {"encoder": self.autoencoder.encoder, "decoder": self.autoencoder.decoder, "latents": self.latents}
        return networks if self.config.denoiser.kind == "empirical" else {**networks, "denoiser": self.denoiser}

    def fit(self, cells: UnitCells, run: str | Path | None = None) -> "VoxPlore":
        """Train autoencoder, then denoiser, on cells (n, d, d, d) of the configured resolution."""
        checked_cells(cells, self.config.autoencoder.resolution)
        folder = self._run_folder(run)
        stages = {"autoencoder": self._fit_autoencoder(cells, folder)}
        self.latents.learn(*self._known(cells))
        vars(self).pop("_points", None)  # made from the latents of before, as are those of `know`
        self.labelled = None
        if self.config.denoiser.kind == "mlp":
            stages["denoiser"] = self._fit_denoiser(folder)
        self.trained = training_facts(cells, stages)
        return self

    def generate(
        self, n: int, *, seed: int, sampling: Sampling | None = None, condition: Any = None, first: int = 0
    ) -> UnitCells:
        """Draw n cells; cell i depends on (seed, i) and its condition alone.

        condition: for the closed-form denoiser, property -> a number or n numbers: "relative_density" (see
        `Sampling.calibrate`), and what `know` was told. Column `wanted_<property>` of the index keeps them.
        """
        sampling = sampling or self.config.sampling
        if self.config.denoiser.kind != "empirical":
            no_condition(condition)
        wanted = wanted_values(condition, n, self.labelled.values if self.labelled else {DENSITY: self.latents.density})
        packed = []
        for start in range(0, n, _CHAINS):
            part = {name: np.resize(values[start : start + _CHAINS], _CHAINS) for name, values in wanted.items()}
            tensors = {name: torch.from_numpy(values) for name, values in part.items()}
            packed.append(self._draw(seed, first + start, sampling, tensors))
        resolution = self.config.autoencoder.resolution
        rows = np.concatenate(packed)[:n] if packed else np.zeros((0, resolution**3 // 8), np.uint8)
        drawn = self._drawn(rows, resolution, seed, first)
        drawn.index.update({f"wanted_{name}": values.copy() for name, values in wanted.items()})
        return drawn

    def together(self, sampling: Any) -> int:
        """Cells that `generate` draws in one batch."""
        return _CHAINS

    def know(self, cells: UnitCells, properties: Mapping[str, np.ndarray]) -> "VoxPlore":
        """Tell properties of cells, float (n,) each, so that `generate` can be asked for them.

        cells: of the training or others; those with a value that is not finite are left out, and at least two must
        remain. Cells asked for one of these properties are drawn from near these cells alone.
        """
        values = {DENSITY: cells.relative_density(), **properties}
        finite = np.all([np.isfinite(column) for column in values.values()], axis=0)
        if finite.sum() < 2:
            raise VoxploreError("properties", expected="two cells or more with finite ones", came=str(finite.sum()))
        latents = self.latents.standardise(self.encode(cells[finite]))
        tensors = {name: torch.from_numpy(np.asarray(v, np.float64)[finite]).to(latents) for name, v in values.items()}
        self.labelled = points_of(latents, tensors, self.config.denoiser, self.config.seed)
        return self

    def encode(self, cells: UnitCells) -> Tensor:
        """Latents of cells as the encoder puts them out: float32 (n, latent)."""
        return _encode(self.autoencoder.encoder, cells, CUBE_OPERATIONS[0], self.device)

    def decode(self, latents: Tensor, threshold: float = 0.5, flips: Tensor | None = None) -> UnitCells:
        """Cells from latents (n, latent) in the encoder's own unit. flips: uint8 (n,), which flips each is to have."""
        sampling = replace(self.config.sampling, threshold=threshold)
        return UnitCells.from_voxels(Decoding(self.autoencoder, self.latents, sampling).cells(latents, flips))

    def reconstruct(self, cells: UnitCells) -> UnitCells:
        """decode(encode(cells)) at the configured threshold; where the recipe symmetrises, with each cell's flips."""
        sampling = self.config.sampling
        flips = _flips(cells, CUBE_OPERATIONS[0]).to(self.device) if sampling.symmetrise else None
        return self.decode(self.encode(cells), sampling.threshold, flips)

    def interpolate(self, first: UnitCells, last: UnitCells, steps: int) -> UnitCells:
        """Cells on the straight line between the latents of two cells each: `steps` a pair, both ends among them.

        Where the recipe symmetrises, an end has its own flips and a cell between two ends those that both have.
        """
        if len(first) != len(last) or steps < 2:
            came = f"{len(first)} and {len(last)} cells, {steps} steps"
            raise VoxploreError("interpolation", expected="as many cells as cells, and two steps or more", came=came)
        sampling = self.config.sampling
        ends = self.encode(first), self.encode(last)
        shares = torch.linspace(0, 1, steps, device=self.device)
        latents = torch.stack([torch.lerp(*ends, share) for share in shares], dim=1).flatten(0, 1)
        if not sampling.symmetrise:
            return self.decode(latents, sampling.threshold)
        one, other = (_flips(cells, CUBE_OPERATIONS[0]).to(self.device) for cells in (first, last))
        flips = torch.stack([one, *[one & other] * (steps - 2), other], dim=1).flatten()
        return self.decode(latents, sampling.threshold, flips)

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
            m = math.ceil(n * self.config.negative_share)  # at least one, or RAS has no second class
            degraded = degrade(voxels[:m], rng, voxels, self.config.negative_mix) if m else voxels[:0]
            return autoencoder_loss(self.autoencoder, self._bytes(voxels), self._bytes(degraded), self.config)

        return train(
            "autoencoder", self.autoencoder, loss, run=folder, seed=self.config.seed, device=self.device, **options
        )

    def _known(self, cells: UnitCells) -> tuple[Tensor, Tensor, Tensor]:
        """Latents, relative densities and flips of every cell in every orientation of the augmentation."""
        operations = OPERATIONS[self.config.augment]
        latents = torch.cat([_encode(self.autoencoder.encoder, cells, o, self.device) for o in operations])
        density = torch.from_numpy(np.tile(cells.relative_density(), len(operations))).to(latents)
        flips = torch.cat([_flips(cells, operation) for operation in operations])
        return latents, density, flips.to(self.device)

    def _fit_denoiser(self, folder: Path) -> dict[str, float]:
        known = self.latents.standardised()

        def loss(rng: np.random.Generator, n: int) -> tuple[Tensor, dict[str, Tensor]]:
            rows = torch.from_numpy(rng.integers(0, len(known), n))
            prediction = self.config.denoiser.prediction
            return diffusion_loss(self.denoiser, known[rows.to(known.device)], self.schedule, prediction), {}

        options = vars(self.config.denoiser_training)
        return train("denoiser", self.denoiser, loss, run=folder, seed=self.config.seed, device=self.device, **options)

    # ------------------------------------------------------------------------------------------------ sampling

    def _draw(self, seed: int, first: int, sampling: Sampling, wanted: dict[str, Tensor]) -> np.ndarray:
        """Packed cells first ... first + _CHAINS of a seed; wanted: property -> values (_CHAINS,)."""
        noise = CellNoise(seed, first, _CHAINS, (self.config.autoencoder.latent,), self.device)
        voxels = self._chains(noise, sampling, wanted)
        for _ in range(sampling.redraws):
            unconnected = np.flatnonzero(~connected(voxels))
            for start in range(0, len(unconnected), _AGAIN):
                again = unconnected[start : start + _AGAIN]
                filled = torch.from_numpy(np.resize(again, _AGAIN))
                part = {name: values[filled] for name, values in wanted.items()}
                voxels[again] = self._chains(noise.of(again, _AGAIN), sampling, part)[: len(again)]
        if set(wanted) <= {DENSITY}:  # other properties may be of one axis
            voxels = turned_by_lot(voxels, sampling.turn, noise)
        return pack(voxels)

    def _chains(self, noise: CellNoise, sampling: Sampling, wanted: dict[str, Tensor]) -> np.ndarray:
        """Cells Bool (n, d, d, d) from noise through latents; wanted: property -> values (n,)."""
        empirical = self.config.denoiser.kind == "empirical"
        latents = sample(
            self._closed_form(wanted, sampling.points) if empirical else self.denoiser,
            noise,
            self.schedule,
            steps=sampling.steps,
            early=sampling.early,
            sampler=sampling.sampler,
            prediction="epsilon" if empirical else self.config.denoiser.prediction,
            guide=self._guide(sampling),
        )
        flips = self.latents.flips[self.latents.nearest(latents)] if sampling.symmetrise else None
        decoding = Decoding(self.autoencoder, self.latents, sampling)
        if DENSITY in wanted and sampling.density_corrections:
            latents = decoding.at_density(latents, wanted[DENSITY], flips)
        return decoding.cells(self.latents.restore(latents), flips, wanted.get(DENSITY))

    def _closed_form(self, wanted: dict[str, Tensor], count: int) -> Denoise:
        """The denoiser over what it takes for the latents of all cells there are, or of cells of wanted properties."""
        points = self.labelled if self.labelled and not set(wanted) <= {DENSITY} else self._points
        points = points.first(count) if count else points
        chance = log_chance(points, wanted, self.config.denoiser)
        return empirical_denoiser(points.latents, self.schedule, chance, keep=_KEPT)

    @cached_property
    def _points(self) -> Points:
        """Points of the closed-form denoiser, of known relative density."""
        known, density = self.latents.standardised(), {DENSITY: self.latents.density}
        return points_of(known, density, self.config.denoiser, self.config.seed, self.latents.between)

    def _guide(self, sampling: Sampling):
        srr = sampling.srr
        if srr is None:
            return None
        known = self.latents.standardised()
        tau = srr.radius * float(self.latents.spacing)
        return srr_guide(
            known, tau, strength=srr.strength, every=srr.every, cap=srr.cap, search=srr.search, clusters=srr.clusters
        )

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


def _flips(cells: UnitCells, operation: Any) -> Tensor:
    """`flip_group` of every cell turned by the operation: uint8 (n,)."""
    parts = [np.zeros(0, np.uint8)]
    parts += [flip_group(apply_operation(voxels, operation)) for voxels in cells.batches(DECODED)]
    return torch.from_numpy(np.concatenate(parts))


@torch.no_grad()
def _encode(encoder: nn.Module, cells: UnitCells, operation: Any, device: str) -> Tensor:
    parts = []
    for voxels in cells.batches(DECODED):
        turned = np.ascontiguousarray(apply_operation(voxels, operation))
        parts.append(fixed_batch(encoder, torch.from_numpy(turned.view(np.uint8)).to(device), DECODED))
    return torch.cat(parts)
