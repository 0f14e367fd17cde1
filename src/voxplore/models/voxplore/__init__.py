"""VoxPlore: autoencoder with RAS-regularised latents, latent diffusion with SRR (Sec. 4); read `method` first."""

from voxplore.models.voxplore.families import VoxPloreFamilies
from voxplore.models.voxplore.fields import VoxPloreFields
from voxplore.models.voxplore.fitting import fit_latents
from voxplore.models.voxplore.interpolation import interpolate
from voxplore.models.voxplore.method import VoxPlore

__all__ = ["VoxPlore", "VoxPloreFamilies", "VoxPloreFields", "fit_latents", "interpolate"]
