"""Engineering constants derived from an effective stiffness: moduli, averages, anisotropy, share of what is possible.

Directions in which a cell carries nothing (a stack of loose layers) have modulus 0; Poisson's ratios that involve them
are nan.
"""

import itertools
from dataclasses import dataclass

import numpy as np

from voxplore.errors import VoxploreError
from voxplore.ranges import Modulus, Poisson, Soft, within

from .directions import poisson_extremes, young_along, young_extremes
from .waves import wave_speeds

__all__ = ["CONSTANTS", "Constant", "derived", "directional_young", "hashin_shtrikman"]

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
    Constant("above_bound", "stiffer than the Hashin-Shtrikman bound: the mesh is too coarse", "yes or no"),
    Constant("poisson_min", "smallest Poisson's ratio over all directions", "1"),
    Constant("poisson_max", "largest Poisson's ratio over all directions", "1"),
    *(Constant(f"poisson_{e}_{way}_{a}", f"{a} of the {what} of the {name} Poisson's ratio", "1")
      for e, name in (("min", "smallest"), ("max", "largest"))
      for way, what in (("pull", "pull"), ("across", "direction across")) for a in _AXES),
    *(Constant(f"speed_{a}_{k}", f"speed of the {name} long wave along {a}", "root of the solid's young / density")
      for a in _AXES for k, name in ((1, "slowest"), (2, "middle"), (3, "fastest"))),
    Constant("auxetic", "widens across when pulled along some direction", "yes or no"),
)  # fmt: skip


@within
def derived(
    stiffness: np.ndarray,
    relative_density: float | np.ndarray,
    young: Modulus = 1.0,
    poisson: Poisson = 0.3,
    void_young: Soft = 0.0,
) -> dict[str, np.ndarray]:
    """Constants of float64 (6, 6) or (n, 6, 6): a value, or an array (n,), for each key of CONSTANTS.

    relative_density: of the cell, or (n,). young (in the unit of the stiffness), poisson: of the solid, void_young: of
    a second phase in the void, for the bounds.

    Zener: 2 (C44 + C55 + C66) / (C11 + C22 + C33 - C12 - C13 - C23), 1 where isotropic (our average for cells that are
    not cubic). Universal anisotropy: 5 Gv / Gr + Kv / Kr - 6 (Ranganathan & Ostoja-Starzewski 2008), infinite where a
    direction carries nothing. Shares: the Hill average over the bound. No body exceeds it: where a mesh does, it is too
    coarse for the cell, the share is nan and above_bound says so. Extremes of Poisson's ratio: nan where a direction
    carries nothing. Auxetic: the smallest ratio (where it is nan, that between axes) is below -0.001.
    """
    c = np.asarray(stiffness, np.float64)
    if c.shape[-2:] != (6, 6):
        raise VoxploreError("stiffness", expected="(6, 6) or (n, 6, 6)", got=str(c.shape))
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
    out |= _extremes(s, floor)
    shares = _shares(out, density, young, poisson, void_young)
    above = {key: share > 1 + 1e-6 for key, share in shares.items()}
    out |= {key: np.where(above[key], np.nan, share) for key, share in shares.items()}
    out["above_bound"] = np.any(list(above.values()), axis=0)
    speeds = wave_speeds(c / young, density, np.eye(3))
    out |= {f"speed_{_AXES[a]}_{k + 1}": speeds[..., a, k] for a in range(3) for k in range(3)}
    ratios = np.stack([out[f"poisson_{_AXES[a]}{_AXES[b]}"] for a, b in _PAIRS])
    along_axes = np.nan_to_num(ratios).min(axis=0)
    out["auxetic"] = np.where(np.isnan(out["poisson_min"]), along_axes, out["poisson_min"]) < -1e-3
    return {constant.key: np.asarray(out[constant.key]) for constant in CONSTANTS}


