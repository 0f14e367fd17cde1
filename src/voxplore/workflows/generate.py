"""Any number of cells from a saved model: drawn in blocks, on several processes, written as they come.

Cell i depends on (seed, i) alone and blocks begin where batches do, so that the bytes are those of one drawing. A
drawing that is broken off goes on where it was; see `storage.resumable`.
"""

import functools
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from voxplore import config, storage
from voxplore.data.opening import load_cells
from voxplore.errors import VoxploreError
from voxplore.mechanics import properties_file, read_properties
from voxplore.parallel import map_items
from voxplore.ranges import Count, Seed, Workers, check_config, check_options, within
from voxplore.storage import ResumableFolder, resumable_folder
from voxplore.unitcells import UnitCells, array_header, index_columns, write_header
from voxplore.workflows.cost import made

if TYPE_CHECKING:
    from voxplore.models import Generator

__all__ = ["Drawing", "Known", "Summary", "Wanted", "draw", "draw_into", "open_model"]

DENSITY = "relative_density"

#: Cells in a block, at least: a block is what a kill can cost.
_BLOCK = 256
_FILES = ("voxels.npy", "index.csv")


class Wanted(NamedTuple):
    """A property asked for: evenly from `first` for the first cell to `last` for the last."""

    name: str
    first: float
    last: float

    @classmethod
    def checked(cls, name: str, first: float, last: float) -> "Wanted":
        """The same; VoxploreError where a number is not finite."""
        if not (np.isfinite(first) and np.isfinite(last)):
            raise VoxploreError(name, expected="finite numbers", got=f"{first:g}:{last:g}")
        return cls(name, first, last)


class Known(NamedTuple):
    """A table that `voxplore properties` wrote, and the cells that it is about."""

    properties: Path
    cells: Path


@dataclass(frozen=True)
class Drawing:
    """n cells of the model saved in `folder`, cell i by (seed, i).

    wanted: what is asked for. known: where cells with these properties are, if the model does not know any.
    """

    folder: Path
    n: Count
    seed: Seed = 0
    sampling: Any = None
    wanted: tuple[Wanted, ...] = ()
    known: Known | None = None
    device: str = "auto"

    def __post_init__(self) -> None:
        check_options(self)
        if self.sampling is not None:
            check_config(self.sampling, "sampling")

    def condition(self, first: int, n: int) -> dict[str, Any] | None:
        """What cells first ... first + n are drawn under."""
        return {name: np.linspace(a, b, self.n)[first : first + n] for name, a, b in self.wanted} or None

    def request(self) -> dict[str, Any]:
        """All that decides the cells, as JSON."""
        model = {path.name: storage.sha256(path) for path in sorted(self.folder.glob("*")) if path.suffix != ".md"}
        sampling = None if self.sampling is None else config.to_dict(self.sampling)
        known = None
        if self.known is not None:
            table, cells = self.known
            known = [storage.sha256(properties_file(table)), load_cells(cells).sha256()]
        rest = {"n": self.n, "seed": self.seed, "wanted": [list(one) for one in self.wanted], "known": known}
        return {"model": model, "sampling": sampling, **rest, "device": self.device}

    def model(self) -> Any:
        """The model, told what is known of cells."""
        told = tuple(one.name for one in self.wanted if one.name != DENSITY) if self.known else ()
        return open_model(self.folder, self.device, self.known, told)


@dataclass(frozen=True)
class Summary:
    """relative_density: mean. off: mean absolute difference from the density asked for; None where none was."""

    n: int
    relative_density: float
    off: float | None


