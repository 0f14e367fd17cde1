"""What the contestants work on: the data sets of the checkout where they are, blobs made on the spot elsewhere."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from voxplore.data.prepare.orientations import orient_cells
from voxplore.unitcells import UnitCells, load_cells, pack, unpack

__all__ = ["Material", "blobs", "nearly", "quick_material", "real_material", "sha256", "spread"]


@dataclass
class Material:
    """reference: what queries are compared with. queries: name -> as many cells for each kind of query."""

    reference: UnitCells
    queries: dict[str, UnitCells]

    def checksums(self) -> dict[str, str]:
        return {"reference": sha256(self.reference.packed)} | {k: sha256(q.packed) for k, q in self.queries.items()}


def sha256(packed: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(packed).data).hexdigest()


def real_material(nets: Path, shells: Path, size: int, n: int, seed: int) -> Material:
    """`size` nets in six orientations, training split first; queries near them, held-out nets, held-out shells.

    No held-out cell is among the references, in any orientation: training and validation cells in six orientations,
    then training shells, fill the number.
    """
    truss, shell = load_cells(nets), load_cells(shells)
    turned = [orient_cells(truss.split(split), 6) for split in ("train", "valid")]
    packed = np.concatenate([*(cells.packed for cells in turned), shell.split("train").packed])[:size]
    packed = spread(packed, size, seed)
    reference = UnitCells(packed, truss.resolution, {"id": np.arange(len(packed)).astype(str)}, _about(truss))
    rng = np.random.default_rng(seed)
    nets_among = min(len(turned[0]), size)
    near = nearly(packed[np.sort(rng.choice(nets_among, n, replace=False))], truss.resolution, rng)
    far = shell.split("test")[np.sort(rng.permutation(len(shell.split("test")))[:n])]
    held_out = truss.split("test")[np.sort(rng.permutation(len(truss.split("test")))[:n])]
    return Material(reference, {"near": near, "held-out nets": held_out, "held-out shells": far})


def quick_material(size: int = 400, n: int = 40, resolution: int = 16, seed: int = 0) -> Material:
    """Blobs, with exact copies, ties, an empty and a full cell on both sides."""
    rng = np.random.default_rng(seed)
    cells = blobs(size, resolution, rng)
    cells[3], cells[5], cells[7] = False, True, cells[-1]
    queries = blobs(n, resolution, rng)
    queries[:3] = cells[[3, 5, 7]]
    near = nearly(pack(cells[rng.choice(size, n)]), resolution, rng)
    return Material(UnitCells.from_voxels(cells), {"near": near, "far": UnitCells.from_voxels(queries)})


def spread(packed: np.ndarray, size: int, seed: int) -> np.ndarray:
    """At least `size` rows: those given, then the same with their bytes rolled: new cells of their kind."""
    rng, parts, have = np.random.default_rng(seed), [packed], len(packed)
    while have < size:
        more = np.roll(packed[: size - have], int(rng.integers(1, packed.shape[1])), axis=1)
        parts.append(more)
        have += len(more)
    return np.concatenate(parts)[:size] if len(parts) > 1 else packed[:size]


def nearly(packed: np.ndarray, resolution: int, rng: np.random.Generator, share: float = 0.1) -> UnitCells:
    """Cells with that share of the voxels next to their surface turned: IoU about 0.9 with what they were."""
    parts = []
    for start in range(0, len(packed), 100):
        voxels = unpack(packed[start : start + 100], resolution)
        surface = np.zeros_like(voxels)
        for axis in (1, 2, 3):
            for way in (1, -1):
                surface |= voxels != np.roll(voxels, way, axis)
        parts.append(pack(voxels ^ (surface & (rng.random(voxels.shape, dtype=np.float32) < share))))
    rows = np.concatenate(parts)
    return UnitCells(rows, resolution, {"id": np.arange(len(rows)).astype(str)}, {"name": "near"})


def blobs(n: int, resolution: int, rng: np.random.Generator) -> np.ndarray:
    """Periodic random cells Bool (n, d, d, d), relative densities from 0.1 to 0.6."""
    field = rng.normal(size=(n, resolution, resolution, resolution)).astype(np.float32)
    for _ in range(2):
        for axis in (1, 2, 3):
            field = field + np.roll(field, 1, axis) + np.roll(field, -1, axis)
    level = np.array([np.quantile(one, 1 - share) for one, share in zip(field, np.linspace(0.1, 0.6, n), strict=True)])
    return field > level[:, None, None, None].astype(np.float32)


def _about(cells: UnitCells) -> dict:
    return {"name": "references", "periodicity_floor": cells.about.get("periodicity_floor", 0.5)}
