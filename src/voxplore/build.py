"""What every built set ends with: split, periodicity floor, orientations, and the folder on disk."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from voxplore import files
from voxplore.data.augment import orient_cells, periodicity_floor, with_split
from voxplore.errors import VoxploreError
from voxplore.metrics import periodicity
from voxplore.unitcells import UnitCells

__all__ = ["build", "finish"]


def build(
    make: Callable[[], UnitCells],
    folder: str | Path,
    *,
    seed: int = 0,
    rule: str = "v1",
    orientations: int = 1,
    overwrite: bool = False,
) -> UnitCells:
    """Make cells, finish them and write them to `folder`. The checks that cost nothing come first."""
    files.refuse_existing(Path(folder), overwrite)
    if orientations not in (1, 6):
        raise VoxploreError("orientations", expected="1 or 6", came=str(orientations))
    cells = finish(make(), seed=seed, rule=rule, orientations=orientations)
    cells.save(folder, overwrite)
    return cells


def finish(cells: UnitCells, *, seed: int = 0, rule: str = "v1", orientations: int = 1) -> UnitCells:
    """Split by source cell, take the periodicity floor from the held-out cells (benchmark v1), then orient."""
    cells = with_split(cells, seed, rule)
    if (cells.index["split"] == "test").any():
        floor = periodicity_floor(periodicity(cells.split("test")))
        cells = replace(cells, about={**cells.about, "periodicity_floor": floor})
    return orient_cells(cells, orientations)
