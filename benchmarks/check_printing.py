"""Parts as slicers and readers of 3MF take them: one watertight body, no repair, at tile 1 and 3.

    python benchmarks/check_printing.py CELLS [--n N] [--programs K] [--tiles 1 3] [--out JSON]

CELLS: a folder of unit cells. The first N parts are judged here: every edge has two facets, one surface encloses solid,
and the volume is that of the kept voxels within 1 %, at one cell and at 3 x 3 x 3 (--tiles). The first K are also given
to programs from elsewhere, where they are there: admesh and PrusaSlicer read the STL (Debian: apt-get install admesh
prusa-slicer) and have to find nothing to repair, lib3mf (pip install lib3mf) reads the 3MF in strict mode without
a warning.
"""

import argparse
import importlib.util
import json
import os
import re
import shutil
import subprocess
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from scipy import sparse

from voxplore import __version__, storage
from voxplore.export import Mesh, cell_mesh
from voxplore.export.meshes import MESH_WRITERS
from voxplore.kernels import bodies
from voxplore.unitcells import load_cells

SIZE = (10.0, 10.0, 10.0)
#: What admesh counts as repaired.
REPAIRS = ("Degenerate facets", "Edges fixed", "Facets removed", "Facets added", "Facets reversed", "Backwards edges")


def admesh(folder: Path) -> str:
    """What it finds to repair, "" for nothing."""
    told = subprocess.run(
        ["admesh", "part.stl"], cwd=folder, capture_output=True, encoding="utf-8", errors="replace", timeout=300
    ).stdout
    counts = {name: int(found[1]) for name in REPAIRS if (found := re.search(rf"{name}\s*:\s*(\d+)", told))}
    if len(counts) < len(REPAIRS):
        return f"its report was not understood: {told[-200:]}"
    parts = re.search(r"Number of parts\s*:\s*(\d+)", told)
    counts["parts beyond one"] = int(parts[1]) - 1 if parts else 0
    return ", ".join(f"{name} {count}" for name, count in counts.items() if count)


def prusa_slicer(folder: Path) -> str:
    """What it finds wrong, "" for nothing."""
    command = ["prusa-slicer", "--info", "part.stl"]
    told = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600).stdout
    found = dict(re.findall(r"^(\w+) = (.*)$", told, flags=re.M))
    if "manifold" not in found:
        return f"its report was not understood: {told[-200:]}"
    repairs = {
        name: found[name] for name in found if name.endswith(("_fixed", "_removed", "_reversed", "backwards_edges"))
    }
    wrong = [f"{name} {count}" for name, count in repairs.items() if count.strip() not in ("0", "")]
    return ", ".join((["not manifold"] if found["manifold"].strip() != "yes" else []) + wrong)


def lib3mf(folder: Path) -> str:
    """Its errors and warnings in strict mode, "" for none."""
    import lib3mf  # pyright: ignore[reportMissingImports]

    model = lib3mf.get_wrapper().CreateModel()
    reader = model.QueryReader("3mf")
    reader.SetStrictModeActive(True)
    try:
        reader.ReadFromFile(str(folder / "part.3mf"))
    except Exception as error:  # its own class, made at run time
        return str(error)
    told = [str(reader.GetWarning(k)) for k in range(reader.GetWarningCount())]
    objects = model.GetMeshObjects()
    while objects.MoveNext():
        mesh = objects.GetCurrentMeshObject()
        if not mesh.IsManifoldAndOriented():
            told.append("not manifold and oriented")
    return "; ".join(told)


PROGRAMS: dict[str, tuple[Callable[[Path], str], bool]] = {
    "admesh": (admesh, shutil.which("admesh") is not None),
    "prusa-slicer": (prusa_slicer, shutil.which("prusa-slicer") is not None),
    "lib3mf": (lib3mf, importlib.util.find_spec("lib3mf") is not None),
}


def bodies_of(mesh: Mesh) -> tuple[bool, int]:
    """Whether every edge has two facets that run along it in opposite ways; surfaces that enclose solid."""
    ways = mesh.faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2)
    size = len(mesh.vertices)
    key, back = ways[:, 0].astype(np.int64) * size + ways[:, 1], ways[:, 1].astype(np.int64) * size + ways[:, 0]
    closed = len(np.unique(key)) == len(key) and np.array_equal(np.sort(key), np.sort(back))
    graph = sparse.coo_matrix((np.ones(len(ways)), ways.T), (size, size))
    label = sparse.csgraph.connected_components(graph, directed=False)[1][mesh.faces[:, 0]]
    a, b, c = (mesh.vertices[mesh.faces[:, k]] for k in range(3))
    return closed, int((np.bincount(label, np.einsum("ij,ij->i", a, np.cross(b, c))) > 0).sum())


def part(voxels: np.ndarray, tile: int) -> tuple[Mesh, list[str]]:
    """The mesh that is exported, and what is wrong with it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # the volume is judged here
        mesh = cell_mesh(voxels, SIZE, (tile, tile, tile))
    closed, count = bodies_of(mesh)
    kept = bodies(np.tile(voxels, (tile, tile, tile))).largest.sum() / voxels.size * np.prod(SIZE)
    wrong = [] if closed else ["not watertight"]
    wrong += [] if count == 1 else [f"{count} bodies"]
    miss = mesh.volume() / kept - 1
    return mesh, wrong + ([] if abs(miss) <= 0.01 else [f"volume off by {miss:+.1%}"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cells")
    parser.add_argument("--n", type=int, default=64)
    parser.add_argument("--programs", type=int, default=16, help="parts that other programs read")
    parser.add_argument("--tiles", type=int, nargs="+", default=[1, 3], help="cells along each edge of the parts")
    parser.add_argument("--out", help="also write the result to this JSON file")
    options = parser.parse_args()
    cells = load_cells(options.cells)[: options.n]
    wrong: dict[str, list[str]] = {f"tile {tile}": [] for tile in options.tiles}
    found: dict[str, list[str]] = {name: [] for name, (_, there) in PROGRAMS.items() if there}
    for name, (_, there) in PROGRAMS.items():
        if not there:
            print(f"{name} is not installed: its check is left out")
    for row, voxels in enumerate(cells.voxels()):
        for tile in options.tiles:
            mesh, reasons = part(voxels, tile)
            wrong[f"tile {tile}"] += [f"cell {row}: {'; '.join(reasons)}"] if reasons else []
            if tile == 1 and row < options.programs:
                with tempfile.TemporaryDirectory() as folder:
                    for format in ("stl", "3mf"):
                        (Path(folder) / f"part.{format}").write_bytes(MESH_WRITERS[format](mesh))
                    for name in found:
                        reason = PROGRAMS[name][0](Path(folder))
                        found[name] += [f"cell {row}: {reason}"] if reason else []
        print(f"{row + 1} of {len(cells)}", end="\r", flush=True)
    read = min(options.programs, len(cells))
    result = {
        "voxplore_version": __version__,
        "set_sha256": cells.sha256(),
        "cells": len(cells),
        "one_watertight_body_of_the_right_volume": {tile: len(cells) - len(rows) for tile, rows in wrong.items()},
        "wrong": wrong,
        "read_by_others": {name: f"{read - len(rows)} of {read} without repair" for name, rows in found.items()},
        "found_by_others": found,
        "absent": [name for name, (_, there) in PROGRAMS.items() if not there],
    }
    print(json.dumps(result, indent=2))
    if options.out:
        storage.write_json(options.out, result)


if __name__ == "__main__":
    main()
