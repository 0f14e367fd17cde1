"""The autoencoder for a few CPU cores, which starts at principal components (our choice; `networks/principal.py`)."""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from voxplore.errors import VoxploreError
from voxplore.models.voxplore.autoencoder import Batches, LatentAutoencoder
from voxplore.networks import PrincipalDecoder, PrincipalEncoder, start_from_principal_components
from voxplore.recipes import PrincipalAutoencoder

__all__ = ["PrincipalNetworks"]

#: Cells that the principal components are taken from.
_FIRST_LOOK = 6000


class PrincipalNetworks(LatentAutoencoder):
    """The one for CPUs: it starts at the best linear autoencoder; cross-entropy and Dice at half the resolution."""

    def __init__(self, shape: PrincipalAutoencoder):
        super().__init__()
        options = {name: getattr(shape, name) for name in ("resolution", "basis", "width", "latent")}
        self.encoder: PrincipalEncoder = PrincipalEncoder(**options, layers=shape.layers)
        self.decoder: PrincipalDecoder = PrincipalDecoder(**options, layers=shape.decoder_layers)

    def start(self, batches: Batches, cells: int, seed: int) -> None:
        shown, _ = batches.draw(min(_FIRST_LOOK, cells), np.random.default_rng(seed))
        if not (shown != shown[:1]).any():
            expected = "two different ones or more to train this model on"
            raise VoxploreError("training cells", expected=expected, got=f"{len(shown)} alike")
        torch.manual_seed(seed)  # the search for components is a random one
        device = next(self.parameters()).device
        start_from_principal_components(self.encoder, self.decoder, torch.from_numpy(shown.view(np.uint8)).to(device))

    def compare(self, latents: Tensor, cells: Tensor, group: int) -> tuple[Tensor, Tensor]:
        return self.decoder.compare(latents, cells)

    def error(self, decoded: Tensor, wanted: Tensor) -> Tensor:
        decoded = decoded.float()
        cross_entropy = functional.binary_cross_entropy_with_logits(decoded, wanted)
        chance = decoded.sigmoid()
        overlap = 2 * (chance * wanted).sum(1) / (chance.sum(1) + wanted.sum(1)).clamp(min=1.0)
        return cross_entropy + (1 - overlap).mean()
