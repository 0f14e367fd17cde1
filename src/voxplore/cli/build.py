"""`voxplore build`: sets of unit cells, made on the spot or read from published files."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import tyro

from voxplore.cli.common import Engine, Out, Overwrite, Result, Verb, heard
from voxplore.ranges import Count, Length, Radius, Resolution, Seed, Threshold, Workers

if TYPE_CHECKING:
    import numpy as np

    from voxplore.unitcells import UnitCells

__all__ = ["Command"]


@dataclass(frozen=True, kw_only=True)
class _Set(Verb):
    out: Out
    """Folder to write."""
    seed: Seed = 0
    """Of the cells where they are made on the spot, and of the split."""
    split: Literal["v1", "paper"] = "v1"
    """v1: 76 % train, 4 % valid, 20 % test; paper: 80 / 20. By source cell, before orientation."""
    orientations: Literal[1, 6] = 1
    """Store each cell in the paper's six orientations; `evaluate` turns them by itself."""
    engine: Engine = "local"
    """Where the work is done: processes on this machine, or Ray."""
    workers: Workers | None = None
    """Processes; by default one a core. The cells do not depend on it."""
    overwrite: Overwrite = False

    def cells(self) -> "UnitCells":
        raise NotImplementedError

    def run(self) -> Result:
        from voxplore import storage
        from voxplore.workflows.build import build

        chosen = {"rule": self.split, "orientations": self.orientations, "overwrite": self.overwrite}
        with heard() as said:
            cells = build(self.cells, self.out, seed=self.seed, **chosen)
        resampled = f", resampled {cells.about['resampled']}" if "resampled" in cells.about else ""
        density = cells.relative_density()
        said += _odd(density)
        span = "" if not len(cells) else f", relative density {density.min():.3f}"
        span += f" to {density.max():.3f}" if len(cells) > 1 else ""
        made = f"{storage.counted(len(cells), 'cell')} at {cells.resolution}^3 in {self.out}"
        text = "\n".join([f"{made}{span}{resampled}", *said])
        facts = {"n": len(cells), "resolution": cells.resolution, "out": self.out, "warnings": said}
        facts["relative_density"] = [float(value) for value in (density.min(), density.max())] if len(cells) else []
        return Result(text, **facts, resampled=cells.about.get("resampled"))

    def _work(self) -> dict[str, Any]:
        return {"engine": self.engine, "workers": self.workers}


def _odd(density: "np.ndarray") -> list[str]:
    """Sentences about cells that are all void or all solid, which a wrong threshold or radius gives."""
    from voxplore import storage

    empty, full = int((density == 0).sum()), int((density == 1).sum())
    counts = ((empty, "no solid (lower threshold? larger radius?)"), (full, "no void (smaller radius? --edge?)"))
    return [f"{count} of {storage.counted(len(density), 'cell')}: {what}" for count, what in counts if count]


@dataclass(frozen=True, kw_only=True)
class Nets(_Set):
    """Trusses: crystal nets made from space groups."""

    n: Count = 10_000
    """Number of cells."""
    resolution: Resolution = 48
    radius: Radius = 0.06
    """Radius of the struts, as a fraction of the cell edge."""

    def cells(self) -> "UnitCells":
        from voxplore.data.synthetic.nets import build_nets

        return build_nets(self.n, self.seed, resolution=self.resolution, radius=self.radius, **self._work())


@dataclass(frozen=True, kw_only=True)
class Shells(_Set):
    """Shells: level sets and random Fourier sums as mirrored octants."""

    n: Count = 10_000
    """Number of cells."""
    resolution: Resolution = 48
    """An even number up to 128."""

    def cells(self) -> "UnitCells":
        from voxplore.data.synthetic.shells import build_shells

        return build_shells(self.n, self.seed, resolution=self.resolution, **self._work())


@dataclass(frozen=True, kw_only=True)
class MetaTruss(_Set):
    """Trusses of the catalogue of Lumpe and Stankovic (2021), from its file or as published."""

    catalogue: Path | None = None
    """Unit_Cell_Catalog.txt, or a .jsonl or .jsonl.gz file of strut graphs."""
    source: Literal["hf", "web"] | None = None
    """Download instead: hf, the published 10,000 cells (CC BY 4.0); web, the catalogue's text (CC BY-NC 4.0)."""
    n: Count | None = None
    """The first cells; by default all."""
    resolution: Resolution = 48
    radius: Radius = 0.06
    """Radius of the struts, as a fraction of the cell edge."""
    line: Literal["segment", "infinite"] = "segment"
    """Distance to the strut, or to its infinite line as Eq. 11 is printed."""
    keep_uncentred: bool = False
    """Also keep cells whose window was shifted and which have no inversion centre."""

    def cells(self) -> "UnitCells":
        from voxplore.data.published.metatruss import build_metatruss
        from voxplore.data.published.sources import fetch
        from voxplore.errors import VoxploreError
        from voxplore.unitcells import load_cells

        if (self.catalogue is None) == (self.source is None):
            got = "neither" if self.catalogue is None else "both"
            raise VoxploreError("build metatruss", expected="--catalogue FILE or --source hf|web", got=got)
        if self.source == "hf":
            return load_cells(fetch("metatruss"))[: self.n]
        catalogue = self.catalogue or fetch("catalogue")
        chosen = {"radius": self.radius, "line": self.line, "keep_uncentred": self.keep_uncentred}
        return build_metatruss(catalogue, self.n, resolution=self.resolution, **chosen, **self._work())


