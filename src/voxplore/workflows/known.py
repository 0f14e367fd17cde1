"""Properties of known cells, kept in a small file: what their kind reaches, and what a surrogate learns from.

27 float16 numbers a cell (21 of the stiffness, 6 of the conductivity), in units of the solid's; the rest is derived.
"""

import math
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from voxplore import storage
from voxplore.errors import VoxploreError
from voxplore.mechanics import derived, stiffness_of
from voxplore.mechanics.properties import CONDUCTIVITY_COLUMNS, STIFFNESS_COLUMNS
from voxplore.unitcells import UnitCells
from voxplore.workflows.survey import fine_properties

__all__ = ["TABLE", "Known", "known_properties", "make_table"]

#: The shipped table, of cells of the shipped reference.
TABLE = Path(__file__).parents[1] / "shipped" / "properties.npz"
#: Cells that are solved before the time is looked at.
_TOGETHER = 16
_NUMBERS = (*STIFFNESS_COLUMNS, *CONDUCTIVITY_COLUMNS)


@dataclass(frozen=True)
class Known:
    """Known cells in one orientation and columns of their properties, float64 (m,) each, as `properties_of` gives."""

    cells: UnitCells
    columns: dict[str, np.ndarray]


def known_properties(cells: UnitCells, path: Path = TABLE) -> Known | None:
    """The rows of the table that are about `cells`; None where there is no table of them."""
    if not path.exists():
        return None
    try:
        with np.load(path, allow_pickle=False) as arrays:
            rows, numbers, checksum = (arrays[key] for key in ("rows", "numbers", "sha256"))
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise VoxploreError(path, expected="a table of properties", got=str(error)[:80]) from error
    if str(checksum) != _identity(cells):
        return None
    if numbers.shape != (len(rows), len(_NUMBERS)) or (len(rows) and not 0 <= rows.min() <= rows.max() < len(cells)):
        raise VoxploreError(path, expected=f"{len(_NUMBERS)} numbers a cell", got=f"shape {numbers.shape}")
    chosen = cells[rows]
    columns = dict(zip(_NUMBERS, numbers.astype(np.float64).T, strict=True))
    columns["relative_density"] = chosen.relative_density()
    return Known(chosen, columns | derived(stiffness_of(columns), columns["relative_density"]))


def make_table(
    cells: UnitCells,
    n: int | None = None,
    path: Path = TABLE,
    workers: int | None = None,
    until: float = math.inf,
) -> int:
    """Solve n cells, spread evenly over all, or all, and write their table; the number of them.

    until: `time.monotonic()` at which no more are begun; those solved until then are spread evenly too. Solved cells
    are kept in the user's cache, so that the same call goes on where one was broken off.
    """
    rows = np.unique(np.linspace(0, len(cells) - 1, min(n or len(cells), len(cells))).astype(np.int32))
    rows = rows[np.argsort((np.arange(len(rows)) * (math.sqrt(5) - 1) / 2) % 1, kind="stable").argsort()]
    parts: list[np.ndarray] = []
    for start in range(0, len(rows), _TOGETHER):
        if parts and time.monotonic() > until:
            break
        solved = fine_properties(cells[rows[start : start + _TOGETHER]], workers)
        parts.append(np.stack([solved[name] for name in _NUMBERS], axis=1).astype(np.float16))
    numbers = np.concatenate(parts)
    chosen = rows[: len(numbers)]
    order = np.argsort(chosen)
    with storage.atomic_file(path) as temporary:
        np.savez_compressed(temporary, rows=chosen[order], numbers=numbers[order], sha256=np.array(_identity(cells)))
    return len(chosen)


def _identity(cells: UnitCells) -> str:
    return str(cells.sha256())
