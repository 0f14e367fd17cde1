"""The paper's transformer on the asymmetric unit of each cell (`networks/unit_autoencoder.py`), and its batches.

All cells of a batch share their flips, which both halves are told (our choice).
"""

import math
from collections.abc import Iterator, Sequence
from functools import cached_property

import numpy as np
from torch import Tensor
from torch.nn import functional

from voxplore.errors import VoxploreError
from voxplore.geometry import Operation, apply_operation
from voxplore.models.voxels import OPERATIONS, distinct_orientations
from voxplore.models.voxplore.autoencoder import LatentAutoencoder
from voxplore.models.voxplore.flips import flips_of, oriented_flips
from voxplore.networks import UnitDecoder, UnitEncoder
from voxplore.networks.asymmetric_unit import asymmetric_unit, voxels_of
from voxplore.recipes import UnitAutoencoder
from voxplore.unitcells import UnitCells, unpack

__all__ = ["UnitAutoencoding", "UnitBatches", "UnitNetworks", "unit_voxels"]


class UnitAutoencoding(LatentAutoencoder):
    """What autoencoders on the asymmetric unit share: cross-entropy and Dice of cells with the same flips."""

    encoder: UnitEncoder
    decoder: UnitDecoder
    by_flips = True
    #: Cells with the same flips: a batch has many sets of them.
    together = 16
    #: Weight of the Dice term a cell beside the cross-entropy (our choice).
    dice = 0.3

    def batches(self, cells: UnitCells, augment: str) -> "UnitBatches":
        return UnitBatches(cells, OPERATIONS[augment])

    def encoded(self, cells: Tensor, group: int) -> Tensor:
        return self.encoder(cells, group)

    def decoded(self, latents: Tensor, group: int) -> Tensor:
        return self.decoder(latents, group)

    def compare(self, latents: Tensor, cells: Tensor, group: int) -> tuple[Tensor, Tensor]:
        return self.decoder.unit(latents, group), unit_voxels(cells, self.decoder, group)

    def error(self, decoded: Tensor, wanted: Tensor) -> Tensor:
        cross_entropy = functional.binary_cross_entropy_with_logits(decoded, wanted)
        chance, solid = decoded.sigmoid().flatten(1), wanted.flatten(1)
        overlap = (2 * (chance * solid).sum(1) + 1) / (chance.sum(1) + solid.sum(1) + 1)
        return cross_entropy + self.dice * (1 - overlap).mean()

    def weight_scale(self, length: int) -> float:
        """Distances of longer latents are scaled to those of 128 numbers, so that weights keep their meaning."""
        return math.sqrt(128 / length)


class UnitNetworks(UnitAutoencoding):
    """Both halves with the paper's one latent a cell."""

    def __init__(self, shape: UnitAutoencoder):
        super().__init__()
        options = {k: v for k, v in vars(shape).items() if k not in ("name", "margin", "layers", "decoder_layers")}
        if shape.patch % shape.scale or shape.margin % shape.scale:
            got = f"{shape.patch} and {shape.margin}"
            raise VoxploreError("autoencoder.scale", expected="a patch and a margin that are multiples of it", got=got)
        self.encoder = UnitEncoder(**options, layers=shape.layers)
        self.decoder = UnitDecoder(**options, layers=shape.decoder_layers, margin=shape.margin)


def unit_voxels(cells: Tensor, decoder: UnitDecoder, group: int) -> Tensor:
    """What `decoder.unit` should put out for cells uint8 (n, d, d, d): float32 (n, m, patch^3)."""
    patches = asymmetric_unit(group, decoder.grid).patches
    return voxels_of(cells, decoder.patch, patches.to(cells.device)).float()


class UnitBatches:
    """Random batches of training cells in random orientations, all of one batch with the same flips.

    A batch's set of flips is that of one cell drawn from all, so that sets are seen as often as cells have them.
    """

    def __init__(self, cells: UnitCells, operations: Sequence[Operation]):
        self.packed, self.resolution, self.operations = np.asarray(cells.packed), cells.resolution, tuple(operations)
        groups = flips_of(cells)
        self.groups = np.concatenate([oriented_flips(groups, operation) for operation in self.operations])
        self.rows = {int(group): np.flatnonzero(self.groups == group) for group in np.unique(self.groups)}

    def draw(self, n: int, rng: np.random.Generator) -> tuple[np.ndarray, int]:
        """n cells Bool (n, d, d, d) and the set of flips that they share."""
        group = int(self.groups[rng.integers(len(self.groups))])
        return self._oriented(rng.choice(self.rows[group], n)), group

    def every(self, group: int, size: int) -> Iterator[np.ndarray]:
        """All cells in all orientations in which they differ and have these flips, as Bool (at most size, d, d, d)."""
        rows = self._rows(group)
        for start in range(0, len(rows), size):
            yield self._oriented(rows[start : start + size])

    def cells(self, group: int) -> np.ndarray:
        """Numbers int64 (m,) of the cells of `every`, in the same order."""
        return self._rows(group) % len(self.packed)

    def densities(self, group: int) -> np.ndarray:
        """Relative densities float64 (m,) of the cells of `every`, in the same order."""
        return UnitCells(self.packed, self.resolution, {}, {}).relative_density()[self.cells(group)]

    def _rows(self, group: int) -> np.ndarray:
        return self.rows[group][self._distinct[self.rows[group]]]

    @cached_property
    def _distinct(self) -> np.ndarray:
        cells = UnitCells(self.packed, self.resolution, {}, {})
        return distinct_orientations(cells, self.operations).ravel()

    def _oriented(self, chosen: np.ndarray) -> np.ndarray:
        turns, rows = np.divmod(chosen, len(self.packed))
        voxels = unpack(self.packed[rows], self.resolution)
        return np.stack([apply_operation(v, self.operations[k]) for v, k in zip(voxels, turns, strict=True)])