@within
def draw_into(
    out: str | Path,
    drawing: Drawing,
    *,
    workers: Workers = 1,
    engine: str = "local",
    overwrite: bool = False,
    progress: Callable[[int], object] = lambda n: None,
) -> Summary:
    """Write the folder of cells `out`; the same call again goes on with a drawing that was broken off.

    workers: 1 draws in this process with all threads that torch takes; more are processes with one thread each, to
    whom the folder of the model must be in reach. progress: told the number of cells as they are there.
    """
    out = Path(out)
    model = drawing.model()
    size = _block_size(model.together(drawing.sampling or model.config.sampling))
    firsts = range(0, drawing.n, size)
    with resumable_folder(out, drawing.request(), _FILES, overwrite) as resumable:
        done = len(resumable.notes)
        progress(min(done * size, drawing.n))
        jobs = [(drawing, first, min(size, drawing.n - first)) for first in firsts[done:]]
        for cells, seconds in map_items(_block, jobs, workers=workers, engine=engine):
            _add(resumable, cells, seconds, drawing.n)
            progress(len(cells))
        notes = resumable.notes
        spent = sum(note["seconds"] for note in notes) / max(workers, 1)
        about = {**notes[0]["about"], "made": made(model, drawing.n, spent, drawing.sampling)}
        with storage.staged_folder(out, overwrite, resumable.committing) as stage:
            resumable.link_into(stage)
            write_header(stage, drawing.n, notes[0]["resolution"], about)
    return _summary(notes, drawing)


def _block_size(together: int) -> int:
    return -(-_BLOCK // together) * together


def open_model(folder: Path, device: str = "auto", known: Known | None = None, told: tuple[str, ...] = ()) -> Any:
    """The model saved in a folder, told the properties `told` of the cells known; loaded once a process."""
    path = folder / "config.json"
    return _loaded(folder, device, path.stat().st_mtime_ns if path.exists() else 0, known, told)


@functools.lru_cache(maxsize=1)
def _loaded(folder: Path, device: str, _: int, known: Known | None, told: tuple[str, ...]) -> Any:
    from voxplore.models import load_model

    model = load_model(folder, device)
    if known is not None:
        _tell(model, known, told)
    return model


def _tell(model: Any, known: Known, names: tuple[str, ...]) -> None:
    if not hasattr(model, "know"):
        raise VoxploreError("condition", expected="none for this model", got=", ".join(names))
    cells, columns = read_properties(known.properties, load_cells(known.cells), names)
    if "split" in cells.index:
        train = cells.index["split"] == "train"
        cells, columns = cells[train], {name: column[train] for name, column in columns.items()}
    model.know(cells, columns)


def _block(job: tuple[Drawing, int, int]) -> tuple[UnitCells, float]:
    """Cells first ... first + n of a drawing, and the seconds they took."""
    drawing, first, n = job
    model = drawing.model()
    started = time.monotonic()
    condition = drawing.condition(first, n)
    cells = model.generate(n, seed=drawing.seed, sampling=drawing.sampling, condition=condition, first=first)
    return cells, time.monotonic() - started


def _add(resumable: ResumableFolder, cells: UnitCells, seconds: float, n: int) -> None:
    """Append one block of the n cells to the files of a folder of cells."""
    columns = index_columns(cells)
    rows, table = np.ascontiguousarray(cells.packed).tobytes(), storage.csv_rows(columns)
    note: dict[str, Any] = {"n": len(cells), "seconds": round(seconds, 3)}
    density = cells.relative_density()
    note["density"] = float(density.sum())
    if f"wanted_{DENSITY}" in cells.index:
        note["off"] = float(np.abs(density - cells.index[f"wanted_{DENSITY}"]).sum())
    if not resumable.notes:
        note |= {"resolution": cells.resolution, "about": cells.about}
        rows = array_header((n, cells.packed.shape[1])) + rows
        table = storage.csv_line(columns) + table
    resumable.commit(note, {"voxels.npy": rows, "index.csv": table.encode()})


def _summary(notes: list[dict[str, Any]], drawing: Drawing) -> Summary:
    def mean(key: str) -> float:
        return sum(note[key] for note in notes) / drawing.n

    return Summary(drawing.n, mean("density"), mean("off") if "off" in notes[0] else None)


def draw(model: "Generator", n: int, *, seed: int = 0, sampling: Any = None, condition: Any = None) -> UnitCells:
    """n cells of a model, and under `about["made"]` what they took.

    made: recipe, parameters, training_seconds, seconds_per_1000 (of this drawing), steps (of the sampler, all of its
    stages; None where it has none), hardware, and config (the whole one, with the sampling of this drawing); what is
    not known is left out.
    """
    started = time.monotonic()
    cells = model.generate(n, seed=seed, sampling=sampling, condition=condition)
    seconds = time.monotonic() - started
    return replace(cells, about={**cells.about, "made": made(model, n, seconds, sampling)})
