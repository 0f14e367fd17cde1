"""The one table of metrics: key, label, unit and direction, read by tables and plots; and what a row cost beside it."""

from dataclasses import dataclass
from typing import Literal

__all__ = ["COST", "COSTS", "FIRST_METRICS", "METRIC", "METRICS", "SECOND_METRICS", "Cost", "Metric"]


@dataclass(frozen=True)
class Metric:
    """One number of a scored set.

    key: its name in `scores.json` and `Scores.value`. label: as printed. unit: "1" for a share or a score without
    unit. direction: which way is better, None where neither is. per_cell: a column of `scores.csv` whose mean it is.
    """

    key: str
    label: str
    unit: str
    direction: Literal["higher", "lower"] | None
    per_cell: bool
    meaning: str


#: What benchmark v1 gives.
FIRST_METRICS: tuple[Metric, ...] = (
    Metric("symmetry", "S_sym", "1", "higher", True, "central symmetry, Eq. 12"),
    Metric("periodicity", "S_per", "1", "higher", True, "agreement of opposite faces, Eq. 13"),
    Metric("connectivity", "S_con", "1", "higher", True, "largest component, periodic, Eq. 14"),
    Metric("quality", "Quality", "1", "higher", True, "mean of S_sym, S_per, S_con"),
    Metric("novelty", "S_nov", "1", "higher", True, "IoU distance to the nearest reference cell, gated, Eq. 15"),
    Metric("diversity", "S_div", "1", "higher", False, "distinct nearest reference cells, gated, Eq. 16 and 17"),
    Metric("vun", "vun", "1", "higher", False, "share that is valid, unique and novel"),
    Metric("valid", "Valid", "1", "higher", True, "connected, spanning, periodic, of plausible density"),
    Metric("unique", "Unique", "1", "higher", True, "no earlier cell of the set is equivalent"),
    Metric("novel", "Novel", "1", "higher", True, "no reference cell is equivalent"),
    Metric("connectivity_in_box", "S_con in the box", "1", "higher", True, "largest component, no periodic images"),
    Metric("novelty_ungated", "S_nov ungated", "1", "higher", True, "Eq. 15 on every cell"),
    Metric("diversity_ungated", "S_div ungated", "1", "higher", False, "Eq. 16 and 17 on every cell"),
    Metric("vendi", "Vendi", "cells", "higher", False, "effective number of different cells, by their pairwise IoU"),
    Metric("pairwise_distance", "Pair distance", "1", "higher", False, "mean IoU distance of two cells of the set"),
    Metric("novelty_opened", "S_nov opened", "1", "higher", True, "S_nov after a one-voxel opening"),
    Metric("relative_density", "Relative density", "1", None, True, "solid fraction"),
    Metric("density_distance", "W(density)", "1", "lower", False, "Wasserstein distance of densities to held-out"),
)

#: What benchmark v2 adds. "of held-out": the mean over that of held-out cells of equal density.
SECOND_METRICS: tuple[Metric, ...] = (
    Metric("vun_v2", "vun v2", "1", "higher", False, "share that is valid, unique and novel by benchmark v2"),
    Metric("valid_v2", "Valid v2", "1", "higher", True, "connected, spanning, faces that meet, symmetric as held-out"),
    Metric("unique_v2", "Unique v2", "1", "higher", True, "no earlier cell is equivalent under any shift"),
    Metric("novel_v2", "Novel v2", "1", "higher", True, "no known cell is equivalent under any shift"),
    Metric("known_iou", "IoU with known", "1", "lower", True, "largest IoU found with a known cell, any shift"),
    Metric("auc", "AUC", "1", "lower", False, "two-sample test against held-out cells; .5: cannot be told apart"),
    Metric("auc_shape", "AUC of shape", "1", "lower", False, "the same by those descriptors that no shift changes"),
    Metric("ridge_cv", "Thickness CV", "1", "lower", True, "variation of the thickness along the solid's ridge"),
    Metric("ridge_cv_ratio", "Thickness CV of held-out", "1", "lower", False, "the same over that of held-out"),
    Metric("ridge_p05", "Thin thickness", "edge", None, True, "5th percentile of the thickness on the ridge"),
    Metric("ridge_p05_ratio", "Thin thickness of held-out", "1", None, False, "the same over that of held-out"),
    Metric("thin_share", "Thin struts", "1", "lower", True, "share of the ridge thinner than half its mean"),
    Metric("curvature_spread", "Curvature spread", "1 / edge", None, True, "deviation of the mean curvature"),
    Metric("curvature_spread_ratio", "Curvature of held-out", "1", None, False, "the same over that of held-out"),
    Metric("surface", "Surface", "1 / edge", None, True, "surface area per volume of the cell"),
    Metric("surface_ratio", "Surface of held-out", "1", None, False, "the same over that of held-out"),
    Metric("stiffness_ratio", "Stiffness of held-out", "1", None, False, "stiffness share over that of held-out"),
    Metric("one_piece", "One piece", "1", "higher", True, "in one piece when cut out of its lattice"),
    Metric("faces_met", "Faces met", "1", "higher", True, "solid on a face with solid within a voxel opposite"),
    Metric("matched", "Matched", "1", "higher", False, "pairs of equal density over cells, or held-out cells if fewer"),
)

METRICS: tuple[Metric, ...] = FIRST_METRICS + SECOND_METRICS

#: The same by key.
METRIC: dict[str, Metric] = {metric.key: metric for metric in METRICS}


@dataclass(frozen=True)
class Cost:
    """What a row took, from the provenance of its samples (`about["made"]`); digits: decimals as printed."""

    key: str
    label: str
    unit: str
    digits: int
    meaning: str


COSTS: tuple[Cost, ...] = (
    Cost("parameters", "Parameters", "1", 0, "trained numbers in all networks"),
    Cost("training_seconds", "Training s", "s", 0, "of the whole training"),
    Cost("seconds_per_1000", "s per 1,000", "s", 1, "for drawing 1,000 cells"),
    Cost("steps", "Steps", "1", 0, "of the sampler, all of its stages"),
)

#: The same by key.
COST: dict[str, Cost] = {cost.key: cost for cost in COSTS}
