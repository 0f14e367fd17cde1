"""Built sets as a record: what their cells are drawn from, some 70 bytes a cell, so that no random search is repeated.

Building a set of nets or shells from its seed takes minutes, because most draws are rejected. A record keeps those that
were accepted, with the index and the checksum of the cells; rebuilding them gives the same bytes.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from voxplore import parallel
from voxplore.data.record.container import read_arrays, read_column, store_column, write_arrays
from voxplore.data.record.plans import level_sets_from_arrays, level_sets_to_arrays, nets_from_arrays, nets_to_arrays
from voxplore.data.synthetic.levelsets import LevelSet
from voxplore.data.synthetic.nets import draw_nets
from voxplore.data.synthetic.periodic import PeriodicNet
from voxplore.data.synthetic.shells import draw_shells
from voxplore.errors import VoxploreError
from voxplore.unitcells import UnitCells

__all__ = ["Record", "RecordedSet", "cells_from_record", "read_record", "write_record"]

_FORMAT = "voxplore-record"
_VERSION = 1
_CHUNK = 100
#: Resolutions that are rebuilt (those of the level sets), and the most bytes that the cells of a set may take.
_RESOLUTIONS = range(8, 129, 2)
_MOST_BYTES = 1 << 31
_INDEX = "index."


@dataclass(frozen=True, eq=False)
class RecordedSet:
    """One set of a record: its UnitCells but for the voxels, and the plans that they are drawn from.

    plans: a PeriodicNet (kind "nets") or a LevelSet (kind "shells") a cell. radius: of the struts, in cell edges; None
    for shells. sha256: of the UnitCells. index and about: as the builder made them.
    """

    kind: str
    plans: Sequence[PeriodicNet] | Sequence[LevelSet]
    index: dict[str, np.ndarray]
    about: dict[str, Any]
    resolution: int
    radius: float | None
    sha256: str

    def __len__(self) -> int:
        return len(self.plans)


@dataclass(frozen=True, eq=False)
class Record:
    """What a record file holds. about: of all sets together."""

    path: Path
    sets: tuple[RecordedSet, ...]
    about: dict[str, Any]

    def __len__(self) -> int:
        return sum(map(len, self.sets))

    @property
    def resolution(self) -> int:
        return self.sets[0].resolution

    def index(self) -> dict[str, np.ndarray]:
        """The columns that all sets have, one set after the other."""
        first, *others = (part.index for part in self.sets)
        shared = [name for name in first if all(name in other for other in others)]
        return {name: np.concatenate([part.index[name] for part in self.sets]) for name in shared}

    def matches(self, cells: UnitCells) -> bool:
        """Whether these are the recorded cells, by the checksum of each set."""
        if len(cells) != len(self) or cells.resolution != self.resolution:
            return False
        return all(part.sha256 == own.sha256() for part, own in self._parts(cells))

    def cells(
        self, engine: str = "local", workers: int | None = None, progress: Callable[[int], object] | None = None
    ) -> UnitCells:
        """All cells, rebuilt: nets first, then shells. progress: called with the number of cells just rebuilt.

        Raises VoxploreError where they are not, to the last bit, what was recorded.
        """
        packed = np.empty((len(self), -(-(self.resolution**3) // 8)), np.uint8)
        start = 0
        for rows in parallel.map_items(_drawn, self._jobs(), workers=workers, engine=engine):
            packed[start : start + len(rows)] = rows
            start += len(rows)
            if progress is not None:
                progress(len(rows))
        cells = UnitCells(packed, self.resolution, self.index(), self.about)
        for part, own in self._parts(cells):
            got = own.sha256()
            if got != part.sha256:
                raise VoxploreError(f"{self.path}, {part.kind}", expected=f"cells of sha256 {part.sha256}", got=got)
        return cells

    def _jobs(self) -> list[tuple]:
        return [
            (part.kind, part.plans[start : start + _CHUNK], part.resolution, part.radius)
            for part in self.sets
            for start in range(0, len(part), _CHUNK)
        ]

    def _parts(self, cells: UnitCells) -> Iterator[tuple[RecordedSet, UnitCells]]:
        """Each set and the rows of `cells` that are its own."""
        start = 0
        for part in self.sets:
            yield part, cells[start : start + len(part)]
            start += len(part)


def _drawn(job: tuple[str, Sequence, int, float]) -> np.ndarray:
    kind, plans, resolution, radius = job
    return draw_nets(plans, resolution, radius) if kind == "nets" else draw_shells(plans, resolution)


def write_record(
    path: str | Path,
    *,
    nets: tuple[UnitCells, Sequence[PeriodicNet]] | None = None,
    shells: tuple[UnitCells, Sequence[LevelSet]] | None = None,
    about: dict[str, Any] | None = None,
) -> None:
    """Record cells of `nets_with_plans` and of `shells_with_plans`, or some of them, with one plan a cell.

    about: JSON-able, of the whole (name, periodicity_floor, ...); by default that of the only set, else name and sets.
    """
    arrays: dict[str, np.ndarray] = {}
    sets: dict[str, Any] = {}
    for kind, given in (("nets", nets), ("shells", shells)):
        if given is None:
            continue
        cells, plans = given
        if len(cells) != len(plans) or not len(cells):
            raise VoxploreError(kind, expected="one plan a cell, and one cell or more", got=f"{len(plans)} plans")
        encoded = nets_to_arrays(plans) if kind == "nets" else level_sets_to_arrays(plans)  # type: ignore[arg-type]
        columns = {_INDEX + name: store_column(column) for name, column in cells.index.items()}
        arrays |= {f"{kind}.{name}": array for name, array in {**encoded, **columns}.items()}
        sets[kind] = {
            "n": len(cells),
            "resolution": cells.resolution,
            "radius": cells.about["options"]["radius"] if kind == "nets" else None,
            "sha256": cells.sha256(),
            "columns": list(cells.index),
            "about": cells.about,
        }
    resolutions = {part["resolution"] for part in sets.values()}
    if len(resolutions) != 1 or not resolutions <= set(_RESOLUTIONS):
        got = f"resolutions {sorted(resolutions)}"
        raise VoxploreError(path, expected="nets, shells or both, of one even resolution up to 128", got=got)
    facts = {"format": _FORMAT, "format_version": _VERSION, "sets": sets, "about": about or _about_all(sets)}
    write_arrays(path, arrays, facts)


def _about_all(sets: dict[str, Any]) -> dict[str, Any]:
    abouts = {kind: part["about"] for kind, part in sets.items()}
    return next(iter(abouts.values())) if len(sets) == 1 else {"name": " and ".join(sets), "sets": abouts}


def read_record(path: str | Path) -> Record:
    """Read a record, checked throughout; VoxploreError naming the file where it is absent, damaged or not one."""
    path = Path(path)
    arrays, facts = read_arrays(path)
    if facts.get("format") != _FORMAT or facts.get("format_version") != _VERSION:
        got = f"{facts.get('format')} {facts.get('format_version')}"
        raise VoxploreError(path, expected=f"{_FORMAT} {_VERSION}", got=got)
    sets = _named(facts, "sets", dict, path)
    if not sets or not set(sets) <= {"nets", "shells"}:
        raise VoxploreError(path, expected="nets, shells or both", got=", ".join(map(str, sets)) or "none")
    read = tuple(_read_set(kind, _named(sets, kind, dict, path), arrays, path) for kind in sets)
    if len({part.resolution for part in read}) > 1:
        raise VoxploreError(path, expected="sets of one resolution", got="several")
    return Record(path, read, _named(facts, "about", dict, path))


def _read_set(kind: str, facts: dict[str, Any], arrays: dict[str, np.ndarray], path: Path) -> RecordedSet:
    where = f"{path}, {kind}"
    own = {name.removeprefix(f"{kind}."): array for name, array in arrays.items() if name.startswith(f"{kind}.")}
    n, resolution = _named(facts, "n", int, where), _named(facts, "resolution", int, where)
    if n < 1 or resolution not in _RESOLUTIONS or n * resolution**3 // 8 > _MOST_BYTES:
        expected = f"cells of an even resolution up to {_RESOLUTIONS[-1]}, at most {_MOST_BYTES} bytes"
        raise VoxploreError(where, expected=expected, got=f"{n} at {resolution}^3")
    radius = _named(facts, "radius", float, where) if kind == "nets" else None
    if radius is not None and not 0 < radius <= 0.5:
        raise VoxploreError(where, expected="a radius of at most 0.5", got=str(radius))
    columns = _named(facts, "columns", list, where)
    index = {str(name): read_column(str(name), own.get(f"{_INDEX}{name}"), n, where) for name in ["id", *columns]}
    if kind == "nets":
        plans = nets_from_arrays(own, n, where)
    else:
        families = index["family"].tolist() if "family" in index else ["shell"] * n
        plans = level_sets_from_arrays(own, families, where)
    about, sha256 = _named(facts, "about", dict, where), _named(facts, "sha256", str, where)
    return RecordedSet(kind, plans, index, about, resolution, radius, sha256)


def _named(facts: dict[str, Any], name: str, kind: type, where: object) -> Any:
    value = facts.get(name)
    if not isinstance(value, kind) or isinstance(value, bool):
        raise VoxploreError(where, expected=f"{name}: {kind.__name__}", got=str(value)[:80])
    return value


def cells_from_record(
    path: str | Path,
    engine: str = "local",
    workers: int | None = None,
    progress: Callable[[int], object] | None = None,
) -> UnitCells:
    """The cells of a record, rebuilt and compared with their checksum (see `Record.cells`)."""
    return read_record(path).cells(engine, workers, progress)
