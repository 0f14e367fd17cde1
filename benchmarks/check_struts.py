"""Straight struts fitted to cells whose struts are known.

    python benchmarks/check_struts.py [--nets N] [--catalogue FILE] [--every K]

Made nets are compared with the nets that they were drawn from: nodes, struts, radius (0.06 cell edges) and IoU of the
cell drawn anew. With the catalogue of Lumpe & Stankovic (2021), as text or JSON lines, every K-th of its cells as well:
IoU.
"""

import argparse
import time

import numpy as np

from voxplore.data.published.metatruss import build_metatruss
from voxplore.data.synthetic.nets import nets_with_plans
from voxplore.refine import fit_struts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nets", type=int, default=12)
    parser.add_argument("--catalogue")
    parser.add_argument("--every", type=int, default=40)
    asked = parser.parse_args()
    cells, plans = nets_with_plans(asked.nets, 3, workers=1)
    same, rows = 0, []
    for cell, plan in zip(cells.voxels(), plans, strict=True):
        started, fit = time.monotonic(), fit_struts(cell)
        same += (len(fit.net.nodes), len(fit.net.start)) == (len(plan.nodes), len(plan.start))
        rows.append((fit.iou, fit.radius, time.monotonic() - started))
    print(f"{same} of {len(plans)} made nets have their nodes and struts again; {_range(rows)}")
    if asked.catalogue:
        rows = []
        for cell in build_metatruss(asked.catalogue).voxels()[:: asked.every]:
            started, fit = time.monotonic(), fit_struts(cell)
            rows.append((fit.iou, fit.radius, time.monotonic() - started))
        print(f"{len(rows)} cells of the catalogue; {_range(rows)}")


def _range(rows: list[tuple[float, float, float]]) -> str:
    iou, radius, seconds = np.sort(np.array(rows), axis=0).T
    spread = (
        f"IoU {iou[0]:.3f} to {iou[-1]:.3f} (median {np.median(iou):.3f}, second least {iou[min(1, len(iou) - 1)]:.3f})"
    )
    return f"{spread}, radius {radius[0]:.4f} to {radius[-1]:.4f}, {seconds[0]:.1f} to {seconds[-1]:.1f} s a cell"


if __name__ == "__main__":
    main()
