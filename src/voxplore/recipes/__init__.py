"""RECIPES: a named, frozen configuration for every row of every table; torch is not needed to read them.

Names are `<model>[-variant]-<set>-<size>`: set `nets`, `shells`, `both`, `metatruss`, `metashell`; size `tiny` (tests,
16^3), `small` (two CPU cores), `full` (one GPU).
"""

from typing import Any

from voxplore.recipes.common import Training
from voxplore.recipes.voxplore import RAS, SRR, Autoencoder, Denoiser, Sampling, VoxPloreConfig, voxplore_recipes

__all__ = ["RAS", "RECIPES", "SRR", "Autoencoder", "Denoiser", "Sampling", "Training", "VoxPloreConfig"]

RECIPES: dict[str, Any] = {**voxplore_recipes()}
