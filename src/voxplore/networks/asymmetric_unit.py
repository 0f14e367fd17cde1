"""The asymmetric unit of a cell: the patches from which its own flips rebuild all others.

A cell that equals itself after some of the eight flips of the cube (`geometry.flip_group`) repeats each of its patches;
a network that reads and writes one of each set of equal patches does 2, 4 or 8 times less work, and what it writes has
the symmetry exactly. Crystallography calls such a part of the unit cell its asymmetric unit. (Our choice.)
"""

from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor

__all__ = [
    "AsymmetricUnit",
    "asymmetric_unit",
    "join_patches",
    "overlap_pairs",
    "places_of",
    "unfold_unit",
    "voxels_of",
]


class AsymmetricUnit(NamedTuple):
    """Which patches of a grid^3 belong to the unit, and how every patch follows from one of them."""

    patches: Tensor
    """Numbers of the patches of the unit, in C order: int64 (m,)."""
    order: Tensor
    """int64 (grid^3,): place of each patch in the list that `unfold_unit` makes flip by flip."""
    sources: tuple[tuple[int, Tensor], ...]
    """(flip, rows of the unit that are flipped by it) for each flip in use; bit 2, 1, 0 of a flip is x, y, z."""


@lru_cache
def asymmetric_unit(group: int, grid: int) -> AsymmetricUnit:
    """The unit of cells with the flips `group`; bit k of it stands for flip k, and flip 0 is the identity.

    grid: patches along an edge, an even number, so that no flip leaves a patch where it is.
    """
    if grid % 2:
        raise ValueError(f"asymmetric unit: expected an even number of patches along an edge, got {grid}")
    number = torch.arange(grid**3).reshape(grid, grid, grid)
    flips = [k for k in range(8) if group >> k & 1 or k == 0]
    images = torch.stack([number.flip(_axes(k, 0)).flatten() for k in flips])  # (flips, patches)
    first, which = images.min(0)
    patches = torch.unique(first)
    row = torch.searchsorted(patches, first)
    sources, places = [], torch.empty(grid**3, dtype=torch.int64)
    start = 0
    for position, flip in enumerate(flips):
        chosen = (which == position).nonzero()[:, 0]
        sources.append((flip, row[chosen]))
        places[chosen] = torch.arange(start, start + len(chosen))
        start += len(chosen)
    return AsymmetricUnit(patches, places, tuple(sources))


@lru_cache
def overlap_pairs(group: int, grid: int, patch: int, margin: int) -> tuple[Tensor, Tensor]:
    """Which element of the unit's windows is added to which voxel of the unit's patches: two of int64 (m w^3,).

    A window is a patch with `margin` voxels more on each side (w = patch + 2 margin), laid on the periodic cell with
    all its images; both are counted through the unit in C order.
    """
    unit = asymmetric_unit(group, grid)
    m, edge, d = len(unit.patches), patch + 2 * margin, grid * patch
    elements = torch.arange(m * edge**3).reshape(1, m, edge, edge, edge)
    every = unfold_unit(elements, unit)[0].reshape(grid, grid, grid, edge, edge, edge)
    along = (torch.arange(grid)[:, None] * patch + torch.arange(edge) - margin) % d  # (grid, w): voxel on one axis
    voxel = (along[:, None, None, :, None, None] * d + along[None, :, None, None, :, None]) * d + along[
        None, None, :, None, None, :
    ]
    place = torch.full((d**3,), -1)
    place[voxels_of(torch.arange(d**3).reshape(1, d, d, d), patch, unit.patches).flatten()] = torch.arange(m * patch**3)
    target = place[voxel.flatten()]
    inside = target >= 0
    return every.flatten()[inside], target[inside]


def places_of(patches: Tensor, grid: int) -> tuple[Tensor, Tensor, Tensor]:
    """Places of numbered patches (m,) along x, y and z of a grid^3."""
    return patches // grid**2, patches // grid % grid, patches % grid


def voxels_of(cells: Tensor, patch: int, patches: Tensor, grid: int = 0) -> Tensor:
    """The voxels of some patches of cells (n, d, d, d): (n, m, patch^3), patches and voxels in C order.

    grid: patches along an edge, where cells are but a block of their first voxels that holds all the patches.
    """
    n, *edges = cells.shape
    x, y, z = (edge // patch for edge in edges)
    split = cells.reshape(n, x, patch, y, patch, z, patch)
    i, j, k = places_of(patches, grid or x)
    # Indices with slices between them put the patches first.
    return split[:, i, :, j, :, k].transpose(0, 1).flatten(2)


def unfold_unit(windows: Tensor, unit: AsymmetricUnit) -> Tensor:
    """Windows, or patches, of the unit (n, m, w, w, w) -> those of the whole cell (n, grid^3, w, w, w)."""
    home = windows.device
    parts = [windows.index_select(1, rows.to(home)).flip(_axes(flip, 2)) for flip, rows in unit.sources]
    return torch.cat(parts, dim=1).index_select(1, unit.order.to(home))


def join_patches(patches: Tensor, grid: int) -> Tensor:
    """Patches (n, grid^3, p, p, p) in C order -> cells (n, grid p, grid p, grid p)."""
    n, edge = patches.shape[0], patches.shape[-1]
    split = patches.reshape(n, grid, grid, grid, edge, edge, edge)
    return split.permute(0, 1, 4, 2, 5, 3, 6).reshape(n, *(3 * (grid * edge,)))


def _axes(flip: int, first: int) -> list[int]:
    """The dimensions that a flip reverses, where x is dimension `first`."""
    return [first + axis for axis in range(3) if flip >> (2 - axis) & 1]
