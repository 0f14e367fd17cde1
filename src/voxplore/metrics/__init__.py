"""Benchmark v1: quality (Eq. 12 to 14), novelty and diversity (Eq. 15 to 17), `vun`."""

from . import neighbours
from .discovery import Discovery, vun
from .neighbours import diversity, novelty
from .quality import connectivity, periodicity, symmetry

__all__ = ["Discovery", "connectivity", "diversity", "neighbours", "novelty", "periodicity", "symmetry", "vun"]
