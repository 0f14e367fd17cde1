"""Benchmark v1: quality (Eq. 12 to 14), novelty and diversity (Eq. 15 to 17), `vun`."""

from . import neighbours
from .discovery import Discovery, vun
from .neighbours import Reference, diversity, novelty
from .quality import connectivity, periodicity, symmetry
from .scorecard import Scores, read_columns
from .scores import checked_samples, evaluate, reference_rows, score_blocks, summed
from .table import COST, COSTS, METRIC, METRICS, Cost, Metric

__all__ = [
    "COST",
    "COSTS",
    "METRIC",
    "METRICS",
    "Cost",
    "Discovery",
    "Metric",
    "Reference",
    "Scores",
    "checked_samples",
    "connectivity",
    "diversity",
    "evaluate",
    "neighbours",
    "novelty",
    "periodicity",
    "read_columns",
    "reference_rows",
    "score_blocks",
    "summed",
    "symmetry",
    "vun",
]
