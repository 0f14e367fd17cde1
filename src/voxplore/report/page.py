"""One page from a folder of results: for every reference its table, and novelty against quality and against vun."""

import html
import re
from collections.abc import Sequence
from pathlib import Path

from voxplore import storage
from voxplore.errors import VoxploreError
from voxplore.metrics import METRIC, Scores
from voxplore.report.compare import Row, Table, compare
from voxplore.report.curve import curves_of, draw_curve

__all__ = ["make_report"]

#: The plots of each table: metric across, metric up.
PLOTS = (("novelty", "quality"), ("novelty", "vun"), ("diversity", "vun"))
_REFERENCE = {"held-out": "*", "training": "s", "noise": "X"}


def make_report(
    results: str | Path,
    out: str | Path,
    overwrite: bool = False,
    along: str | None = None,
    rows: Sequence[str | Path] = (),
) -> int:
    """Write index.html and, for each reference, a folder with table.{txt,md,tex,csv} and plot.png to `out`; the number
    of tables.

    results: a folder; every scores.json below it counts, reference rows where they lie. Scores read against one
    reference stand in one table. along: a field of the configuration, such as "sampling.srr.strength": curve.png and
    curve.csv show the scores along it. rows: further folders of scores. Raises VoxploreError where there are none.
    """
    storage.refuse_existing(Path(out), overwrite)
    folders = _by_reference(Path(results), [Path(row) for row in rows])
    with storage.staged_folder(out, overwrite) as stage:
        parts = [_section(name, stage, paths, along) for name, paths in folders.items()]
        storage.write_text(stage / "index.html", _page(parts))
    return len(parts)


def _by_reference(results: Path, more: Sequence[Path] = ()) -> dict[str, list[Path]]:
    """Folders of scores by the name of their reference, and its checksum where two of a name differ."""
    found: dict[tuple[str, str], list[Path]] = {}
    for path in [*sorted(results.rglob("scores.json")), *(folder / "scores.json" for folder in more)]:
        if path.parent.parent.name == "rows":
            continue
        reference = Scores.load(path.parent).about.get("reference")
        if isinstance(reference, dict):
            found.setdefault((str(reference["name"]), str(reference["sha256"])), []).append(path.parent)
    if not found:
        raise VoxploreError(results, expected="scores.json somewhere below it", got="none")
    names = [name for name, _ in found]
    return {
        _file_name(name if names.count(name) == 1 else f"{name}-{sha[:8]}"): paths
        for (name, sha), paths in found.items()
    }


def _file_name(text: str) -> str:
    """Letters, digits, dots and dashes of a name, which may hold anything."""
    return re.sub(r"[^\w.-]+", "-", text).strip(".-") or "cells"


def _section(name: str, stage: Path, folders: Sequence[Path], along: str | None) -> str:
    """Write the table's files, its plot and its curve; the part of the page."""
    table = compare(folders, stage / name)
    _draw(table, stage / name / "plot.png")
    picture = f'<img src="{name}/plot.png" alt="novelty, quality, diversity and vun of each row">'
    if along is not None:
        picture += f'\n<img src="{name}/curve.png" alt="scores along {html.escape(along)}">'
        _curve(name, folders, along, stage / name)
    links = " ".join(f'<a href="{name}/table.{kind}">{kind}</a>' for kind in ("txt", "md", "tex", "csv"))
    return f"<h2>{html.escape(name)}</h2>\n<pre>{html.escape(table.text())}</pre>\n<p>{links}</p>\n{picture}\n"


def _curve(name: str, folders: Sequence[Path], along: str, stage: Path) -> None:
    curves = curves_of([Scores.load(folder) for folder in folders], along)
    if not curves:
        raise VoxploreError(name, expected=f"drawings with two values of {along} and all else equal", got="none")
    held_out = [path for folder in folders if (path := folder / "rows" / "held-out").is_dir()]
    draw_curve(curves, {path.name: Scores.load(path) for path in held_out[:1]}, along, stage)


def _draw(table: Table, path: Path) -> None:
    """The plots of a table; reference rows as large marks, draws of a row as bars of one standard deviation."""
    from matplotlib.figure import Figure

    rows = [row for _, rows in table.sections for row in rows]
    figure = Figure(figsize=(5 * len(PLOTS), 4.5), layout="constrained")
    for axes, (across, up) in zip(figure.subplots(1, len(PLOTS)), PLOTS, strict=True):
        for row in rows:
            if across in row.mean and up in row.mean:
                _mark(axes, row, across, up)
        axes.set_xlabel(METRIC[across].label)
        axes.set_ylabel(METRIC[up].label)
        axes.set_xlim(left=-0.02)
    if figure.axes[-1].get_legend_handles_labels()[0]:
        figure.axes[-1].legend(fontsize="x-small", loc="best")
    figure.savefig(path, dpi=100)


def _mark(axes, row: Row, across: str, up: str) -> None:
    known = row.label in _REFERENCE
    axes.errorbar(
        row.mean[across],
        row.mean[up],
        xerr=row.std.get(across),
        yerr=row.std.get(up),
        fmt=_REFERENCE.get(row.label, "o"),
        markersize=11 if known else 7,
        color="black" if known else None,
        label=row.label,
    )


def _page(parts: Sequence[str]) -> str:
    style = "body{font:16px sans-serif;margin:2em;max-width:80em}pre{overflow-x:auto}img{max-width:100%}"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>voxplore: results</title>'
        f"<style>{style}</style></head>\n<body><h1>Results</h1>\n{''.join(parts)}</body></html>\n"
    )
