"""VoxPlore with field latents: the paper's steps where a latent is made of components of the cell's distance field.

Encode, regulate (RAS), diffuse, repel (SRR), decode, as in Sec. 4; what differs is the latent and the denoiser. Cells
alike have latents alike (`networks/distance_field.py`), so that a denoiser learns from fewer of them; it is a
transformer over patches of the field and is shown what known latents make of the noisy one. Cells are drawn with the
sets of flips that training cells have, each as often as they have it, and have them exactly.
"""

from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from voxplore.data.prepare.orientations import orient_cells
from voxplore.diffusion import diffusion_loss, linear_schedule, sample, srr_guide
from voxplore.geometry import ORIENTATIONS
from voxplore.models.base import CellNoise, Generator
from voxplore.models.voxels import OPERATIONS, checked_cells, fixed_batch, training_facts
from voxplore.models.voxplore.chain import Chain
from voxplore.models.voxplore.conditioning import DENSITY, told, wanted_values
from voxplore.models.voxplore.field_drawing import WINDOW, Sources, draw_rows
from voxplore.models.voxplore.field_networks import FieldNetworks
from voxplore.models.voxplore.flips import flips_of
from voxplore.models.voxplore.head_training import fit_head
from voxplore.models.voxplore.known_fields import KnownFields, Memory, Recallable, recallable, recalled
from voxplore.models.voxplore.losses import fit_autoencoder
from voxplore.models.voxplore.projection import with_projection
from voxplore.models.voxplore.shown_latents import ENCODED, Shown, shown_latents
from voxplore.models.voxplore.unit import UnitBatches
from voxplore.networks import FieldDenoiser, RefinedDecoder
from voxplore.recipes import FieldSampling, FieldsConfig
from voxplore.training import train
from voxplore.unitcells import UnitCells, pack

__all__ = ["VoxPloreFields"]


