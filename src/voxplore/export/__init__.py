"""Unit cells as files for printers, viewers and solvers."""

from voxplore.export.surface import Mesh, cell_mesh
from voxplore.export.write import FORMATS, encode, export, file_names

__all__ = ["FORMATS", "Mesh", "cell_mesh", "encode", "export", "file_names"]
