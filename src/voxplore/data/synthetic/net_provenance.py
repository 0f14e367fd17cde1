"""The struts that cells were drawn from, found again from their provenance, and struts turned as cells are.

A folder of cells holds voxels alone. Those of `build nets` say in `about` with which seed and rules they were made and
in `source_id` which net of that stream each is, so that the nets can be made again (two hundredths of a second each
family of up to four); drawing them and comparing shows whether they are the same.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from voxplore import config, parallel
from voxplore.data.synthetic.net_families import NetRules, make_family
from voxplore.data.synthetic.nets import draw_nets, place_of
from voxplore.data.synthetic.periodic import PeriodicNet
from voxplore.errors import VoxploreError
from voxplore.geometry import ORIENTATIONS
from voxplore.unitcells import UnitCells

__all__ = ["nets_of", "turned"]

_EXPECTED = "cells of `voxplore build nets`, whose struts can be made again"
#: Nets drawn in one piece of work when they are compared with their cells.
_CHUNK = 200
#: Share of a cell's bytes that may differ: the centre of a voxel on the very edge of a turned strut may fall outside.
_SLACK = 1e-3
#: Families that are made in this process: starting others costs more than it saves.
_FEW = 100


def nets_of(cells: UnitCells, workers: int | None = None) -> tuple[list[PeriodicNet], float]:
    """The net of each cell, turned as the cell is, and the radius of their struts in cell edges.

    Raises VoxploreError where the cells do not say what they were made from, or are not what it draws.
    """
    seed, radius, rules = _options(cells)
    sources = cells.index.get("source_id")
    if sources is None or not len(cells):
        raise VoxploreError(cells.about.get("name", "cells"), expected=_EXPECTED, got="cells without struts")
    places = [place_of(str(source)) for source in sources.tolist()]
    families = sorted({family for family, _ in places})
    jobs = [(seed, family, rules) for family in families]
    workers = 1 if len(jobs) <= _FEW else workers
    made = dict(zip(families, parallel.map_items(_variants, jobs, workers=workers), strict=True))
    if any(variant >= len(made[family]) for family, variant in places):
        raise VoxploreError(cells.about.get("name", "cells"), expected=_EXPECTED, got="others of the same name")
    turns = np.asarray(cells.index.get("orientation", np.zeros(len(cells)))).astype(int).tolist()
    nets = [turned(made[f][v], ORIENTATIONS[k]) for (f, v), k in zip(places, turns, strict=True)]
    _compare(cells, nets, radius, workers)
    return nets, radius


def turned(net: PeriodicNet, operation: Any) -> PeriodicNet:
    """The net moved by an operation of the cube (`geometry.CUBE_OPERATIONS`), as `apply_operation` moves its cell."""
    axes, flips = operation
    order, back = list(axes), np.array(flips, bool)
    nodes, period = net.nodes[:, order], net.period[:, order]
    return replace(net, nodes=np.where(back, 1 - nodes, nodes), period=np.where(back, -period, period))


def _options(cells: UnitCells) -> tuple[int, float, NetRules]:
    """Seed, radius and rules of `build_nets`, from the provenance."""
    name, options = cells.about.get("name", "cells"), cells.about.get("options")
    if not isinstance(options, dict) or not {"seed", "radius", "rules"} <= set(options):
        raise VoxploreError(name, expected=_EXPECTED, got="cells without struts")
    rules = config.from_dict(NetRules, options["rules"], f"{name}, rules")
    return int(options["seed"]), float(options["radius"]), rules


def _variants(job: tuple[int, int, NetRules]) -> list[PeriodicNet]:
    return make_family(*job)[1]


def _compare(cells: UnitCells, nets: Sequence[PeriodicNet], radius: float, workers: int | None) -> None:
    """Refuse nets that do not draw the cells."""
    starts = range(0, len(nets), _CHUNK)
    jobs = [(nets[start : start + _CHUNK], cells.resolution, radius) for start in starts]
    drawn: Iterable[np.ndarray] = parallel.map_items(_drawn, jobs, workers=workers)
    for start, rows in zip(starts, drawn, strict=True):
        wrong = np.flatnonzero((rows != cells.packed[start : start + _CHUNK]).mean(axis=1) > _SLACK)
        if len(wrong):
            got = f"cell {cells.index['id'][start + wrong[0]]} of other voxels"
            raise VoxploreError(cells.about.get("name", "cells"), expected=_EXPECTED, got=got)


def _drawn(job: tuple[Sequence[PeriodicNet], int, float]) -> np.ndarray:
    return draw_nets(*job)
