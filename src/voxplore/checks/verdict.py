"""All checks of one cell, and a plain verdict: printable or not, and why."""

import math
from dataclasses import dataclass

import numpy as np

from voxplore.errors import VoxploreError
from voxplore.geometry import check_lattice
from voxplore.geometry import tile as tiled
from voxplore.kernels import bodies
from voxplore.ranges import Feature, Millimetres, Share, Tile, within
from voxplore.unitcells import as_voxels

from .features import thinnest
from .percolation import enclosed_voids, periodic_components
from .surface import surface
from .symmetry import symmetry_group

__all__ = ["DEFAULT_FEATURE_MM", "DEFAULT_SIZE_MM", "Checks", "Verdict", "check", "verdict"]

#: Cell edge and thinnest strut or pore of a fine powder-bed or resin print (our choice; the caller's printer decides).
DEFAULT_SIZE_MM = 10.0
DEFAULT_FEATURE_MM = 0.4
#: Loose crumbs that hold less of the solid than this fall off unnoticed; the same share as in the benchmark's `valid`.
_CRUMBS = 0.005
#: Pockets that hold less of the cell are cracks between voxels rather than chambers (our choice).
_CRACKS = 1e-4
_LARGEST = 8.0


@dataclass(frozen=True)
class Checks:
    """Geometry of one cell. Lengths in voxels, areas in squares of the cell edge, shares of 1.

    rank and spans: directions in which the largest solid component is endless; most_spanned: the largest rank of any.
    parts: solid components of the endless lattice; loose: share of the solid outside the largest.
    bodies_alone, loose_alone: the same of one cell cut from the lattice; bodies_of_tile, loose_of_tile: of the tile.
    pockets, pocket_share: enclosed voids and their share of the cell.
    strut, pore: thinnest, at most 8 voxels, nan where there is none. surface_area, surface_anisotropy: see `surface`.
    symmetries: operations of the cube that hold, of 48. system: crystal system. centred: whether inversion holds.
    """

    resolution: int
    relative_density: float
    rank: int
    spans: tuple[bool, bool, bool]
    most_spanned: int
    void_rank: int
    parts: int
    loose: float
    bodies_alone: int
    loose_alone: float
    bodies_of_tile: int
    loose_of_tile: float
    pockets: int
    pocket_share: float
    strut: float
    pore: float
    surface_area: float
    surface_anisotropy: float
    symmetries: int
    system: str
    centred: bool


@dataclass(frozen=True)
class Verdict:
    """printable: whether no reason speaks against it. reasons: one sentence each. checks: the numbers behind them."""

    printable: bool
    reasons: tuple[str, ...]
    checks: Checks
    strut_mm: float
    pore_mm: float

    def __str__(self) -> str:
        return "printable" if self.printable else "not printable: " + "; ".join(self.reasons)


@within
def check(cell: np.ndarray, symmetry_threshold: Share = 0.95, tile: tuple[Tile, Tile, Tile] = (1, 1, 1)) -> Checks:
    """Every check of one cell, Bool (d, d, d); tile: cells along x, y, z of the part that will be cut."""
    if np.ndim(cell) != 3:
        raise VoxploreError("cell", expected="Bool (d, d, d)", got=str(np.shape(cell)))
    voxels = as_voxels(cell)[0]
    solid, void = periodic_components(voxels), periodic_components(~voxels)
    pockets, pocket_voxels = enclosed_voids(void)
    group, skin = symmetry_group(voxels, symmetry_threshold), surface(voxels)
    alone = bodies(voxels)
    part = alone if max(tile) == 1 else bodies(tiled(voxels, tile))
    total = int(voxels.sum())
    spans = solid.spans[0] if len(solid) else np.zeros(3, bool)
    return Checks(
        resolution=voxels.shape[0],
        relative_density=total / voxels.size,
        rank=int(solid.ranks[0]) if len(solid) else 0,
        spans=(bool(spans[0]), bool(spans[1]), bool(spans[2])),
        most_spanned=int(solid.ranks.max(initial=0)),
        void_rank=int(void.ranks.max(initial=0)),
        parts=len(solid),
        loose=1 - float(solid.sizes[0]) / total if total else 0.0,
        bodies_alone=alone.count,
        loose_alone=alone.loose,
        bodies_of_tile=part.count,
        loose_of_tile=part.loose,
        pockets=pockets,
        pocket_share=pocket_voxels / voxels.size,
        strut=thinnest(voxels, _LARGEST),
        pore=thinnest(~voxels, _LARGEST),
        surface_area=skin.area,
        surface_anisotropy=skin.anisotropy,
        symmetries=group.order,
        system=group.system,
        centred=group.centred,
    )


