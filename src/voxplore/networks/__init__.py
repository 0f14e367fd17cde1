"""Networks with plain arguments: no configuration objects, no cells, torch alone."""

from voxplore.networks.autoencoder import Decoder, Encoder
from voxplore.networks.mlp import ResidualMLP
from voxplore.networks.principal import PrincipalDecoder, PrincipalEncoder, start_from_principal_components

__all__ = [
    "Decoder",
    "Encoder",
    "PrincipalDecoder",
    "PrincipalEncoder",
    "ResidualMLP",
    "start_from_principal_components",
]
