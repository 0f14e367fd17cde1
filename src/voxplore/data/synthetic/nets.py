"""Crystal nets made on the spot: the offline default for trusses.

The catalogue of Lumpe & Stankovic (2021) joins the atoms of known crystals by struts to their near neighbours. Here the
crystals are made up: a space group, a lattice of its crystal system and one to three (special) positions are drawn;
shells of equal distance are added, nearest first, until the net hangs together once repeated. Nets with crowded struts,
sharp angles or loose ends are thrown away. Each topology (a *family*) is kept in several *variants* that move its free
coordinates, so that cells lie on continuous families as well as apart from each other.
Fractional coordinates are taken as the unit cube, as the published MetaTruss takes them.
"""

import dataclasses
import itertools
import re
from collections.abc import Iterator, Sequence

import numpy as np

from voxplore import parallel
from voxplore.data.prepare.distinct import Distinct
from voxplore.data.synthetic.net_families import DEFAULT_RULES, NetRules, make_family
from voxplore.data.synthetic.periodic import PeriodicNet, strut_graph
from voxplore.data.synthetic.truss import StrutGraph, voxelise_segments
from voxplore.errors import VoxploreError
from voxplore.ranges import Count, Radius, Resolution, Seed, Workers, within
from voxplore.unitcells import UnitCells, numbered_ids

__all__ = ["NetRules", "build_nets", "draw_nets", "net_graph", "nets_with_plans", "place_of"]


def net_graph(seed: int, source_id: str, rules: NetRules = DEFAULT_RULES) -> StrutGraph:
    """The strut graph of one cell of `build_nets`, cut at the faces; `source_id` as in its index."""
    family, variant = place_of(source_id)
    made, nets = make_family(seed, family, rules)
    if made is None or variant >= len(nets):
        raise VoxploreError("net", expected=f"a source_id of the nets of seed {seed}", got=source_id)
    centre = (0.0, 0.0, 0.0) if made.centrosymmetric else None
    return strut_graph(source_id, nets[variant].segments(), inversion_centre=centre)


def place_of(source_id: str) -> tuple[int, int]:
    """Family and variant of a `source_id` such as "net-cubic-000123-0"."""
    found = re.fullmatch(r"net-[a-z]+-(\d+)-(\d+)", source_id)
    if found is None:
        raise VoxploreError("net", expected="a source_id like net-cubic-000123-0", got=source_id)
    return int(found[1]), int(found[2])


@within
def build_nets(
    n: Count,
    seed: Seed = 0,
    *,
    resolution: Resolution = 48,
    radius: Radius = 0.06,
    engine: str = "local",
    workers: Workers | None = None,
    rules: NetRules = DEFAULT_RULES,
) -> UnitCells:
    """n distinct nets as unit cells, rendered with their periodic images; the same bytes for the same arguments.

    Every family is seeded by (seed, its position in the stream), so the number of workers does not matter, and a
    smaller n gives the first cells of a larger one. The split is left to `prepare.splits`. Index: id, source_id, family
    (of the crystal system, like "net-cubic"), orientation, centrosymmetric (0 or 1), hall (the Hall number) and the
    unit cube's a, b, c, alpha, beta, gamma, lx, ly, lz.
    """
    chosen = {"resolution": resolution, "radius": radius, "engine": engine, "workers": workers, "rules": rules}
    cells, _ = nets_with_plans(n, seed, **chosen)
    return cells


def nets_with_plans(
    n: int,
    seed: int = 0,
    *,
    resolution: int = 48,
    radius: float = 0.06,
    engine: str = "local",
    workers: int | None = None,
    rules: NetRules = DEFAULT_RULES,
) -> tuple[UnitCells, list[PeriodicNet]]:
    """As `build_nets`, and the net that each cell was drawn from."""
    if n < 1:
        raise VoxploreError("nets", expected="n of at least 1", got=str(n))
    distinct = Distinct(resolution, rules.repeat_limit)
    packed, plans, rows = np.zeros((n, -(-(resolution**3) // 8)), np.uint8), [], []
    for cells, nets, labels in _stream(n, _Block(seed, 0, resolution, radius, rules), engine, workers):
        for k in np.flatnonzero(distinct.add(cells))[: n - len(rows)].tolist():
            packed[len(rows)] = cells[k]
            plans.append(nets[k])
            rows.append(labels[k])
        if len(rows) == n:
            break
    options = {"n": n, "seed": seed, "radius": radius, "rules": dataclasses.asdict(rules)}
    about = {"name": "nets", "source": "generated", "licence": "MIT", "options": options}
    return UnitCells(packed, resolution, _index(rows), about), plans


def draw_nets(nets: Sequence[PeriodicNet], resolution: int = 48, radius: float = 0.06) -> np.ndarray:
    """The cells of nets, with their periodic images, packed: uint8 (len(nets), d^3 / 8)."""
    packed = np.zeros((len(nets), -(-(resolution**3) // 8)), np.uint8)
    for row, net in zip(packed, nets, strict=True):
        row[:] = np.packbits(voxelise_segments(net.segments(), resolution, radius, periodic=True).reshape(-1))
    return packed


@dataclasses.dataclass(frozen=True)
class _Block:
    """A run of families that one worker makes."""

    seed: int
    number: int
    resolution: int
    radius: float
    rules: NetRules
    size: int = 40

    def families(self) -> range:
        return range(self.number * self.size, (self.number + 1) * self.size)


def _stream(n: int, first: _Block, engine: str, workers: int | None) -> Iterator[tuple[np.ndarray, list, list]]:
    """Blocks of cells in the order of their families, without end; the caller stops when it has enough."""
    round_length = -(-n // first.size) + 2
    for start in itertools.count(0, round_length):
        blocks = [dataclasses.replace(first, number=start + i) for i in range(round_length)]
        yield from parallel.map_items(_make_block, blocks, workers=workers, engine=engine)


def _make_block(block: _Block) -> tuple[np.ndarray, list[PeriodicNet], list[tuple[str, int, int]]]:
    """Packed cells (m, d^3 / 8), their nets, and their (source_id, hall, centrosymmetric)."""
    plans, labels = [], []
    for position in block.families():
        family, nets = make_family(block.seed, position, block.rules)
        if family is None:
            continue
        plans += nets
        for variant in range(len(nets)):
            label = f"net-{family.system}-{position:06d}-{variant}"
            labels.append((label, family.hall, int(family.centrosymmetric)))
    return draw_nets(plans, block.resolution, block.radius), plans, labels


def _index(rows: list[tuple[str, int, int]]) -> dict[str, np.ndarray]:
    labels, halls, central = zip(*rows, strict=True)
    n = len(rows)
    index = {
        "id": numbered_ids("nets", n),
        "source_id": np.array(labels, np.str_),
        "family": np.array([label.rsplit("-", 2)[0] for label in labels], np.str_),
        "orientation": np.zeros(n, np.int64),
    }
    index |= {"centrosymmetric": np.array(central, np.int64), "hall": np.array(halls, np.int64)}
    index |= {name: np.ones(n) for name in ("lx", "ly", "lz", "a", "b", "c")}
    return index | {name: np.full(n, 90.0) for name in ("alpha", "beta", "gamma")}
