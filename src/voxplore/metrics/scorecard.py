"""What `evaluate` finds: means and standard deviations (ddof 1) over cells, a column a score; JSON and CSV."""

import csv
import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from voxplore import files
from voxplore.errors import VoxploreError

from .table import METRIC, METRICS

__all__ = ["BENCHMARK", "Scores"]

BENCHMARK = "v1"
_TEXT_COLUMNS = frozenset({"id", "nearest_id", "reasons"})
_BOOL_COLUMNS = frozenset({"counted", "valid", "unique", "novel"})


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
            raise VoxploreError("metric", expected=", ".join(METRIC), came=repr(key))
        return self.mean.get(key)

    def __getattr__(self, key: str) -> float | None:
        # scores.novelty, scores.vun, ...: every metric of the table.
        if key in METRIC:
            return self.__dict__["mean"].get(key)
        raise AttributeError(f"Scores has no attribute {key!r}")

    def __str__(self) -> str:
        arrows = {"higher": "↑", "lower": "↓", None: " "}
        lines = [f"{self.name}: {self.n} cells, {self.n_empty} empty (benchmark {self.about.get('benchmark')})"]
        for metric in METRICS:
            if metric.key in self.mean:
                spread = f" ± {self.std[metric.key]:.3f}" if metric.key in self.std else ""
                lines.append(f"  {metric.label:<17}{arrows[metric.direction]} {self.mean[metric.key]:.3f}{spread}")
        return "\n".join(lines)

    def save(self, folder: str | Path) -> None:
        """Write `scores.json` and `scores.csv` into `folder`, each in one step; the JSON last."""
        folder = Path(folder)
        files.write_text(folder / "scores.csv", _csv_text(self.columns))
        files.write_json(folder / "scores.json", self.to_json())

    def to_json(self) -> dict[str, Any]:
        """What `scores.json` holds: everything but the columns."""
        scores = {key: {"mean": mean, "std": self.std.get(key)} for key, mean in self.mean.items()}
        return {**self.about, "name": self.name, "n": self.n, "n_empty": self.n_empty, "scores": scores}

    @staticmethod
    def load(folder: str | Path) -> "Scores":
        """Read what `save` wrote; VoxploreError names the file that is absent or damaged."""
        folder = Path(folder)
        path = folder / "scores.json"
        data = files.read_json(path)
        try:
            scores, name, n, n_empty = data.pop("scores"), data.pop("name"), data.pop("n"), data.pop("n_empty")
            mean = {key: float(entry["mean"]) for key, entry in scores.items()}
            std = {key: float(entry["std"]) for key, entry in scores.items() if entry["std"] is not None}
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
            raise VoxploreError(path, expected="scores as evaluate writes them", came=f"no {error}") from error
        if not (isinstance(name, str) and type(n) is int and type(n_empty) is int and n >= 0):
            came = f"{name!r}, {n!r}, {n_empty!r}"[:80]
            raise VoxploreError(path, expected="a name and two counts (name, n, n_empty)", came=came)
        if data.get("benchmark") != BENCHMARK:
            raise VoxploreError(path, expected=f"benchmark {BENCHMARK}", came=str(data.get("benchmark")))
        return Scores(name, n, n_empty, mean, std, _read_columns(folder / "scores.csv", n), data)


def _csv_text(columns: dict[str, np.ndarray]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    plain = [(column.astype(int) if column.dtype == bool else column).tolist() for column in columns.values()]
    writer.writerows(zip(*plain, strict=True))
    return text.getvalue()


def _read_columns(path: Path, n: int) -> dict[str, np.ndarray]:
    rows = list(csv.reader(io.StringIO(files.read_text(path))))
    if len(rows) != n + 1 or any(len(row) != len(rows[0]) for row in rows):
        raise VoxploreError(path, expected=f"a header and {n} rows of equal length", came=f"{len(rows)} rows")
    columns = {}
    for name, texts in zip(rows[0], zip(*rows[1:], strict=True), strict=True):
        try:
            columns[name] = np.array(texts) if name in _TEXT_COLUMNS else np.array(texts, dtype=np.float64)
        except ValueError as error:
            raise VoxploreError(path, expected=f"numbers in column {name}", came=str(error)) from error
        if name in _BOOL_COLUMNS:
            columns[name] = columns[name] == 1
    return columns
