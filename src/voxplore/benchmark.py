"""Benchmark v1 on a built set: which of its cells are the reference, and the rows that every table shows.

The reference is the training split in its six orientations; the test split is held out. A set without splits is a
reference as it is, and holds nothing out.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from voxplore import files
from voxplore.data.augment import orient_cells
from voxplore.errors import VoxploreError
from voxplore.metrics import Reference, Scores, evaluate, reference_rows
from voxplore.unitcells import UnitCells

__all__ = ["Benchmark", "Options", "reference_of", "score"]

_ORIENTATIONS = 6


@dataclass(frozen=True, eq=False)
class Benchmark:
    """The sets that samples are read against.

    reference: what novelty is counted from. train: the same cells in one orientation. held_out: None where the set has
    no test split.
    """

    reference: UnitCells
    train: UnitCells
    held_out: UnitCells | None


@dataclass(frozen=True)
class Options:
    """rows: score the three reference rows too, of at most `row_size` cells, drawn by `seed`. name: of the row."""

    rows: bool = False
    row_size: int = 1000
    name: str | None = None
    vun: bool = True
    seed: int = 0


def reference_of(cells: UnitCells) -> Benchmark:
    """Training split, oriented six ways on the spot where the set was built in one; and what is held out."""
    splits = cells.index.get("split")
    if splits is None or not (splits == "train").any():
        return Benchmark(cells, cells, None)
    train = cells.split("train")
    as_built = _as_built(train)
    oriented = train if len(as_built) < len(train) else orient_cells(train, _ORIENTATIONS)
    held_out = _as_built(cells.split("test")) if (splits == "test").any() else None
    return Benchmark(oriented, as_built, held_out)


def score(
    samples: UnitCells,
    benchmark: Benchmark,
    folder: str | Path,
    options: Options | None = None,
    held_out: UnitCells | None = None,
    overwrite: bool = False,
) -> dict[str, Scores]:
    """Evaluate and write `folder`: scores.json and scores.csv, and rows/<name>/ with the same for each reference row.

    held_out: by default the benchmark's own. Returns the scores by name, "samples"
    first. Nothing is written on failure.
    """
    options = options or Options()
    files.refuse_existing(Path(folder), overwrite)
    held_out = benchmark.held_out if held_out is None else held_out
    if options.rows and held_out is None:
        raise VoxploreError("reference rows", expected="a reference with a test split, or held-out cells", came="none")
    reference = Reference(benchmark.reference)
    found = {"samples": evaluate(samples, reference, held_out=held_out, vun=options.vun, name=options.name)}
    if options.rows and held_out is not None:
        size, seed = options.row_size, options.seed
        found |= reference_rows(reference, benchmark.train, held_out, n=size, seed=seed, vun=options.vun)
    with files.staged_folder(folder, overwrite) as stage:
        for name, scores in found.items():
            scores.save(stage if name == "samples" else stage / "rows" / name)
    return found


def _as_built(cells: UnitCells) -> UnitCells:
    """The cells in their first orientation alone."""
    turned = cells.index.get("orientation")
    return cells if turned is None else cells[np.asarray(turned) == 0]
