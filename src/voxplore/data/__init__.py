"""Where unit cells come from: published files, and cells made on the spot."""

from voxplore.data.prepare.negatives import degrade
from voxplore.data.prepare.orientations import orient_cells
from voxplore.data.prepare.splits import SPLIT_RULES, periodicity_floor, split_by_source, with_split
from voxplore.data.published.metashell import build_metashell, read_octant_cell
from voxplore.data.published.sources import SOURCES, fetch
from voxplore.data.synthetic.families import FAMILIES, build_family
from voxplore.data.synthetic.shells import build_shells

__all__ = [
    "FAMILIES",
    "SOURCES",
    "SPLIT_RULES",
    "build_family",
    "build_metashell",
    "build_shells",
    "degrade",
    "fetch",
    "orient_cells",
    "periodicity_floor",
    "read_octant_cell",
    "split_by_source",
    "with_split",
]
