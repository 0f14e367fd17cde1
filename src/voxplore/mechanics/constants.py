"""Engineering constants derived from an effective stiffness: moduli, averages, anisotropy, share of what is possible.

Directions in which a cell carries nothing (a stack of loose layers) have modulus 0; Poisson's ratios that involve them
are nan.
"""

import itertools
from dataclasses import dataclass

import numpy as np

from voxplore.errors import VoxploreError

__all__ = ["CONSTANTS", "Constant", "derived", "directional_young", "hashin_shtrikman", "spread_directions"]

#: Stiffness below this part of the solid's counts as none: far above rounding, far below any strut.
_NOTHING = 1e-7
_AXES = "xyz"
_SHEARS = ("yz", "xz", "xy")
_PAIRS = tuple(itertools.permutations(range(3), 2))


@dataclass(frozen=True)
class Constant:
    """One derived constant: column name, label for people, unit ("stress" is the unit of the stiffness)."""

    key: str
    label: str
    unit: str


CONSTANTS: tuple[Constant, ...] = (
    *(Constant(f"young_{a}", f"Young's modulus along {a}", "stress") for a in _AXES),
    *(Constant(f"shear_{s}", f"shear modulus in {s}", "stress") for s in _SHEARS),
    *(Constant(f"poisson_{_AXES[a]}{_AXES[b]}", f"Poisson's ratio, pull {_AXES[a]}, {_AXES[b]} narrows", "1")
      for a, b in _PAIRS),
    *(Constant(f"{m}_{n.lower()}", f"{m} modulus, {n}", "stress")
      for m in ("bulk", "shear") for n in ("Voigt", "Reuss", "Hill")),
    Constant("young_hill", "Young's modulus of the Hill average", "stress"),
    Constant("young_min", "smallest Young's modulus over all directions", "stress"),
    Constant("young_max", "largest Young's modulus over all directions", "stress"),
    Constant("zener", "Zener ratio (cubic average)", "1"),
    Constant("universal_anisotropy", "universal anisotropy index", "1"),
    Constant("bulk_share", "bulk modulus / Hashin-Shtrikman upper bound", "1"),
    Constant("shear_share", "shear modulus / Hashin-Shtrikman upper bound", "1"),
    Constant("young_share", "Young's modulus / Hashin-Shtrikman upper bound", "1"),
    Constant("auxetic", "widens across when pulled along an axis", "yes or no"),
)  # fmt: skip


def derived(
    stiffness: np.ndarray, relative_density: float | np.ndarray, young: float = 1.0, poisson: float = 0.3
) -> dict[str, np.ndarray]:
    """Constants of float64 (6, 6) or (n, 6, 6): a value, or an array (n,), for each key of CONSTANTS.

    relative_density: of the cell, or (n,). young (in the unit of the stiffness), poisson: of the solid, for the bounds.

    Zener: 2 (C44 + C55 + C66) / (C11 + C22 + C33 - C12 - C13 - C23), 1 where isotropic (our average for cells that are
    not cubic). Universal anisotropy: 5 Gv / Gr + Kv / Kr - 6 (Ranganathan & Ostoja-Starzewski 2008), infinite where a
    direction carries nothing. Shares: the Hill average over the bound. Auxetic: some Poisson's ratio between axes is
    below -0.001.
    """
    c = np.asarray(stiffness, np.float64)
    if c.shape[-2:] != (6, 6):
        raise VoxploreError("stiffness", expected="(6, 6) or (n, 6, 6)", came=str(c.shape))
    density = np.broadcast_to(np.asarray(relative_density, np.float64), c.shape[:-2])
    s, floor = _compliance(c, young)
    out: dict[str, np.ndarray] = {}
    for a in range(3):
        out[f"young_{_AXES[a]}"] = _modulus(s[..., a, a], floor)
    for a, name in enumerate(_SHEARS, start=3):
        out[f"shear_{name}"] = _modulus(s[..., a, a], floor)
    for a, b in _PAIRS:
        stiff = (out[f"young_{_AXES[a]}"] > 0) & (out[f"young_{_AXES[b]}"] > 0)
        ratio = -s[..., a, b] / s[..., a, a]
        out[f"poisson_{_AXES[a]}{_AXES[b]}"] = np.where(stiff, ratio, np.nan)
    out |= _averages(c, s, floor)
    moduli = directional_young(c, spread_directions(), young)
    out["young_min"], out["young_max"] = moduli.min(-1), moduli.max(-1)
    out |= _shares(out, density, young, poisson)
    ratios = np.stack([out[f"poisson_{_AXES[a]}{_AXES[b]}"] for a, b in _PAIRS])
    out["auxetic"] = np.asarray((np.nan_to_num(ratios) < -1e-3).any(axis=0))
    return {constant.key: np.asarray(out[constant.key]) for constant in CONSTANTS}


