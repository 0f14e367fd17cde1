"""Fixtures shared by all tests."""

import os
from pathlib import Path

# Threads that wait sleep: where two share a core, spinning ones take several times as long. libgomp reads it when torch
# is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
import pytest
from hypothesis import settings

# A busy machine is no reason for a test to fail; the same examples every time.
settings.register_profile("voxplore", deadline=None, derandomize=True)
settings.load_profile("voxplore")

# What is told of stages depends on how long they take, so on the machine; tests of it ask for it themselves.
os.environ["VOXPLORE_QUIET"] = "1"

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def real_cells_folder() -> Path:
    """The folder with the real cells (CC BY-NC, not part of the project): VOXPLORE_REAL_CELLS, else ../shared/data."""
    folder = Path(os.environ.get("VOXPLORE_REAL_CELLS", ROOT.parent / "shared" / "data"))
    if not (folder / "lumpe-cells.jsonl.gz").exists():
        pytest.skip(f"no real cells in {folder} (set VOXPLORE_REAL_CELLS)")
    return folder


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture
def blobs(rng: np.random.Generator) -> np.ndarray:
    """Twelve periodic random cells Bool (12, 16, 16, 16) of varied density, one empty and one full."""
    field = rng.normal(size=(12, 16, 16, 16))
    for axis in (1, 2, 3):
        field = field + np.roll(field, 1, axis) + np.roll(field, -1, axis)
    voxels = field > np.quantile(field, np.linspace(0.3, 0.9, 12))[:, None, None, None]
    voxels[0], voxels[1] = False, True
    return voxels
