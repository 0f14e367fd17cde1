"""Where unit cells come from: published files, and cells made on the spot."""

from voxplore.data.augment import (
    SPLIT_RULES,
    finish_build,
    orient_cells,
    periodicity_floor,
    split_by_source,
    with_split,
)
from voxplore.data.families import FAMILIES, build_family
from voxplore.data.negatives import degrade
from voxplore.data.octants import build_metashell, read_octant_cell
from voxplore.data.shells import build_shells
from voxplore.data.sources import SOURCES, fetch

__all__ = [
    "FAMILIES",
    "SOURCES",
    "SPLIT_RULES",
    "build_family",
    "build_metashell",
    "build_shells",
    "degrade",
    "fetch",
    "finish_build",
    "orient_cells",
    "periodicity_floor",
    "read_octant_cell",
    "split_by_source",
    "with_split",
]
