"""What every built set ends with: split, periodicity floor, orientations, and the folder on disk."""

import warnings
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
from voxplore.ranges import Length, Radius, Resolution, Seed, Threshold, within
from voxplore.storage.schema import name_of
from voxplore.unitcells import UnitCells

__all__ = ["build", "finish", "from_graphs", "from_meshes", "from_voxel_files", "from_voxels", "join"]

#: Radius of struts as a share of the cell edge, where nothing says another (paper, App. A).
_RADIUS = 0.06
#: Slack of nodes at a face, as a share of the cell edge.
_SLACK = 1e-3
#: Graphs are drawn at twice the resolution too, up to this one, and a density that differs by more is told.
_COMPARED, _OFF = 128, 0.1
#: Edges of a cell: none, one for all axes, or three along x, y, z.
Edges = tuple[Length, ...]


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
    storage.stage("making cells")
    made = make()
    storage.stage(f"splitting and writing {storage.counted(len(made), 'cell')}")
    cells = finish(made, seed=seed, rule=rule, orientations=orientations)
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
    paths: Sequence[Path], resolution: Resolution = 48, periodic: bool = False, edge: Edges = ()
) -> UnitCells:
    """A cell from each closed surface (STL, PLY, OBJ), in folders too; see `data.imported.meshes.read_mesh`."""
    from voxplore.data.imported.meshes import SUFFIXES, read_mesh

    size = _three(edge)
    made = _from_files(paths, lambda path: read_mesh(path, resolution, periodic, size), "meshes", SUFFIXES)
    return _with_edges(made, size)


@within
def from_graphs(
    paths: Sequence[Path],
    resolution: Resolution = 48,
    radius: Radius | None = None,
    periodic: bool = True,
    edge: Edges = (),
    strut: Length | None = None,
) -> UnitCells:
    """A cell from each strut graph in JSON, in folders too; see `data.imported.graphs.read_graph`.

    radius: of the struts as a share of the longest cell edge; strut: the same in the unit of the nodes. Without either
    it is the file's own "radius", else 0.06, which a RuntimeWarning says, as it does of nodes outside the cell.
    """
    from voxplore.data.imported.graphs import read_graph, strut_radius
    from voxplore.data.synthetic.truss import voxelise

    size = _three(edge)
    if radius is not None and strut is not None:
        raise VoxploreError("radius", expected="a share of the cell edge or a length", got="both")
    asked = radius if strut is None else strut_radius(strut, size, "strut-radius")
    x, y, z = (1.0, 1.0, 1.0) if size is None else (length / max(size) for length in size)

    def voxels(path: Path) -> np.ndarray:
        graph = read_graph(path, size)
        if graph.radius is None and asked is None:
            _warn(f'{path}: no "radius": struts have {_RADIUS:g} times the longest edge (--radius, --strut-radius)')
        outside = max(float(graph.nodes.max()) - 1, -float(graph.nodes.min()))
        if outside > _SLACK:
            what = "comes in on the other side" if periodic else "is cut off"
            _warn(f"{path}: nodes stand out of their cell by {outside:.0%} of its edge, which {what} (--edge)")
        own = _RADIUS if graph.radius is None else graph.radius
        chosen = own if asked is None else asked

        def drawn(d: int) -> np.ndarray:
            return voxelise(graph.nodes, graph.edges, d, chosen, periodic, edges_of_cell=(x, y, z))

        made = drawn(resolution)
        if resolution <= _COMPARED:
            _say_off(path, made.mean() / max(drawn(2 * resolution).mean(), 1e-9) - 1)
        return made

    return _with_edges(_from_files(paths, voxels, "graphs", (".json",)), size)


