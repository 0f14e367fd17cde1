"""Signed misses of a target, and their slopes by the stiffness and the density, for steps towards it."""

import numpy as np

from voxplore.mechanics import derived
from voxplore.mechanics.properties import CONDUCTIVITY_COLUMNS, STIFFNESS_COLUMNS
from voxplore.workflows.targets import PROPERTIES, Condition, Target

__all__ = ["residuals", "with_slopes"]

_ROWS, _COLUMNS = np.triu_indices(6)
#: Weights with which the norm of 21 numbers is that of the fourth-rank tensor.
_WEIGHTS = np.sqrt([1, 1, 1, 2, 2, 2])
_WEIGHTS = (_WEIGHTS[:, None] * _WEIGHTS * np.where(np.eye(6, dtype=bool), 1, np.sqrt(2)))[_ROWS, _COLUMNS]
#: Weight of a kept density, and by how much of its value a bound is overshot (our choices).
_KEPT, _MARGIN = 0.5, 0.02


def residuals(target: Target, stiffness: np.ndarray, density: np.ndarray, kept: float | None) -> np.ndarray:
    """Signed misses of (n, 6, 6) and densities (n,): float64 (n, m), 0 where a bound is kept by a small margin.

    kept: a density to hold. Conditions on lengths and conductivities are left out: they follow from no stiffness.
    An upper bound on the universal anisotropy, which is flat where it is least, stands as the distance of the tensor
    from the nearest isotropic one.
    """
    numbers = dict(zip(STIFFNESS_COLUMNS, stiffness[:, _ROWS, _COLUMNS].T, strict=True))
    columns = {"relative_density": density, **numbers, **derived(stiffness, density)}
    parts: list[np.ndarray] = []
    for condition in target.conditions:
        if PROPERTIES[condition.column].unit == "mm" or condition.column in CONDUCTIVITY_COLUMNS:
            continue
        if condition.column == "universal_anisotropy" and condition.relation in ("<", "<="):
            parts += list(_from_isotropy(stiffness, columns["universal_anisotropy"], condition.value).T)
        else:
            parts.append(_off(condition, columns))
    if target.stiffness is not None:
        wanted = np.reshape(target.stiffness, (6, 6))
        size = np.linalg.norm(wanted[_ROWS, _COLUMNS] * _WEIGHTS)
        parts += list(((stiffness - wanted)[:, _ROWS, _COLUMNS] * _WEIGHTS / size).T)
    if kept is not None:
        parts.append(_KEPT * (density - kept) / kept)
    return np.stack(parts, axis=1)


def _off(condition: Condition, columns: dict[str, np.ndarray]) -> np.ndarray:
    wanted = condition.wanted(columns)
    absolute = condition.value == 0 or condition.column.startswith("poisson")
    scale = np.ones_like(wanted) if absolute else np.maximum(abs(wanted), 1e-12)
    off = (np.nan_to_num(np.asarray(columns[condition.column], float), posinf=1e3) - wanted) / scale
    sign = {"<": 1, "<=": 1, ">": -1, ">=": -1}.get(condition.relation, 0)
    return off if sign == 0 else sign * np.maximum(sign * off + _MARGIN, 0)


def _from_isotropy(stiffness: np.ndarray, index: np.ndarray, most: float) -> np.ndarray:
    """The part of (n, 6, 6) that is not isotropic over its norm (n, 21), less what an index of `most` allows."""
    direct = np.einsum("nii->ni", stiffness)
    cross = stiffness[:, 0, 1] + stiffness[:, 0, 2] + stiffness[:, 1, 2]
    bulk = (direct[:, :3].sum(1) + 2 * cross) / 9
    shear = (direct[:, :3].sum(1) - cross + 3 * direct[:, 3:].sum(1)) / 15
    nearest = np.zeros_like(stiffness)
    nearest[:, :3, :3] = (bulk - 2 * shear / 3)[:, None, None]
    for axis in range(6):
        nearest[:, axis, axis] += shear * (2 if axis < 3 else 1)
    flat = stiffness[:, _ROWS, _COLUMNS] * _WEIGHTS
    off = (stiffness - nearest)[:, _ROWS, _COLUMNS] * _WEIGHTS / np.linalg.norm(flat, axis=1).clip(1e-12)[:, None]
    allowed = np.sqrt(max(most, 0) * (1 - _MARGIN) / np.maximum(index, 1e-30))  # the index goes with the square
    return off * np.maximum(1 - allowed, 0)[:, None]


def with_slopes(
    target: Target, stiffness: np.ndarray, density: float, kept: float | None
) -> tuple[np.ndarray, np.ndarray]:
    """Residuals (m,), and their slopes by the 21 numbers of the stiffness and by the density (m, 22)."""
    size = 1e-4 * float(np.abs(stiffness).max())
    steps = [(np.zeros((6, 6)), 0.0)]
    for i, j in zip(_ROWS, _COLUMNS, strict=True):
        change = np.zeros((6, 6))
        change[i, j] = change[j, i] = size
        steps += [(change, 0.0), (-change, 0.0)]
    steps += [(np.zeros((6, 6)), 1e-5), (np.zeros((6, 6)), -1e-5)]
    tensors = stiffness + np.stack([change for change, _ in steps])
    values = residuals(target, tensors, density + np.array([more for _, more in steps]), kept)
    spans = np.array([2 * size] * 21 + [2e-5])
    return values[0], ((values[1::2] - values[2::2]) / spans[:, None]).T
