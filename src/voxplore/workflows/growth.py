"""A set that grows: what earlier rounds drew counts as known in the next, and a curve of the best reached.

A folder of `discover` holds the cells of its own round (`cells`), those of the rounds before (`earlier`), what each
round asked for (`rounds.json`) and the best after each solved cell (`progress.csv`).
"""

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from voxplore import storage
from voxplore.data.prepare.orientations import orient_cells
from voxplore.errors import VoxploreError
from voxplore.unitcells import UnitCells, load_cells
from voxplore.workflows.ranking import DENSITY_BIN
from voxplore.workflows.survey import Survey
from voxplore.workflows.targets import Target

__all__ = ["Earlier", "best_of_round", "earlier_rounds", "with_earlier"]

#: Rounds of one seed draw with seeds so far apart, since a search uses a few of its own.
_APART = 1000


@dataclass(frozen=True)
class Earlier:
    """cells: of all earlier rounds, None before the first. rounds: what each was. best: after each of their solves."""

    cells: UnitCells | None = None
    rounds: list[dict[str, Any]] = field(default_factory=list)
    best: list[tuple[int, float]] = field(default_factory=list)

    def seed(self, seed: int) -> int:
        """The seed of the next round."""
        return seed + _APART * len(self.rounds)

    def state(self, target: Target | None) -> dict[str, float]:
        """The best of the last round where it asked for the same, to go on from."""
        same = bool(self.rounds) and self.rounds[-1]["target"] == _told(target)
        return dict(self.rounds[-1]["best"]) if same else {}

    def write(self, stage: Path, found: Survey, target: Target | None, seed: int) -> None:
        """Into a folder of results: the cells of earlier rounds, and rounds and progress with the one just made."""
        if self.cells is not None:
            self.cells.save(stage / "earlier")
        best, state = best_of_round(found, target, self.state(target))
        solved = len(found.cells)
        this = {"target": _told(target), "seed": seed, "solved": solved, "of_use": int(found.passes.sum())}
        storage.write_json(stage / "rounds.json", [*self.rounds, {**this, "best": state}])
        number = len(self.rounds) + 1
        rows = [*self.best, *((number, float(value)) for value in best)]
        table = {
            "round": np.array([row[0] for row in rows]),
            "solved": np.arange(1, len(rows) + 1),
            "best": np.array([row[1] for row in rows]),
        }
        storage.write_csv(stage / "progress.csv", table)

    def lines(self, found: Survey, target: Target | None) -> list[str]:
        """What the report says of earlier rounds and of the curve."""
        best, _ = best_of_round(found, target, self.state(target))
        what = "mean of the best share of each bin of density" if target is None else "smallest miss"
        values = [*(value for _, value in self.best), *best.tolist()]
        marks = [m for m in sorted({2**k for k in range(4, 20)} | {len(values)}) if m <= len(values)]
        curve = ", ".join(f"{_number(values[m - 1])} after {m}" for m in marks)
        known = (
            "" if self.cells is None else f"{len(self.cells)} cells of {len(self.rounds)} earlier rounds are known. "
        )
        return [f"{known}Best reached among cells of use ({what}) after so many solved at half resolution: {curve}."]


def earlier_rounds(folder: str | Path) -> Earlier:
    """What `discover` wrote into a folder, to go on from; VoxploreError where it is none of its folders."""
    folder = Path(folder)
    rounds = storage.read_json(folder / "rounds.json")
    if not isinstance(rounds, list) or not all(isinstance(one, dict) and "target" in one for one in rounds):
        raise VoxploreError(folder / "rounds.json", expected="the rounds of a discovery", got="something else")
    own = load_cells(folder / "cells")
    name = np.array([f"r{len(rounds)}-{one}" for one in own.index["id"].tolist()])
    parts = [load_cells(folder / "earlier")] if (folder / "earlier").exists() else []
    cells = UnitCells.concatenate([*parts, UnitCells(np.asarray(own.packed), own.resolution, {"id": name}, own.about)])
    rows = csv.DictReader(io.StringIO(storage.read_text(folder / "progress.csv")))
    try:
        best = [(int(row["round"]), float(row["best"])) for row in rows]
    except (KeyError, TypeError, ValueError, csv.Error) as error:
        raise VoxploreError(folder / "progress.csv", expected="columns round and best", got=str(error)) from error
    return Earlier(cells, rounds, best)


def with_earlier(known: UnitCells, earlier: Earlier) -> UnitCells:
    """Known cells in six orientations, and those of earlier rounds in six behind them."""
    if earlier.cells is None:
        return known
    return UnitCells.concatenate([known, orient_cells(earlier.cells, 6)])


def best_of_round(
    found: Survey, target: Target | None, start: Mapping[str, float]
) -> tuple[np.ndarray, dict[str, float]]:
    """The best after each solved cell, float64 (n,), and what the next round goes on from. found: as they were solved.

    With a target its smallest miss among cells of use; without, the mean over bins of relative density of the largest
    stiffness share, over those bins that any cell of use was found in. nan before the first cell of use.
    """
    columns = found.checks | found.coarse
    state, best = dict(start), np.full(len(found.cells), np.nan)
    misses = np.zeros(len(best)) if target is None else target.misses(columns)
    bins = np.floor(columns["relative_density"] / DENSITY_BIN).astype(int)
    share = np.nan_to_num(columns["young_share"])
    for row, passes in enumerate(found.passes):
        if passes and target is None:
            key = f"{DENSITY_BIN * bins[row]:.2f}"
            state[key] = max(state.get(key, 0.0), float(share[row]))
        elif passes and np.isfinite(misses[row]):
            state["miss"] = min(state.get("miss", np.inf), float(misses[row]))
        best[row] = np.mean(list(state.values())) if state else np.nan
    return best, state


def _told(target: Target | None) -> str:
    if target is None:
        return ""
    return str(target) + ("" if target.stiffness is None else f" {[float(f'{x:.6g}') for x in target.stiffness]}")


def _number(value: float) -> str:
    return f"{value:.3f}" if np.isfinite(value) else "none"