@within
def from_voxels(
    source: str | Path,
    keys: Sequence[str] = (),
    threshold: Threshold | None = None,
    resolution: Resolution | None = None,
) -> UnitCells:
    """The cells of a file or folder, at another resolution where one is given; see `data.imported.voxels.read_voxels`.

    Sets that voxplore wrote, and the published npz, keep their index. keys: which arrays of a file with several; cells
    of more than one are named after their array.
    """
    from voxplore.data.imported.voxels import read_voxels
    from voxplore.data.opening import load_cells
    from voxplore.data.prepare.resampling import resample

    source = Path(source)
    ours = (source / "cells.json").is_file() or (source.is_file() and source.suffix in (".npy", ".npz"))
    if not keys and threshold is None and (ours or resolution is None):
        cells = load_cells(source)
        return cells if resolution is None else resample(cells, resolution)
    if len(keys) < 2:
        return read_voxels(source, keys[0] if keys else None, threshold, resolution)
    if len(set(keys)) < len(keys):
        raise VoxploreError("key", expected="each array once", got=", ".join(keys))
    return UnitCells.concatenate([_under(key, read_voxels(source, key, threshold, resolution)) for key in keys])


def from_voxel_files(
    sources: Sequence[Path], keys: Sequence[str] = (), threshold: float | None = None, resolution: int | None = None
) -> UnitCells:
    """The cells of files and folders, one after the other, as `from_voxels` reads each; of several, cells are named
    after theirs."""
    parts = [from_voxels(source, keys, threshold, resolution) for source in sources]
    if len(parts) == 1:
        return parts[0]
    if not parts:
        raise VoxploreError("source", expected="one file or folder, or more", got="none")
    for source, part in zip(sources, parts, strict=True):
        if part.resolution != parts[0].resolution:
            expected = f"resolution {parts[0].resolution} as {sources[0]} (`voxplore build own --resample` changes it)"
            raise VoxploreError(source, expected=expected, got=str(part.resolution))
    stems = [Path(source).stem for source in sources]
    unique = stems if len(set(stems)) == len(stems) else [f"{k:06d}-{stem}" for k, stem in enumerate(stems)]
    return UnitCells.concatenate([_under(stem, part) for stem, part in zip(unique, parts, strict=True)])


def _under(key: str, cells: UnitCells) -> UnitCells:
    """The cells with ids that begin with the name of their array."""
    name = name_of(Path(f"{key}.npy"))
    numbers = [""] if len(cells) == 1 else [f"-{number:06d}" for number in range(len(cells))]
    return replace(cells, index={"id": np.array([name + number for number in numbers], np.str_)})


def _say_off(path: Path, off: float) -> None:
    """A warning where a cell holds much more or less solid than on a finer grid."""
    if abs(off) > _OFF:
        word = "more" if off > 0 else "less"
        _warn(f"{path}: {abs(off):.0%} {word} solid than at twice the resolution: struts are thin (--resolution)")


def _warn(said: str) -> None:
    warnings.warn(said, RuntimeWarning, stacklevel=3)


def _three(edge: Sequence[float]) -> tuple[float, ...] | None:
    """Edges along x, y, z from none, one or three numbers."""
    if len(edge) not in (0, 1, 3):
        raise VoxploreError("edge", expected="one length, or three along x, y, z", got=str(len(edge)))
    return tuple(edge) * (3 // len(edge)) if edge else None


def _with_edges(cells: UnitCells, size: tuple[float, ...] | None) -> UnitCells:
    """The cells; where their edges differ, these are kept in the header, for `properties` and `export`."""
    if size is None or len(set(size)) == 1:
        return cells
    return replace(cells, about={**cells.about, "edges": [float(length) for length in size]})


def _files(paths: Sequence[Path], suffixes: Sequence[str], name: str) -> list[Path]:
    """The files named, and those of the folders named; VoxploreError says what else reads what is in a folder."""
    found: list[Path] = []
    for path in map(Path, paths):
        inside = sorted(path.iterdir()) if path.is_dir() else [path]
        files = [one for one in inside if not path.is_dir() or one.suffix.lower() in suffixes]
        if not files:
            kinds = sorted({one.suffix for one in inside}) or ["nothing"]
            expected = f"{name} ({', '.join(suffixes)}); `voxplore build own --source` reads voxels"
            raise VoxploreError(path, expected=expected, got=", ".join(kinds)[:80])
        found += files
    if not found:
        raise VoxploreError(name, expected="one file or more", got="none")
    return found


def _from_files(
    paths: Sequence[Path], read: Callable[[Path], np.ndarray], name: str, suffixes: Sequence[str]
) -> UnitCells:
    paths = _files(paths, suffixes, name)
    ids = [name_of(path) for path in paths]
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
