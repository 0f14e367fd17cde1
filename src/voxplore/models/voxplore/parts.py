"""Which class is built for which configuration class."""

from voxplore.diffusion import Schedule
from voxplore.models.voxplore.autoencoder import LatentAutoencoder, PatchNetworks
from voxplore.models.voxplore.closed_form import ClosedFormDenoiser
from voxplore.models.voxplore.denoiser import TrainedDenoiser
from voxplore.models.voxplore.principal import PrincipalNetworks
from voxplore.models.voxplore.unit import UnitNetworks
from voxplore.recipes import ClosedForm, PatchAutoencoder, PrincipalAutoencoder, UnitAutoencoder, VoxPloreConfig

__all__ = ["autoencoder_of", "denoiser_of"]


def autoencoder_of(shape: PatchAutoencoder | UnitAutoencoder | PrincipalAutoencoder) -> LatentAutoencoder:
    """The autoencoder of a configuration."""
    if isinstance(shape, PatchAutoencoder):
        return PatchNetworks(shape)
    return UnitNetworks(shape) if isinstance(shape, UnitAutoencoder) else PrincipalNetworks(shape)


def denoiser_of(config: VoxPloreConfig, schedule: Schedule, device: str) -> TrainedDenoiser | ClosedFormDenoiser:
    """The denoiser of a configuration."""
    if isinstance(config.denoiser, ClosedForm):
        return ClosedFormDenoiser(config.denoiser, schedule, config.seed)
    return TrainedDenoiser(config.denoiser, config, schedule, device)
