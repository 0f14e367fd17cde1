"""Effective properties of every cell of a set, written as a table with what they were solved for."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from tqdm import tqdm

from voxplore import storage
from voxplore.checks import checks_of, surface
from voxplore.errors import VoxploreError
from voxplore.export import file_names
from voxplore.geometry import check_lattice
from voxplore.mechanics import CONTENT, asked_and_solved, directional_young, properties_of, stiffness_of
from voxplore.ranges import Workers, within
from voxplore.show import render_directional
from voxplore.unitcells import UnitCells
from voxplore.workflows.bands import bands_of

__all__ = ["Solved", "edges_of", "properties"]

#: Cells that are told of one by one.
_FIRST = 4


class Solved(NamedTuple):
    """auxetic: share of the cells. wanted: for each property that cells were asked for, how far they are from it.
    first: of the first few cells a line each: id, density, Young's moduli along the axes and in the mean. slack: how
    many cells have no stiffness along an axis."""

    auxetic: float
    wanted: dict[str, dict[str, float]]
    first: list[str]
    slack: int


@within
def properties(
    cells: UnitCells,
    out: str | Path,
    solid: Mapping[str, Any],
    *,
    checks: Mapping[str, Any] | None = None,
    bands: bool = False,
    pictures: bool = False,
    cache: bool = True,
    workers: Workers | None = None,
    engine: str = "local",
    overwrite: bool = False,
) -> Solved:
    """Solve every cell and write `out`: properties.csv, a row a cell, and properties.json.

    solid: options of `mechanics.properties_of` (young, poisson, tolerance, ...). checks: options of `checks.checks_of`,
    whose columns are added; surface_area always is. bands: also phononic bands, bands.csv and columns of the widest gap
    (see `bands_of`). pictures: Young's modulus over all directions, young/<id>.png. cache: solved cells are taken from
    the user's cache and kept there, so that work that was broken off goes on where it was.
    """
    storage.refuse_existing(Path(out), overwrite)
    if checks is not None:
        check_lattice((cells.resolution,) * 3, checks.get("tile", (1, 1, 1)))
    shared = {"workers": workers, "engine": engine}
    known = storage.usable_cache("properties") if cache else None
    storage.stage(f"solving {storage.counted(len(cells), 'cell')}", bar=True)
    with tqdm(total=len(cells), unit="cell", disable=storage.no_bar()) as bar:
        columns = properties_of(cells, known, **solid, **shared, progress=bar.update)
    edges = solid.get("edges", (1.0, 1.0, 1.0))
    columns["surface_area"] = np.array([surface(voxels, edges).area for part in cells.batches(64) for voxels in part])
    if checks is not None:
        storage.stage("checking them")
        columns = columns | checks_of(cells, **checks, **shared) | columns  # in this order; what was solved stays
    waves = None
    if bands:
        storage.stage("solving for bands")
        gaps, waves = bands_of(cells, solid.get("poisson", 0.3), edges, **shared)
        columns |= gaps
    storage.stage("writing")
    wanted = asked_and_solved(cells, columns)
    about = {"cells_sha256": cells.sha256(), "n": len(cells), **solid} | ({"asked": wanted} if wanted else {})
    with storage.staged_folder(out, overwrite) as stage:
        storage.write_csv(stage / "properties.csv", {"id": cells.index["id"], CONTENT: cells.row_sha256(), **columns})
        storage.write_json(stage / "properties.json", about)
        if waves is not None:
            storage.write_csv(stage / "bands.csv", waves)
        if pictures:
            _draw(cells.index["id"], columns, solid["young"], stage / "young")
    slack = np.min([columns[f"young_{axis}"] for axis in "xyz"], axis=0) <= 0
    first = _first_lines(cells.index["id"], columns)
    return Solved(float(columns["auxetic"].mean()), wanted, first, int(slack.sum()))


def edges_of(cells: UnitCells) -> tuple[float, float, float]:
    """Edges along x, y, z that the cells were built with, else a cube's; VoxploreError where the header has others."""
    found = cells.about.get("edges", [1.0, 1.0, 1.0])
    positive = [isinstance(one, int | float) and not isinstance(one, bool) and one > 0 for one in found]
    if len(found) != 3 or not all(positive):
        raise VoxploreError("edges", expected="three positive lengths in the header of the cells", got=str(found)[:80])
    return float(found[0]), float(found[1]), float(found[2])


def _first_lines(ids: np.ndarray, columns: Mapping[str, np.ndarray]) -> list[str]:
    shown = {"relative density": "relative_density"} | {f"E_{axis}": f"young_{axis}" for axis in "xyz"}
    shown |= {"E mean": "young_hill"}
    return [
        f"  {ids[row]}: " + ", ".join(f"{label} {columns[name][row]:.4g}" for label, name in shown.items())
        for row in range(min(len(ids), _FIRST))
    ]


def _draw(ids: np.ndarray, columns: dict[str, np.ndarray], young: float, folder: Path) -> None:
    for name, stiffness in zip(file_names(ids.tolist()), stiffness_of(columns), strict=True):
        along = partial(directional_young, stiffness, young=young)
        render_directional(along, folder / f"{name}.png", f"Young's modulus of {name}")
