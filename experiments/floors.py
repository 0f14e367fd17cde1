"""Floors of benchmark v2: sets of cells made from training cells without learning anything, and what v2 says of them.

    python experiments/floors.py data/nets --out samples/floors-nets --n 1000

writes one folder of cells a floor, for `voxplore evaluate --benchmark v2`. --judge prints at once which cells of each
floor v2 takes for valid, unique and novel, and their fidelity. Floors that need a model (a memoriser: training cells
encoded and decoded; a known latent plus noise) are folders of cells too: --also NAME=FOLDER judges them with the rest.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from voxplore.data.prepare.displaced import displaced_cells
from voxplore.data.synthetic.net_provenance import nets_of
from voxplore.data.synthetic.truss import voxelise_segments
from voxplore.errors import VoxploreError
from voxplore.geometry import CUBE_OPERATIONS, apply_operation
from voxplore.metrics import HeldOut, Reference, fidelity, floors, vun_v2
from voxplore.metrics.newness import Known
from voxplore.unitcells import UnitCells, load_cells
from voxplore.workflows.evaluate import reference_of

#: Largest displacement of the warp, in voxels at 48^3: of struts, of shells.
WARP = {True: 2.3, False: 3.0}
#: Deviation of the longest wave of a displacement that keeps the thickness, in voxels at 48^3.
DISPLACEMENT = 1.0
SHOWN = (
    "valid",
    "unique",
    "novel",
    "vun_v2",
    "ridge_cv_ratio",
    "curvature_spread_ratio",
    "one_piece",
    "auc",
    "auc_shape",
)


def made(train: UnitCells, n: int, seed: int) -> Iterator[tuple[str, np.ndarray]]:
    """Name and cells Bool (n, d, d, d) of each floor, from n training cells drawn without replacement."""
    rng = np.random.default_rng(seed)
    rows = rng.permutation(len(train))[:n]
    chosen = train[rows]
    cells = chosen.voxels()
    struts = offsets_of(chosen)
    turned = [apply_operation(cell, CUBE_OPERATIONS[rng.integers(48)]) for cell in cells]
    yield "warped", np.stack([floors.warped(cell, WARP[struts is not None], rng) for cell in turned])
    copies = displaced_cells(UnitCells.from_voxels(np.stack(turned)), 1, voxels=DISPLACEMENT, seed=seed, workers=1)
    yield "displaced", copies.voxels()
    pairs = zip(cells, nearest(chosen, train), strict=True)
    yield "mean-of-two", np.stack([floors.between(cell, other) for cell, other in pairs])
    yield "union-of-two", cells | np.roll(cells, 1, axis=0)
    for name, offset in (("offset-half", 0.5), ("offset-quarter", 0.25)):
        yield name, struts(offset) if struts else np.stack([floors.interpolated(cell, (offset,) * 3) for cell in cells])
    yield "shifted", np.stack([floors.shifted(cell) for cell in cells])
    yield "roughened", np.stack([floors.roughened(cell, rng) for cell in cells])
    yield "dilated-x", np.stack([floors.dilated(cell) for cell in cells])
    yield "dilated-x-twice", np.stack([floors.dilated(cell, 0, 2) for cell in cells])


def offsets_of(cells: UnitCells):
    """A function that voxelises the struts of cells anew, so many voxels aside along each axis; None without struts."""
    try:
        nets, radius = nets_of(cells, workers=1)
    except VoxploreError:
        return None
    d = cells.resolution
    return lambda aside: np.stack(
        [voxelise_segments(net.segments() + aside / d, d, radius, periodic=True) for net in nets]
    )


def nearest(chosen: UnitCells, train: UnitCells) -> Iterator[np.ndarray]:
    """For each cell the nearest other training cell by IoU."""
    index = Reference(train).search(chosen, 2).index[:, 1]
    return (train[[row]].voxels()[0] for row in index.tolist())


def judged(cells: UnitCells, known: Known, held: HeldOut) -> dict[str, float]:
    """What benchmark v2 says of a set."""
    verdict, _ = vun_v2(cells, known, held.cells)
    shares = {"valid": verdict.valid, "unique": verdict.unique, "novel": verdict.novel, "vun_v2": verdict.found}
    found = fidelity(cells, held).values
    return {key: float(share.mean()) for key, share in shares.items()} | found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="a built set with splits")
    parser.add_argument("--out", type=Path, help="folder for the folders of cells")
    parser.add_argument("--n", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--judge", action="store_true", help="print a table")
    parser.add_argument("--split", default="test", help="held out: test, or valid while settings are chosen")
    parser.add_argument("--also", nargs="*", default=[], help="NAME=FOLDER: more sets to judge")
    options = parser.parse_args()
    benchmark = reference_of(load_cells(options.data), options.split)
    if benchmark.held_out is None:
        raise VoxploreError(options.data, expected=f"a split named {options.split}", got="none")
    rng = np.random.default_rng(options.seed)
    held_row = benchmark.held_out[np.sort(rng.permutation(len(benchmark.held_out))[: options.n])]
    known, held = (Known(benchmark.train), HeldOut(benchmark.held_out)) if options.judge else (None, None)
    if known:
        print(" | ".join(["set", *SHOWN]), flush=True)

    def done(name: str, cells: UnitCells) -> None:
        if options.out:
            cells.save(options.out / name, overwrite=True)
        if known and held:
            found = judged(cells, known, held)
            print(" | ".join([name, *(f"{found[key]:.3f}" for key in SHOWN)]), flush=True)

    done("held-out", held_row)
    for name, cells in made(benchmark.train, options.n, options.seed):
        done(name, UnitCells.from_voxels(cells, name=name))
    for name, _, folder in (each.partition("=") for each in options.also):
        done(name, load_cells(folder)[: options.n])


if __name__ == "__main__":
    main()
