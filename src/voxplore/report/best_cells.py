"""Properties and verdicts of the best cells of a discovery, their files, and the page that shows them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from voxplore import storage
from voxplore.checks import DEFAULT_SIZE_MM
from voxplore.export import export
from voxplore.mechanics import CONTENT, hashin_shtrikman, stiffness_of
from voxplore.metrics import Scores
from voxplore.show import Plot, gallery
from voxplore.unitcells import UnitCells
from voxplore.workflows.targets import PROPERTIES

__all__ = ["FORMATS", "Measured", "page", "parts", "table"]

#: Files of the best few.
FORMATS = ("stl", "3mf")
#: On the page: column of the scores -> what it is called there.
_SCORES = {
    "novelty_ungated": "novelty",
    "symmetry": "symmetry",
    "periodicity": "periodicity",
    "connectivity": "connectivity",
}
#: Of the properties, what stands on the page already or says the same thing twice.
_HIDDEN = {"conductivity_yz", "conductivity_xz", "conductivity_xy"}
#: What stands on every card of the page: short name -> property.
_BRIEF = {"density": "relative_density", "E": "young_hill", "of bound": "young_share", "\u03bd min": "poisson_min"}
#: Moduli are in the solid's Young's modulus, conductivities in its conductivity, speeds of waves in the root of its
#: modulus over its mass density, stresses at yield in its yield stress; the page says so. The others fit as they are.
_UNITS = {
    "1": "",
    "stress": "E\u209b",
    "conductivity": "k\u209b",
    "yes or no": "",
    "root of the solid's young / density": "\u221a(E\u209b/\u03c1\u209b)",
    "the solid's yield stress": "\u03c3\u209b",
    "that in the open": "D\u2080",
    "1 / longest edge": "1 / edge",
    "of the stiffness": "of C",
}


@dataclass(frozen=True)
class Measured:
    """Properties and checks of the first len(cells) cells shown: `columns` has one array for each, rows as `cells`."""

    cells: UnitCells
    columns: dict[str, np.ndarray]

    def write(self, path: Path) -> None:
        """All columns as a CSV table."""
        storage.write_csv(path, {"id": self.cells.index["id"], CONTENT: self.cells.row_sha256(), **self.columns})


def parts(measured: Measured, folder: Path, count: int, size_mm: float = DEFAULT_SIZE_MM) -> list[str]:
    """Write the first `count` cells in each of FORMATS, cells of use before others; returns the files' names.

    Cells are `size_mm` wide.
    """
    solid = measured.columns["relative_density"] > 0
    order = np.argsort(measured.columns["against"] != "", kind="stable")
    chosen = np.sort(order[solid[order]][:count])
    if not len(chosen):
        return []
    made: list[str] = []
    for format in FORMATS:
        made += [path.name for path in export(measured.cells[chosen], folder / format, format, size_mm)]
    return made


def page(
    measured: Measured,
    scores: Scores,
    known: UnitCells,
    path: Path,
    title: str,
    cloud: Mapping[str, np.ndarray] | None = None,
    size_mm: float = DEFAULT_SIZE_MM,
) -> None:
    """The gallery of the measured cells, the first rows of `scores`, each beside the nearest of the `known` cells.

    cloud: columns of properties of known cells, drawn in grey behind them.
    """
    n, c = len(measured.cells), measured.columns
    columns = {name: scores.columns[key][:n] for key, name in _SCORES.items()}
    units: dict[str, str] = {}
    grey: dict[str, np.ndarray] = {}
    for key, constant in PROPERTIES.items():
        if key in c and key not in _HIDDEN and not key.startswith(("C", "poisson_min_", "poisson_max_")):
            columns[constant.label], units[constant.label] = c[key], _UNITS.get(constant.unit, constant.unit)
            if cloud is not None and key in cloud:
                grey[constant.label] = cloud[key]
    columns["verdict"] = np.where(c["against"] == "", "of use", c["against"])
    if "found_by" in measured.cells.index:
        columns["found by"] = measured.cells.index["found_by"]
    rows = known.rows_by_id()
    nearest = known[[rows[name] for name in scores.columns["nearest_id"][:n].tolist()]]
    plot = Plot(PROPERTIES["relative_density"].label, PROPERTIES["young_hill"].label, _limits(), grey)
    brief = {short: PROPERTIES[key].label for short, key in _BRIEF.items() if PROPERTIES[key].label in columns}
    how = {"units": units, "plot": plot, "tensors": stiffness_of(c), "size_mm": size_mm, "brief": brief}
    gallery(measured.cells, path, columns, nearest, title, **how)


def _limits() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Lines of Young's modulus over the density: name -> densities, moduli in that of the solid."""
    density = np.geomspace(0.01, 0.9, 40)
    bulk, shear = hashin_shtrikman(density)
    return {
        "Hashin-Shtrikman bound": (density, 9 * bulk * shear / (3 * bulk + shear)),
        "Gibson-Ashby, bending: density squared": (density, density**2),
    }


def table(measured: Measured, scores: Scores, size_mm: float = DEFAULT_SIZE_MM) -> list[str]:
    """Lines of a Markdown table, a row a measured cell, in the order shown. Moduli are in those of the solid."""
    c = measured.columns
    lines = [
        "| | cell | novelty | relative density | E min | E max | E_x | E_y | E_z | of the bound | conductivity "
        "| thinnest strut | verdict |",
        "|" + "---|" * 13,
    ]
    for row, name in enumerate(measured.cells.index["id"].tolist()):
        young = (f"{c[key][row]:.4f}" for key in ("young_min", "young_max", "young_x", "young_y", "young_z"))
        verdict = str(c["against"][row]) or "of use"
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
        f"{size_mm:g} mm; overhangs and supports are not judged. Struts a few voxels thick come out some per cent too "
        "stiff: stiffness_error in properties.csv limits by how much; finer_C11 ... foretell voxels half as large.",
    ]
