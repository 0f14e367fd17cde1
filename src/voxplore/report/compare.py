"""Scores of several sets in one table: text, Markdown, LaTeX, CSV.

Scores of one name are draws of one row: mean, and standard deviation over the draws (ddof 1). Rows stand together only
where they were read against the same reference; the paper's printed rows stand apart, because their data is another.
What a row cost, and the hardware, stand beside it where its samples say so.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from voxplore import storage
from voxplore.errors import VoxploreError
from voxplore.metrics import COST, METRIC, Scores

__all__ = ["COLUMNS", "PRINTED", "SECOND", "Row", "Table", "compare", "printed_rows", "table_of"]

#: Metrics of the table, in order: the paper's, the headline, and what benchmark v1 puts beside them.
COLUMNS = (
    "symmetry",
    "periodicity",
    "connectivity",
    "quality",
    "novelty",
    "diversity",
    "vun",
    "density_distance",
    "novelty_opened",
)
#: What benchmark v2 adds to them, where every row has it.
SECOND = (
    "vun_v2",
    "auc",
    "auc_shape",
    "ridge_cv_ratio",
    "ridge_p05_ratio",
    "curvature_spread_ratio",
    "stiffness_ratio",
    "one_piece",
)
#: Sets for which the paper prints rows.
PRINTED = ("metatruss", "metashell")
_REFERENCE_ROWS = ("held-out", "training", "noise")
_ARROWS = {"higher": "↑", "lower": "↓", None: ""}
_LATEX_ARROWS = {"higher": r" $\uparrow$", "lower": r" $\downarrow$", None: ""}
_LATEX = str.maketrans({c: f"\\{c}" for c in "&%$#_{}"} | {"~": r"\textasciitilde{}", "^": r"\^{}", "\\": "/"})


@dataclass(frozen=True)
class Row:
    """One row: metric key -> mean over draws, and -> standard deviation where there are two draws or more.

    cost: key of COSTS -> mean over draws. hardware: of training and drawing, "" where it is not known.
    """

    label: str
    draws: int
    mean: dict[str, float]
    std: dict[str, float]
    cost: dict[str, float] = field(default_factory=dict)
    hardware: str = ""


@dataclass(frozen=True)
class Table:
    """Sections of (title, rows); the metrics in `columns`."""

    sections: tuple[tuple[str, tuple[Row, ...]], ...]
    columns: tuple[str, ...] = COLUMNS

    def costs(self) -> list[str]:
        """Keys of COSTS that at least one row has: the columns after the metrics."""
        return [key for key in COST if any(key in row.cost for _, rows in self.sections for row in rows)]

    def has_hardware(self) -> bool:
        """Whether a row says what it ran on: the last column."""
        return any(row.hardware for _, rows in self.sections for row in rows)

    def text(self) -> str:
        """Aligned columns for a terminal."""
        header = self._header(_ARROWS)
        parts = []
        for title, rows in self.sections:
            lines = [header, *([row.label, *self._cells(row, "±")] for row in rows)]
            widths = [max(len(line[i]) for line in lines) for i in range(len(header))]
            body = (_aligned(line, widths) for line in lines)
            parts.append("\n".join([title, *body]))
        return "\n\n".join(parts)

    def markdown(self) -> str:
        """One table a section, under its title."""
        header = self._header(_ARROWS)
        rule = ["---", *["---:"] * (len(header) - 1)]
        parts = []
        for title, rows in self.sections:
            lines = [header, rule, *(_escaped([row.label, *self._cells(row, "±")]) for row in rows)]
            parts.append("\n".join([f"**{title}**", "", *("| " + " | ".join(line) + " |" for line in lines)]))
        return "\n\n".join(parts) + "\n"

    def latex(self) -> str:
        """A tabular for booktabs; sections are rows across all columns."""
        labels = [label.translate(_LATEX) for label in self._header(dict.fromkeys(_ARROWS, ""))]
        for i, key in enumerate(self.columns, start=1):
            labels[i] += _LATEX_ARROWS[METRIC[key].direction]
        lines = [rf"\begin{{tabular}}{{l{'r' * (len(labels) - 1)}}}", r"\toprule", " & ".join(labels) + r" \\"]
        for title, rows in self.sections:
            lines += [r"\midrule", rf"\multicolumn{{{len(labels)}}}{{l}}{{{title.translate(_LATEX)}}} \\"]
            cells = ([row.label.translate(_LATEX), *self._cells(row, r"$\pm$")] for row in rows)
            lines += [" & ".join(line) + r" \\" for line in cells]
        return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", ""])

    def csv(self) -> str:
        """A line a row, every number in full, the standard deviation in its own column."""
        last = ["hardware"] if self.has_hardware() else []
        names = [*self.columns, *(f"{key}_std" for key in self.columns), *self.costs(), *last]
        lines = [storage.csv_line(["section", "row", "draws", *names])]
        for title, rows in self.sections:
            for row in rows:
                numbers = [part.get(key, "") for part in (row.mean, row.std) for key in self.columns]
                numbers += [row.cost.get(key, "") for key in self.costs()]
                lines.append(
                    storage.csv_line([title, row.label, row.draws, *numbers, *([row.hardware] if last else [])])
                )
        return "".join(lines)

    def _header(self, arrows: dict[Any, str]) -> list[str]:
        metrics = (f"{METRIC[key].label} {arrows[METRIC[key].direction]}".strip() for key in self.columns)
        return [
            "",
            *metrics,
            *(COST[key].label for key in self.costs()),
            *(["Hardware"] if self.has_hardware() else []),
        ]

    def _cells(self, row: Row, plus_minus: str) -> list[str]:
        """Everything of a row but its label, as printed."""
        out = []
        for key in self.columns:
            spread = f" {plus_minus} {row.std[key]:.3f}" if key in row.std else ""
            out.append(f"{row.mean[key]:.3f}{spread}" if key in row.mean else "–")
        out += [f"{row.cost[key]:,.{COST[key].digits}f}" if key in row.cost else "–" for key in self.costs()]
        return [*out, row.hardware or "–"] if self.has_hardware() else out


def compare(
    folders: Sequence[str | Path],
    out: str | Path,
    printed: Sequence[str] = (),
    overwrite: bool = False,
    columns: Sequence[str] = (),
) -> Table:
    """Write table.txt, table.md, table.tex and table.csv to `out` from folders that `evaluate` wrote.

    printed: sets (PRINTED) whose rows in the paper are put beside them. columns: keys of METRICS, in order; by
    default COLUMNS, and SECOND where every row was scored by benchmark v2. VoxploreError where there is no row.
    """
    storage.refuse_existing(Path(out), overwrite)
    if not folders and not printed:
        raise VoxploreError("compare", expected="one folder of scores or more, or --printed", got="neither")
    table = table_of([scores for folder in folders for scores in _read(Path(folder))], printed, columns)
    with storage.staged_folder(out, overwrite) as stage:
        for suffix, text in (("txt", table.text() + "\n"), ("md", table.markdown()), ("tex", table.latex())):
            storage.write_text(stage / f"table.{suffix}", text)
        storage.write_text(stage / "table.csv", table.csv())
    return table


def table_of(scores: Iterable[Scores], printed: Iterable[str] = (), columns: Sequence[str] = ()) -> Table:
    """One section a reference, in the order given; reference rows first. Scores of the same cells count once."""
    scores = list(scores)
    second = SECOND if scores and all(one.about.get("benchmark") == "v2" for one in scores) else ()
    columns = columns or (*COLUMNS, *second)
    if unknown := [key for key in columns if key not in METRIC]:
        raise VoxploreError("columns", expected=f"some of {', '.join(METRIC)}", got=", ".join(unknown))
    sections: dict[str, dict[str, dict[str, Scores]]] = {}
    titles: dict[str, str] = {}
    for one in scores:
        reference = one.about["reference"]
        key = str(reference["sha256"])
        titles[key] = f"against {reference['name']} ({reference['n']} cells, {key[:8]})"
        rows = sections.setdefault(key, {})
        rows.setdefault(one.name, {})[str(one.about["samples"]["sha256"])] = one
    parts = [(titles[key], tuple(_row(name, rows[name]) for name in _in_order(rows))) for key, rows in sections.items()]
    return Table((*parts, *((_printed_title(name), printed_rows(name)) for name in printed)), tuple(columns))


def printed_rows(name: str) -> tuple[Row, ...]:
    """The rows that the paper's Table 1 prints for one of PRINTED."""
    data = _printed()
    if name not in data["sets"]:
        raise VoxploreError("printed rows", expected=" or ".join(PRINTED), got=repr(name))
    rows = data["sets"][name].items()
    return tuple(Row(label, 1, dict(zip(data["columns"], values, strict=True)), {}) for label, values in rows)


