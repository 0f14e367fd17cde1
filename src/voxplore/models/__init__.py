"""Generators of unit cells, by name."""

from pathlib import Path

from voxplore import storage
from voxplore.errors import VoxploreError
from voxplore.models.base import Generator
from voxplore.models.cdm3d import CDM3D
from voxplore.models.dit3d import DiT3D
from voxplore.models.edits import Edits
from voxplore.models.graph import GraphVAE
from voxplore.models.trellis import Trellis
from voxplore.models.vae import VAE
from voxplore.models.voxplore import VoxPlore, VoxPloreTokens
from voxplore.models.xcube import XCube
from voxplore.models.yang2024 import Yang2024

__all__ = ["MODELS", "Generator", "VoxPlore", "load_model", "model_folder"]

#: name -> class of every generator.
MODELS: dict[str, type[Generator]] = {
    model.name: model
    for model in (VoxPlore, VoxPloreTokens, DiT3D, Yang2024, XCube, Trellis, CDM3D, GraphVAE, VAE, Edits)
}


_SHIPPED = Path(__file__).parent.parent / "shipped" / "model"


def model_folder(source: str | Path) -> Path:
    """The folder of a saved model: itself, or that of "default", the one in the package."""
    return _SHIPPED if str(source) == "default" else Path(source)


def load_model(source: str | Path, device: str = "auto") -> Generator:
    """Open a saved model: a folder, or "default", the one in the package; raises VoxploreError where it is none."""
    folder = model_folder(source)
    header = storage.read_json(folder / "config.json")
    name = header.get("model") if isinstance(header, dict) else None
    if not isinstance(name, str) or name not in MODELS:
        raise VoxploreError(folder / "config.json", expected=f"a model among {', '.join(MODELS)}", got=str(name))
    return MODELS[name].load(folder, device)
