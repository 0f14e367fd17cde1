"""Triangle meshes as files: STL, PLY, OBJ, 3MF, GLB. Each writer turns a mesh in millimetres into the file's bytes."""

import io
import json
import struct
import zipfile
from xml.sax.saxutils import quoteattr

import numpy as np

from voxplore.export.surface import Mesh

__all__ = ["MESH_WRITERS", "glb", "obj", "ply", "stl", "three_mf", "three_mf_archive"]


def stl(mesh: Mesh) -> bytes:
    """Binary STL. The format has no unit; printers take millimetres."""
    corners = mesh.vertices[mesh.faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-300)
    records = np.zeros(len(mesh.faces), np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("spare", "<u2")]))
    records["normal"], records["corners"] = normals, corners
    return b"voxplore unit cell, millimetres".ljust(80) + struct.pack("<I", len(records)) + records.tobytes()


def ply(mesh: Mesh) -> bytes:
    """Binary PLY with coordinates in double precision."""
    header = (
        "ply\nformat binary_little_endian 1.0\ncomment voxplore unit cell, millimetres\n"
        f"element vertex {len(mesh.vertices)}\nproperty double x\nproperty double y\nproperty double z\n"
        f"element face {len(mesh.faces)}\nproperty list uchar int vertex_indices\nend_header\n"
    )
    faces = np.zeros(len(mesh.faces), np.dtype([("count", "u1"), ("corners", "<i4", 3)]))
    faces["count"], faces["corners"] = 3, mesh.faces
    return header.encode("ascii") + mesh.vertices.astype("<f8").tobytes() + faces.tobytes()


def obj(mesh: Mesh) -> bytes:
    """Wavefront OBJ."""
    text = io.StringIO()
    text.write("# voxplore unit cell, millimetres\n")
    np.savetxt(text, mesh.vertices, fmt="v %.9g %.9g %.9g")
    np.savetxt(text, mesh.faces + 1, fmt="f %d %d %d")
    return text.getvalue().encode("ascii")


_TYPES = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="model" ContentType="application/vnd.ms-package.3dmanufacturing-3dmodel+xml"/></Types>'
)
_RELATIONS = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    '<Relationship Target="/3D/3dmodel.model" Id="rel0" '
    'Type="http://schemas.microsoft.com/3dmanufacturing/2013/01/3dmodel"/></Relationships>'
)


def three_mf(mesh: Mesh, name: str = "unit cell") -> bytes:
    """3MF (core specification 1.x): a zip archive with one object, in millimetres."""
    text = io.StringIO()
    text.write(
        '<?xml version="1.0" encoding="UTF-8"?>\n<model unit="millimeter" xml:lang="en-US" '
        'xmlns="http://schemas.microsoft.com/3dmanufacturing/core/2015/02">\n'
        f'<resources><object id="1" type="model" name={quoteattr(name)}><mesh><vertices>\n'
    )
    np.savetxt(text, mesh.vertices, fmt='<vertex x="%.9g" y="%.9g" z="%.9g"/>')
    text.write("</vertices><triangles>\n")
    np.savetxt(text, mesh.faces, fmt='<triangle v1="%d" v2="%d" v3="%d"/>')
    text.write('</triangles></mesh></object></resources><build><item objectid="1"/></build></model>\n')
    return three_mf_archive(text.getvalue())


def three_mf_archive(model: str) -> bytes:
    """The zip archive of a 3MF file around its model part."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for name, content in (
            ("[Content_Types].xml", _TYPES),
            ("_rels/.rels", _RELATIONS),
            ("3D/3dmodel.model", model),
        ):
            # A fixed date: the same cell always gives the same file.
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return out.getvalue()


#: glTF measures in metres and has y up: one node turns and scales the part, whose own numbers stay in millimetres.
_TO_GLTF = [0.001, 0, 0, 0, 0, 0, -0.001, 0, 0, 0.001, 0, 0, 0, 0, 0, 1]


def glb(mesh: Mesh) -> bytes:
    """Binary glTF 2.0, flat shaded."""
    points, faces = mesh.vertices.astype("<f4"), mesh.faces.astype("<u4")
    material = {"baseColorFactor": [0.13, 0.33, 0.60, 1], "metallicFactor": 0, "roughnessFactor": 0.7}
    document = {
        "asset": {"version": "2.0", "generator": "voxplore"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0, "matrix": _TO_GLTF}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}, "indices": 1, "material": 0}]}],
        "materials": [{"pbrMetallicRoughness": material}],
        "accessors": [
            {
                "bufferView": 0,
                "componentType": 5126,
                "count": len(points),
                "type": "VEC3",
                "min": points.min(0).tolist(),
                "max": points.max(0).tolist(),
            },
            {"bufferView": 1, "componentType": 5125, "count": faces.size, "type": "SCALAR"},
        ],
        "bufferViews": [
            {"buffer": 0, "byteOffset": 0, "byteLength": points.nbytes, "target": 34962},
            {"buffer": 0, "byteOffset": points.nbytes, "byteLength": faces.nbytes, "target": 34963},
        ],
        "buffers": [{"byteLength": points.nbytes + faces.nbytes}],
    }
    text = json.dumps(document, separators=(",", ":")).encode("ascii")
    text += b" " * (-len(text) % 4)
    binary = points.tobytes() + faces.tobytes()  # both are whole numbers of four bytes
    chunks = struct.pack("<II", len(text), 0x4E4F534A) + text + struct.pack("<II", len(binary), 0x004E4942) + binary
    return struct.pack("<III", 0x46546C67, 2, 12 + len(chunks)) + chunks


MESH_WRITERS = {"stl": stl, "ply": ply, "obj": obj, "3mf": three_mf, "glb": glb}
