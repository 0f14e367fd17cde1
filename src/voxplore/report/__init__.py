"""Results as tables, plots and one page; latent maps; Figure 4."""

from voxplore.report.curve import curves_of, draw_curve
from voxplore.report.figure4 import draw_figure4
from voxplore.report.latents import draw_latents
from voxplore.report.page import make_report

__all__ = ["curves_of", "draw_curve", "draw_figure4", "draw_latents", "make_report"]