@within
def verdict(
    cell: np.ndarray,
    size_mm: Millimetres = DEFAULT_SIZE_MM,
    strut_mm: Feature = DEFAULT_FEATURE_MM,
    pore_mm: Feature = 0.0,
    checks: Checks | None = None,
    tile: tuple[Tile, Tile, Tile] = (1, 1, 1),
) -> Verdict:
    """Whether a lattice of `tile` cells Bool (d, d, d) of edge `size_mm` can be printed, with the reasons against it.

    strut_mm: thinnest strut that the printer makes; pore_mm: narrowest pore that drains, 0 for any. checks: of this
    cell and tile, if already made. Overhangs and supports are not judged.
    """
    if not size_mm > 0 or not strut_mm >= 0 or not pore_mm >= 0:
        got = f"{size_mm}, {strut_mm}, {pore_mm}"
        raise VoxploreError("millimetres", expected="a positive cell size and limits of 0 or more", got=got)
    check_lattice(np.shape(cell)[-3:], tile)
    found = checks or check(cell, tile=tile)
    scale = size_mm / found.resolution
    solid = np.asarray(cell, bool)
    strut = _up_to(strut_mm / scale, found.strut, solid) * scale
    pore = _up_to(pore_mm / scale, found.pore, ~solid) * scale
    reasons = tuple(_reasons(found, tile, strut, strut_mm, pore, pore_mm, found.resolution * scale))
    return Verdict(not reasons, reasons, found, strut, pore)


def _up_to(limit: float, measured: float, mask: np.ndarray) -> float:
    """Thinnest part in voxels, measured again where it is as thick as the check looks for and the limit is thicker."""
    if measured < _LARGEST or limit <= _LARGEST:
        return measured
    return thinnest(mask, min(math.ceil(limit), mask.shape[0]))


def _reasons(
    found: Checks,
    tile: tuple[int, int, int],
    strut: float,
    strut_mm: float,
    pore: float,
    pore_mm: float,
    known_mm: float,
) -> list[str]:
    if found.relative_density == 0:
        return ["it is empty"]
    reasons = []
    missing = [axis for axis, spans in zip("xyz", found.spans, strict=True) if not spans]
    if missing:
        reasons.append(f"it does not hold together along {' and '.join(missing)}")
    if found.loose > _CRUMBS:
        reasons.append(f"{found.loose:.1%} of the solid is loose, in {found.parts - 1} parts")
    elif not missing and found.loose_of_tile > _CRUMBS:
        part = "one cell" if max(tile) == 1 else f"{' x '.join(map(str, tile))} cells"
        lost = f"{found.loose_of_tile:.1%} of the solid is then loose"
        reasons.append(f"{part} cut from the lattice: {found.bodies_of_tile} bodies, {lost}")
    if found.pocket_share > _CRACKS:
        noun = "void encloses" if found.pockets == 1 else "voids enclose"
        reasons.append(f"{found.pockets} {noun} powder or resin ({found.pocket_share:.2%} of the cell)")
    # A part as thick as the cell may be thicker still.
    if strut < min(strut_mm, known_mm):
        reasons.append(f"its thinnest strut is {strut:.2f} mm, below {strut_mm:g} mm")
    if pore < min(pore_mm, known_mm):
        reasons.append(f"its narrowest pore is {pore:.2f} mm, below {pore_mm:g} mm")
    return reasons
