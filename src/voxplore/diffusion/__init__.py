"""Diffusion in vectors and volumes: schedules, samplers and the repulsion that guides them; torch alone."""

from voxplore.diffusion.ddpm import Schedule, diffusion_loss, linear_schedule, sample
from voxplore.diffusion.empirical import (
    between_neighbours,
    empirical_denoiser,
    mean_of_neighbours,
    neighbours_of_points,
)
from voxplore.diffusion.srr import repulsion, srr_guide
from voxplore.diffusion.vp import published_times, sample_snapped, self_conditioned_loss

__all__ = [
    "Schedule",
    "between_neighbours",
    "diffusion_loss",
    "empirical_denoiser",
    "linear_schedule",
    "mean_of_neighbours",
    "neighbours_of_points",
    "published_times",
    "repulsion",
    "sample",
    "sample_snapped",
    "self_conditioned_loss",
    "srr_guide",
]
