"""Which drawn cells are of use, and in which order they are shown."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from voxplore.checks import DEFAULT_FEATURE_MM, DEFAULT_SIZE_MM
from voxplore.checks.features import thinnest
from voxplore.geometry import tile as tiled
from voxplore.kernels import bodies, periodic_components
from voxplore.metrics.neighbours import Reference
from voxplore.ranges import Feature, Millimetres, Tile, check_options
from voxplore.unitcells import UnitCells, unpack

__all__ = ["Use", "failures", "novelty_floor", "one_piece", "order_by_miss", "order_by_share", "usable"]

Columns = Mapping[str, np.ndarray]
#: Width of the bins of relative density from each of which the best cell is shown first (our choice).
DENSITY_BIN = 0.05
#: Share of the cell that enclosed voids may hold: less are cracks between voxels (our choice).
_CRACKS = 1e-4
#: Known cells that the usual novelty is taken from, and its quantile (our choice).
_ASKED, _QUANTILE = 256, 0.1


@dataclass(frozen=True)
class Use:
    """How a cell is to be used. tile: cells an edge of the block. Lengths in millimetres: cell edge, thinnest strut."""

    tile: Tile = 2
    size_mm: Millimetres = DEFAULT_SIZE_MM
    strut_mm: Feature = DEFAULT_FEATURE_MM

    def __post_init__(self) -> None:
        check_options(self)


def failures(scores: Columns, checks: Columns, whole: np.ndarray, floor: float, use: Use) -> list[str]:
    """Why each of n cells is of no use, as sentences joined by "; "; empty where nothing speaks against it.

    scores: columns of `evaluate`; checks: of `checks_of`; whole: Bool (n,), see `one_piece`; floor: least novelty.
    """
    closed = np.asarray(checks["pocket_share"]) > _CRACKS
    novelty, strut = scores["novelty_ungated"], np.nan_to_num(checks["strut_mm"])
    texts = [str(reason) for reason in scores["reasons"]]
    rows = zip(texts, novelty >= floor, whole.astype(bool), strut >= use.strut_mm, strut, novelty, closed, strict=True)
    block = "x".join([str(use.tile)] * 3)
    return [
        "; ".join(
            filter(
                None,
                (
                    text,
                    "" if new else f"novelty {own:.2f} is below {floor:.2f}",
                    "" if one else f"a block of {block} cells is not one piece",
                    "a void encloses powder or resin" if shut else "",
                    "" if thick else f"thinnest strut {width:.2f} mm is below {use.strut_mm:g} mm",
                ),
            )
        )
        for text, new, one, thick, width, own, shut in rows
    ]


def one_piece(cells: UnitCells, tile: int) -> np.ndarray:
    """Bool (n,): whether all solid of a block of tile^3 cells, cut at its faces, is one body."""
    packed = np.asarray(cells.packed)
    return np.array([_whole(unpack(row[None], cells.resolution)[0], tile) for row in packed], bool)


def _whole(voxels: np.ndarray, tile: int) -> bool:
    return bodies(tiled(voxels, (tile, tile, tile))).count == 1


def usable(voxels: np.ndarray, use: Use) -> bool:
    """Whether a cell Bool (d, d, d) holds together along x, y and z, in a block too, and has no strut too thin."""
    found = periodic_components(voxels)
    if not len(found) or not found.spans[0].all() or not _whole(voxels, use.tile):
        return False
    return thinnest(voxels) * use.size_mm / voxels.shape[0] >= use.strut_mm


def novelty_floor(known: UnitCells, reference: Reference) -> float:
    """Tenth percentile of the novelty of a known cell against the known cells of other sources.

    reference: of `known`, in which rows of one source lie together by `source_id`.

    That is what an unseen cell of the same kind has: known cells are drawn as held-out ones are. 0 for one source.
    """
    groups = reference.groups
    _, first = np.unique(groups, return_index=True)
    if len(first) < 2:
        return 0.0
    rows = first[np.linspace(0, len(first) - 1, min(_ASKED, len(first))).astype(int)]
    found = reference.search(known[rows], 2, groups)
    other = np.where(groups[found.index[:, 0]] == groups[rows], found.iou[:, 1], found.iou[:, 0])
    return float(np.quantile(1 - other, _QUANTILE))


def order_by_share(passes: np.ndarray, density: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Order int64 (n,) without a target: cells of use first, the best of each bin of density before the second best.

    Of equal place in their bins, cells that no cell of use beats both in share and in lightness come first, then the
    larger share. share: Young's modulus over the Hashin-Shtrikman bound.
    """
    share = np.nan_to_num(share)
    bins = np.floor(np.asarray(density) / DENSITY_BIN).astype(int)
    place = np.zeros(len(share), int)
    for group in np.unique(bins):
        for kind in (passes, ~passes):
            rows = np.flatnonzero((bins == group) & kind)
            place[rows[np.argsort(-share[rows], kind="stable")]] = np.arange(len(rows))
    return np.lexsort((-share, ~_front(passes, density, share), place, ~passes))


def order_by_miss(passes: np.ndarray, misses: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Order int64 (n,) with a target: cells of use first, then the smaller miss, then the larger share."""
    return np.lexsort((-np.nan_to_num(share), misses, ~passes))


def _front(passes: np.ndarray, density: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Bool (n,): cells of use that no other cell of use beats both in share and in lightness."""
    order = np.lexsort((-share, density))
    order = order[passes[order]]
    best = np.maximum.accumulate(share[order]) if len(order) else share[order]
    front = np.zeros(len(share), bool)
    front[order] = (np.diff(best, prepend=-np.inf) > 0) if len(order) else False
    return front
