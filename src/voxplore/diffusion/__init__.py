"""Diffusion in vectors and volumes: schedules, samplers and the repulsion that guides them; torch alone."""

from voxplore.diffusion.ddpm import Schedule, diffusion_loss, linear_schedule, sample
from voxplore.diffusion.empirical import between_neighbours, empirical_denoiser
from voxplore.diffusion.srr import repulsion, srr_guide

__all__ = [
    "Schedule",
    "between_neighbours",
    "diffusion_loss",
    "empirical_denoiser",
    "linear_schedule",
    "repulsion",
    "sample",
    "srr_guide",
]
