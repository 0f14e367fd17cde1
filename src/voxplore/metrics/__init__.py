"""Benchmark v1: quality (Eq. 12 to 14), novelty and diversity (Eq. 15 to 17)."""

from . import neighbours
from .neighbours import diversity, novelty
from .quality import connectivity, periodicity, symmetry

__all__ = ["connectivity", "diversity", "neighbours", "novelty", "periodicity", "symmetry"]
