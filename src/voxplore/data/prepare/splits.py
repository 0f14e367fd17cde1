"""The split by source cell, and the periodicity floor of what it holds out.

A cell and its rotated copies share one source, and all of them belong to one split: cells are split before they are
oriented, or copies of the training cells would stand among the held-out ones.
"""

from dataclasses import replace

import numpy as np

from voxplore.errors import VoxploreError
from voxplore.ranges import Seed, within
from voxplore.unitcells import UnitCells

__all__ = ["SPLIT_RULES", "periodicity_floor", "split_by_source", "with_split"]

#: Percent of the sources that go to each split. "v1" is the benchmark's; "paper" is the published 80/20.
SPLIT_RULES: dict[str, dict[str, int]] = {
    "v1": {"train": 76, "valid": 4, "test": 20},
    "paper": {"train": 80, "valid": 0, "test": 20},
}


@within
def split_by_source(source_ids: np.ndarray, seed: Seed = 0, rule: str = "v1") -> np.ndarray:
    """The split of each cell, drawn over the distinct sources: str (n,) of "train", "valid", "test".

    source_ids: (n,), any order; the draw depends on the set of sources and the seed alone.
    rule: a key of SPLIT_RULES. Counts are percent of the sources rounded half up; "train" takes the remainder.
    """
    if rule not in SPLIT_RULES:
        raise VoxploreError("split rule", expected=" or ".join(SPLIT_RULES), got=repr(rule))
    sources, row = np.unique(np.asarray(source_ids), return_inverse=True)
    count = {name: (percent * len(sources) + 50) // 100 for name, percent in SPLIT_RULES[rule].items()}
    order = np.random.default_rng(seed).permutation(len(sources))
    split = np.full(len(sources), "train", dtype="<U5")
    split[order[: count["test"]]] = "test"
    split[order[count["test"] : count["test"] + count["valid"]]] = "valid"
    return split[row.reshape(-1)]


@within
def with_split(cells: UnitCells, seed: Seed = 0, rule: str = "v1") -> UnitCells:
    """The cells with a `split` column by source (`source_id`, or `id` where there is none); nothing is copied."""
    source = cells.index.get("source_id", cells.index["id"])
    index = {**cells.index, "source_id": source, "split": split_by_source(source, seed, rule)}
    shares = ", ".join(f"{percent} % {name}" for name, percent in SPLIT_RULES[rule].items() if percent)
    about = {**cells.about, "split_rule": f"{rule}: {shares}; by source, before orientation; seed {seed}"}
    return replace(cells, index=index, about=about)


def periodicity_floor(periodicity: np.ndarray) -> float:
    """0.9 x the 10th percentile of S_per over held-out cells; periodicity: float (n,). Benchmark v1's mark of validity.

    Rounded to six digits, so that the file that holds it says exactly what is compared.
    """
    if len(periodicity) == 0:
        raise VoxploreError("periodicity floor", expected="held-out cells", got="none")
    return round(0.9 * float(np.quantile(periodicity, 0.1)), 6)
