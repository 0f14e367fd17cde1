"""What a cell is to have: conditions on its properties in one small grammar, or a whole stiffness tensor.

    relative_density=0.2, young_hill>=0.4*bound, poisson_xy<-0.1, anisotropy<0.2

Each condition is a column of `voxplore properties` (or of `NAMES`), one of =, <, <=, >, >=, and a number. Moduli and
conductivities are in units of the solid's. `*bound` multiplies by the Hashin-Shtrikman upper bound at the density of
the cell that is judged, for Young's, bulk and shear moduli.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast, get_args

import numpy as np

from voxplore import storage
from voxplore.errors import VoxploreError, nearest
from voxplore.mechanics import COLUMNS, Constant, hashin_shtrikman, stiffness_of

__all__ = ["NAMES", "PROPERTIES", "Condition", "Relation", "Target", "parse_target", "read_stiffness"]

Relation = Literal["=", "<", "<=", ">", ">="]
#: Short names of columns.
NAMES = {"density": "relative_density", "anisotropy": "universal_anisotropy"}
#: Key -> label and unit of all that can be asked for: what `properties` gives, and the lengths that its checks measure.
PROPERTIES: dict[str, Constant] = COLUMNS | {
    "surface_area": Constant("surface_area", "surface area per volume of the cell", "1 / longest edge"),
    "strut_mm": Constant("strut_mm", "thinnest strut", "mm"),
    "pore_mm": Constant("pore_mm", "narrowest pore", "mm"),
}
_FORM = re.compile(r"(\w+)\s*(<=|>=|=|<|>)\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(\*\s*bound)?")
#: Kelvin-Mandel weights: with them the norm of the 6 x 6 matrix is that of the fourth-rank tensor.
_MANDEL = np.sqrt([1, 1, 1, 2, 2, 2])


@dataclass(frozen=True)
class Condition:
    """One property and the value it is to have, or to stay below or above. of_bound: value is a share of the bound."""

    column: str
    relation: Relation
    value: float
    of_bound: bool = False

    def __post_init__(self) -> None:
        if self.column not in PROPERTIES:
            near = nearest(self.column, [*PROPERTIES, *NAMES])
            raise VoxploreError("target", expected=f"a column of properties (nearest: {near})", got=self.column)
        if self.relation not in get_args(Relation):
            raise VoxploreError(self.column, expected=" or ".join(get_args(Relation)), got=self.relation)
        if not np.isfinite(self.value):
            raise VoxploreError(self.column, expected="a finite number", got=str(self.value))
        if self.of_bound and _modulus(self.column) is None:
            expected = "Young's, bulk or shear modulus beside `bound`"
            raise VoxploreError("target", expected=expected, got=self.column)

    def __str__(self) -> str:
        return f"{self.column}{self.relation}{self.value:g}{'*bound' if self.of_bound else ''}"

    def wanted(self, columns: Mapping[str, np.ndarray]) -> np.ndarray:
        """The value asked for of each cell: float64 (n,)."""
        density = np.asarray(columns["relative_density"], np.float64)
        return self.value * _bound(self.column, density) if self.of_bound else np.full(len(density), self.value)

    def misses(self, columns: Mapping[str, np.ndarray]) -> np.ndarray:
        """By how much each cell fails: float64 (n,), 0 where it fulfils the condition, infinite where it has no value.

        A share of the value asked for; for Poisson's ratios, and where 0 is asked for, the difference itself.
        """
        has, wanted = np.asarray(columns[self.column], np.float64), self.wanted(columns)
        over = has - wanted
        lack = {"=": abs(over), "<": over, "<=": over, ">": -over, ">=": -over}[self.relation]
        absolute = self.value == 0 or self.column.startswith("poisson")
        miss = np.maximum(lack, 0) / (1.0 if absolute else np.maximum(abs(wanted), 1e-12))
        strict = (over == 0) & (self.relation in ("<", ">"))
        return np.where(np.isfinite(has) & np.isfinite(wanted), np.where(strict, 1e-12, miss), np.inf)


@dataclass(frozen=True)
class Target:
    """All that is asked for. stiffness: 36 numbers, row by row, of a (6, 6) in units of the solid's Young's modulus."""

    conditions: tuple[Condition, ...] = ()
    stiffness: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        if not self.conditions and self.stiffness is None:
            raise VoxploreError("target", expected="one condition or more, or a stiffness", got="neither")
        if self.stiffness is not None:
            _check_stiffness(np.array(self.stiffness), "stiffness")

    def __str__(self) -> str:
        tensor = () if self.stiffness is None else ("the stiffness tensor given",)
        return ", ".join([*map(str, self.conditions), *tensor])

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that conditions name."""
        return tuple(dict.fromkeys(condition.column for condition in self.conditions))

    def parts(self, columns: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Condition as text -> misses float64 (n,); "stiffness": Frobenius norm of the difference over that asked."""
        found = {str(condition): condition.misses(columns) for condition in self.conditions}
        if self.stiffness is not None:
            wanted = np.reshape(self.stiffness, (6, 6))
            off = _norm(stiffness_of(columns) - wanted) / _norm(wanted)
            found["stiffness"] = np.where(np.isfinite(off), off, np.inf)
        return found

    def misses(self, columns: Mapping[str, np.ndarray]) -> np.ndarray:
        """The largest miss of each cell over all that is asked for: float64 (n,), 0 where it has all."""
        return np.max(list(self.parts(columns).values()), axis=0)


def parse_target(text: str, stiffness: tuple[float, ...] | None = None) -> Target:
    """Conditions separated by commas -> Target; VoxploreError names the part that does not read."""
    conditions = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        found = _FORM.fullmatch(part)
        if found is None:
            expected = "`column relation number`, such as young_hill>=0.4*bound or relative_density=0.2"
            raise VoxploreError("target", expected=expected, got=repr(part))
        name, relation, value, bound = found.groups()
        conditions.append(Condition(NAMES.get(name, name), cast(Relation, relation), float(value), bound is not None))
    return Target(tuple(conditions), stiffness)


def read_stiffness(path: str | Path) -> tuple[float, ...]:
    """Six lines of six numbers, separated by commas, semicolons or spaces: 36 numbers for `Target.stiffness`."""
    lines = [line for line in storage.read_text(path).splitlines() if line.strip() and not line.startswith("#")]
    try:
        rows = [[float(number) for number in re.split(r"[,;\s]+", line.strip(" ,;"))] for line in lines]
    except ValueError as error:
        raise VoxploreError(path, expected="numbers", got=str(error)) from error
    if [len(row) for row in rows] != [6] * 6:
        raise VoxploreError(path, expected="6 lines of 6 numbers", got=f"lines of {[len(row) for row in rows][:8]}")
    _check_stiffness(np.array(rows), path)
    return tuple(number for row in rows for number in row)


def _check_stiffness(values: np.ndarray, where: object) -> None:
    if values.size != 36 or not np.isfinite(values).all():
        raise VoxploreError(where, expected="36 finite numbers", got=f"{np.isfinite(values).sum()} of {values.size}")
    tensor = values.reshape(6, 6)
    size = abs(tensor).max()
    if size == 0 or abs(tensor - tensor.T).max() > 1e-6 * size:
        raise VoxploreError(where, expected="a symmetric matrix other than zero", got="another")
    if np.linalg.eigvalsh(tensor).min() < -1e-6 * size:
        raise VoxploreError(where, expected="no negative eigenvalue (energy is positive)", got="one below 0")


def _modulus(column: str) -> str | None:
    """Which bound a column is held against; None for what is no modulus."""
    kind = column.split("_")[0]
    return kind if kind in ("young", "bulk", "shear") and PROPERTIES[column].unit == "stress" else None


def _bound(column: str, density: np.ndarray) -> np.ndarray:
    bulk, shear = hashin_shtrikman(density)
    with np.errstate(invalid="ignore"):  # an empty cell has no bound
        return {"bulk": bulk, "shear": shear}.get(column.split("_")[0], 9 * bulk * shear / (3 * bulk + shear))


def _norm(stiffness: np.ndarray) -> np.ndarray:
    return np.linalg.norm(stiffness * _MANDEL[:, None] * _MANDEL, axis=(-2, -1))
