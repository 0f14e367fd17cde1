"""How far the stiffness of cells is from that of the same voxels cut in eight, and whether the stated error covers it.

    python benchmarks/check_refinement.py CELLS [--n N] [--tolerance T]

For each cell: time at its own resolution, the whole tensor (Frobenius norm) against the finer mesh beside
`stiffness_error` of `voxplore properties`, and the same of what is foretold for the finer mesh (`finer_C11` ...,
`finer_error`). The finer mesh has eight times the elements and takes some 10 s a cell.
"""

import argparse
import time

import numpy as np

from voxplore.kernels import carrying
from voxplore.mechanics.element import elastic_element
from voxplore.mechanics.finer import finer_stiffness, stair_faces
from voxplore.mechanics.homogenise import homogenise
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
        foretold, error, left = (
            one[0]
            for one in finer_stiffness(
                coarse.tensor[None], coarse.bound[None], np.array([stair_faces(carrying(voxels))])
            )
        )
        size = np.linalg.norm(coarse.tensor)
        gaps = [float(np.linalg.norm(tensor - fine) / size) for tensor in (coarse.tensor, foretold)]
        rows.append((gaps[0], float(error), gaps[1], float(left), seconds))
        print("off by {:.4f}, stated {:.4f}; foretold {:.4f}, stated {:.4f}; {:.2f} s".format(*rows[-1]), flush=True)
    off, stated, foretold, left, seconds = np.median(rows, axis=0)
    print(f"median: off by {off:.4f}, stated {stated:.4f}; foretold {foretold:.4f}, stated {left:.4f}; {seconds:.2f} s")
    covered = [sum(row[k + 1] >= row[k] for row in rows) for k in (0, 2)]
    print(f"of {len(rows)} cells, the stated error covers {covered[0]}, and of what is foretold {covered[1]}")


if __name__ == "__main__":
    main()
