"""Unit cells as files for printers, viewers and solvers."""

from voxplore.export.decks import CASES, Material
from voxplore.export.surface import Mesh, cell_mesh
from voxplore.export.write import FORMATS, encode, export, file_names

__all__ = ["CASES", "FORMATS", "Material", "Mesh", "cell_mesh", "encode", "export", "file_names"]
