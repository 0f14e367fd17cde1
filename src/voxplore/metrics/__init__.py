"""Benchmark v1: quality (Eq. 12 to 14), novelty and diversity (Eq. 15 to 17), `vun`; v2: fidelity and newness too."""

from . import neighbours
from .definitions import COST, COSTS, METRIC, METRICS, Cost, Metric
from .discovery import VunResult, vun
from .fidelity import Fidelity, HeldOut, fidelity
from .neighbours import Reference, diversity, novelty
from .novelty_parts import novelty_parts
from .quality import connectivity, periodicity, symmetry
from .scorecard import Scores, read_columns
from .scores import check_benchmark, checked_samples, evaluate, reference_cells, reference_rows, score_blocks, summed
from .second import Second, vun_v2

__all__ = [
    "COST",
    "COSTS",
    "METRIC",
    "METRICS",
    "Cost",
    "Fidelity",
    "HeldOut",
    "Metric",
    "Reference",
    "Scores",
    "Second",
    "VunResult",
    "check_benchmark",
    "checked_samples",
    "connectivity",
    "diversity",
    "evaluate",
    "fidelity",
    "neighbours",
    "novelty",
    "novelty_parts",
    "periodicity",
    "read_columns",
    "reference_cells",
    "reference_rows",
    "score_blocks",
    "summed",
    "symmetry",
    "vun",
    "vun_v2",
]
