"""Benchmark v1 or v2 on a built set: which of its cells are the reference, and the rows that every table shows.

The reference is the training split in its six orientations; the test split is held out (while settings are chosen, the
valid split in its place). A set without splits is a reference as it is, and holds nothing out.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from voxplore import __version__, storage
from voxplore.data.prepare.orientations import orient_cells
from voxplore.data.prepare.resampling import resample
from voxplore.errors import VoxploreError
from voxplore.metrics import (
    Reference,
    Scores,
    Second,
    check_benchmark,
    checked_samples,
    read_columns,
    reference_cells,
    reference_rows,
    score_blocks,
    summed,
)
from voxplore.ranges import Count, Pairs, Seed, check_options
from voxplore.storage import ResumableFolder, resumable_folder
from voxplore.unitcells import UnitCells
from voxplore.workflows.stiffness import stiffness_ratio

__all__ = ["Benchmark", "Options", "fitted", "reference_of", "score"]

_ORIENTATIONS = 6


@dataclass(frozen=True, eq=False)
class Benchmark:
    """The sets that samples are read against.

    reference: what novelty is counted from. train: the same cells in one orientation. held_out: None where the set has
    no such split.
    """

    reference: UnitCells
    train: UnitCells
    held_out: UnitCells | None


@dataclass(frozen=True)
class Options:
    """rows: score the three reference rows too, of at most `row_size` cells, drawn by `seed`. name: of the row.

    five: the paper's five metrics alone. benchmark: "v1", or "v2", which adds fidelity, validity and newness.
    stiffness: with v2, so many pairs of equal density whose stiffness is compared, the first; 0 leaves it out.
    """

    rows: bool = False
    row_size: Count = 1000
    name: str | None = None
    vun: bool = True
    seed: Seed = 0
    five: bool = False
    benchmark: str = "v1"
    stiffness: Pairs = 0

    def __post_init__(self) -> None:
        check_options(self)


def reference_of(cells: UnitCells, held_out: str = "test") -> Benchmark:
    """Training split, oriented six ways on the spot where the set was built in one; and the split that is held out."""
    splits = cells.index.get("split")
    if splits is None or not (splits == "train").any():
        return Benchmark(cells, cells, None)
    train = cells.split("train")
    as_built = _as_built(train)
    oriented = train if len(as_built) < len(train) else orient_cells(train, _ORIENTATIONS)
    held = _as_built(cells.split(held_out)) if (splits == held_out).any() else None
    return Benchmark(oriented, as_built, held)


def fitted(cells: UnitCells, resolution: int, resampled: bool = False) -> UnitCells:
    """The cells at the resolution of a reference; VoxploreError where it is another and they may not be `resampled`."""
    if cells.resolution != resolution and not resampled:
        expected = f"resolution {resolution} as the reference has (`voxplore evaluate --resample` brings cells to it)"
        raise VoxploreError(str(cells.about.get("name", "cells")), expected=expected, got=str(cells.resolution))
    return resample(cells, resolution)


def score(
    samples: UnitCells,
    benchmark: Benchmark,
    folder: str | Path,
    options: Options | None = None,
    held_out: UnitCells | None = None,
    overwrite: bool = False,
) -> dict[str, Scores]:
    """Evaluate and write `folder`: scores.json and scores.csv, and rows/<name>/ with the same for each reference row.

    held_out: by default the benchmark's own. Returns the scores by name, "samples" first. Nothing is written on failure
    but the rows of cells that were scored: the same call again goes on with them.
    """
    options = options or Options()
    storage.refuse_existing(Path(folder), overwrite)
    held_out = benchmark.held_out if held_out is None else held_out
    if options.rows and held_out is None:
        raise VoxploreError("reference rows", expected="a reference with a test split, or held-out cells", got="none")
    check_benchmark(options.benchmark, held_out)
    storage.stage(f"preparing {len(benchmark.reference)} reference cells")
    reference, samples = Reference(benchmark.reference), checked_samples(samples)
    request = {"samples": samples.sha256(), "reference": reference.sha256, "five": options.five, "version": __version__}
    chosen = {"held_out": held_out, "vun": options.vun, "five": options.five}
    with resumable_folder(folder, request, ("rows.csv",), overwrite) as resumable:
        storage.stage(f"scoring {storage.counted(len(samples), 'cell')}")
        columns = _rows(resumable, samples, reference, options.five)
        found = {"samples": summed(samples, reference, columns, **chosen, name=options.name)}
        if options.rows and held_out is not None:
            storage.stage("scoring the reference rows")
            chosen |= {"n": options.row_size, "seed": options.seed, "held_out": held_out}
            found |= reference_rows(reference, benchmark.train, **chosen)
        if options.benchmark == "v2" and held_out is not None:
            storage.stage("scoring by benchmark v2")
            cells = {"samples": samples}
            if options.rows:
                chosen = {"n": options.row_size, "seed": options.seed}
                cells |= reference_cells(reference, benchmark.train, held_out, **chosen)
            found = _second(found, cells, Second(reference, held_out), options)
        with storage.staged_folder(folder, overwrite, resumable.committing) as stage:
            for name, scores in found.items():
                scores.save(stage if name == "samples" else stage / "rows" / name)
    return found


def _second(
    found: dict[str, Scores], cells: dict[str, UnitCells], second: Second, options: Options
) -> dict[str, Scores]:
    """Scores of v1 by name -> those of v2, of the same cells."""
    out = {}
    for name, scores in found.items():
        more, pairs = second.extend(scores, cells[name], options.vun and not options.five)
        if options.stiffness:
            share = stiffness_ratio(cells[name], second.held_out, pairs.pairs, options.stiffness)
            more = replace(more, mean=more.mean | share)
        out[name] = more
    return out


def _rows(resumable: ResumableFolder, samples: UnitCells, reference: Reference, five: bool) -> dict[str, np.ndarray]:
    """Score the cells that earlier runs have not; the columns of all."""
    done = sum(note["n"] for note in resumable.notes)
    for columns in score_blocks(samples, reference, first=done, five=five):
        head = "" if resumable.notes else storage.csv_line(columns)
        rows = {"rows.csv": (head + storage.csv_rows(columns)).encode()}
        resumable.commit({"n": len(columns["id"])}, rows)
    return read_columns(resumable.folder / "rows.csv", len(samples))


def _as_built(cells: UnitCells) -> UnitCells:
    """The cells in their first orientation alone."""
    turned = cells.index.get("orientation")
    return cells if turned is None else cells[np.asarray(turned) == 0]
