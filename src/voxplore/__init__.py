"""voxplore: discover metamaterial unit cells that nobody has drawn before.

Names resolve on first use, so that scoring, pictures and `--help` run without loading torch.
"""

import importlib
import os
from typing import Any

# MKL's sums can depend on where an array lies in memory; this makes runs on one chip repeat to the last bit. It has to
# be set before torch is loaded.
os.environ.setdefault("MKL_CBWR", "AUTO,STRICT")

__version__ = "0.1.0"

_HOMES = {
    "UnitCells": "voxplore.unitcells",
    "load_cells": "voxplore.data.opening",
    "VoxploreError": "voxplore.errors",
    "evaluate": "voxplore.metrics",
    "render": "voxplore.show",
    "VoxPlore": "voxplore.models",
    "load_model": "voxplore.hub",
    "MODELS": "voxplore.models",
    "register": "voxplore.models",
    "RECIPES": "voxplore.recipes",
    "discover": "voxplore.workflows.discover",
}
_ROOMS = ("data", "export", "geometry", "mechanics", "metrics", "models", "refine", "show")

__all__ = ["__version__", *_HOMES, *_ROOMS]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    if name in _ROOMS:
        return importlib.import_module(f"voxplore.{name}")
    raise AttributeError(f"module 'voxplore' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
