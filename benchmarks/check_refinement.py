"""How far the stiffness of cells is from that of the same voxels cut in eight, and whether the stated error covers it.

    python benchmarks/check_refinement.py CELLS [--n N] [--tolerance T]

For each cell: time at its own resolution, C11 to C33 and the whole tensor (Frobenius norm) against the finer mesh, and
`stiffness_error` of `voxplore properties`. The finer mesh has eight times the elements and takes some 10 s a cell.
"""

import argparse
import time

import numpy as np

from voxplore.mechanics.element import elastic_element
from voxplore.mechanics.homogenise import homogenise
from voxplore.mechanics.properties import stiffness_error
from voxplore.unitcells import load_cells


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cells")
    parser.add_argument("--n", type=int, default=20)
    parser.add_argument("--tolerance", type=float, default=1e-3)
    options = parser.parse_args()
    rows = []
    for voxels in load_cells(options.cells)[: options.n].voxels():
        start = time.process_time()
        coarse = homogenise(voxels, elastic_element(0.3), options.tolerance)
        seconds = time.process_time() - start
        finer = voxels.repeat(2, 0).repeat(2, 1).repeat(2, 2)
        fine = homogenise(finer, elastic_element(0.3), options.tolerance).tensor
        along = np.diag(coarse.tensor)[:3].sum() / np.diag(fine)[:3].sum() - 1
        whole = float(np.linalg.norm(coarse.tensor - fine) / np.linalg.norm(coarse.tensor))
        rows.append((along, whole, stiffness_error(coarse), seconds))
        print("C11 to C33 {:+.3f}, tensor {:.3f}, stated {:.3f}, {:.2f} s".format(*rows[-1]), flush=True)
    along, whole, stated, seconds = np.median(rows, axis=0)
    covered = sum(row[2] >= row[1] for row in rows)
    print(f"median: C11 to C33 {along:+.3f}, tensor {whole:.3f}, stated {stated:.3f}, {seconds:.2f} s")
    print(f"the stated error covers {covered} of {len(rows)}")


if __name__ == "__main__":
    main()
