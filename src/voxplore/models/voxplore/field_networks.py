"""The autoencoder of fields: principal components of a smooth distance to the solid, corrected and decoded by patch
transformers on the asymmetric unit of each cell (our choice)."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

from voxplore.errors import VoxploreError
from voxplore.models.voxplore.unit import UnitAutoencoding, UnitBatches, unit_voxels
from voxplore.networks import FieldBasis, UnitDecoder, UnitEncoder, distance_field
from voxplore.networks.principal import block_mean
from voxplore.recipes import FieldAutoencoder
from voxplore.unitcells import unpack

__all__ = ["FieldNetworks"]

#: Cells whose fields are made together.
_TOGETHER = 256
#: Blocks along an edge at most: principal components of more would take gigabytes.
_SIDE = 36
#: Fields of a few blocks are brought to about the size that networks start for.
_UNIT = 4.0


class FieldNetworks(UnitAutoencoding):
    """Latents (n, k) of cells: the components of their field and of the encoder's correction to it.

    RAS moves latents by the correction alone, and its sink pulls the correction, not the latent, to zero: latents stay
    near the components of their own field.
    """

    def __init__(self, shape: FieldAutoencoder):
        super().__init__()
        _check(shape)
        self.scale, self.decay_length = shape.scale, shape.decay_length
        edge, side = shape.patch // shape.scale, shape.resolution // shape.scale
        self.basis = FieldBasis(side=side, components=shape.components, whitening=shape.whitening, edge=edge)
        names = ("resolution", "patch", "width", "heads", "feed_forward", "scale")
        options = {name: getattr(shape, name) for name in names} | {"bottleneck": 0, "latent": 0, "squeeze": edge**3}
        self.encoder = UnitEncoder(**options, layers=shape.layers)
        self.decoder = UnitDecoder(**options, layers=shape.decoder_layers, margin=shape.margin)
        nn.init.zeros_(self.encoder.squeeze.weight)
        nn.init.zeros_(self.encoder.squeeze.bias)

    def start(self, batches: UnitBatches, cells: int, seed: int) -> None:  # pyright: ignore
        def fields() -> Iterator[Tensor]:
            for packed in np.array_split(batches.packed, -(-len(batches.packed) // _TOGETHER)):
                voxels = torch.from_numpy(unpack(packed, batches.resolution).view(np.uint8))
                yield self._fields(voxels.to(self.basis.mean.device))

        self.basis.start(fields(), sorted({axes for axes, _ in batches.operations}))

    def encoded(self, cells: Tensor, group: int) -> Tensor:
        return self.corrected(cells, group)[0]

    def corrected(self, cells: Tensor, group: int) -> tuple[Tensor, Tensor]:
        principal = self.basis.latents(self._fields(cells), group)
        correction = self.basis.gathered(self.encoder(cells, group), group)
        return principal + correction, correction

    def decoded(self, latents: Tensor, group: int) -> Tensor:
        return self.decoder(self.patches(latents, group), group)

    def compare(self, latents: Tensor, cells: Tensor, group: int) -> tuple[Tensor, Tensor]:
        return self.decoder.unit(self.patches(latents, group), group), unit_voxels(cells, self.decoder, group)

    def patches(self, latents: Tensor, group: int) -> Tensor:
        """What a decoder is shown of latents (n, k): patches of their fields, (n, m edge^3)."""
        return self.basis.patches(self.basis.fields(latents.float(), group), group) / _UNIT

    def _fields(self, cells: Tensor) -> Tensor:
        side = cells.shape[1] // self.scale
        solid = block_mean(cells, self.scale).reshape(len(cells), side, side, side)
        return distance_field(solid, self.decay_length)


def _check(shape: FieldAutoencoder) -> None:
    side, levels = shape.resolution // shape.scale, len(shape.head)
    if any(length % shape.scale for length in (shape.resolution, shape.patch, shape.margin)):
        got = f"{shape.resolution}, {shape.patch} and {shape.margin}"
        raise VoxploreError("autoencoder.scale", expected="resolution, patch and margin that are multiples", got=got)
    if side > _SIDE:
        expected = f"at most {_SIDE} blocks of `scale` voxels along an edge of the cell"
        raise VoxploreError("autoencoder.resolution", expected=expected, got=f"{side} blocks")
    if levels and side % 2 ** (levels - 1):
        raise VoxploreError("autoencoder.head", expected=f"levels that halve a side of {side}", got=f"{levels} levels")
