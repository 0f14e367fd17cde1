"""Phononic bands of a set of cells, at no more than 24^3: a table of all of them, and the widest gap of each."""

from functools import partial

import numpy as np

from voxplore.checks import symmetry_group
from voxplore.errors import VoxploreError
from voxplore.mechanics import Bands, band_structure, zone_path
from voxplore.parallel import map_items
from voxplore.unitcells import UnitCells, unpack
from voxplore.workflows.coarse import halved

__all__ = ["bands_of"]

#: Cells of a finer grid are halved until they are no finer than this; bands, and wavevectors a leg of the path.
_MOST = 24
_BANDS, _STEPS = 12, 4


def bands_of(
    cells: UnitCells,
    poisson: float = 0.3,
    edges: tuple[float, float, float] = (1.0, 1.0, 1.0),
    workers: int | None = None,
    engine: str = "local",
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Columns for n cells, and a table with a row for each cell and wavevector.

    Columns: gap_lower, gap_upper (frequencies in c / a, see `mechanics.bands`) and gap_share (width over middle) of the
    widest gap along the path, nan without one; gaps, how many there are. Table: id, kx, ky, kz, frequency_1 to
    frequency_12. The path is G-X-M-R-G for cells with the turns of the cube and equal edges, else also in the two other
    orders of the axes. Cells past 24^3 are halved. A cell that carries nothing has no rows, and nan.
    """
    while cells.resolution > _MOST and cells.resolution % 2 == 0:
        cells = halved(cells)
    if cells.resolution > 2 * _MOST:
        expected = f"a resolution that halves to {_MOST} or less"
        raise VoxploreError("cells for bands", expected=expected, got=str(cells.resolution))
    work = partial(_bands, resolution=cells.resolution, poisson=poisson, edges=edges)
    found = list(map_items(work, list(np.asarray(cells.packed)), workers=workers, engine=engine))
    widest = np.array([_widest(one) for one in found])
    names = ("gap_lower", "gap_upper", "gap_share", "gaps")
    ids = [np.full(len(one.wavevectors), name) for name, one in zip(cells.index["id"], found, strict=True)]
    table: dict[str, np.ndarray] = {"id": np.concatenate(ids)}
    wavevectors = np.concatenate([one.wavevectors for one in found])
    table |= {f"k{axis}": wavevectors[:, a] for a, axis in enumerate("xyz")}
    frequencies = np.concatenate([one.frequencies for one in found])
    table |= {f"frequency_{band + 1}": frequencies[:, band] for band in range(_BANDS)}
    return dict(zip(names, widest.T, strict=True)), table


def _bands(row: np.ndarray, resolution: int, poisson: float, edges: tuple[float, float, float]) -> Bands:
    voxels = unpack(row[None], resolution)[0]
    cubic = len(set(edges)) == 1 and symmetry_group(voxels, 0.999).system == "cubic"
    try:
        return band_structure(voxels, zone_path(_STEPS, turned=not cubic), _BANDS, poisson, edges)
    except VoxploreError:  # nothing in it carries
        return Bands(np.zeros((0, 3)), np.zeros((0, _BANDS)))


def _widest(bands: Bands) -> tuple[float, float, float, int]:
    if not len(bands.frequencies) or not len(bands.gaps):
        return np.nan, np.nan, np.nan, 0
    shares = 2 * (bands.gaps[:, 1] - bands.gaps[:, 0]) / bands.gaps.sum(1)
    lower, upper = bands.gaps[shares.argmax()]
    return float(lower), float(upper), float(shares.max()), len(shares)
