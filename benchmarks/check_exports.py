"""Export of many cells in every format, opened again by other libraries: closed, of the right volume, the same voxels.

    python benchmarks/check_exports.py CELLS [--n N] [--out JSON]

CELLS: a folder of unit cells (generated ones are the hard case). Meshes are opened by trimesh, decks by meshio, VTI by
the XML parser of the standard library. Also: the points on opposite cut faces, which neighbouring parts share.
"""

import argparse
import base64
import io
import json
import os
import struct
import tempfile
import time
import warnings
import xml.etree.ElementTree as tree
import zlib
from importlib.metadata import version
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from voxplore import __version__, storage
from voxplore.checks import periodic_components
from voxplore.errors import VoxploreError
from voxplore.export import FORMATS, Mesh, cell_mesh, encode
from voxplore.export.meshes import MESH_WRITERS
from voxplore.unitcells import load_cells

SIZE = (10.0, 10.0, 10.0)


def open_mesh(content: bytes, format: str) -> dict[str, Any]:
    """Whether the file is closed, and the relative density that it holds."""
    import trimesh

    mesh = trimesh.load_scene(io.BytesIO(content), file_type=format).to_mesh()
    scale = 1000.0 if format == "glb" else 1.0  # glTF measures in metres
    closed = bool(mesh.is_watertight and mesh.is_winding_consistent)
    return {"closed": closed, "density": float(mesh.volume) * scale**3 / np.prod(SIZE)}


def faces_match(mesh: Mesh) -> bool:
    """Whether opposite cut faces have the same points, to the last bit."""
    for axis in range(3):
        sides = []
        for place in (0.0, SIZE[axis]):
            points = np.delete(mesh.vertices[mesh.vertices[:, axis] == place], axis, axis=1)
            sides.append(points[np.lexsort(points.T)])
        if not np.array_equal(*sides):
            return False
    return True


def open_voxels(content: bytes, format: str, d: int) -> np.ndarray:
    """The voxels that a file of voxels holds: Bool (d, d, d)."""
    if format == "npz":
        with np.load(io.BytesIO(content)) as archive:
            return archive["voxels"]
    if format == "vti":
        text = tree.fromstring(content).findtext("ImageData/Piece/CellData/DataArray") or ""
        count = struct.unpack("<Q", base64.b64decode(text[:12])[:8])[0]
        header = 4 * -(-8 * (3 + count) // 3)
        values = np.frombuffer(zlib.decompress(base64.b64decode(text[header:])), np.uint8)
        return values.reshape((d, d, d), order="F").astype(bool)
    import meshio

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"cell.{format}"
        path.write_bytes(content)
        mesh = meshio.read(path)
    corners = np.concatenate([block.data for block in mesh.cells if block.type == "hexahedron"])
    places = np.floor(mesh.points[corners].mean(axis=1) / SIZE * d).astype(int)
    voxels = np.zeros((d, d, d), bool)
    voxels[tuple(places.T)] = True
    return voxels


def bearing(voxels: np.ndarray) -> np.ndarray:
    """The solid that an Abaqus deck holds: parts that meet their own images; what floats would move freely."""
    found = periodic_components(voxels)
    return np.concatenate([[False], found.ranks > 0])[found.labels]


def check(voxels: np.ndarray) -> dict[str, dict[str, Any]]:
    """What each format makes of one cell."""
    found: dict[str, dict[str, Any]] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # the error of the density is in the result
        mesh = cell_mesh(voxels, SIZE)
    match = faces_match(mesh)
    for format in FORMATS:
        start = time.process_time()
        if format in MESH_WRITERS:
            opened = open_mesh(MESH_WRITERS[format](mesh), format)
            error = abs(opened["density"] / voxels.mean() - 1)
            found[format] = {"closed": opened["closed"], "density_error": error, "faces_match": match}
        else:
            try:
                back = open_voxels(encode(voxels, format, SIZE), format, voxels.shape[0])
                held = bearing(voxels) if format == "inp" else voxels
                found[format] = {"missing": int((held & ~back).sum()), "added": int((back & ~held).sum())}
            except VoxploreError as error:
                found[format] = {"refused": str(error)}
        found[format]["seconds"] = time.process_time() - start
    return found


def summary(rows: list[dict[str, dict[str, Any]]]) -> dict[str, Any]:
    """For each format: how many cells came back as they should, and the worst of them."""
    out: dict[str, Any] = {}
    for format in FORMATS:
        ones = [row[format] for row in rows]
        seconds = round(float(np.mean([one["seconds"] for one in ones])), 3)
        if format in MESH_WRITERS:
            errors = [one["density_error"] for one in ones]
            out[format] = {
                "closed": sum(bool(one["closed"]) for one in ones),
                "density_within_1_percent": sum(bool(error <= 0.01) for error in errors),
                "largest_density_error": float(max(errors)),
                "opposite_faces_equal": sum(one["faces_match"] for one in ones),
            }
        else:
            kept = [one for one in ones if "refused" not in one]
            out[format] = {
                "same_voxels": sum(one["missing"] == one["added"] == 0 for one in kept),
                "most_missing": max((one["missing"] for one in kept), default=0),
                "refused": [one["refused"] for one in ones if "refused" in one],
            }
        out[format]["seconds"] = seconds
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cells")
    parser.add_argument("--n", type=int, default=50)
    parser.add_argument("--out", help="also write the result to this JSON file")
    options = parser.parse_args()
    cells = load_cells(options.cells)[: options.n]
    rows = []
    for voxels in cells.voxels():
        rows.append(check(voxels))
        print(f"{len(rows)} of {len(cells)}", end="\r", flush=True)
    result = {
        "voxplore_version": __version__,
        "opened_by": {name: version(name) for name in ("trimesh", "meshio")},
        "set": str(cells.about.get("name", "cells")),
        "set_sha256": cells.sha256(),
        "cells": len(cells),
        "formats": summary(rows),
    }
    print(json.dumps(result, indent=2))
    if options.out:
        storage.write_json(options.out, result)


if __name__ == "__main__":
    main()
