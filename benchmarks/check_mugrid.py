"""Our stiffness solver beside muGrid's on the same cells, in one run: largest difference and ratio of the times.

    python benchmarks/check_mugrid.py [CELLS] [--n N] [--resolution D] [--tolerance T] [--out JSON]

CELLS: a folder of unit cells; without it, crystal nets are made. muGrid (pip install muGrid; LGPL, a check only) solves
the same trilinear elements (ours without incompatible modes) by conjugate gradients with its Fourier preconditioner,
the fastest of its own for these cells. Both run on one thread, to the same relative residual, in processor time.
"""

import argparse
import json
import os
import platform
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from voxplore import __version__, storage
from voxplore.kernels import grid_nodes
from voxplore.mechanics.element import elastic_element
from voxplore.mechanics.homogenise import homogenise
from voxplore.unitcells import load_cells

VOIGT = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))


def mugrid_stiffness(voxels: np.ndarray, tolerance: float = 1e-5, poisson: float = 0.3) -> np.ndarray:
    """Effective stiffness (6, 6) of Bool (d, d, d), Young's modulus 1, by muGrid."""
    import muGrid
    from muGrid.Preconditioners import make_reference_stiffness_preconditioner
    from muGrid.Solvers import conjugate_gradients

    edges = [1 / d for d in voxels.shape]
    engine = muGrid.FFTEngine(voxels.shape, muGrid.Communicator(), (1,) * 3, (1,) * 3)
    first, shear = engine.real_space_field("first"), engine.real_space_field("shear")
    moduli = (poisson / ((1 + poisson) * (1 - 2 * poisson)), 1 / (2 * (1 + poisson)))
    for field, modulus in zip((first, shear), moduli, strict=True):
        field.p[...] = modulus * voxels.reshape(field.p.shape)
        engine.communicate_ghosts(field)
    operator = muGrid.IsotropicStiffnessOperator3D(edges)
    u, load = engine.real_space_field("u", (3,)), engine.real_space_field("load", (3,))
    reference = {"lambda_ref": moduli[0], "mu_ref": moduli[1]}
    fourier = make_reference_stiffness_preconditioner(
        engine, element=muGrid.FEMElement.q1, grid_spacing=edges, **reference
    )

    def product(x: Any, out: Any) -> None:
        engine.communicate_ghosts(x)
        operator.apply(x, first, shear, out)

    stiffness = np.zeros((6, 6))
    for column, (i, j) in enumerate(VOIGT):
        strain = np.zeros((3, 3))
        strain[i, j] += 0.5
        strain[j, i] += 0.5
        operator.apply_macro_rhs(first, shear, strain.ravel(), load)
        load.p[...] *= -1
        u.set_zero()
        if np.abs(load.p).max() > 1e-13:
            space = engine.real_space_collection
            conjugate_gradients(
                engine.communicator, space, load, u, product, prec=fourier, rtol=tolerance, maxiter=5000
            )
        engine.communicate_ghosts(u)
        stress = np.reshape(operator.average_stress(u, first, shear, strain.ravel()), (3, 3))
        stiffness[:, column] = [stress[pair] for pair in VOIGT]
    return stiffness


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cells", nargs="?")
    parser.add_argument("--n", type=int, default=20)
    parser.add_argument("--resolution", type=int, default=48)
    parser.add_argument("--tolerance", type=float, default=1e-5)
    parser.add_argument("--out", help="also write the result to this JSON file")
    options = parser.parse_args()
    if options.cells:
        cells = load_cells(options.cells)
    else:
        from voxplore.data.synthetic.nets import build_nets

        cells = build_nets(options.n, resolution=options.resolution, workers=1)
    rows = np.linspace(0, len(cells) - 1, min(options.n, len(cells))).astype(int)
    element = elastic_element(0.3).without_modes()
    homogenise(cells[rows[0] : rows[0] + 1].voxels()[0], element, 0.1)  # compile
    error, ours, theirs = [], [], []
    for voxels in cells[rows].voxels():
        if len(np.unique(places := grid_nodes(voxels).places)) < len(places):
            print("left out: parts meet by an edge or a corner, which joins them in muGrid")
            continue
        start = time.process_time()
        mine = homogenise(voxels, element, options.tolerance).tensor
        middle = time.process_time()
        other = mugrid_stiffness(voxels, options.tolerance)
        ours.append(middle - start)
        theirs.append(time.process_time() - middle)
        error.append(float(abs(mine - other).max() / abs(other).max()))
        print(f"difference {error[-1]:.1e}, {ours[-1]:.2f} s against {theirs[-1]:.2f} s", flush=True)
    ratio = np.array(theirs) / np.array(ours)
    result = {
        "voxplore_version": __version__,
        "peer": f"muGrid {version('muGrid')}",
        "hardware": f"{_processor()}, one thread",
        "set": str(cells.about.get("name", "cells")),
        "set_sha256": cells.sha256(),
        "cells": len(ours),
        "resolution": cells.resolution,
        "tolerance": options.tolerance,
        "largest_difference": max(error),
        "seconds_ours": float(np.mean(ours)),
        "seconds_peer": float(np.mean(theirs)),
        "ratio_median": float(np.median(ratio)),
        "ratio_smallest": float(ratio.min()),
    }
    print(json.dumps(result, indent=2))
    if options.out:
        storage.write_json(options.out, result)


def _processor() -> str:
    """The processor's name as Linux tells it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


if __name__ == "__main__":
    main()
