"""The sets of the GPU kit, drawn again from records that travel with the code."""

from pathlib import Path

import numpy as np

from voxplore.data.record.sets import RecordedSet, read_record
from voxplore.data.synthetic.nets import draw_nets
from voxplore.data.synthetic.shells import draw_shells
from voxplore.unitcells import UnitCells, load_cells

__all__ = ["sets_of"]

#: Cells of each set, and their resolution, at tiny size.
_TINY, _TINY_RESOLUTION = 96, 16


def sets_of(records: list[Path], folder: Path, tiny: bool) -> dict[str, UnitCells]:
    """Name -> cells of all records, written to `folder` the first time and read from there after."""
    found: dict[str, UnitCells] = {}
    for path in records:
        record = read_record(path)
        names = [part.kind for part in record.sets]
        if not all((folder / name).exists() for name in names):
            drawn = [_first(part) for part in record.sets] if tiny else _whole(path)
            for name, cells in zip(names, drawn, strict=True):
                cells.save(folder / name, overwrite=True)
        found |= {name: load_cells(folder / name) for name in names}
    return found


def _whole(path: Path) -> list[UnitCells]:
    """Every set of a record, compared with its checksum."""
    record = read_record(path)
    packed = record.cells().packed
    ends = np.cumsum([len(part) for part in record.sets])
    rows = np.split(packed, ends[:-1])
    return [
        UnitCells(own, part.resolution, part.index, part.about) for own, part in zip(rows, record.sets, strict=True)
    ]


def _first(part: RecordedSet) -> UnitCells:
    """A few cells of a set at the tiny resolution."""
    plans = part.plans[:_TINY]
    if part.kind == "nets":
        packed = draw_nets(plans, _TINY_RESOLUTION, part.radius)  # pyright: ignore
    else:
        packed = draw_shells(plans, _TINY_RESOLUTION)  # pyright: ignore
    index = {name: column[:_TINY] for name, column in part.index.items()}
    return UnitCells(packed, _TINY_RESOLUTION, index, part.about)
