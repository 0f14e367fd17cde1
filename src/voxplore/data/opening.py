"""Sets of cells by what a person calls them: a folder of ours, a file or folder of other programs, or "default"."""

from pathlib import Path

from voxplore import unitcells
from voxplore.unitcells import UnitCells

__all__ = ["load_cells"]

_OURS = frozenset({".npy", ".npz"})


def load_cells(path: str | Path, split: str | None = None) -> UnitCells:
    """Open a folder of cells, the published npz, or voxels: .npy, .npz, .vti, .nrrd, .tif, or a folder of such files.

    "default": the known cells that the shipped model is scored against. split: only these ("train", "valid", "test").
    Our folders and .npy files are memory-mapped; nothing is unpickled. Raises VoxploreError naming the file, and the
    option or verb that takes it where this does not.
    """
    path = Path(path)
    if path == Path("default") and not path.exists():
        from voxplore.data.record.shipped import reference_cells

        cells = reference_cells()
    elif (path / "cells.json").is_file() or (path.suffix in _OURS and path.is_file()):
        return unitcells.load_cells(path, split)
    else:
        from voxplore.data.imported.voxels import read_voxels

        cells = read_voxels(path)
    return cells.split(split) if split else cells
