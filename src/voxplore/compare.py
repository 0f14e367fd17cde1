"""Scores of several sets in one table: text, Markdown, LaTeX, CSV.

Scores of one name are draws of one row: mean, and standard deviation over the draws (ddof 1). Rows stand together only
where they were read against the same reference; the paper's printed rows stand apart, because their data is another.
"""

import csv
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from statistics import fmean, stdev

from voxplore import files
from voxplore.errors import VoxploreError
from voxplore.metrics import METRIC, Scores

__all__ = ["COLUMNS", "PRINTED", "Row", "Table", "compare", "printed_rows", "table_of"]

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
#: Sets for which the paper prints rows.
PRINTED = ("metatruss", "metashell")
_REFERENCE_ROWS = ("held-out", "training", "noise")
_ARROWS = {"higher": "↑", "lower": "↓", None: ""}
_LATEX_ARROWS = {"higher": r" $\uparrow$", "lower": r" $\downarrow$", None: ""}
_LATEX = str.maketrans({c: f"\\{c}" for c in "&%$#_{}"} | {"~": r"\textasciitilde{}", "^": r"\^{}", "\\": "/"})


@dataclass(frozen=True)
class Row:
    """One row: metric key -> mean over draws, and -> standard deviation where there are two draws or more."""

    label: str
    draws: int
    mean: dict[str, float]
    std: dict[str, float]


@dataclass(frozen=True)
class Table:
    """Sections of (title, rows)."""

    sections: tuple[tuple[str, tuple[Row, ...]], ...]

    def text(self) -> str:
        """Aligned columns for a terminal."""
        header = ["", *(f"{METRIC[key].label} {_ARROWS[METRIC[key].direction]}".strip() for key in COLUMNS)]
        parts = []
        for title, rows in self.sections:
            lines = [header, *([row.label, *_cells(row, "±")] for row in rows)]
            widths = [max(len(line[i]) for line in lines) for i in range(len(header))]
            body = (_aligned(line, widths) for line in lines)
            parts.append("\n".join([title, *body]))
        return "\n\n".join(parts)

    def markdown(self) -> str:
        """One table a section, under its title."""
        header = ["", *(f"{METRIC[key].label} {_ARROWS[METRIC[key].direction]}".strip() for key in COLUMNS)]
        rule = ["---", *["---:"] * len(COLUMNS)]
        parts = []
        for title, rows in self.sections:
            lines = [header, rule, *([row.label.replace("|", "\\|"), *_cells(row, "±")] for row in rows)]
            parts.append("\n".join([f"**{title}**", "", *("| " + " | ".join(line) + " |" for line in lines)]))
        return "\n\n".join(parts) + "\n"

    def latex(self) -> str:
        """A tabular for booktabs; sections are rows across all columns."""
        labels = [METRIC[key].label.translate(_LATEX) + _LATEX_ARROWS[METRIC[key].direction] for key in COLUMNS]
        width = len(COLUMNS) + 1
        lines = [rf"\begin{{tabular}}{{l{'r' * len(COLUMNS)}}}", r"\toprule", " & ".join(["", *labels]) + r" \\"]
        for title, rows in self.sections:
            lines += [r"\midrule", rf"\multicolumn{{{width}}}{{l}}{{{title.translate(_LATEX)}}} \\"]
            lines += [" & ".join([row.label.translate(_LATEX), *_cells(row, r"$\pm$")]) + r" \\" for row in rows]
        return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", ""])

    def csv(self) -> str:
        """A line a row, every number in full, the standard deviation in its own column."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["section", "row", "draws", *COLUMNS, *(f"{key}_std" for key in COLUMNS)])
        for title, rows in self.sections:
            for row in rows:
                numbers = [part.get(key, "") for part in (row.mean, row.std) for key in COLUMNS]
                writer.writerow([title, row.label, row.draws, *numbers])
        return text.getvalue()


def compare(
    folders: Sequence[str | Path], out: str | Path, printed: Iterable[str] = (), overwrite: bool = False
) -> Table:
    """Write table.txt, table.md, table.tex and table.csv to `out` from folders that `evaluate` wrote.

    printed: sets (PRINTED) whose rows in the paper are put beside them.
    """
    files.refuse_existing(Path(out), overwrite)
    table = table_of([scores for folder in folders for scores in _read(Path(folder))], printed)
    with files.staged_folder(out, overwrite) as stage:
        for suffix, text in (("txt", table.text() + "\n"), ("md", table.markdown()), ("tex", table.latex())):
            files.write_text(stage / f"table.{suffix}", text)
        files.write_text(stage / "table.csv", table.csv())
    return table


def table_of(scores: Iterable[Scores], printed: Iterable[str] = ()) -> Table:
    """One section a reference, in the order given; reference rows first. Scores of the same cells count once."""
    sections: dict[str, dict[str, dict[str, Scores]]] = {}
    titles: dict[str, str] = {}
    for one in scores:
        reference = one.about["reference"]
        key = str(reference["sha256"])
        titles[key] = f"against {reference['name']} ({reference['n']} cells, {key[:8]})"
        rows = sections.setdefault(key, {})
        rows.setdefault(one.name, {})[str(one.about["samples"]["sha256"])] = one
    parts = [(titles[key], tuple(_row(name, rows[name]) for name in _in_order(rows))) for key, rows in sections.items()]
    return Table((*parts, *((_printed_title(name), printed_rows(name)) for name in printed)))


def printed_rows(name: str) -> tuple[Row, ...]:
    """The rows that the paper's Table 1 prints for one of PRINTED."""
    data = _printed()
    if name not in data["sets"]:
        raise VoxploreError("printed rows", expected=" or ".join(PRINTED), came=repr(name))
    rows = data["sets"][name].items()
    return tuple(Row(label, 1, dict(zip(data["columns"], values, strict=True)), {}) for label, values in rows)