@within
def directional_young(stiffness: np.ndarray, directions: np.ndarray, young: Modulus = 1.0) -> np.ndarray:
    """Young's modulus along each direction: (6, 6) or (n, 6, 6), directions (m, 3) of any length -> (..., m).

    1 / E = n_i n_j n_k n_l S_ijkl. young: of the solid, below 1e-7 of which a modulus counts as 0.
    """
    s, floor = _compliance(np.asarray(stiffness, np.float64), young)
    unit = np.asarray(directions, np.float64)
    unit = unit / np.linalg.norm(unit, axis=-1, keepdims=True)
    return _modulus(1 / young_along(s[..., None, :, :], unit), floor)


@within
def hashin_shtrikman(
    relative_density: float | np.ndarray, young: Modulus = 1.0, poisson: Poisson = 0.3, void_young: Soft = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    """Upper bounds on bulk and shear modulus of an isotropic composite of solid and void (Hashin & Shtrikman 1963).

    void_young: Young's modulus of a second phase in the void, of the same Poisson's ratio, not above `young`.
    """
    void = 1 - np.asarray(relative_density, np.float64)
    bulk, shear = young / (3 * (1 - 2 * poisson)), young / (2 * (1 + poisson))
    drop = 1 - void_young / young
    alpha = 3 * bulk / (3 * bulk + 4 * shear)
    beta = 6 * (bulk + 2 * shear) / (5 * (3 * bulk + 4 * shear))
    upper = [
        modulus * (1 - void * drop / (1 - part * drop * (1 - void))) for modulus, part in ((bulk, alpha), (shear, beta))
    ]
    return upper[0], upper[1]


def _compliance(stiffness: np.ndarray, young: float) -> tuple[np.ndarray, float]:
    """Inverse in which motions without resistance are given a tiny one, and the modulus that counts as none."""
    floor = _NOTHING * young
    values, vectors = np.linalg.eigh((stiffness + np.swapaxes(stiffness, -1, -2)) / 2)
    values = np.maximum(values, 1e-3 * floor)
    return np.einsum("...ik,...k,...jk->...ij", vectors, 1 / values, vectors), floor


def _modulus(compliance: np.ndarray, floor: float) -> np.ndarray:
    modulus = 1 / compliance
    return np.where(modulus > floor, modulus, 0.0)


def _extremes(compliance: np.ndarray, floor: float) -> dict[str, np.ndarray]:
    """Extremes of Young's modulus and Poisson's ratio over all directions."""
    lead = compliance.shape[:-2]
    s = compliance.reshape(-1, 6, 6)
    (least, _), (most, _) = young_extremes(s)
    out = {"young_min": _modulus(1 / least, floor), "young_max": _modulus(1 / most, floor)}
    # A motion without resistance makes Poisson's ratios next to it as large as one likes.
    rigid = np.linalg.eigvalsh(s)[:, -1] < 1 / floor
    for name, (value, *pair) in zip(("min", "max"), poisson_extremes(s), strict=True):
        out[f"poisson_{name}"] = np.where(rigid, value, np.nan)
        for way, vector in zip(("pull", "across"), pair, strict=True):
            for a in range(3):
                out[f"poisson_{name}_{way}_{_AXES[a]}"] = np.where(rigid, vector[:, a], np.nan)
    return {key: column.reshape(lead) for key, column in out.items()}


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


def _shares(
    out: dict[str, np.ndarray], density: np.ndarray, young: float, poisson: float, void_young: float
) -> dict[str, np.ndarray]:
    bulk, shear = hashin_shtrikman(density, young, poisson, void_young)
    with np.errstate(divide="ignore", invalid="ignore"):
        best = 9 * bulk * shear / (3 * bulk + shear)
        bounds = {"bulk": bulk, "shear": shear, "young": best}
        return {f"{m}_share": np.where(bound > 0, out[f"{m}_hill"] / bound, 0.0) for m, bound in bounds.items()}