@dataclass(frozen=True, kw_only=True)
class MetaShell(_Set):
    """Shells of Yang et al. (2024): a folder of the published three-file cells."""

    folder: Path
    """Where <id>binary_voxel, <id>binary_C and <id>vol are."""
    n: Count | None = None
    """The first cells; by default all."""
    resolution: Resolution = 48

    def cells(self) -> "UnitCells":
        from voxplore.data.published.metashell import build_metashell

        return build_metashell(self.folder, self.n, resolution=self.resolution, **self._work())


@dataclass(frozen=True, kw_only=True)
class Own(_Set):
    """Your own cells: voxels as .npy, .npz, .vti, .nrrd or TIFF stacks, a folder of such files, or a folder of cells;
    split into training, validation and held-out cells."""

    source: tuple[Path, ...]
    """The file or folder, or several."""
    key: tuple[str, ...] = ()
    """Which array of a file that holds several, or which of them; cells of more than one are named after theirs."""
    threshold: Threshold | None = None
    """Solid where a number exceeds this; without it voxels are Bool, 0 and 1, or 0 and 255."""
    resample: Resolution | None = None
    """Bring the cells to this resolution, each at nearly its own density."""

    def cells(self) -> "UnitCells":
        from voxplore.workflows.build import from_voxel_files

        return from_voxel_files(self.source, self.key, self.threshold, self.resample)


@dataclass(frozen=True, kw_only=True)
class Meshes(_Set):
    """A cell from each closed surface: STL, PLY or OBJ files."""

    files: tuple[Path, ...]
    """The files, and folders of such files."""
    resolution: Resolution = 48
    periodic: bool = False
    """What lies outside the cell comes in again on the other side."""
    edge: Annotated[tuple[Length, ...], tyro.conf.arg(metavar="LENGTH [LENGTH LENGTH]")] = ()
    """Edge of the cell in the unit of the files, or its edges along x, y, z; by default the smallest cube around each
    mesh."""

    def cells(self) -> "UnitCells":
        from voxplore.workflows.build import from_meshes

        return from_meshes(self.files, self.resolution, self.periodic, self.edge)


@dataclass(frozen=True, kw_only=True)
class Graphs(_Set):
    """A truss from each strut graph: JSON files with nodes and bars (or edges)."""

    files: tuple[Path, ...]
    """The files, and folders of such files."""
    edge: Annotated[tuple[Length, ...], tyro.conf.arg(metavar="LENGTH [LENGTH LENGTH]")] = ()
    """Edge of the cell in the unit of the nodes (such as millimetres), or its edges along x, y, z; by default nodes are
    fractions of the cell."""
    resolution: Resolution = 48
    radius: Radius | None = None
    """Radius of the struts, as a fraction of the cell edge; by default the file's own "radius" (with --edge in the unit
    of the nodes), else 0.06."""
    strut_radius: Length | None = None
    """Radius of the struts in the unit of the nodes, in place of --radius."""
    clipped: bool = False
    """Without periodic images, as the published trusses are."""

    def cells(self) -> "UnitCells":
        from voxplore.workflows.build import from_graphs

        return from_graphs(self.files, self.resolution, self.radius, not self.clipped, self.edge, self.strut_radius)


@dataclass(frozen=True, kw_only=True)
class Joined(_Set):
    """Built sets, one after the other as one set; each keeps its splits."""

    sets: tuple[Path, ...]
    """Two folders of cells or more."""
    name: str | None = None
    """Of the whole; by default the names of the sets."""

    def cells(self) -> "UnitCells":
        from voxplore.data.opening import load_cells
        from voxplore.workflows.build import join

        return join([load_cells(path) for path in self.sets], self.name)


@dataclass(frozen=True, kw_only=True)
class _Family(_Set):
    n: Count = 1000
    """Number of cells."""
    resolution: Resolution = 48
    name: ClassVar[str]

    def cells(self) -> "UnitCells":
        from voxplore.data.synthetic.families import build_family

        return build_family(self.name, self.n, self.seed, resolution=self.resolution, **self._work())


class Spinodoid(_Family):
    """Thresholded periodic random fields."""

    name = "spinodoid"


class Voronoi(_Family):
    """Open foams: the edges of periodic Voronoi cells."""

    name = "voronoi"


class Plates(_Family):
    """Closed plates along planes of the cube."""

    name = "plates"


class Extruded(_Family):
    """Plane patterns, extruded along one axis."""

    name = "extruded"


class Kirigami(_Family):
    """Rotating squares and other cut sheets."""

    name = "kirigami"


#: One set is one subcommand.
Command = (
    Annotated[Nets, tyro.conf.subcommand("nets")]
    | Annotated[Shells, tyro.conf.subcommand("shells")]
    | Annotated[MetaTruss, tyro.conf.subcommand("metatruss")]
    | Annotated[MetaShell, tyro.conf.subcommand("metashell")]
    | Annotated[Own, tyro.conf.subcommand("own")]
    | Annotated[Meshes, tyro.conf.subcommand("meshes")]
    | Annotated[Graphs, tyro.conf.subcommand("graphs")]
    | Annotated[Joined, tyro.conf.subcommand("joined")]
    | Annotated[Spinodoid, tyro.conf.subcommand("spinodoid")]
    | Annotated[Voronoi, tyro.conf.subcommand("voronoi")]
    | Annotated[Plates, tyro.conf.subcommand("plates")]
    | Annotated[Extruded, tyro.conf.subcommand("extruded")]
    | Annotated[Kirigami, tyro.conf.subcommand("kirigami")]
)
