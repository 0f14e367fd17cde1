"""Repair by geometry alone: what floats goes, what nearly is symmetric becomes so, faces meet, the density stays.

Our choice throughout (Sec. 4 of the paper names an optional refinement and does not define it). One cell Bool (d, d, d)
goes in, periodic in all steps. Voxels are weighed by a sum over their neighbourhood in whole numbers, and a level of
that sum is taken or left as a whole, so the repair turns with the cell to the last voxel; only the place of a bridge
between two equally near pairs of voxels is a matter of order.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.ndimage
from scipy.spatial import KDTree

from voxplore.checks import periodic_components
from voxplore.errors import VoxploreError
from voxplore.metrics import periodicity

__all__ = ["Repair", "repair"]

#: Parts with at least this share of the solid are joined to the largest; smaller ones are crumbs and go.
PART_SHARE = 0.02
#: Cells from this S_sym on are meant to be symmetric. Cells of nets that are not have .3 to .7.
SYMMETRY_FLOOR = 0.75
#: Cells from this S_per on are meant to have equal faces. Slanted struts, which cannot, leave nets at .7 to .95.
PERIODICITY_FLOOR = 0.95
#: Relative density is put right where it has moved by more than this.
DENSITY_SLACK = 0.002
#: How far, in voxels, solid may be grown or taken away to put the density right.
_REACH = 8
#: Layers of partners that a cell which lost symmetry can grow.
_ROUNDS = 8
#: A patch on a face is the end of a strut where the layer behind it is wider by less than this share of the patch.
_WIDER = 1 / 3


@dataclass(frozen=True)
class Repair:
    """What was done to one cell, in voxels: dropped, added by bridges, changed by symmetry and at faces, and after.

    parts_joined: parts that were tied to the largest. density_voxels: grown (positive) or taken away to keep the
    density.
    """

    dropped: int = 0
    parts_joined: int = 0
    bridge_voxels: int = 0
    symmetry_voxels: int = 0
    face_voxels: int = 0
    density_voxels: int = 0


def repair(cell: np.ndarray) -> tuple[np.ndarray, Repair]:
    """The repaired cell and what was done to it; Bool (d, d, d) -> Bool (d, d, d).

    An empty cell and a full one stay as they are. Other cells come out in one periodic component. A cell in which
    nothing floats, whose solid is symmetric or far from it and whose faces meet, comes out unchanged.
    """
    if cell.ndim != 3 or cell.dtype != np.bool_:
        raise VoxploreError("cell", expected="Bool (d, d, d)", got=f"{cell.dtype} {cell.shape}")
    if not cell.any() or cell.all():
        return cell.copy(), Repair()
    solid = int(cell.sum())
    now, dropped = _without_crumbs(cell)
    even = _symmetrised(now)
    symmetry, now = np.count_nonzero(even ^ now), even
    met = _faces_equal(_faces_met(now))
    faces, now = np.count_nonzero(met ^ now), met
    joined, parts = _joined(now)
    bridges, now = np.count_nonzero(joined ^ now), joined
    whole, more = _largest(now)
    dropped, now = dropped + more, whole
    kept = _at_density(now, solid)
    grown = int(kept.sum()) - int(now.sum())
    even = _as_symmetric_as(cell, kept)
    symmetry += np.count_nonzero(even ^ kept)
    return even, Repair(dropped, parts, int(bridges), int(symmetry), int(faces), grown)


def _without_crumbs(cell: np.ndarray) -> tuple[np.ndarray, int]:
    """The cell without its small parts, and how many voxels went."""
    found = periodic_components(cell)
    crumbs = found.sizes < PART_SHARE * found.sizes.sum()
    crumbs[0] = False
    if not crumbs.any():
        return cell, 0
    kept = np.concatenate([[False], ~crumbs])[found.labels]
    return kept, int(found.sizes[crumbs].sum())


def _largest(cell: np.ndarray) -> tuple[np.ndarray, int]:
    found = periodic_components(cell)
    return (cell, 0) if len(found) < 2 else (found.labels == 1, int(found.sizes[1:].sum()))


def _weight(cell: np.ndarray) -> np.ndarray:
    """Solid around each voxel, binomial weights 1 6 15 20 15 6 1 along each axis, periodic: int32 (d, d, d)."""
    weight = cell.astype(np.int32)
    for axis in range(3):
        for _ in range(3):
            weight = 2 * weight + np.roll(weight, 1, axis) + np.roll(weight, -1, axis)
    return weight


def _best(candidates: np.ndarray, key: np.ndarray, want: int) -> np.ndarray:
    """The candidates with the highest keys, whole levels of them, as close to `want` as that allows: Bool (d, d, d)."""
    if want <= 0 or not candidates.any():
        return np.zeros_like(candidates)
    levels, counts = np.unique(key[candidates], return_counts=True)
    sizes = np.concatenate([[0], np.cumsum(counts[::-1])])
    take = int(np.argmin(np.abs(sizes - want)))
    return candidates & (key >= levels[len(levels) - take]) if take else np.zeros_like(candidates)


def _symmetrised(cell: np.ndarray) -> np.ndarray:
    """Central symmetry (Eq. 12) where the cell nearly has it: of each unequal pair both are solid, or none.

    The half of the pairs with the most solid around them become solid, so the density stays. Where that tears the cell
    apart, it is left as it is.
    """
    image = cell[::-1, ::-1, ::-1]
    unequal = cell ^ image
    differ, solid = int(unequal.sum()), int(cell.sum())
    if differ == 0 or 1 - differ / (2 * solid) < SYMMETRY_FLOOR:
        return cell
    weight = _weight(cell)
    even = (cell & image) | _best(unequal, weight + weight[::-1, ::-1, ::-1], differ // 2)
    even, _ = _without_crumbs(even)
    return even if _holds_like(even, cell) else cell


def _as_symmetric_as(before: np.ndarray, cell: np.ndarray) -> np.ndarray:
    """The cell, where its S_sym fell below that of `before`, with the partners of some of its voxels.

    What floated, or a bridge, can have made the difference. Partners are void voxels that touch solid, so that the cell
    stays in one part, and lie on no face; the best surrounded come first, as few as it takes.
    """
    inner = np.zeros_like(cell)
    inner[1:-1, 1:-1, 1:-1] = True
    for _ in range(_ROUNDS):
        image = cell[::-1, ::-1, ::-1]
        missing = _missing_partners(before, cell)
        touching = scipy.ndimage.binary_dilation(cell) & inner & ~cell & image
        if missing <= 0 or not touching.any():
            break
        weight = _weight(cell)
        order = np.sort(weight[touching])[::-1]
        cell = cell | (touching & (weight >= order[min(missing, len(order)) - 1]))
    return cell


def _missing_partners(before: np.ndarray, cell: np.ndarray) -> int:
    """Partners to add until S_sym = 1 - unequal / (2 solid) is what it was; each makes two voxels less unequal."""
    unequal, solid = (np.count_nonzero(x) for x in (cell ^ cell[::-1, ::-1, ::-1], cell))
    share = np.count_nonzero(before ^ before[::-1, ::-1, ::-1]) / np.count_nonzero(before)
    return math.ceil((unequal - share * solid) / (2 + share) - 1e-9)


def _faces_equal(cell: np.ndarray) -> np.ndarray:
    """Equal faces (Eq. 13) where the cell nearly has them: voxels that face each other are all solid, or none.

    Those with the most solid around them become solid, as many as there were. Where that tears the cell apart, it is
    left as it is.
    """
    alike = _over_faces(cell.astype(np.int32))
    unequal = (alike > 0) & (alike < 8)
    if not unequal.any() or periodicity(cell[None])[0] < PERIODICITY_FLOOR:
        return cell
    weight = _over_faces(_weight(cell))
    even = (cell & ~unequal) | _best(unequal, weight, int(np.count_nonzero(cell & unequal)))
    even, _ = _without_crumbs(even)
    return even if _holds_like(even, cell) else cell


def _over_faces(values: np.ndarray) -> np.ndarray:
    """Sum over the voxels that face each other across the faces, taken 8 times in all: an edge has 4, a corner 8."""
    for axis in range(3):
        layers = np.moveaxis(values, axis, 0)
        both = layers[0] + layers[-1]
        values = 2 * values
        np.moveaxis(values, axis, 0)[[0, -1]] = both
    return values


def _holds_like(cell: np.ndarray, before: np.ndarray) -> bool:
    """Whether the largest part still spans the axes it spanned, and the cell is in no more parts than before."""
    now, then = periodic_components(cell), periodic_components(before)
    return len(now) > 0 and len(now) <= len(then) and bool((now.spans[0] >= then.spans[0]).all())


def _faces_met(cell: np.ndarray) -> np.ndarray:
    """Solid that ends blindly at a face goes on behind it, or goes where it is one layer thick.

    A patch of solid on a face ends blindly where the nine voxels opposite each of its own are void, and the layer
    behind is hardly wider: a slanted strut meets its partner a voxel further along, and a strut that passes below the
    face and bulges into it grows wider behind.
    """
    add, remove = np.zeros_like(cell), np.zeros_like(cell)
    for axis in range(3):
        layers = np.moveaxis(cell, axis, 0)
        for near, behind, opposite in ((0, 1, -1), (-1, -2, 0)):
            blind = _blind(layers[near], layers[behind], layers[opposite])
            np.moveaxis(add, axis, 0)[opposite] |= blind & layers[behind]
            np.moveaxis(remove, axis, 0)[near] |= blind & ~layers[behind]
    return (cell & ~remove) | add


def _blind(face: np.ndarray, behind: np.ndarray, opposite: np.ndarray) -> np.ndarray:
    """Bool (d, d): the patches of `face` that end blindly."""
    patches = np.empty(face.shape, np.int32)
    count = int(scipy.ndimage.label(face, np.ones((3, 3)), output=patches))  # type: ignore[arg-type]
    met = scipy.ndimage.maximum_filter(opposite, size=3, mode="wrap") & face
    wider = np.where(behind & ~face, scipy.ndimage.maximum_filter(patches, size=3), 0)
    size, meets, grows = (np.bincount(x.ravel(), minlength=count + 1) for x in (patches, patches * met, wider))
    ends = (meets == 0) & (grows < _WIDER * size)
    ends[0] = False
    return ends[patches]


def _joined(cell: np.ndarray) -> tuple[np.ndarray, int]:
    """Large loose parts tied to the largest where they come closest; and how many. A symmetric cell stays symmetric."""
    found = periodic_components(cell)
    loose = [k for k in range(1, len(found)) if found.sizes[k] >= PART_SHARE * found.sizes.sum()]
    if not loose:
        return cell, 0
    even = np.array_equal(cell, cell[::-1, ::-1, ::-1])
    joined = cell.copy()
    main = found.labels == 1
    for k in loose:
        part = found.labels == k + 1
        bridge = _bridge(main, part)
        if even:
            bridge |= bridge[::-1, ::-1, ::-1]
        joined |= bridge
        main |= part | bridge
    return joined, len(loose)


def _bridge(main: np.ndarray, part: np.ndarray) -> np.ndarray:
    """A straight strut from `part` to the nearest voxel of `main`, as thick as `part` is at its thickest, at most 5."""
    d = main.shape[0]
    start, way = _shortest_way(part, main)
    radius = float(np.clip(_distance(part, 4).max(), 1.0, 2.5))
    steps = np.linspace(0, 1, 2 * d)[:, None]
    places = np.unique(np.round(start + steps * way).astype(int) % d, axis=0)
    line = np.ones_like(main)
    line[tuple(places.T)] = False
    return _distance(line, 4) < radius


def _shortest_way(part: np.ndarray, main: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A voxel of `part` (3,) and the shortest periodic vector (3,) from any of them to a voxel of `main`."""
    d = main.shape[0]
    places, others = _surface(part), _surface(main)
    distance, nearest = map(np.asarray, KDTree(others, boxsize=d).query(places))
    k = int(distance.argmin())
    way = (others[nearest[k]] - places[k] + d // 2) % d - d // 2
    return places[k], way


def _surface(mask: np.ndarray) -> np.ndarray:
    """Voxels (n, 3) of the mask that touch one outside it, periodic: the nearest to any place outside is among them."""
    inner = mask.copy()
    for axis in range(3):
        inner &= np.roll(mask, 1, axis) & np.roll(mask, -1, axis)
    return np.argwhere(mask & ~inner)


def _distance(mask: np.ndarray, reach: int) -> np.ndarray:
    """Periodic distance of True voxels to the nearest False one, right up to `reach`: (d, d, d)."""
    d = mask.shape[0]
    distance: Any = scipy.ndimage.distance_transform_edt(np.pad(mask, reach, mode="wrap"))
    return distance[(slice(reach, reach + d),) * 3]


def _at_density(cell: np.ndarray, solid: int) -> np.ndarray:
    """Grown or thinned to `solid` voxels, nearest to the surface first, and there the best surrounded first.

    A cell that thinning would tear stays as it is, and so does one that is close enough.
    """
    missing = solid - int(cell.sum())
    if abs(missing) <= DENSITY_SLACK * cell.size:
        return cell
    grow = missing > 0
    reach = min(_REACH, cell.shape[0])
    distance = _distance(~cell if grow else cell, reach)
    weight = _weight(cell).astype(np.int64)
    nearness = np.rint(distance**2).astype(np.int64)
    key = (weight if grow else -weight) - nearness * (1 << 20)
    chosen = _best(~cell if grow else cell, key, abs(missing))
    if grow:
        return cell | chosen
    thinned = cell & ~chosen
    return thinned if _holds_like(thinned, cell) else cell