def directional_young(stiffness: np.ndarray, directions: np.ndarray, young: float = 1.0) -> np.ndarray:
    """Young's modulus along each direction: (6, 6) or (n, 6, 6), directions (m, 3) of any length -> (..., m).

    1 / E = n_i n_j n_k n_l S_ijkl. young: of the solid, below 1e-7 of which a modulus counts as 0.
    """
    units = np.asarray(directions, np.float64)
    units = units / np.linalg.norm(units, axis=-1, keepdims=True)
    s, floor = _compliance(np.asarray(stiffness, np.float64), young)
    x, y, z = units.T
    # Stress of a unit pull along n, in Voigt order; its work on the strain is 1 / E.
    pull = np.stack([x * x, y * y, z * z, y * z, x * z, x * y], axis=-1)
    return _modulus(np.einsum("mi,...ij,mj->...m", pull, s, pull), floor)


def hashin_shtrikman(
    relative_density: float | np.ndarray, young: float = 1.0, poisson: float = 0.3
) -> tuple[np.ndarray, np.ndarray]:
    """Upper bounds on bulk and shear modulus of an isotropic solid-and-void composite (Hashin & Shtrikman 1963)."""
    density = np.asarray(relative_density, np.float64)
    bulk, shear = young / (3 * (1 - 2 * poisson)), young / (2 * (1 + poisson))
    void = 1 - density
    upper_bulk = bulk * density * 4 * shear / (4 * shear + 3 * bulk * void)
    beta = 6 * (bulk + 2 * shear) / (5 * (3 * bulk + 4 * shear))
    upper_shear = shear * (1 - void / (1 - beta * density))
    return upper_bulk, upper_shear


def spread_directions(n: int = 400) -> np.ndarray:
    """Directions spread evenly over half the sphere (a spiral of golden angles), with axes and diagonals: (m, 3)."""
    height = (np.arange(n) + 0.5) / n
    angle = np.pi * (3 - np.sqrt(5)) * np.arange(n)
    across = np.sqrt(1 - height**2)
    spiral = np.stack([across * np.cos(angle), across * np.sin(angle), height], axis=1)
    special = [v for v in itertools.product((-1, 0, 1), repeat=3) if v > (0, 0, 0)]
    exact = np.array(special, np.float64)
    return np.concatenate([exact / np.linalg.norm(exact, axis=1, keepdims=True), spiral])


def _compliance(stiffness: np.ndarray, young: float) -> tuple[np.ndarray, float]:
    """Inverse in which motions without resistance are given a tiny one, and the modulus that counts as none."""
    floor = _NOTHING * young
    values, vectors = np.linalg.eigh((stiffness + np.swapaxes(stiffness, -1, -2)) / 2)
    values = np.maximum(values, 1e-3 * floor)
    return np.einsum("...ik,...k,...jk->...ij", vectors, 1 / values, vectors), floor


def _modulus(compliance: np.ndarray, floor: float) -> np.ndarray:
    modulus = 1 / compliance
    return np.where(modulus > floor, modulus, 0.0)


def _averages(c: np.ndarray, s: np.ndarray, floor: float) -> dict[str, np.ndarray]:
    """Voigt, Reuss and Hill averages and the two measures of anisotropy (Hill 1952)."""
    direct, cross, shear = _sums(c)
    bulk_voigt, shear_voigt = (direct + 2 * cross) / 9, (direct - cross + 3 * shear) / 15
    s_direct, s_cross, s_shear = _sums(s)
    bulk_reuss = _modulus(s_direct + 2 * s_cross, floor)
    shear_reuss = _modulus((4 * s_direct - 4 * s_cross + 3 * s_shear) / 15, floor)
    bulk, rigid = (bulk_voigt + bulk_reuss) / 2, (shear_voigt + shear_reuss) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        index = 5 * shear_voigt / shear_reuss + bulk_voigt / bulk_reuss - 6
        index = np.where((shear_reuss > 0) & (bulk_reuss > 0), index, np.inf)
        zener = np.where(direct - cross > floor, 2 * shear / (direct - cross), np.nan)
        hill = np.where(rigid > floor, 9 * bulk * rigid / (3 * bulk + rigid), 0.0)
    return {
        "bulk_voigt": bulk_voigt, "bulk_reuss": bulk_reuss, "bulk_hill": bulk,
        "shear_voigt": shear_voigt, "shear_reuss": shear_reuss, "shear_hill": rigid,
        "young_hill": hill, "zener": zener, "universal_anisotropy": index,
    }  # fmt: skip


def _sums(tensor: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """xx + yy + zz, xy + xz + yz, and the three shears."""
    diagonal = np.diagonal(tensor, axis1=-2, axis2=-1)
    cross = tensor[..., 0, 1] + tensor[..., 0, 2] + tensor[..., 1, 2]
    return diagonal[..., :3].sum(-1), cross, diagonal[..., 3:].sum(-1)


def _shares(out: dict[str, np.ndarray], density: np.ndarray, young: float, poisson: float) -> dict[str, np.ndarray]:
    bulk, shear = hashin_shtrikman(density, young, poisson)
    with np.errstate(divide="ignore", invalid="ignore"):
        best = 9 * bulk * shear / (3 * bulk + shear)
        bounds = {"bulk": bulk, "shear": shear, "young": best}
        return {f"{m}_share": np.where(bound > 0, out[f"{m}_hill"] / bound, 0.0) for m, bound in bounds.items()}
