"""Reading back a table that `voxplore properties` wrote, beside the cells that it is about."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from voxplore import storage
from voxplore.errors import VoxploreError
from voxplore.unitcells import UnitCells

__all__ = ["CONTENT", "asked_and_solved", "properties_file", "property_rows", "read_properties"]

#: Column that says which bits a row is about (`UnitCells.row_sha256`).
CONTENT = "cell_sha256"


def read_properties(
    path: str | Path, cells: UnitCells, names: Sequence[str]
) -> tuple[UnitCells, dict[str, np.ndarray]]:
    """The cells that the table holds, by id, and the named columns for them: float64 (n,) each.

    path: properties.csv or its folder; any CSV table with an `id` column will do. Where a row holds the checksum of its
    cell, or properties.json that of all, the cells must be those that were solved. VoxploreError names what is missing
    or another.
    """
    path = properties_file(path)
    rows = property_rows(path)
    missing = [name for name in ("id", *names) if not rows or name not in rows[0]]
    if missing:
        known = ", ".join(rows[0]) if rows else "no rows"
        raise VoxploreError(path, expected=f"columns {', '.join(missing)}", got=known[:300])
    place = cells.rows_by_id()
    if len({row["id"] for row in rows}) < len(rows):
        raise VoxploreError(path, expected="one row for each id", got="an id in two rows or more")
    unknown = [row["id"] for row in rows if row["id"] not in place]
    if unknown:
        got = f"{len(unknown)} others, {unknown[0]!r} first"
        raise VoxploreError(path, expected=f"ids of the cells of {cells.about.get('name', 'cells')}", got=got)
    solved = cells[[place[row["id"]] for row in rows]]
    if CONTENT in rows[0]:
        _compare_rows(path, [row.get(CONTENT, "") for row in rows], solved)
    else:
        _compare(path.with_name("properties.json"), solved)
    try:
        return solved, {name: np.array([float(row[name]) for row in rows]) for name in names}
    except (TypeError, ValueError) as error:
        raise VoxploreError(path, expected="numbers in these columns", got=str(error)) from error


def property_rows(path: Path) -> list[dict[str, str]]:
    """The rows of a table, as texts by the names of their columns."""
    try:
        rows = list(csv.DictReader(io.StringIO(storage.read_text(path))))
    except csv.Error as error:
        raise VoxploreError(path, expected="a CSV table", got=str(error)) from error
    return [{storage.unquoted(key): storage.unquoted(value or "") for key, value in row.items() if key} for row in rows]


def properties_file(path: str | Path) -> Path:
    """The table itself, where its folder may have been named."""
    path = Path(path)
    return path / "properties.csv" if path.is_dir() else path


def asked_and_solved(cells: UnitCells, columns: dict[str, np.ndarray]) -> dict[str, dict[str, float]]:
    """What drawn cells were asked for (columns `wanted_<property>`) against what they have, property by property.

    off: mean absolute difference; at_random: the same had the cells been dealt out at random, the mean over all pairs;
    correlation: of the two. Cells whose property is not finite are left out and counted in `lost`.
    """
    found = {}
    for key, wanted in cells.index.items():
        name = key.removeprefix("wanted_")
        if name == key or name not in columns:
            continue
        wanted, solved = np.asarray(wanted, np.float64), np.asarray(columns[name], np.float64)
        finite = np.isfinite(solved)
        wanted, solved = wanted[finite], solved[finite]
        varied = len(solved) > 1 and wanted.std() > 0 and solved.std() > 0
        found[name] = {
            "n": len(solved),
            "lost": int((~finite).sum()),
            "off": float(np.abs(wanted - solved).mean()),
            "at_random": float(np.abs(wanted[:, None] - solved).mean()),
            "correlation": float(np.corrcoef(wanted, solved)[0, 1]) if varied else float("nan"),
        }
    return found


def _compare_rows(path: Path, recorded: list[str], cells: UnitCells) -> None:
    """Each row is about the cell that has its id."""
    found = cells.row_sha256().tolist()
    other = [row for row, (one, two) in enumerate(zip(recorded, found, strict=True)) if one != two]
    if other:
        name = str(cells.index["id"][other[0]])
        got = f"{len(other)} others of the same id, {name!r} first"
        raise VoxploreError(path, expected=f"cells of its {CONTENT}", got=got)


def _compare(path: Path, cells: UnitCells) -> None:
    """Where the solver wrote down which cells it solved, they are these."""
    about = storage.read_json(path) if path.exists() else {}
    checksum = about.get("cells_sha256") if isinstance(about, dict) else None
    if checksum is not None and checksum != cells.sha256():
        raise VoxploreError(path, expected=f"cells of sha256 {str(checksum)[:12]}", got=cells.sha256()[:12])
