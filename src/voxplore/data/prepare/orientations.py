"""The six orientations of the paper, made of cells that are split already (see `splits`)."""

import numpy as np

from voxplore import geometry
from voxplore.errors import VoxploreError
from voxplore.unitcells import UnitCells, pack

__all__ = ["orient_cells"]

_BATCH = 1024  # 113 MB of voxels at 48^3


def orient_cells(cells: UnitCells, orientations: int = 1) -> UnitCells:
    """The cells in the first 1 or in all 6 orientations of the paper (`geometry.ORIENTATIONS`).

    Row k n + i is cell i in orientation k; `id` gains the suffix "-ok", `orientation` holds k, and lengths and angles
    follow the axes. Works in batches of packed rows, so six orientations of n cells need little more than the result.
    Raises VoxploreError for cells that were oriented before.
    """
    n = len(cells)
    if orientations not in (1, len(geometry.ORIENTATIONS)):
        raise VoxploreError("orientations", expected=f"1 or {len(geometry.ORIENTATIONS)}", got=str(orientations))
    if np.any(cells.index.get("orientation", 0)):
        raise VoxploreError("orientations", expected="cells as they were built", got="cells oriented before")
    packed = np.empty((orientations * n, cells.packed.shape[1]), dtype=np.uint8)
    packed[:n] = cells.packed
    if orientations > 1:
        for start, batch in zip(range(0, n, _BATCH), cells.batches(_BATCH), strict=True):
            for k in range(1, orientations):
                packed[k * n + start : k * n + start + len(batch)] = pack(geometry.orient(batch, k))
    parts = [_oriented_index(cells.index, k, n, suffix=orientations > 1) for k in range(orientations)]
    index = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return UnitCells(packed, cells.resolution, index, {**cells.about, "orientations": orientations})


def _oriented_index(index: dict[str, np.ndarray], k: int, n: int, suffix: bool) -> dict[str, np.ndarray]:
    """The columns of n cells in orientation k. New axis j is old axis axes[j], so lengths move with their axes."""
    axes, flips = geometry.ORIENTATIONS[k]
    ids = np.asarray(index["id"])
    columns = {**index, "id": np.char.add(ids, f"-o{k}") if suffix else ids}
    columns.setdefault("source_id", ids)
    columns["orientation"] = np.full(n, k, dtype=np.int64)
    for names in (("lx", "ly", "lz"), ("a", "b", "c")):
        if all(name in index for name in names):
            columns.update({new: index[names[axis]] for new, axis in zip(names, axes, strict=True)})
    angles = ("alpha", "beta", "gamma")
    if all(name in index for name in angles):
        for j, axis in enumerate(axes):
            # An angle lies between the two other axes; turning one of the two round makes it 180 degrees minus it.
            first, second = (flips[other] for other in range(3) if other != j)
            value = index[angles[axis]]
            columns[angles[j]] = 180.0 - value if first != second else value
    return columns
