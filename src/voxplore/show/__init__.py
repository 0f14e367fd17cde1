"""Pictures and pages that show unit cells."""

from voxplore.show.directional import render_directional
from voxplore.show.gallery import Plot, gallery
from voxplore.show.notebook import html_of
from voxplore.show.picture import render, render_graph, render_lattice

__all__ = ["Plot", "gallery", "html_of", "render", "render_directional", "render_graph", "render_lattice"]
