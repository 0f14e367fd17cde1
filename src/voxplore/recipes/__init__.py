"""RECIPES: a named, frozen configuration for every row of every table; torch is not needed to read them.

Names are `<model>[-variant]-<set>-<size>`: set `nets`, `shells`, `both`, `families`, `metatruss`,
`metashell`; size `tiny` (tests, 16^3), `small` (two CPU cores), `medium` (hours of one core; baselines at 24^3), `full`
(one GPU).
"""

from typing import Any

from voxplore.recipes.autoencoders import FieldAutoencoder, PatchAutoencoder, PrincipalAutoencoder, UnitAutoencoder
from voxplore.recipes.cdm3d import CDM3DConfig, CDM3DNetwork, CDM3DSampling, cdm3d_recipes
from voxplore.recipes.common import Training
from voxplore.recipes.dit3d import DiT3DConfig, DiT3DNetwork, DiT3DSampling, dit3d_recipes
from voxplore.recipes.edits import edits_recipes
from voxplore.recipes.families import FamiliesConfig, Member, families_recipes
from voxplore.recipes.fields import FieldSampling, FieldsConfig, fields_recipes
from voxplore.recipes.graph import graph_recipes
from voxplore.recipes.steps import LargestPiece, Levels, MatchDensity, Orient, Redraw, Step, Symmetrise
from voxplore.recipes.trellis import TrellisConfig, TrellisSampling, trellis_recipes
from voxplore.recipes.vae import vae_recipes
from voxplore.recipes.voxplore import (
    RAS,
    SRR,
    ClosedForm,
    Contrastive,
    Loss,
    Regularisation,
    ResidualDenoiser,
    Sampling,
    Sink,
    VoxPloreConfig,
)
from voxplore.recipes.voxplore_rows import voxplore_recipes
from voxplore.recipes.xcube import XCubeConfig, XCubeSampling, xcube_recipes
from voxplore.recipes.yang2024 import Yang2024Config, Yang2024Network, Yang2024Sampling, yang2024_recipes

__all__ = [
    "CDM3DConfig",
    "CDM3DNetwork",
    "CDM3DSampling",
    "DiT3DConfig",
    "DiT3DNetwork",
    "DiT3DSampling",
    "Yang2024Config",
    "Yang2024Network",
    "Yang2024Sampling",
    "RAS",
    "RECIPES",
    "SRR",
    "ClosedForm",
    "Contrastive",
    "FamiliesConfig",
    "FieldAutoencoder",
    "FieldSampling",
    "FieldsConfig",
    "LargestPiece",
    "Levels",
    "Loss",
    "MatchDensity",
    "Member",
    "Orient",
    "PatchAutoencoder",
    "PrincipalAutoencoder",
    "Redraw",
    "Regularisation",
    "ResidualDenoiser",
    "Sink",
    "Step",
    "Symmetrise",
    "Sampling",
    "Training",
    "TrellisConfig",
    "TrellisSampling",
    "UnitAutoencoder",
    "VoxPloreConfig",
    "XCubeConfig",
    "XCubeSampling",
]

RECIPES: dict[str, Any] = {
    **voxplore_recipes(),
    **fields_recipes(),
    **families_recipes(),
    **graph_recipes(),
    **vae_recipes(),
    **edits_recipes(),
    **dit3d_recipes(),
    **yang2024_recipes(),
    **xcube_recipes(),
    **trellis_recipes(),
    **cdm3d_recipes(),
}
