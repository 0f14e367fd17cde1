"""What every built set ends with: split, periodicity floor, orientations, and the folder on disk."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from voxplore import storage
from voxplore.data.prepare.orientations import orient_cells
from voxplore.data.prepare.splits import periodicity_floor, with_split
from voxplore.errors import VoxploreError
from voxplore.metrics import periodicity
from voxplore.ranges import Length, Radius, Resolution, Seed, within
from voxplore.unitcells import UnitCells

__all__ = ["build", "finish", "from_graphs", "from_meshes", "join"]


@within
def build(
    make: Callable[[], UnitCells],
    folder: str | Path,
    *,
    seed: Seed = 0,
    rule: str = "v1",
    orientations: int = 1,
    overwrite: bool = False,
) -> UnitCells:
    """Make cells, finish them and write them to `folder`. The checks that cost nothing come first."""
    storage.refuse_existing(Path(folder), overwrite)
    if orientations not in (1, 6):
        raise VoxploreError("orientations", expected="1 or 6", got=str(orientations))
    cells = finish(make(), seed=seed, rule=rule, orientations=orientations)
    cells.save(folder, overwrite)
    return cells


def finish(cells: UnitCells, *, seed: int = 0, rule: str = "v1", orientations: int = 1) -> UnitCells:
    """Split by source cell, take the periodicity floor from the held-out cells (benchmark v1), then orient.

    Cells that bring a split or orientations keep them.
    """
    if "split" not in cells.index:
        cells = with_split(cells, seed, rule)
    if (cells.index["split"] == "test").any():
        floor = periodicity_floor(periodicity(cells.split("test")))
        cells = replace(cells, about={**cells.about, "periodicity_floor": floor})
    turned = orientations == 1 and bool(np.any(cells.index.get("orientation", 0)))
    return cells if turned else orient_cells(cells, orientations)


def join(sets: Sequence[UnitCells], name: str | None = None) -> UnitCells:
    """Several sets as one, each keeping its splits; columns that not all of them have are dropped.

    Column `set`: the name of the set that each cell comes from. Where two of the sets share an id, ids and sources get
    the number of their set in front: "1-nets-000000".
    """
    if len(sets) < 2:
        raise VoxploreError("sets to join", expected="two or more", got=str(len(sets)))
    labelled = [_labelled(one) for one in sets]
    ids = np.concatenate([one.index["id"] for one in sets])
    if len(np.unique(ids)) < len(ids):
        labelled = [_numbered(one, number) for number, one in enumerate(labelled, start=1)]
    joined = UnitCells.concatenate(labelled)
    about = {"name": name or _listed(sets, "name", "+"), "joined": [_identity(one) for one in sets]}
    about |= {key: _listed(sets, key, "; ") for key in ("source", "licence", "split_rule")}
    return replace(joined, about={key: value for key, value in about.items() if value})


@within
def from_meshes(
    paths: Sequence[Path], resolution: Resolution = 48, periodic: bool = False, edge: Length | None = None
) -> UnitCells:
    """A cell from each closed surface (STL, PLY, OBJ); see `data.imported.meshes.read_mesh`."""
    from voxplore.data.imported.meshes import read_mesh

    return _from_files(paths, lambda path: read_mesh(path, resolution, periodic, edge), "meshes")


@within
def from_graphs(
    paths: Sequence[Path], resolution: Resolution = 48, radius: Radius = 0.06, periodic: bool = True
) -> UnitCells:
    """A cell from each strut graph in JSON; see `data.imported.graphs.read_graph`."""
    from voxplore.data.imported.graphs import read_graph
    from voxplore.data.synthetic.truss import voxelise

    def voxels(path: Path) -> np.ndarray:
        graph = read_graph(path)
        return voxelise(graph.nodes, graph.edges, resolution, radius, periodic)

    return _from_files(paths, voxels, "graphs")


def _from_files(paths: Sequence[Path], read: Callable[[Path], np.ndarray], name: str) -> UnitCells:
    if not paths:
        raise VoxploreError(name, expected="one file or more", got="none")
    ids = [path.stem for path in paths]
    if len(set(ids)) < len(ids):
        ids = [f"{number:06d}-{stem}" for number, stem in enumerate(ids)]
    return UnitCells.from_voxels(np.stack([read(path) for path in paths]), {"id": np.array(ids, np.str_)}, name=name)


def _labelled(cells: UnitCells) -> UnitCells:
    """The cells with the name of their set in a column, unless they were joined before."""
    name = str(cells.about.get("name", "cells"))
    return replace(cells, index={**cells.index, "set": cells.index.get("set", np.full(len(cells), name))})


def _numbered(cells: UnitCells, number: int) -> UnitCells:
    """The cells with a number in front of their ids and sources."""
    names = {key: np.char.add(f"{number}-", cells.index[key]) for key in ("id", "source_id") if key in cells.index}
    return replace(cells, index={**cells.index, **names})


def _listed(sets: Sequence[UnitCells], key: str, between: str) -> str:
    """The distinct values of `about`, in order."""
    return between.join(dict.fromkeys(str(one.about[key]) for one in sets if key in one.about))


def _identity(cells: UnitCells) -> dict[str, Any]:
    return {"name": cells.about.get("name", "cells"), "n": len(cells), "sha256": cells.sha256()}
