"""What `evaluate` finds: means and standard deviations (ddof 1) over cells, a column a score; JSON and CSV."""

import csv
import itertools
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from voxplore import storage
from voxplore.errors import VoxploreError

from .definitions import METRIC, METRICS

__all__ = ["BENCHMARK", "BENCHMARKS", "Scores", "read_columns"]

BENCHMARK = "v1"
#: Versions whose files are read: v2 holds the scores of v1 and more.
BENCHMARKS = ("v1", "v2")
_TEXT_COLUMNS = frozenset({"id", "nearest_id", "reasons", "reasons_v2"})
_BOOL_COLUMNS = frozenset({"counted", "valid", "unique", "novel", "valid_v2", "unique_v2", "novel_v2", "one_piece"})


@dataclass(frozen=True, eq=False)
class Scores:
    """A scored set of n cells.

    mean, std: number by metric key (see METRICS); std only for those that every cell has. columns: id, nearest_id,
    nearest_iou, counted (passes the gate), reasons (against valid, unique, novel), and each per-cell metric: (n,).
    about: benchmark, voxplore_version, periodicity_floor, and name, n and sha256 of samples, reference and held_out.
    """

    name: str
    n: int
    n_empty: int
    mean: dict[str, float]
    std: dict[str, float]
    columns: dict[str, np.ndarray] = field(repr=False)
    about: dict[str, Any]

    def value(self, key: str) -> float | None:
        """The number of one metric; None where it was not asked for."""
        if key not in METRIC:
            raise VoxploreError("metric", expected=", ".join(METRIC), got=repr(key))
        return self.mean.get(key)

    def __getattr__(self, key: str) -> float | None:
        # scores.novelty, scores.vun, ...: every metric of the table.
        if key in METRIC:
            return self.__dict__["mean"].get(key)
        raise AttributeError(f"Scores has no attribute {key!r}")

    def __str__(self) -> str:
        arrows = {"higher": "↑", "lower": "↓", None: " "}
        n = storage.counted(self.n, "cell")
        lines = [f"{self.name}: {n}, {self.n_empty} empty (benchmark {self.about.get('benchmark')})"]
        for metric in METRICS:
            if metric.key in self.mean:
                spread = f" ± {self.std[metric.key]:.3f}" if metric.key in self.std else ""
                lines.append(f"  {metric.label:<17}{arrows[metric.direction]} {self.mean[metric.key]:.3f}{spread}")
        return "\n".join(lines)

    def save(self, folder: str | Path) -> None:
        """Write `scores.json` and `scores.csv` into `folder`, each in one step; the JSON last."""
        folder = Path(folder)
        storage.write_csv(folder / "scores.csv", self.columns)
        storage.write_json(folder / "scores.json", self.to_json())

    def to_json(self) -> dict[str, Any]:
        """What `scores.json` holds: everything but the columns."""
        scores = {key: {"mean": mean, "std": self.std.get(key)} for key, mean in self.mean.items()}
        return {**self.about, "name": self.name, "n": self.n, "n_empty": self.n_empty, "scores": scores}

    @staticmethod
    def load(folder: str | Path) -> "Scores":
        """Read what `save` wrote; VoxploreError names the file that is absent or damaged."""
        folder = Path(folder)
        path = folder / "scores.json"
        data = storage.read_json(path)
        try:
            scores, name, n, n_empty = data.pop("scores"), data.pop("name"), data.pop("n"), data.pop("n_empty")
            mean = {key: float(entry["mean"]) for key, entry in scores.items()}
            std = {key: float(entry["std"]) for key, entry in scores.items() if entry["std"] is not None}
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
            raise VoxploreError(path, expected="scores as evaluate writes them", got=f"no {error}") from error
        if not (isinstance(name, str) and type(n) is int and type(n_empty) is int and n >= 0):
            got = f"{name!r}, {n!r}, {n_empty!r}"[:80]
            raise VoxploreError(path, expected="a name and two counts (name, n, n_empty)", got=got)
        if data.get("benchmark") not in BENCHMARKS:
            raise VoxploreError(path, expected=f"benchmark {' or '.join(BENCHMARKS)}", got=str(data.get("benchmark")))
        return Scores(name, n, n_empty, mean, std, read_columns(folder / "scores.csv", n), data)


def read_columns(path: Path, n: int) -> dict[str, np.ndarray]:
    """The columns of scores.csv, read in pieces: as Python strings a million rows take gigabytes."""
    pieces: list[list[np.ndarray]] = []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            names = [storage.unquoted(name) for name in next(reader, [])]
            while rows := list(itertools.islice(reader, 4096)):
                if any(len(row) != len(names) for row in rows):
                    got = "a row of another length"
                    raise VoxploreError(path, expected=f"a header and {n} rows of equal length", got=got)
                columns = zip(names, zip(*rows, strict=True), strict=True)
                pieces.append([_column(name, texts, path) for name, texts in columns])
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        got = str(getattr(error, "strerror", None) or error).lower()
        raise VoxploreError(path, expected="a readable text file", got=got) from error
    found = sum(len(piece[0]) for piece in pieces if piece)
    if found != n or (n and len(set(names)) != len(names)):
        raise VoxploreError(path, expected=f"a header and {n} rows of equal length", got=f"{found} rows")
    columns = {name: np.concatenate([piece[i] for piece in pieces]) for i, name in enumerate(names)} if n else {}
    return {name: column == 1 if name in _BOOL_COLUMNS else column for name, column in columns.items()}


def _column(name: str, texts: tuple[str, ...], path: Path) -> np.ndarray:
    try:
        return np.array([*map(storage.unquoted, texts)]) if name in _TEXT_COLUMNS else np.array(texts, dtype=np.float64)
    except ValueError as error:
        raise VoxploreError(path, expected=f"numbers in column {name}", got=str(error)) from error
