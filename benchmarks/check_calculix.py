"""C11 of one cell by CalculiX (`ccx`) from our `.inp`, beside C11 by `voxplore.mechanics`.

    python benchmarks/check_calculix.py [CELLS] [--row N]

CELLS: a folder of unit cells; without it, a body-centred truss of 24^3 voxels. Debian: apt-get install calculix-ccx.
The deck prescribes a strain of 0.001 along x; the mean stress over the cell is C11 times that. CalculiX prints no
reaction of the reference nodes, so the stresses at its integration points (equal volumes) are averaged.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from voxplore import load_cells
from voxplore.export import encode
from voxplore.mechanics.elasticity import effective_stiffness

SIZE = 10.0
STRAIN = 1e-3


def body_centred_truss(d: int = 24, radius: float = 0.09) -> np.ndarray:
    """Struts from the centre of the cell to its corners: Bool (d, d, d)."""
    x, y, z = np.abs((np.indices((d, d, d)) + 0.5) / d - 0.5)
    mean = (x + y + z) / 3
    return (x - mean) ** 2 + (y - mean) ** 2 + (z - mean) ** 2 < radius**2


def calculix_c11(voxels: np.ndarray) -> float:
    """C11 in units of the solid's Young's modulus, for the solid that spans the cell."""
    deck = encode(voxels, "inp", (SIZE, SIZE, SIZE), case="xx").decode()
    with tempfile.TemporaryDirectory() as folder:
        ordered = deck.replace("*END STEP", "*EL PRINT, ELSET=SOLID\nS\n*END STEP")
        (Path(folder) / "cell.inp").write_text(ordered)
        run = subprocess.run(["ccx", "-i", "cell"], cwd=folder, capture_output=True, text=True, timeout=1800)
        printed = Path(folder) / "cell.dat"
        if run.returncode or not printed.exists():
            raise RuntimeError(run.stdout[-2000:])
        rows = [line.split() for line in printed.read_text().split("stresses")[1].splitlines()[1:]]
    stress = np.array([row[2] for row in rows if len(row) == 8], float)
    return float(stress.sum() / 8 / voxels.size / STRAIN)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cells", nargs="?")
    parser.add_argument("--row", type=int, default=0)
    options = parser.parse_args()
    if not shutil.which("ccx"):
        print("ccx is not installed (Debian: apt-get install calculix-ccx)")
        return 2
    voxels = load_cells(options.cells)[[options.row]].voxels()[0] if options.cells else body_centred_truss()
    start = time.perf_counter()
    ours = float(effective_stiffness(voxels)[0, 0])
    middle = time.perf_counter()
    theirs = calculix_c11(voxels)
    end = time.perf_counter()
    print(f"resolution {voxels.shape[0]}, relative density {voxels.mean():.4f}")
    print(
        f"C11 / E of the solid: voxplore {ours:.6f} ({middle - start:.1f} s), ccx {theirs:.6f} ({end - middle:.1f} s)"
    )
    print(f"difference {abs(ours / theirs - 1):.3%}")
    return 0 if abs(ours / theirs - 1) < 0.02 else 1


if __name__ == "__main__":
    sys.exit(main())
