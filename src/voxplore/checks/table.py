"""Checks of many cells as a table."""

import dataclasses
from functools import partial

import numpy as np

from voxplore.errors import VoxploreError
from voxplore.parallel import map_items
from voxplore.ranges import Feature, Millimetres, Tile, Workers, within
from voxplore.unitcells import UnitCells, unpack

from .verdict import DEFAULT_FEATURE_MM, DEFAULT_SIZE_MM, Verdict, verdict

__all__ = ["checks_of"]


@within
def checks_of(
    cells: UnitCells,
    *,
    size_mm: Millimetres = DEFAULT_SIZE_MM,
    strut_mm: Feature = DEFAULT_FEATURE_MM,
    pore_mm: Feature = 0.0,
    tile: tuple[Tile, Tile, Tile] = (1, 1, 1),
    workers: Workers | None = None,
    engine: str = "local",
) -> dict[str, np.ndarray]:
    """Checks of n cells: one array (n,) a column, rows in the order of the cells.

    Columns: the fields of `Checks` (spans as "xyz", "xy", ...), strut_mm, pore_mm, printable, reasons (joined by "; ").
    Limits and tile as in `verdict`.
    """
    if len(cells) == 0:
        raise VoxploreError("cells", expected="at least one", got="none")
    work = partial(_judge, resolution=cells.resolution, size_mm=size_mm, strut_mm=strut_mm, pore_mm=pore_mm, tile=tile)
    verdicts = list(map_items(work, list(np.asarray(cells.packed)), workers=workers, engine=engine))
    rows = [_row(one) for one in verdicts]
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def _judge(
    row: np.ndarray, resolution: int, size_mm: float, strut_mm: float, pore_mm: float, tile: tuple[int, int, int]
) -> Verdict:
    return verdict(unpack(row[None], resolution)[0], size_mm, strut_mm, pore_mm, tile=tile)


def _row(one: Verdict) -> dict:
    row = dataclasses.asdict(one.checks)
    row["spans"] = "".join(axis for axis, spans in zip("xyz", one.checks.spans, strict=True) if spans)
    row |= {"strut_mm": one.strut_mm, "pore_mm": one.pore_mm}
    return row | {"printable": one.printable, "reasons": "; ".join(one.reasons)}
