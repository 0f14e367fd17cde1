"""Pictures for docs/metrics.md: of each column a good and a bad cell, with the value that is computed for them.

python experiments/metric_pictures.py data/nets --out docs/metrics
"""

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

import voxplore as vp
from voxplore.data.prepare.negatives import degrade
from voxplore.kernels.distance import signed_distance
from voxplore.mechanics import properties_of
from voxplore.metrics import floors
from voxplore.metrics.descriptors import descriptors
from voxplore.metrics.newness import Known, closest_known
from voxplore.unitcells import UnitCells

Pair = tuple[str, np.ndarray, np.ndarray, Callable[[np.ndarray], str]]


def main() -> None:
    parser = argparse.ArgumentParser(description="Draw the pictures of docs/metrics.md.")
    parser.add_argument("cells", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--size", type=int, default=170, help="pixels of a cell")
    chosen = parser.parse_args()
    held_out, known = vp.load_cells(chosen.cells, split="test"), vp.load_cells(chosen.cells, split="train")
    chosen.out.mkdir(parents=True, exist_ok=True)
    for name, pairs in (("scores", _scores(held_out, known)), ("fidelity", _fidelity(held_out))):
        cells, captions = [], []
        for label, good, bad, value in pairs:
            cells += [good, bad]
            captions += [f"{label}\n{value(good)}", f"{label}\n{value(bad)}"]
        vp.render(np.array(cells), chosen.out / f"{name}.png", columns=4, captions=captions, size=chosen.size)


def _scores(held_out: UnitCells, known: UnitCells) -> Iterator[Pair]:
    """The columns of v1, and newness: a held-out cell beside one that falls short."""
    cell, rng = _symmetric(held_out), np.random.default_rng(0)
    damaged = {
        kind: degrade(cell[None], rng, held_out[:9].voxels(), {kind: 1.0})[0]
        for kind in ("other_block", "closed_faces")
    }
    reference = vp.metrics.Reference(known)
    yield "S_sym", cell, damaged["other_block"], _number(vp.metrics.symmetry)
    yield "S_per", cell, damaged["closed_faces"], _number(vp.metrics.periodicity)
    yield "S_con", cell, _with_ball(cell), _number(vp.metrics.connectivity)
    copy = floors.warped(known[:1].voxels()[0], 2.3, rng)
    yield "S_nov", cell, copy, _number(lambda voxels: vp.metrics.novelty(voxels, reference))
    shifted = floors.interpolated(floors.shifted(known[:1].voxels()[0], (7, 0, 0)))
    yield "new (v2)", copy, shifted, _new(known)


def _fidelity(held_out: UnitCells) -> Iterator[Pair]:
    """The columns of v2, each of a held-out cell and of one that a melting, rough or broken drawing resembles."""
    cell, other, rng = *_first_two(held_out), np.random.default_rng(0)
    melted, rough = floors.between(cell, other), floors.roughened(cell, rng, 2.0)
    for key, label, bad in (
        ("ridge_cv", "thickness CV", melted),
        ("ridge_p05", "thin thickness", melted),
        ("thin_share", "thin struts", rough),
        ("curvature_spread", "curvature spread", rough),
        ("surface", "surface", melted),
    ):
        yield label, cell, bad, _number(lambda voxels, key=key: descriptors(voxels, 1)[key])
    in_box = lambda voxels: vp.metrics.connectivity(voxels, periodic=False)  # noqa: E731
    moved = np.array(
        [floors.shifted(cell, tuple(step)) for step in np.ndindex(4, 4, 4) for step in [12 * np.array(step)]]
    )
    yield "in the box", cell, moved[int(np.argmin(in_box(moved)))], _number(in_box)
    yield "young share", cell, melted, _number(_young_share)


def _symmetric(cells: UnitCells) -> np.ndarray:
    """The first cell of central symmetry whose struts meet its faces."""
    first = cells[: min(len(cells), 64)].voxels()
    good = (vp.metrics.symmetry(first) > 0.99) & (vp.metrics.periodicity(first) > 0.9)
    return first[int(np.argmax(good))]


def _with_ball(cell: np.ndarray) -> np.ndarray:
    """The cell with a loose ball where its void is widest, a tenth of the edge in radius at most."""
    depth = np.sqrt(signed_distance(cell).clip(min=0))
    centre = np.array(np.unravel_index(int(np.argmax(depth)), cell.shape))
    away = np.indices(cell.shape) - centre[:, None, None, None]
    away = (away + len(cell) // 2) % len(cell) - len(cell) // 2
    radius = min(float(depth.max()) - 2, 0.15 * len(cell))
    return cell | (np.square(away).sum(0) <= max(radius, 1) ** 2)


def _first_two(cells: UnitCells) -> tuple[np.ndarray, np.ndarray]:
    """The cells of least and of second least variation in thickness among the first."""
    first = cells[: min(len(cells), 32)].voxels()
    order = np.argsort(descriptors(first, 1)["ridge_cv"], kind="stable")
    return first[order[0]], first[order[1]]


def _young_share(voxels: np.ndarray) -> np.ndarray:
    return properties_of(UnitCells.from_voxels(voxels), workers=1)["young_share"]


def _number(metric: Callable[[np.ndarray], np.ndarray]) -> Callable[[np.ndarray], str]:
    return lambda cell: f"{float(metric(cell[None])[0]):.2f}"


def _new(known: UnitCells) -> Callable[[np.ndarray], str]:
    searched = Known(known, 1)
    return lambda cell: "no: a known cell" if closest_known(cell[None], searched).equals[0] >= 0 else "yes"


if __name__ == "__main__":
    main()
