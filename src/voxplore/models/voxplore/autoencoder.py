"""What VoxPlore asks of an autoencoder, and the published one.

The classes differ in networks, in what a batch holds, in what is compared (Eq. 1), and in whether both halves are told
which flips a cell has. `encode` and `decode` go a fixed number of cells at a time, the last batch filled up, since the
last digits of a matrix product can depend on its size.
"""

import abc
from collections.abc import Iterator
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from voxplore.geometry import CUBE_OPERATIONS, Operation, apply_operation
from voxplore.models.voxels import fixed_batch, random_cells
from voxplore.networks import Decoder, Encoder
from voxplore.recipes import PatchAutoencoder
from voxplore.unitcells import UnitCells

__all__ = ["Batches", "LatentAutoencoder", "PatchNetworks"]


class Batches(Protocol):
    """Where training cells come from."""

    def draw(self, n: int, rng: np.random.Generator) -> tuple[np.ndarray, int]:
        """n cells Bool (n, d, d, d), and the set of flips that they share (1 where nobody asks)."""
        ...


class LatentAutoencoder(nn.Module, abc.ABC):
    """Encoder and decoder, and what their training needs."""

    encoder: nn.Module
    decoder: nn.Module
    logits = True
    """Whether decoded values are logits."""
    by_flips = False
    """Whether both halves are told which flips a cell has."""
    together = 64
    """Cells that are encoded or decoded together."""

    def start(self, batches: Batches, cells: int, seed: int) -> None:
        """Set the networks to where training on so many cells begins: their random weights, unless there is better."""

    def batches(self, cells: UnitCells, augment: str) -> Batches:
        """Training cells in the orientations of `augment`."""
        return _RandomCells(cells, augment)

    def encoded(self, cells: Tensor, group: int) -> Tensor:
        """Cells uint8 (n, d, d, d) with the flips `group` -> latents (n, latent)."""
        return self.encoder(cells)

    def corrected(self, cells: Tensor, group: int) -> tuple[Tensor, Tensor]:
        """(latents, what the sink of RAS pulls to zero) of cells: the latents themselves, unless there is better."""
        latents = self.encoded(cells, group)
        return latents, latents

    def decoded(self, latents: Tensor, group: int) -> Tensor:
        """Latents (n, latent) of cells with the flips `group` -> values (n, d, d, d)."""
        return self.decoder(latents)

    @abc.abstractmethod
    def compare(self, latents: Tensor, cells: Tensor, group: int) -> tuple[Tensor, Tensor]:
        """(decoded values, what they should be) of one shape with rows for cells uint8 (n, d, d, d)."""

    @abc.abstractmethod
    def error(self, decoded: Tensor, wanted: Tensor) -> Tensor:
        """Eq. 1 of what `compare` gives."""

    def weight_scale(self, length: int) -> float:
        """Factor on latents of so many numbers before RAS measures their distances."""
        return 1.0

    def sets_of_flips(self, flips: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
        """(set of flips, numbers of the cells that are coded with it) for cells of flips uint8 (n,)."""
        if not self.by_flips:
            yield 1, np.arange(len(flips))
            return
        for group in np.unique(flips):
            yield int(group), np.flatnonzero(flips == group)

    @torch.no_grad()
    def encode(self, cells: UnitCells, flips: np.ndarray, operation: Operation = CUBE_OPERATIONS[0]) -> Tensor:
        """Latents float32 (n, latent) of cells after a cube operation; flips: uint8 (n,), those they then have."""
        device, found = next(self.parameters()).device, []
        order = [np.arange(0)]
        for group, rows in self.sets_of_flips(flips):
            order.append(rows)
            for voxels in (cells if len(rows) == len(cells) else cells[rows]).batches(self.together):
                oriented = np.ascontiguousarray(apply_operation(voxels, operation))
                inputs = torch.from_numpy(oriented.view(np.uint8)).to(device)
                found.append(fixed_batch(lambda x, group=group: self.encoded(x, group), inputs, self.together))
        places = torch.from_numpy(np.concatenate(order).argsort()).to(device)
        return torch.cat(found)[places]

    def decode(self, latents: Tensor, flips: Tensor | None) -> Tensor:
        """Values (n, d, d, d) of latents (n, latent); flips uint8 (n,), for those that are told them."""
        known = np.zeros(len(latents), np.uint8) if flips is None else flips.cpu().numpy()
        parts, order = [], [np.arange(0)]
        for group, rows in self.sets_of_flips(known):
            order.append(rows)
            for part in latents[torch.from_numpy(rows).to(latents.device)].split(self.together):
                parts.append(fixed_batch(lambda z, group=group: self.decoded(z, group), part, self.together))
        return torch.cat(parts)[torch.from_numpy(np.concatenate(order).argsort()).to(latents.device)]


class PatchNetworks(LatentAutoencoder):
    """The published one: squared error of a linear output."""

    logits = False

    def __init__(self, shape: PatchAutoencoder):
        super().__init__()
        options = {k: v for k, v in vars(shape).items() if k not in ("name", "layers", "decoder_layers")}
        self.encoder = Encoder(**options, layers=shape.layers)
        self.decoder = Decoder(**options, layers=shape.decoder_layers)

    def compare(self, latents: Tensor, cells: Tensor, group: int) -> tuple[Tensor, Tensor]:
        return self.decoder(latents).flatten(1), cells.flatten(1).float()

    def error(self, decoded: Tensor, wanted: Tensor) -> Tensor:
        return functional.mse_loss(decoded.float(), wanted)


class _RandomCells:
    """Cells drawn from all with equal chance, each in an orientation of its own."""

    def __init__(self, cells: UnitCells, augment: str):
        self.packed, self.resolution, self.augment = np.asarray(cells.packed), cells.resolution, augment

    def draw(self, n: int, rng: np.random.Generator) -> tuple[np.ndarray, int]:
        return random_cells(self.packed, self.resolution, n, self.augment, rng), 1
