"""Generators of unit cells, by name."""

from pathlib import Path

from voxplore import storage
from voxplore.models.base import Generator
from voxplore.models.cdm3d import CDM3D
from voxplore.models.dit3d import DiT3D
from voxplore.models.edits import Edits
from voxplore.models.graph import GraphVAE
from voxplore.models.registry import MODELS, model_class, model_of, register, registered
from voxplore.models.trellis import Trellis
from voxplore.models.vae import VAE
from voxplore.models.voxplore import VoxPlore, VoxPloreFamilies, VoxPloreFields
from voxplore.models.xcube import XCube
from voxplore.models.yang2024 import Yang2024

__all__ = [
    "MODELS",
    "SHIPPED",
    "Generator",
    "VoxPlore",
    "load_model",
    "model_folder",
    "model_of",
    "register",
    "registered",
]

for _model in (
    VoxPlore,
    VoxPloreFields,
    VoxPloreFamilies,
    DiT3D,
    Yang2024,
    XCube,
    Trellis,
    CDM3D,
    GraphVAE,
    VAE,
    Edits,
):
    register(_model)

#: Models in the package. "default": VoxPlore with field latents, a member for nets and one for shells.
SHIPPED = {"default": Path(__file__).parent.parent / "shipped" / "model"}


def model_folder(source: str | Path) -> Path:
    """The folder of a saved model: itself, or that of a name in SHIPPED."""
    return SHIPPED.get(str(source), Path(source))


def load_model(source: str | Path, device: str = "auto") -> Generator:
    """Open a saved model: a folder, or a name in SHIPPED; raises VoxploreError where it is none."""
    folder = model_folder(source)
    header = storage.read_json(folder / "config.json")
    name = header.get("model") if isinstance(header, dict) else None
    return model_class(name, folder / "config.json").load(folder, device)