def _printed() -> dict:
    return json.loads(resources.files("voxplore").joinpath("printed.json").read_text(encoding="utf-8"))


def _printed_title(name: str) -> str:
    return f"printed in the paper, on its own data ({name}): not the same cells"


def _read(folder: Path) -> list[Scores]:
    """The scores of a folder and of its reference rows; the path of its scores.json is as good."""
    folder = folder.parent if folder.name == "scores.json" else folder
    rows = [folder / "rows" / name for name in _REFERENCE_ROWS]
    found = [Scores.load(path) for path in [folder, *(row for row in rows if row.is_dir())]]
    for scores in found:
        if not all(isinstance(scores.about.get(key), dict) for key in ("reference", "samples")):
            raise VoxploreError(folder / "scores.json", expected="checksums of samples and reference", came="none")
    return found


def _in_order(rows: dict[str, dict[str, Scores]]) -> list[str]:
    return [
        *(name for name in _REFERENCE_ROWS if name in rows),
        *(name for name in rows if name not in _REFERENCE_ROWS),
    ]


def _row(name: str, draws: dict[str, Scores]) -> Row:
    mean, std = {}, {}
    for key in COLUMNS:
        values = [float(draw.mean[key]) for draw in draws.values() if key in draw.mean]
        if len(values) == len(draws):
            mean[key] = fmean(values)
            if len(values) > 1:
                std[key] = stdev(values)
    return Row(name, len(draws), mean, std)


def _cells(row: Row, plus_minus: str) -> list[str]:
    out = []
    for key in COLUMNS:
        spread = f" {plus_minus} {row.std[key]:.3f}" if key in row.std else ""
        out.append(f"{row.mean[key]:.3f}{spread}" if key in row.mean else "–")
    return out


def _aligned(line: list[str], widths: list[int]) -> str:
    first, *rest = zip(line, widths, strict=True)
    return "  ".join([first[0].ljust(first[1]), *(text.rjust(width) for text, width in rest)]).rstrip()
