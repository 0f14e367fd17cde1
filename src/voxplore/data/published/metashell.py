"""MetaShell: the published shells of Yang et al. (2024, arXiv 2401.13570), octants of 64^3 voxels in three files each.

See `synthetic.octants` for how an octant becomes a cell.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from voxplore.data.synthetic.octants import OCTANT, check_resolution, mirror_octant, resize_octant
from voxplore.errors import VoxploreError
from voxplore.parallel import map_items
from voxplore.ranges import Count, Resolution, Workers, within
from voxplore.unitcells import UnitCells, pack

__all__ = ["OctantCell", "build_metashell", "read_octant_cell"]

_CHUNK = 64
_VOXELS, _STIFFNESS, _VOLUME = "binary_voxel", "binary_C", "vol"


class OctantCell(NamedTuple):
    """One published cell. octant: Bool (64, 64, 64). stiffness: float64 (6, 6), Voigt. volume: solid fraction."""

    octant: np.ndarray
    stiffness: np.ndarray
    volume: float


def read_octant_cell(folder: str | Path, cell_id: str) -> OctantCell:
    """Read the files `<id>binary_voxel`, `<id>binary_C` and `<id>vol` of one published cell.

    The octant is 64^3 bits, least significant first, in Fortran order; stiffness 36 and volume 1 little-endian float32.
    Raises VoxploreError that names the file which is absent, of another size, or holds no finite numbers.
    """
    bits = np.frombuffer(_read_exactly(Path(folder) / f"{cell_id}{_VOXELS}", OCTANT**3 // 8), dtype=np.uint8)
    octant = np.unpackbits(bits, bitorder="little").reshape((OCTANT,) * 3, order="F").astype(bool)
    stiffness = _read_floats(Path(folder) / f"{cell_id}{_STIFFNESS}", 36).reshape(6, 6)
    volume = float(_read_floats(Path(folder) / f"{cell_id}{_VOLUME}", 1)[0])
    if not 0 <= volume <= 1:
        raise VoxploreError(Path(folder) / f"{cell_id}{_VOLUME}", expected="a fraction from 0 to 1", got=str(volume))
    return OctantCell(np.ascontiguousarray(octant), stiffness, volume)


@within
def build_metashell(
    folder: str | Path,
    n: Count | None = None,
    *,
    resolution: Resolution = 48,
    engine: str = "local",
    workers: Workers | None = None,
) -> UnitCells:
    """The first n (default: all) published cells in and below a folder, ordered by number, at an even resolution.

    The index has the published `volume_fraction` and the entries `c11`, `c12`, `c44` of the stiffness, all that a cubic
    cell needs. Raises VoxploreError for a folder without cells and for a damaged one, naming the file.
    """
    check_resolution(resolution)
    folder = Path(folder)
    ids = sorted(path.relative_to(folder).as_posix() for path in folder.rglob(f"*{_VOXELS}"))
    ids = sorted((name.removesuffix(_VOXELS) for name in ids), key=_by_number)[:n]
    if not ids:
        raise VoxploreError(folder, expected=f"files <id>{_VOXELS}, <id>{_STIFFNESS}, <id>{_VOLUME}", got="none")
    jobs = [(folder, ids[start : start + _CHUNK], resolution) for start in range(0, len(ids), _CHUNK)]
    parts = list(map_items(_octant_rows, jobs, workers=workers, engine=engine))
    numbers = np.concatenate([part[1] for part in parts])
    names = np.array(["metashell-" + cell_id.replace("/", "-") for cell_id in ids], dtype=np.str_)
    columns = dict(zip(("volume_fraction", "c11", "c12", "c44"), numbers.T.copy(), strict=True))
    about = {"name": "metashell", "source": "Yang et al. 2024, arXiv 2401.13570", "options": {"resolution": resolution}}
    packed = np.concatenate([part[0] for part in parts])
    return UnitCells(packed, resolution, {"id": names, "source_id": names, **columns}, about)


def _octant_rows(job: tuple[Path, list[str], int]) -> tuple[np.ndarray, np.ndarray]:
    folder, ids, resolution = job
    cells = [read_octant_cell(folder, cell_id) for cell_id in ids]
    voxels = np.stack([mirror_octant(resize_octant(cell.octant, resolution)) for cell in cells])
    stiffness = np.stack([cell.stiffness for cell in cells])
    volume = np.array([cell.volume for cell in cells])
    return pack(voxels), np.stack([volume, stiffness[:, 0, 0], stiffness[:, 0, 1], stiffness[:, 3, 3]], axis=1)


def _read_exactly(path: Path, size: int) -> bytes:
    try:
        got = path.stat().st_size
        data = path.read_bytes() if got == size else b""
    except OSError as error:
        raise VoxploreError(path, expected=f"a file of {size} bytes", got=str(error.strerror).lower()) from error
    if got != size:
        raise VoxploreError(path, expected=f"a file of {size} bytes", got=f"{got} bytes")
    return data


def _read_floats(path: Path, count: int) -> np.ndarray:
    values = np.frombuffer(_read_exactly(path, 4 * count), dtype="<f4").astype(np.float64)
    if not np.isfinite(values).all():
        raise VoxploreError(path, expected=f"{count} finite numbers", got="NaN or infinity")
    return values


def _by_number(cell_id: str) -> tuple[str, int, str]:
    """Within a folder, numbered ids by their number, others before them by name."""
    folder, _, name = cell_id.rpartition("/")
    return folder, int(name) if name.isdecimal() else -1, name
