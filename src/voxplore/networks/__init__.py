"""Networks with plain arguments: no configuration objects, no cells, torch alone."""

from voxplore.networks.autoencoder import Decoder, Encoder
from voxplore.networks.discriminator import PatchDiscriminator
from voxplore.networks.distance_field import distance_field
from voxplore.networks.dit3d import DiT3D, DiTBlock, SinusoidalTime
from voxplore.networks.field_basis import FieldBasis
from voxplore.networks.field_denoiser import FieldDenoiser
from voxplore.networks.mlp import ResidualMLP
from voxplore.networks.principal import PrincipalDecoder, PrincipalEncoder, start_from_principal_components
from voxplore.networks.refined_decoder import RefinedDecoder
from voxplore.networks.unet3d import BlockStyle, LearnedFrequencies, UNet3D
from voxplore.networks.unit_autoencoder import UnitDecoder, UnitEncoder

__all__ = [
    "BlockStyle",
    "Decoder",
    "DiT3D",
    "DiTBlock",
    "Encoder",
    "FieldBasis",
    "FieldDenoiser",
    "LearnedFrequencies",
    "PatchDiscriminator",
    "PrincipalDecoder",
    "PrincipalEncoder",
    "RefinedDecoder",
    "ResidualMLP",
    "SinusoidalTime",
    "UNet3D",
    "UnitDecoder",
    "UnitEncoder",
    "distance_field",
    "start_from_principal_components",
]
