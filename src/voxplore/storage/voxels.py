"""Voxels as people keep them in arrays: brought to Bool (n, d, d, d) in C order at the border, once."""

from collections.abc import Mapping

import numpy as np

from voxplore.errors import VoxploreError

__all__ = ["MAX_RESOLUTION", "checked_voxels", "chosen"]

MAX_RESOLUTION = 1024
#: Array of an .npz that `export --format npz` writes, and what stands beside it.
_OWN, _BESIDE = "voxels", frozenset({"size"})


def chosen(arrays: Mapping[str, np.ndarray], where: object, key: str | None = None) -> np.ndarray:
    """The array named `key`, or the only one; that of our own export where it is one."""
    if key is None and _OWN in arrays and set(arrays) <= {_OWN} | _BESIDE:
        key = _OWN
    if key is None and len(arrays) == 1:
        return next(iter(arrays.values()))
    if key is None or key not in arrays:
        names = ", ".join(sorted(arrays)) or "none"
        expected = "one array (`voxplore build own --key NAME` chooses)" if key is None else f"an array named {key}"
        raise VoxploreError(where, expected=expected, got=names[:200])
    return arrays[key]


def checked_voxels(voxels: np.ndarray, where: object, threshold: float | None = None) -> np.ndarray:
    """Bool (n, d, d, d), C-contiguous, from one cell (d, d, d) or n of them.

    Taken: Bool; numbers 0 and 1; numbers 0 and 255, as image stacks hold them; and with a threshold any numbers,
    solid where they exceed it. Any memory order and byte order.
    """
    voxels = np.asarray(voxels)
    shape = voxels.shape
    if len(shape) not in (3, 4) or len(set(shape[-3:])) != 1 or not 1 <= shape[-1] <= MAX_RESOLUTION:
        raise VoxploreError(where, expected="cubes (n, d, d, d) or one cube (d, d, d)", got=f"shape {shape}")
    voxels = voxels[None] if len(shape) == 3 else voxels
    if voxels.dtype == np.bool_:
        return np.ascontiguousarray(voxels)
    if voxels.dtype.kind not in "iuf":
        raise VoxploreError(where, expected="Bool or numbers", got=f"{voxels.dtype} values")
    if threshold is not None:
        if not all(np.isfinite(part).all() for part in voxels):
            raise VoxploreError(where, expected="finite numbers", got="others")
        return np.ascontiguousarray(voxels > threshold)
    full = 255 if voxels.size and voxels.max() == 255 else 1
    if not all(((part == 0) | (part == full)).all() for part in voxels):
        expected = "Bool, numbers 0 and 1, or 0 and 255 (`voxplore build own --threshold` takes others)"
        raise VoxploreError(where, expected=expected, got=f"{voxels.dtype} values")
    return np.ascontiguousarray(voxels != 0)