class VoxPloreFields(Generator):
    """Encode, regulate, diffuse, repel, decode, over fields."""

    name: ClassVar[str] = "voxplore-field"
    Config: ClassVar[type] = FieldsConfig
    config: FieldsConfig

    def __init__(self, config: FieldsConfig, device: str = "auto"):
        super().__init__(config, device)
        torch.manual_seed(config.seed)
        network, shape = config.denoiser, config.autoencoder
        self.autoencoder = FieldNetworks(shape).to(self.device)
        self.encoder, self.basis = self.autoencoder.encoder, self.autoencoder.basis
        self.decoder = self.autoencoder.decoder
        if shape.head:
            self.decoder = RefinedDecoder(self.decoder, shape.head).to(self.device)
        options = {"width": network.width, "layers": network.layers, "heads": network.heads}
        values = (shape.patch // shape.scale) ** 3
        self.denoiser = FieldDenoiser(grid=self.encoder.grid, values=values, **options).to(self.device)
        self.latents = KnownFields(min(config.recalled, shape.components)).to(self.device)
        self.schedule = linear_schedule()
        self.told: Memory | None = None
        """Latents of cells of known properties, see `know`; not saved with the model."""
        self.avoided: dict[int, Tensor] = {}

    def parts(self) -> dict[str, nn.Module]:
        return {name: getattr(self, name) for name in ("encoder", "decoder", "basis", "denoiser", "latents")}

    def fit(self, cells: UnitCells, run: str | Path | None = None) -> "VoxPloreFields":
        """Train autoencoder, denoiser and the decoder's head, if it has one, on cells (n, d, d, d) of the configured
        resolution, one after another."""
        checked_cells(cells, self.config.autoencoder.resolution)
        folder, batches = self._run_folder(run), UnitBatches(cells, OPERATIONS[self.config.augment])
        stages = {
            "autoencoder": fit_autoencoder(self.autoencoder, batches, len(cells), self.config, folder, self.device)
        }
        shown = shown_latents(self, cells, folder)
        self.latents.learn(*shown.of_cells())
        stages["denoiser"] = self._fit_denoiser(shown, folder)
        if isinstance(self.decoder, RefinedDecoder):
            stages |= fit_head(self, batches, folder)
        self.trained = training_facts(cells, stages)
        return self

    def generate(
        self, n: int, *, seed: int, sampling: FieldSampling | None = None, condition: Any = None, first: int = 0
    ) -> UnitCells:
        """Draw n cells; cell i depends on (seed, i) and its condition alone.

        condition: property -> a number or n of them, kept as columns `wanted_<property>` of the index: relative_density
        and what `know` was told. Known cells of what is wanted are then recalled more often.
        """
        sources, resolution = self.sources(condition), self.config.autoencoder.resolution
        wanted = wanted_values(condition, n, sources.memory.values())
        options = {"seed": seed, "first": first, "wanted": wanted, "resolution": resolution, "device": self.device}
        rows, _ = draw_rows(sources, sampling or self.config.sampling, n, **options)
        drawn = self._drawn(rows, resolution, seed, first)
        drawn.index.update({f"wanted_{name}": values.copy() for name, values in wanted.items()})
        return drawn

    def sources(self, condition: Any) -> Sources:
        """What cells are drawn from: where more than a density is asked for, the cells that `know` was told of."""
        more = isinstance(condition, Mapping) and not set(condition) <= {DENSITY}
        memory = self.told if more and self.told is not None else self.latents.memory()
        return Sources(memory, [partial(self._cells, *place) for place in zip(*memory, strict=True)])

    def together(self, sampling: Any) -> int:
        """Cells that `generate` draws in one batch."""
        return WINDOW

    def encode(self, cells: UnitCells, flips: np.ndarray | None = None) -> dict[int, tuple[np.ndarray, Tensor]]:
        """For each set of flips among cells: their numbers int64 (n_g,) and latents float32 (n_g, k_g).

        flips: uint8 (n,), of the flips that each cell has those that its latent shall have; by default all."""
        checked_cells(cells, self.config.autoencoder.resolution, f"cells for {self.name}")
        groups = flips_of(cells) if flips is None else flips
        found = {}
        for group in np.unique(groups):
            rows = np.flatnonzero(groups == group)
            found[int(group)] = rows, self.encoded(cells[rows].batches(ENCODED), int(group))
        return found

    def logits(self, latents: Tensor, group: int) -> Tensor:
        """Logits (n, d, d, d) of latents (n, k) of cells with the flips `group`; can be differentiated."""
        return self.decoder(self.autoencoder.patches(latents, group), group)

    def decode(self, latents: Tensor, group: int, sampling: FieldSampling | None = None) -> np.ndarray:
        """Bool (n, d, d, d) of latents (n, k) of cells with the flips `group`, after the steps on decoded values and
        voxels."""
        sampling = sampling or self.config.sampling

        def decoded(several: Tensor, _: Tensor | None) -> Tensor:
            parts = several.split(sampling.batch)
            return torch.cat([fixed_batch(lambda z: self.logits(z, group), part, sampling.batch) for part in parts])

        return Chain(decoded, sampling, logits=True).cells(latents)

    def reconstruct(self, cells: UnitCells) -> UnitCells:
        """decode(encode(cells))."""
        packed = np.empty_like(cells.packed)
        for group, (rows, latents) in self.encode(cells).items():
            packed[rows] = pack(self.decode(latents, group))
        return UnitCells(packed, cells.resolution, dict(cells.index), dict(cells.about))

    def know(self, cells: UnitCells, properties: Mapping[str, np.ndarray]) -> "VoxPloreFields":
        """Tell properties of cells, float (n,) each, so that `generate` can be asked for them: latents of these cells
        alone are then recalled, those of cells that have what is asked for more often (see `conditioning`)."""
        cells, values = told(cells, properties)
        parts = {}
        for group, (rows, latents) in self.encode(cells).items():
            own = {name: column[rows].float().to(self.device) for name, column in values.items()}
            parts[group] = recallable(latents[:, : self.latents.dimensions], own)
        self.told = Memory(list(parts), list(parts.values()))
        return self

    def avoid(self, cells: UnitCells) -> "VoxPloreFields":
        """Let SRR repel from these cells in their six orientations, too, as from known ones."""
        found = self.encode(orient_cells(cells, len(ORIENTATIONS)))
        self.avoided = {group: latents for group, (_, latents) in found.items()}
        return self

    # ------------------------------------------------------------------------------------------------ training

    def _fit_denoiser(self, shown: Shown, folder: Path) -> dict[str, float]:
        groups, counts = list(shown.latents), np.array([len(part) for part in shown.latents.values()], float)
        options = {"prediction": self.config.denoiser.prediction, "noise_levels": self.config.denoiser.noise_levels}
        memory = self.latents.memory()

        def loss(rng: np.random.Generator, n: int) -> tuple[Tensor, dict[str, Tensor]]:
            group = groups[int(rng.choice(len(groups), p=counts / counts.sum()))]
            rows = rng.integers(0, len(shown.latents[group]), n)
            x_0 = shown.latents[group][torch.from_numpy(rows)].to(self.device)
            known = memory.parts[memory.groups.index(group)]
            denoise = partial(self._denoised, group=group, known=known, wanted={})
            return diffusion_loss(denoise, x_0, self.schedule, **options), {}

        training = {**vars(self.config.denoiser_training), "seed": self.config.seed, "device": self.device}
        return train("denoiser", self.denoiser, loss, run=folder, **training)

    def _denoised(
        self, x_t: Tensor, time: Tensor, *, group: int, known: Recallable, wanted: dict[str, Tensor]
    ) -> Tensor:
        """The prediction (n, k) for noisy latents (n, k) with the flips `group`, of the properties asked for; known:
        the latents with these flips that may be recalled."""
        times = (time * self.schedule.steps).round().long()
        recall = recalled(known, x_t, self.schedule.on(x_t.device)[times], wanted)
        shown = [self.basis.spread(part, group) for part in (x_t, recall)]
        return self.basis.gathered(self.denoiser(shown[0], time, shown[1], group), group)

    # ------------------------------------------------------------------------------------------------ sampling

    def _cells(
        self, group: int, known: Recallable, sampling: FieldSampling, noise: CellNoise, wanted: dict[str, Tensor]
    ) -> np.ndarray:
        """Cells Bool (n, d, d, d) with the flips `group`, from the noise of n cells and what is asked of them."""
        noise.shape = (self.basis.length(group),)
        asked = {name: values.float().to(self.device) for name, values in wanted.items()}
        denoise, prediction = (
            partial(self._denoised, group=group, known=known, wanted=asked),
            self.config.denoiser.prediction,
        )
        if sampling.projected:
            project = partial(self._projected, group=group, refined_below=sampling.refined_below)
            denoise = with_projection(denoise, project, self.schedule, prediction, sampling.projected)
        latents = sample(
            denoise,
            noise,
            self.schedule,
            steps=sampling.steps,
            sampler=sampling.sampler,
            prediction=prediction,
            guide=self._guide(group, sampling),
        )
        return self.decode(latents, group, sampling)

    def _projected(self, latents: Tensor, noise: float, *, group: int, refined_below: float) -> Tensor:
        """Latents (n, k) decoded, cut and encoded again; at noise of `refined_below` or more without the head."""
        decoder = self.decoder
        if isinstance(decoder, RefinedDecoder) and noise >= refined_below:
            decoder = decoder.decoder
        logits = decoder(self.autoencoder.patches(latents, group), group)
        return self.autoencoder.encoded((logits > 0).to(torch.uint8), group)

    def _guide(self, group: int, sampling: FieldSampling):
        """SRR among the first numbers of the known latents with the same flips, while x_s has enough noise."""
        srr, spacing = sampling.srr, self.latents.spacing_of(group)
        if srr is None or spacing == 0:
            return None
        q = min(self.latents.dimensions, self.basis.length(group))
        known = [self.latents.latents_of(group), *([self.avoided[group]] if group in self.avoided else [])]
        push, left = srr_guide(torch.cat([part[:, :q] for part in known]), **srr.at(spacing)), self.schedule.steps

        def guide(x_s: Tensor, x_t: Tensor, spanned: int) -> Tensor:
            nonlocal left
            left -= spanned
            if self.schedule.noise(left) <= sampling.repelled_above:
                return torch.zeros_like(x_s)
            return functional.pad(push(x_s[:, :q], x_t[:, :q], spanned), (0, x_s.shape[1] - q))

        return guide

    @torch.no_grad()
    def encoded(self, batches: Iterable[np.ndarray], group: int) -> Tensor:
        """Latents (n, k) of batches of Bool (at most 64, d, d, d) that have the flips `group`."""
        parts = []
        for voxels in batches:
            inputs = torch.from_numpy(np.ascontiguousarray(voxels).view(np.uint8)).to(self.device)
            parts.append(fixed_batch(lambda x: self.autoencoder.encoded(x, group), inputs, ENCODED))
        return torch.cat(parts)
