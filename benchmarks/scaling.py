"""Cost as work grows: number of reference cells, and resolution; with the memory that the arrays take."""

import os
from collections.abc import Callable
from typing import Any

import numpy as np

from voxplore import kernels
from voxplore.data.synthetic.truss import StrutGraph, voxelise_segments
from voxplore.unitcells import UnitCells, pack, unpack

from .material import spread
from .race import Contestant, Row, race, threads

__all__ = ["resampled", "scaling_rows"]

_RADIUS = 0.06


def scaling_rows(
    reference: UnitCells,
    queries: UnitCells,
    graphs: list[StrutGraph],
    sizes: list[int],
    resolutions: list[int],
    turns: int,
) -> list[Row]:
    """sizes: numbers of references at the cells' own resolution. resolutions: of 10,000 references or fewer."""
    rows = [_search(reference, queries, size, turns) for size in sizes if _fits(size, reference)]
    few = min(10_000, len(reference))
    for d in resolutions:
        cells, sought = resampled(reference[:few], d), resampled(queries, d)
        rows.append(_search(cells, sought, few, turns))
        rows[-1].operation = "growing resolution"
        rows += _others(sought, graphs, d, turns)
    return rows


def resampled(cells: UnitCells, d: int) -> UnitCells:
    """The cells at another resolution, by nearest voxel."""
    if d == cells.resolution:
        return cells
    at = (np.arange(d) * cells.resolution) // d
    packed = np.empty((len(cells), d**3 // 8), np.uint8)
    for start in range(0, len(cells), 100):
        voxels = unpack(np.asarray(cells.packed[start : start + 100]), cells.resolution)
        packed[start : start + 100] = pack(voxels[:, at][:, :, at][:, :, :, at])
    return UnitCells(packed, d, {"id": np.arange(len(cells)).astype(str)}, cells.about)


def _search(reference: UnitCells, queries: UnitCells, size: int, turns: int) -> Row:
    packed = spread(reference.packed, size, 0)
    bits = kernels.packed_bits(packed, reference.resolution, threads())
    sought = kernels.packed_bits(queries.packed, queries.resolution, threads())

    def prepare() -> Callable[[], Any]:
        return lambda: kernels.nearest(sought, bits, threads=threads())

    held = sum(array.nbytes for array in (bits.words, bits.coarse, bits.fine, bits.solid)) / 2**30
    bounds = min(64 << 20, 4 * size * len(queries)) / 2**30
    note = f"{held:.3g} GiB of bits and counts, {bounds:.2g} GiB of bounds"
    name = f"{len(queries):,} held-out nets against {size:,}, {reference.resolution}^3"
    one = Contestant(name, prepare, len(queries) * size, note=note)
    return race("growing reference", "pairs", [one], turns)[0]


def _others(cells: UnitCells, graphs: list[StrutGraph], d: int, turns: int) -> list[Row]:
    rows = cells.packed.reshape(len(cells), d, d, d // 8)
    struts = [graph.segments() for graph in graphs]

    def label() -> Callable[[], Any]:
        return lambda: kernels.components(rows, threads()).largest

    def draw() -> Callable[[], Any]:
        return lambda: [voxelise_segments(segments, d, _RADIUS).any() for segments in struts]

    labelled = Contestant(f"largest component, {d}^3", label, len(cells))
    drawn = Contestant(f"voxels of struts, {d}^3", draw, len(struts))
    return [race("growing resolution, a cell", "cells", [one], turns)[0] for one in (labelled, drawn)]


def _fits(size: int, cells: UnitCells) -> bool:
    """Twice the bits, as when they are made, within the memory that is free now."""
    free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return 1.4 * size * cells.packed.shape[1] < free
