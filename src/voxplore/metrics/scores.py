"""`evaluate`: benchmark v1 for any set of cells, and the reference rows of every table.

The five metrics of the paper (App. C.2), gated as its published code does, the same ungated, and `vun`.
"""

from typing import Any

import numpy as np

from voxplore.errors import VoxploreError
from voxplore.ranges import Count, Seed, within
from voxplore.unitcells import UnitCells

from . import discovery, pairwise
from .definitions import METRIC, METRICS
from .neighbours import Cells, Reference, as_cells, as_reference
from .rows import GATE, open_voxels, score_blocks
from .scorecard import BENCHMARK, BENCHMARKS, Scores
from .second import Second

__all__ = [
    "GATE",
    "METRIC",
    "METRICS",
    "Scores",
    "check_benchmark",
    "checked_samples",
    "evaluate",
    "open_voxels",
    "reference_cells",
    "reference_rows",
    "score_blocks",
    "summed",
]


def evaluate(
    samples: Cells,
    reference: Cells | Reference,
    *,
    held_out: Cells | None = None,
    vun: bool = True,
    five: bool = False,
    name: str | None = None,
    benchmark: str = BENCHMARK,
) -> Scores:
    """Score cells against a reference set (the training split in its six orientations) by benchmark v1 or v2.

    A cell that fails the gate gets novelty 0 and adds no neighbour to diversity; `novelty_ungated` and
    `diversity_ungated` count every cell that has solid. held_out: adds the Wasserstein distance of the relative
    densities to it. vun: also judge which cells are valid, unique and novel. `vendi` and `pairwise_distance` are of
    the first 1,000 cells. five: the paper's five metrics, without these three and novelty after an opening.
    benchmark: "v2" adds fidelity, validity and newness (`second`) to the scores of v1, and needs `held_out`.
    Raises VoxploreError where either set is empty or their resolutions differ.
    """
    check_benchmark(benchmark, held_out)
    samples, reference = checked_samples(samples), as_reference(reference)
    found = list(score_blocks(samples, reference, five=five))
    columns = {key: np.concatenate([part[key] for part in found]) for key in found[0]}
    scores = summed(samples, reference, columns, held_out=held_out, vun=vun, five=five, name=name)
    if benchmark == BENCHMARK or held_out is None:
        return scores
    return Second(reference, held_out).extend(scores, samples, vun and not five)[0]


def check_benchmark(benchmark: str, held_out: Cells | None) -> None:
    """VoxploreError where there is no such benchmark, or v2 is asked for without held-out cells."""
    if benchmark not in BENCHMARKS:
        raise VoxploreError("benchmark", expected=" or ".join(BENCHMARKS), got=repr(benchmark))
    if benchmark != BENCHMARK and held_out is None:
        raise VoxploreError(f"benchmark {benchmark}", expected="held-out cells to read samples against", got="none")


def checked_samples(samples: Cells) -> UnitCells:
    """Cells to score; VoxploreError where there are none."""
    samples = as_cells(samples)
    if len(samples) == 0:
        raise VoxploreError("samples", expected="at least one cell", got="none")
    return samples


def summed(
    samples: UnitCells,
    reference: Reference,
    columns: dict[str, np.ndarray],
    *,
    held_out: Cells | None = None,
    vun: bool = True,
    five: bool = False,
    name: str | None = None,
) -> Scores:
    """What `evaluate` finds, from the columns of `score_blocks` over all cells."""
    columns = dict(columns)
    nearest = columns.pop("nearest").astype(np.int64)
    solid, n = columns["relative_density"] > 0, len(samples)
    values = {
        "diversity": len(np.unique(nearest[columns["counted"]])) / n,
        "diversity_ungated": len(np.unique(nearest[solid])) / n,
    }
    if not five:
        similar = pairwise.pairwise_iou(samples[: pairwise.MOST])
        values |= {"vendi": pairwise.vendi(similar), "pairwise_distance": pairwise.pairwise_distance(similar)}
    if vun and not five:
        verdict = discovery.vun(samples, reference)
        columns |= {"valid": verdict.valid, "unique": verdict.unique, "novel": verdict.novel}
        columns["reasons"] = np.array(verdict.reasons)
        values["vun"] = verdict.share
    if held_out is not None:
        held_out = as_cells(held_out)
        values["density_distance"] = wasserstein(columns["relative_density"], held_out.relative_density())
    mean = {key: float(column.mean()) for key, column in columns.items() if key in METRIC} | values
    less = 1 if n > 1 else 0
    std = {key: float(column.std(ddof=less)) for key, column in columns.items() if key in METRIC}
    title = name or str(samples.about.get("name", "cells"))
    ordered = {key: mean[key] for key in METRIC if key in mean}
    empty = int(np.count_nonzero(~solid))
    return Scores(title, n, empty, ordered, std, columns, _provenance(samples, reference, held_out))


@within
def reference_rows(
    reference: Cells | Reference,
    train: Cells,
    held_out: Cells,
    *,
    n: Count = 1000,
    seed: Seed = 0,
    vun: bool = True,
    five: bool = False,
) -> dict[str, Scores]:
    """What every table shows beside a generator: "held-out", "training" and "noise", up to n cells each.

    Cells are drawn without replacement by `seed`; noise is uniform on [0, 1), solid from 0.5 on.
    """
    reference = as_reference(reference)
    rows = reference_cells(reference, train, held_out, n=n, seed=seed)
    return {
        name: evaluate(row, reference, held_out=held_out, vun=vun, five=five, name=name) for name, row in rows.items()
    }


@within
def reference_cells(
    reference: Reference, train: Cells, held_out: Cells, *, n: Count = 1000, seed: Seed = 0
) -> dict[str, UnitCells]:
    """The cells of `reference_rows`."""
    rng = np.random.default_rng(seed)
    d = reference.resolution
    noise = UnitCells.from_voxels(rng.random((n, d, d, d), dtype=np.float32) >= 0.5, name="noise")
    return {"held-out": _drawn(held_out, n, rng), "training": _drawn(train, n, rng), "noise": noise}


def _drawn(cells: Cells, n: int, rng: np.random.Generator) -> UnitCells:
    cells = as_cells(cells)
    return cells[np.sort(rng.permutation(len(cells))[:n])]


def wasserstein(left: np.ndarray, right: np.ndarray) -> float:
    """First Wasserstein distance of two samples of numbers: the area between their distribution functions."""
    points = np.sort(np.concatenate([left, right]))
    below_left = np.searchsorted(np.sort(left), points[:-1], side="right") / len(left)
    below_right = np.searchsorted(np.sort(right), points[:-1], side="right") / len(right)
    return float((np.abs(below_left - below_right) * np.diff(points)).sum())


def _provenance(samples: UnitCells, reference: Reference, held_out: UnitCells | None) -> dict[str, Any]:
    from voxplore import __version__

    about: dict[str, Any] = {
        "benchmark": BENCHMARK,
        "voxplore_version": __version__,
        "samples": _identity(samples)
        | {key: samples.about[key] for key in ("made", "resampled") if key in samples.about},
        "reference": {"name": reference.name, "n": len(reference), "sha256": reference.sha256},
        "periodicity_floor": discovery.floor_of(reference),
    }
    if held_out is not None:
        about["held_out"] = _identity(held_out)
    return about


def _identity(cells: UnitCells) -> dict[str, Any]:
    return {"name": cells.about.get("name", "cells"), "n": len(cells), "sha256": cells.sha256()}
