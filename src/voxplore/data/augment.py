"""The split by source cell, then the six orientations.

The order matters: a cell and its rotated copies share one source, and all of them belong to one split. A split drawn
after orientation would put copies of the training cells among the held-out ones.
"""

from dataclasses import replace

import numpy as np

from voxplore import geometry
from voxplore.errors import VoxploreError
from voxplore.unitcells import UnitCells, pack

__all__ = ["SPLIT_RULES", "finish_build", "orient_cells", "periodicity_floor", "split_by_source", "with_split"]

#: Percent of the sources that go to each split. "v1" is the benchmark's; "paper" is the published 80/20.
SPLIT_RULES: dict[str, dict[str, int]] = {
    "v1": {"train": 76, "valid": 4, "test": 20},
    "paper": {"train": 80, "valid": 0, "test": 20},
}
_BATCH = 1024  # 113 MB of voxels at 48^3


def split_by_source(source_ids: np.ndarray, seed: int = 0, rule: str = "v1") -> np.ndarray:
    """The split of each cell, drawn over the distinct sources: str (n,) of "train", "valid", "test".

    source_ids: (n,), any order; the draw depends on the set of sources and the seed alone.
    rule: a key of SPLIT_RULES. Counts are percent of the sources rounded half up; "train" takes the remainder.
    """
    if rule not in SPLIT_RULES:
        raise VoxploreError("split rule", expected=" or ".join(SPLIT_RULES), came=repr(rule))
    sources, row = np.unique(np.asarray(source_ids), return_inverse=True)
    count = {name: (percent * len(sources) + 50) // 100 for name, percent in SPLIT_RULES[rule].items()}
    order = np.random.default_rng(seed).permutation(len(sources))
    split = np.full(len(sources), "train", dtype="<U5")
    split[order[: count["test"]]] = "test"
    split[order[count["test"] : count["test"] + count["valid"]]] = "valid"
    return split[row.reshape(-1)]


def with_split(cells: UnitCells, seed: int = 0, rule: str = "v1") -> UnitCells:
    """The cells with a `split` column by source (`source_id`, or `id` where there is none); nothing is copied."""
    source = cells.index.get("source_id", cells.index["id"])
    index = {**cells.index, "source_id": source, "split": split_by_source(source, seed, rule)}
    shares = ", ".join(f"{percent} % {name}" for name, percent in SPLIT_RULES[rule].items() if percent)
    about = {**cells.about, "split_rule": f"{rule}: {shares}; by source, before orientation; seed {seed}"}
    return replace(cells, index=index, about=about)


def orient_cells(cells: UnitCells, orientations: int = 1) -> UnitCells:
    """The cells in the first 1 or in all 6 orientations of the paper (`geometry.ORIENTATIONS`).

    Row k n + i is cell i in orientation k; `id` gains the suffix "-ok", `orientation` holds k, and lengths and angles
    follow the axes. Works in batches of packed rows, so six orientations of n cells need little more than the result.
    Raises VoxploreError for cells that were oriented before.
    """
    n = len(cells)
    if orientations not in (1, len(geometry.ORIENTATIONS)):
        raise VoxploreError("orientations", expected=f"1 or {len(geometry.ORIENTATIONS)}", came=str(orientations))
    if np.any(cells.index.get("orientation", 0)):
        raise VoxploreError("orientations", expected="cells as they were built", came="cells oriented before")
    packed = np.empty((orientations * n, cells.packed.shape[1]), dtype=np.uint8)
    packed[:n] = cells.packed
    if orientations > 1:
        for start, batch in zip(range(0, n, _BATCH), cells.batches(_BATCH), strict=True):
            for k in range(1, orientations):
                packed[k * n + start : k * n + start + len(batch)] = pack(geometry.orient(batch, k))
    parts = [_oriented_index(cells.index, k, n, suffix=orientations > 1) for k in range(orientations)]
    index = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return UnitCells(packed, cells.resolution, index, {**cells.about, "orientations": orientations})


def finish_build(cells: UnitCells, seed: int = 0, rule: str = "v1", orientations: int = 1) -> UnitCells:
    """What every build ends with: the split by source, then the orientations. The caller adds `periodicity_floor`."""
    return orient_cells(with_split(cells, seed, rule), orientations)


def periodicity_floor(periodicity: np.ndarray) -> float:
    """0.9 x the 10th percentile of S_per over held-out cells; periodicity: float (n,). Benchmark v1's mark of validity.

    Rounded to six digits, so that the file that holds it says exactly what is compared.
    """
    if len(periodicity) == 0:
        raise VoxploreError("periodicity floor", expected="held-out cells", came="none")
    return round(0.9 * float(np.quantile(periodicity, 0.1)), 6)


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
