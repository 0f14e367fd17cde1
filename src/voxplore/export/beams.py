"""Struts as a 3MF beam lattice (3MF Beam Lattice Extension 1.2): beams with round ends, for slicers that know them."""

import io
from xml.sax.saxutils import quoteattr

import numpy as np

from voxplore.export.meshes import three_mf_archive

__all__ = ["beam_lattice"]


def beam_lattice(nodes: np.ndarray, bars: np.ndarray, radius: float, name: str = "unit cell") -> bytes:
    """A 3MF file with one beam lattice: nodes float64 (m, 3), radius (both in mm), bars int (k, 2) of nodes."""
    text = io.StringIO()
    text.write(
        '<?xml version="1.0" encoding="UTF-8"?>\n<model unit="millimeter" xml:lang="en-US" '
        'xmlns="http://schemas.microsoft.com/3dmanufacturing/core/2015/02" '
        'xmlns:b="http://schemas.microsoft.com/3dmanufacturing/beamlattice/2017/02" requiredextensions="b">\n'
        f'<resources><object id="1" type="model" name={quoteattr(name)}><mesh><vertices>\n'
    )
    np.savetxt(text, nodes, fmt='<vertex x="%.9g" y="%.9g" z="%.9g"/>')
    text.write(
        f'</vertices><triangles></triangles><b:beamlattice radius="{radius:.9g}" minlength="0.0001" cap="sphere">'
    )
    text.write("<b:beams>\n")
    np.savetxt(text, bars, fmt='<b:beam v1="%d" v2="%d"/>')
    text.write("</b:beams></b:beamlattice></mesh></object></resources>")
    text.write('<build><item objectid="1"/></build></model>\n')
    return three_mf_archive(text.getvalue())
