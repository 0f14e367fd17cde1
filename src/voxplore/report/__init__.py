"""Results as tables, plots and one page."""

from voxplore.report.figure4 import draw_figure4
from voxplore.report.page import make_report

__all__ = ["draw_figure4", "make_report"]
