"""What one can hold of a discovery: properties and verdicts of the best cells, their files, and the page to turn them.

Solving a cell takes about a second, so that only the best are measured; everything else covers every cell shown.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from voxplore import files
from voxplore.checks import DEFAULT_FEATURE_MM, DEFAULT_SIZE_MM, checks_of
from voxplore.data.sources import cache_folder
from voxplore.export import export
from voxplore.mechanics import properties_of
from voxplore.metrics import Scores
from voxplore.show import gallery
from voxplore.unitcells import UnitCells

__all__ = ["FORMATS", "Measured", "measure", "page", "parts", "table"]

#: Files of the best few.
FORMATS = ("stl", "3mf")
#: On the page: column of the scores -> what it is called there.
_SCORES = {
    "novelty_ungated": "novelty",
    "symmetry": "symmetry",
    "periodicity": "periodicity",
    "connectivity": "connectivity",
    "relative_density": "relative density",
}


@dataclass(frozen=True)
class Measured:
    """Properties and checks of the first len(cells) cells shown: `columns` has one array for each, rows as `cells`."""

    cells: UnitCells
    columns: dict[str, np.ndarray]

    def write(self, path: Path) -> None:
        """All columns as a CSV table."""
        files.write_csv(path, {"id": self.cells.index["id"], **self.columns})


def measure(cells: UnitCells, workers: int | None = None) -> Measured:
    """Stiffness, conductivity, derived constants and the checks before printing; solved cells stay in the cache."""
    columns = properties_of(cells, cache_folder() / "properties", workers=workers)
    heat = [columns[f"conductivity_{axis}"] for axis in ("xx", "yy", "zz")]
    return Measured(cells, columns | {"conductivity_mean": np.mean(heat, axis=0)} | checks_of(cells, workers=workers))


def parts(measured: Measured, folder: Path, count: int) -> list[str]:
    """Write the first `count` cells in each of FORMATS, printable ones before others; returns the files' names.

    Cells are DEFAULT_SIZE_MM wide.
    """
    solid = measured.columns["relative_density"] > 0
    order = np.argsort(~measured.columns["printable"].astype(bool), kind="stable")
    chosen = np.sort(order[solid[order]][:count])
    if not len(chosen):
        return []
    made: list[str] = []
    for format in FORMATS:
        made += [path.name for path in export(measured.cells[chosen], folder / format, format, DEFAULT_SIZE_MM)]
    return made


def page(cells: UnitCells, scores: Scores, known: UnitCells, measured: Measured, path: Path, title: str) -> None:
    """The gallery of `cells`, the first rows of `scores`, each beside the nearest of the `known` cells."""
    n = len(cells)
    columns = {name: scores.columns[key][:n] for key, name in _SCORES.items()}
    found = np.all([scores.columns[key][:n].astype(bool) for key in ("valid", "unique", "novel")], axis=0)
    columns["valid, unique, novel"] = found
    # pairs of (name on the page, column), unknown past the cells that were measured
    for name, key in (("smallest Young's modulus", "young_min"), ("largest Young's modulus", "young_max")):
        columns[name] = np.concatenate([measured.columns[key], np.full(n - len(measured.cells), np.nan)])
    rows = {name: row for row, name in enumerate(known.index["id"].tolist())}
    nearest = known[[rows[name] for name in scores.columns["nearest_id"][:n].tolist()]]
    gallery(cells, path, columns, nearest, title)


def table(measured: Measured, scores: Scores) -> list[str]:
    """Lines of a Markdown table, a row a measured cell, in the order shown. Moduli are in those of the solid."""
    c = measured.columns
    lines = [
        "| | cell | novelty | relative density | E min | E max | E_x | E_y | E_z | of the bound | conductivity "
        "| thinnest strut | verdict |",
        "|" + "---|" * 13,
    ]
    for row, name in enumerate(measured.cells.index["id"].tolist()):
        young = (f"{c[key][row]:.4f}" for key in ("young_min", "young_max", "young_x", "young_y", "young_z"))
        verdict = "printable" if c["printable"][row] else str(c["reasons"][row])
        novelty = scores.columns["novelty_ungated"][row]
        fields = [
            str(row + 1), str(name), f"{novelty:.2f}", f"{c['relative_density'][row]:.3f}",
            *young, f"{100 * c['young_share'][row]:.0f} %", f"{c['conductivity_mean'][row]:.4f}",
            f"{c['strut_mm'][row]:.2f} mm", verdict,
        ]  # fmt: skip
        lines.append("| " + " | ".join(fields) + " |")
    return [
        *lines,
        "",
        "Young's moduli in units of the solid's (Poisson's ratio 0.3): smallest and largest over all directions, and "
        "along the axes. Of the bound: Young's modulus of the Hill average over the Hashin-Shtrikman upper bound. "
        "Conductivity: mean over the axes, in units of the solid's. Verdicts are for a cell of "
        f"{DEFAULT_SIZE_MM:g} mm and a printer that makes struts from {DEFAULT_FEATURE_MM:g} mm on; overhangs and "
        "supports are not judged. At this resolution moduli are some per cent too low or high.",
    ]