def _printed() -> dict:
    return json.loads(resources.files("voxplore.report").joinpath("printed.json").read_text(encoding="utf-8"))


def _printed_title(name: str) -> str:
    return f"printed in the paper, on its own data ({name}): not the same cells"


def _read(folder: Path) -> list[Scores]:
    """The scores of a folder and of its reference rows; the path of its scores.json is as good."""
    folder = folder.parent if folder.name == "scores.json" else folder
    rows = [folder / "rows" / name for name in _REFERENCE_ROWS]
    found = [Scores.load(path) for path in [folder, *(row for row in rows if row.is_dir())]]
    for scores in found:
        sets = [scores.about.get(key) for key in ("reference", "samples")]
        if not all(isinstance(one, dict) and {"name", "n", "sha256"} <= set(one) for one in sets):
            got = "none, or not all of them"
            raise VoxploreError(folder / "scores.json", expected="name, n, sha256 of samples and reference", got=got)
    return found


def _in_order(rows: dict[str, dict[str, Scores]]) -> list[str]:
    return [
        *(name for name in _REFERENCE_ROWS if name in rows),
        *(name for name in rows if name not in _REFERENCE_ROWS),
    ]


def _row(name: str, draws: dict[str, Scores]) -> Row:
    mean, std = {}, {}
    for key in METRIC:
        values = [float(draw.mean[key]) for draw in draws.values() if key in draw.mean]
        if len(values) == len(draws):
            mean[key] = fmean(values)
            if len(values) > 1:
                std[key] = stdev(values)
    made = [draw.about["samples"].get("made") or {} for draw in draws.values()]
    return Row(name, len(draws), mean, std, _cost(made), "; ".join(dict.fromkeys(_hardware(one) for one in made)))


def _cost(made: list[dict[str, Any]]) -> dict[str, float]:
    """Means over draws of what all of them say."""
    found = {}
    for key in COST:
        values = [one[key] for one in made if isinstance(one, dict) and isinstance(one.get(key), int | float)]
        if len(values) == len(made):
            found[key] = fmean(values)
    return found


def _hardware(made: Any) -> str:
    return str(made.get("hardware", "")).replace("\n", " ") if isinstance(made, dict) else ""


def _escaped(line: list[str]) -> list[str]:
    return [cell.replace("|", "\\|") for cell in line]


def _aligned(line: list[str], widths: list[int]) -> str:
    first, *rest = zip(line, widths, strict=True)
    return "  ".join([first[0].ljust(first[1]), *(text.rjust(width) for text, width in rest)]).rstrip()
