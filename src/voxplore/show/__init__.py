"""Pictures and pages that show unit cells."""

from voxplore.show.picture import render, render_graph, render_lattice

__all__ = ["render", "render_graph", "render_lattice"]
