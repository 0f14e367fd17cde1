"""Sets of cells at another resolution."""

from dataclasses import replace

import numpy as np

from voxplore import geometry
from voxplore.ranges import Resolution, within
from voxplore.unitcells import UnitCells, pack

__all__ = ["resample"]

_PART = 64


@within
def resample(cells: UnitCells, resolution: Resolution) -> UnitCells:
    """The same n cells at d = `resolution`, each of nearly its density (see `geometry.resampled`).

    `about["resampled"]` says from which resolution. The column of densities is left out: they may differ a little.
    """
    if cells.resolution == resolution:
        return cells
    rows = [np.zeros((0, -(-(resolution**3) // 8)), np.uint8)]
    rows += [pack(geometry.resampled(batch, resolution)) for batch in cells.batches(_PART)]
    index = {name: column for name, column in cells.index.items() if name != "relative_density"}
    about = {**cells.about, "resampled": f"from {cells.resolution}^3"}
    return replace(cells, packed=np.concatenate(rows), resolution=resolution, index=index, about=about)
