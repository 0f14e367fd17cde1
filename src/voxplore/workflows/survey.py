"""All that is found out about drawn cells before any is shown: scores, checks, properties at half the resolution."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from voxplore.checks import checks_of
from voxplore.mechanics import properties_of
from voxplore.metrics import Scores, evaluate
from voxplore.metrics.neighbours import Reference
from voxplore.storage import usable_cache
from voxplore.unitcells import UnitCells
from voxplore.workflows.coarse import coarse_properties
from voxplore.workflows.ranking import Use, failures, novelty_floor, one_piece, order_by_miss, order_by_share
from voxplore.workflows.targets import Target

__all__ = ["Survey", "fine_properties", "survey"]

#: Relative residual of the solver, which gives the stiffness to about five digits (see `mechanics.homogenise`).
_TOLERANCE = 1e-3


@dataclass(frozen=True)
class Survey:
    """n cells, their scores, and columns of n values: checks, properties at half the resolution (`coarse`).

    failures: why each is of no use, "" where nothing speaks against it. floor: the least novelty asked for.
    """

    cells: UnitCells
    scores: Scores
    checks: dict[str, np.ndarray]
    coarse: dict[str, np.ndarray]
    failures: np.ndarray
    floor: float

    @property
    def passes(self) -> np.ndarray:
        """Bool (n,): cells of use."""
        return self.failures == ""

    def order(self, target: Target | None, columns: Mapping[str, np.ndarray] | None = None) -> np.ndarray:
        """The best first, int64 (n,), by `columns` in place of the coarse ones: see `ranking`."""
        found = self.checks | dict(columns or self.coarse)
        if target is None:
            return order_by_share(self.passes, found["relative_density"], found["young_share"])
        return order_by_miss(self.passes, target.misses(found), found["young_share"])

    def __getitem__(self, rows: np.ndarray) -> "Survey":
        """These cells, in this order."""
        columns = {name: column[rows] for name, column in self.scores.columns.items()}
        return Survey(
            self.cells[rows],
            replace(self.scores, columns=columns),
            {name: column[rows] for name, column in self.checks.items()},
            {name: column[rows] for name, column in self.coarse.items()},
            self.failures[rows],
            self.floor,
        )


def survey(
    cells: UnitCells,
    known: UnitCells,
    reference: Reference,
    use: Use,
    name: str,
    workers: int | None = None,
    floor: float | None = None,
) -> Survey:
    """Score, check and coarsely solve every cell. known: the cells of `reference`. floor: least novelty, if known."""
    scores = evaluate(cells, reference, name=name)
    checks = checks_of(cells, size_mm=use.size_mm, strut_mm=use.strut_mm, workers=workers)
    floor = novelty_floor(known, reference) if floor is None else floor
    reasons = failures(scores.columns, checks, one_piece(cells, use.tile), floor, use)
    coarse = coarse_properties(cells, workers)
    return Survey(cells, scores, checks, coarse, np.array(reasons, dtype=np.str_), floor)


def fine_properties(cells: UnitCells, workers: int | None = None) -> dict[str, np.ndarray]:
    """Columns of `properties_of` at full resolution; solved cells stay in the cache."""
    return properties_of(cells, usable_cache("properties"), tolerance=_TOLERANCE, workers=workers)
