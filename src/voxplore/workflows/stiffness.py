"""Stiffness share of cells against that of held-out cells of equal density (benchmark v2)."""

from pathlib import Path

import numpy as np

from voxplore.mechanics.properties import properties_of
from voxplore.ranges import Count, Workers, within
from voxplore.unitcells import UnitCells

__all__ = ["stiffness_ratio"]


@within
def stiffness_ratio(
    samples: UnitCells,
    held_out: UnitCells,
    pairs: tuple[np.ndarray, np.ndarray],
    n: Count,
    cache: str | Path | None = None,
    workers: Workers | None = None,
) -> dict[str, float]:
    """`stiffness_ratio` of the first n pairs of equal density (rows of samples, rows of held_out), a stated subset.

    The mean over the samples of Young's modulus of the Hill average, as a share of its Hashin-Shtrikman upper bound,
    over the same mean of their partners. Nothing without a pair, or where the partners carry nothing. cache,
    workers: see `properties_of`.
    """
    rows, partners = (each[:n] for each in pairs)
    if len(rows) == 0:
        return {}
    shares = [
        properties_of(cells, cache, workers=workers)["young_share"] for cells in (samples[rows], held_out[partners])
    ]
    mean, other = (float(np.nan_to_num(share).mean()) for share in shares)
    return {"stiffness_ratio": mean / other} if other > 0 else {}
