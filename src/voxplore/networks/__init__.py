"""Networks with plain arguments: no configuration objects, no cells, torch alone."""

from voxplore.networks.autoencoder import Decoder, Encoder
from voxplore.networks.dit3d import DiT3D, DiTBlock
from voxplore.networks.mlp import ResidualMLP
from voxplore.networks.principal import PrincipalDecoder, PrincipalEncoder, start_from_principal_components
from voxplore.networks.unet3d import BlockStyle, UNet3D

__all__ = [
    "BlockStyle",
    "Decoder",
    "DiT3D",
    "DiTBlock",
    "Encoder",
    "PrincipalDecoder",
    "PrincipalEncoder",
    "ResidualMLP",
    "UNet3D",
    "start_from_principal_components",
]
