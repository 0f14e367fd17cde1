"""The known cells that the shipped model is scored against, made once from the shipped record and kept in the cache."""

import contextlib
import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from voxplore import storage
from voxplore.data.record.sets import Record, read_record
from voxplore.errors import VoxploreError
from voxplore.storage import cache_folder
from voxplore.unitcells import UnitCells, load_cells

__all__ = ["RECORDS", "reference_cells"]

#: The records in the package, by name. "discover": the training cells of the shipped model.
RECORDS: dict[str, Path] = {"discover": Path(__file__).parents[2] / "shipped" / "reference.bin"}
#: How long to wait for another process that is making the same cells, in seconds.
_PATIENCE = 600.0


def reference_cells(name: str = "discover", *, engine: str = "local", workers: int | None = None) -> UnitCells:
    """The cells of a shipped record, each in the one orientation it was built in, memory-mapped from the user's cache.

    The first call draws them and keeps them in `<cache>/reference/<name>` ($VOXPLORE_CACHE, else `voxplore` in the
    user's cache folder). Every call compares them with the record's checksum; cells that differ, because the file is
    damaged or of another version, are drawn anew. Index and provenance come from the record.
    """
    if name not in RECORDS:
        raise VoxploreError("reference", expected=" or ".join(RECORDS), got=repr(name))
    record = read_record(RECORDS[name])
    try:
        folder = cache_folder() / "reference" / name
    except VoxploreError:
        folder = None
    cells = None if folder is None else _cached(folder, record)
    if cells is not None:
        return cells
    if folder is None or storage.usable_cache("reference") is None:
        return replace(_drawn(record, engine, workers), index=record.index(), about=record.about)
    with _only_one(folder):
        cells = _cached(folder, record)  # another process may have made them meanwhile
        if cells is None:
            drawn = _drawn(record, engine, workers)
            shutil.rmtree(folder, ignore_errors=True)  # the cache is ours, also where it is damaged
            drawn.save(folder)
            cells = _cached(folder, record)
    if cells is None:
        raise VoxploreError(folder, expected="the cells just written", got="others")
    return cells


def _cached(folder: Path, record: Record) -> UnitCells | None:
    """What stands in the cache, if it is to the last bit what was recorded."""
    try:
        cells = load_cells(folder)
    except VoxploreError:
        return None
    return replace(cells, index=record.index(), about=record.about) if record.matches(cells) else None


def _drawn(record: Record, engine: str, workers: int | None) -> UnitCells:
    from tqdm import tqdm

    storage.stage(f"making the {len(record)} known cells, once (they are kept in the cache)", bar=True)
    with tqdm(total=len(record), desc="known cells", unit="cell", disable=storage.no_bar()) as bar:
        return record.cells(engine, workers, bar.update)


@contextlib.contextmanager
def _only_one(folder: Path) -> Iterator[None]:
    """Hold the lock on the folder, once whoever holds it is done."""
    deadline = time.monotonic() + _PATIENCE
    with contextlib.ExitStack() as held:
        while True:
            try:
                folder.parent.mkdir(parents=True, exist_ok=True)
                held.enter_context(storage.lock(folder))
                break
            except OSError as error:
                expected = "a cache folder that can be written (VOXPLORE_CACHE names another)"
                raise VoxploreError(folder, expected=expected, got=str(error.strerror).lower()) from error
            except VoxploreError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)
        yield
