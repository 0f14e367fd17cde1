"""Benchmark v1 on a built set: which of its cells are the reference, and the rows that every table shows.

The reference is the training split in its six orientations; the test split is held out (while settings are chosen, the
valid split in its place). A set without splits is a reference as it is, and holds nothing out.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from voxplore import __version__, files
from voxplore.data.augment import orient_cells
from voxplore.errors import VoxploreError
from voxplore.growing import Growing, growing_folder
from voxplore.metrics import (
    Reference,
    Scores,
    checked_samples,
    read_columns,
    reference_rows,
    score_blocks,
    summed,
)
from voxplore.unitcells import UnitCells

__all__ = ["Benchmark", "Options", "reference_of", "score"]

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

    five: the paper's five metrics alone.
    """

    rows: bool = False
    row_size: int = 1000
    name: str | None = None
    vun: bool = True
    seed: int = 0
    five: bool = False


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
    files.refuse_existing(Path(folder), overwrite)
    held_out = benchmark.held_out if held_out is None else held_out
    if options.rows and held_out is None:
        raise VoxploreError("reference rows", expected="a reference with a test split, or held-out cells", came="none")
    reference, samples = Reference(benchmark.reference), checked_samples(samples)
    asked = {"samples": samples.sha256(), "reference": reference.sha256, "five": options.five, "version": __version__}
    chosen = {"held_out": held_out, "vun": options.vun, "five": options.five}
    with growing_folder(folder, asked, overwrite) as growing:
        columns = _rows(growing, samples, reference, options.five)
        found = {"samples": summed(samples, reference, columns, **chosen, name=options.name)}
        if options.rows and held_out is not None:
            chosen |= {"n": options.row_size, "seed": options.seed, "held_out": held_out}
            found |= reference_rows(reference, benchmark.train, **chosen)
        with files.staged_folder(folder, overwrite) as stage:
            for name, scores in found.items():
                scores.save(stage if name == "samples" else stage / "rows" / name)
            growing.remove()
    return found


def _rows(growing: Growing, samples: UnitCells, reference: Reference, five: bool) -> dict[str, np.ndarray]:
    """Score the cells that earlier runs have not; the columns of all."""
    done = sum(note["n"] for note in growing.notes)
    for columns in score_blocks(samples, reference, first=done, five=five):
        head = "" if growing.notes else files.csv_line(columns)
        rows = {"rows.csv": (head + files.csv_rows(columns)).encode()}
        growing.commit({"n": len(columns["id"])}, rows)
    return read_columns(growing.folder / "rows.csv", len(samples))


def _as_built(cells: UnitCells) -> UnitCells:
    """The cells in their first orientation alone."""
    turned = cells.index.get("orientation")
    return cells if turned is None else cells[np.asarray(turned) == 0]
