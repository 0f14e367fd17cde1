"""Benchmark v1: quality (Eq. 12 to 14), novelty and diversity (Eq. 15 to 17), `vun`."""

from . import neighbours
from .discovery import Discovery, vun
from .neighbours import Reference, diversity, novelty
from .quality import connectivity, periodicity, symmetry
from .scorecard import Scores
from .scores import evaluate, reference_rows
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
    "connectivity",
    "diversity",
    "evaluate",
    "neighbours",
    "novelty",
    "periodicity",
    "reference_rows",
    "symmetry",
    "vun",
]
