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
from collections.abc import Iterator

import numpy as np

from voxplore import parallel
from voxplore.data.distinct import Distinct
from voxplore.data.periodic import PeriodicNet, is_one_net, min_angle, strut_graph, struts_crowded
from voxplore.data.spacegroup import SYSTEMS, Draw, Site, average_metric, hall_numbers, random_site
from voxplore.data.truss import StrutGraph, voxelise_segments
from voxplore.errors import VoxploreError
from voxplore.unitcells import UnitCells, numbered_ids

__all__ = ["NetRules", "build_nets", "make_family", "net_graph"]


@dataclasses.dataclass(frozen=True)
class NetRules:
    """What a net may look like; lengths are fractions of the cell edge. All values are our choice."""

    #: Relative frequency of the crystal systems: triclinic, monoclinic, ..., cubic as in `SYSTEMS`.
    system_weights: tuple[float, ...] = (0.04, 0.08, 0.30, 0.30, 0.05, 0.05, 0.18)
    #: Share of families with an inversion centre (at the origin); of 500 real cells 392 have one.
    centrosymmetric: float = 0.84
    #: A family's budget of nodes, drawn from these.
    node_budgets: tuple[int, ...] = (4, 8, 12, 16, 20, 24, 32)
    #: Relative frequency of 0, 1, 2, ... shells more than the net needs to hang together.
    extra_shells: tuple[float, ...] = (0.4, 0.3, 0.2, 0.1)
    max_struts: int = 110
    min_length: float = 0.15
    max_length: float = 1.0
    min_angle: float = 35.0
    clearance: float = 0.10
    variants: int = 4
    #: How far a variant moves a free coordinate, at most.
    amplitude: float = 0.15
    attempts: int = 60
    #: A cell whose IoU with an earlier one reaches this in any of the 48 orientations of the cube is left out.
    repeat_limit: float = 0.90


@dataclasses.dataclass(frozen=True)
class Family:
    """One topology: its sites with a base point each, and its struts."""

    hall: int
    system: str
    centrosymmetric: bool
    sites: tuple[Site, ...]
    points: tuple[np.ndarray, ...]
    start: np.ndarray
    end: np.ndarray
    period: np.ndarray

    def net(self, points: tuple[np.ndarray, ...]) -> PeriodicNet:
        """The net with its sites at `points`; coordinates have 5 decimals, so that rebuilds agree on any machine."""
        nodes = np.concatenate([site.orbit(p) for site, p in zip(self.sites, points, strict=True)])
        return PeriodicNet(np.round(nodes, 5) + 0.0, self.start, self.end, self.period)


def make_family(seed: int, family: int, rules: NetRules = NetRules()) -> tuple[Family | None, list[PeriodicNet]]:
    """The family at a position of the stream and its acceptable variants (none where no attempt succeeded)."""
    draw = Draw(seed, family)
    system = draw.choice(tuple(SYSTEMS), rules.system_weights)
    central = bool(draw.uniform() < rules.centrosymmetric)
    for _ in range(rules.attempts):
        made = _attempt(draw, system, central, rules)
        if made is not None:
            return made, _variants(draw, made, rules)
    return None, []


def _attempt(draw: Draw, system: str, central: bool, rules: NetRules) -> Family | None:
    hall = draw.choice(hall_numbers(system, central))
    sites, points = [], []
    budget = draw.choice(rules.node_budgets)
    for _ in range(draw.choice((1, 2, 3), (0.35, 0.45, 0.2))):
        site, point = random_site(draw, hall, draw.choice((0.0, 0.15, 0.3, 0.45, 0.6)))
        sites.append(site)
        points.append(point)
    orbits = [site.orbit(point) for site, point in zip(sites, points, strict=True)]
    nodes = np.concatenate(orbits)
    if len(nodes) > budget or _closest(nodes) < rules.min_length:
        return None
    kind = np.repeat(np.arange(len(orbits)), [len(o) for o in orbits])
    shells = _shells(nodes, kind, average_metric(_lattice(draw), hall))
    struts = _join(draw, nodes, shells, rules)
    return None if struts is None else Family(hall, system, central, tuple(sites), tuple(points), *struts)


def _closest(nodes: np.ndarray) -> float:
    """The least distance between two nodes in the unit cube, periods included."""
    apart = nodes[:, None] - nodes[None]
    apart -= np.round(apart)
    squared = (apart**2).sum(axis=-1)
    np.fill_diagonal(squared, 1.0)
    return float(np.sqrt(squared.min()))


def _lattice(draw: Draw) -> np.ndarray:
    """A random lattice, rows a, b, c: edges 0.6 to 1, angles 60 to 120 degrees before the group evens them out."""
    a, b, c = draw.uniform(0.6, 1.0, size=3)
    x, y, z = draw.uniform(-0.5, 0.5, size=3)
    return np.array([[a, 0.0, 0.0], [b * x, b, 0.0], [c * y, c * z, c]])


_PERIODS = np.array([(i, j, k) for i in (-1, 0, 1) for j in (-1, 0, 1) for k in (-1, 0, 1)], np.int64)


def _shells(nodes: np.ndarray, kind: np.ndarray, metric: np.ndarray, most: int = 16) -> list[np.ndarray]:
    """The nearest shells: rows (start, end, period x, y, z) of equal distance between two kinds of node."""
    apart = nodes[None, :, None] + _PERIODS - nodes[:, None, None]
    squared = ((apart @ metric) * apart).sum(axis=-1)
    a, b, p = np.nonzero(squared < np.sort(squared, axis=None)[min(squared.size, 40 * len(nodes)) - 1] + 1e-6)
    # Each strut once: from the lower node up; from a node to itself along the positive half of the periods.
    once = (a < b) | ((a == b) & (p > 13))
    a, b, p = a[once], b[once], p[once]
    distance = np.round(np.sqrt(squared[a, b, p]), 3)
    pair = np.minimum(kind[a], kind[b]) * 8 + np.maximum(kind[a], kind[b])
    keys, shell = np.unique(np.stack([distance, pair], axis=1), axis=0, return_inverse=True)
    rows = np.concatenate([a[:, None], b[:, None], _PERIODS[p]], axis=1)
    return [rows[shell.reshape(-1) == s] for s in range(min(len(keys), most))]


def _join(draw: Draw, nodes: np.ndarray, shells: list[np.ndarray], rules: NetRules):
    """Add shells, nearest first, leaving out those that would crowd the cell, until the net is in one piece."""
    rows = np.zeros((0, 5), np.int64)
    extra = draw.choice(range(len(rules.extra_shells)), rules.extra_shells)
    done = False
    for shell in shells:
        trial = _net(nodes, np.concatenate([rows, shell]))
        if len(trial.start) > rules.max_struts or not _is_clean(trial, rules):
            continue
        rows = np.concatenate([rows, shell])
        if done:
            extra -= 1
        elif trial.degrees().min() >= 3:
            done = is_one_net(trial)
        if done and extra <= 0:
            break
    return (rows[:, 0], rows[:, 1], rows[:, 2:]) if done else None


def _net(nodes: np.ndarray, rows: np.ndarray) -> PeriodicNet:
    return PeriodicNet(nodes, rows[:, 0], rows[:, 1], rows[:, 2:])


def _is_clean(net: PeriodicNet, rules: NetRules) -> bool:
    lengths = net.lengths()
    return bool(
        lengths.min() >= rules.min_length - 1e-6
        and lengths.max() <= rules.max_length + 1e-6
        and min_angle(net) >= rules.min_angle
        and not struts_crowded(net, rules.clearance)
    )


def _variants(draw: Draw, family: Family, rules: NetRules) -> list[PeriodicNet]:
    """The base net, and others with their free coordinates moved, that are clean."""
    nets = [family.net(family.points)]
    if any(site.freedom for site in family.sites):
        for _ in range(rules.variants - 1):
            moved = tuple(p + draw.uniform(-rules.amplitude, rules.amplitude, size=3) for p in family.points)
            net = family.net(moved)
            if _closest(net.nodes) >= rules.min_length and _is_clean(net, rules):
                nets.append(net)
    return nets


def net_graph(seed: int, source_id: str, rules: NetRules = NetRules()) -> StrutGraph:
    """The strut graph of one cell of `build_nets`, cut at the faces; `source_id` as in its index."""
    family, variant = _place(source_id)
    made, nets = make_family(seed, family, rules)
    if made is None or variant >= len(nets):
        raise VoxploreError("net", expected=f"a source_id of the nets of seed {seed}", came=source_id)
    centre = (0.0, 0.0, 0.0) if made.centrosymmetric else None
    return strut_graph(source_id, nets[variant].segments(), inversion_centre=centre)


def _place(source_id: str) -> tuple[int, int]:
    found = re.fullmatch(r"net-[a-z]+-(\d+)-(\d+)", source_id)
    if found is None:
        raise VoxploreError("net", expected="a source_id like net-cubic-000123-0", came=source_id)
    return int(found[1]), int(found[2])


def build_nets(
    n: int,
    seed: int = 0,
    *,
    resolution: int = 48,
    radius: float = 0.06,
    engine: str = "local",
    workers: int | None = None,
    rules: NetRules = NetRules(),
) -> UnitCells:
    """n distinct nets as unit cells, rendered with their periodic images; the same bytes for the same arguments.

    Every family is seeded by (seed, its position in the stream), so the number of workers does not matter, and a
    smaller n gives the first cells of a larger one. The split is left to `augment`. Index: id, source_id, orientation,
    centrosymmetric (0 or 1), hall (the Hall number) and the unit cube's a, b, c, alpha, beta, gamma, lx, ly, lz.
    """
    if n < 1:
        raise VoxploreError("nets", expected="n of at least 1", came=str(n))
    distinct = Distinct(resolution, rules.repeat_limit)
    packed, rows = np.zeros((n, -(-(resolution**3) // 8)), np.uint8), []
    for cells, labels in _stream(n, _Block(seed, 0, resolution, radius, rules), engine, workers):
        for cell, label in zip(cells, labels, strict=True):
            if len(rows) < n and distinct.add(cell):
                packed[len(rows)] = cell
                rows.append(label)
        if len(rows) == n:
            break
    options = {"n": n, "seed": seed, "radius": radius, "rules": dataclasses.asdict(rules)}
    about = {"name": "nets", "source": "generated", "licence": "MIT", "options": options}
    return UnitCells(packed, resolution, _index(rows), about)


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


def _stream(n: int, first: _Block, engine: str, workers: int | None) -> Iterator[tuple[np.ndarray, list]]:
    """Blocks of cells in the order of their families, without end; the caller stops when it has enough."""
    round_length = -(-n // first.size) + 2
    for start in itertools.count(0, round_length):
        blocks = [dataclasses.replace(first, number=start + i) for i in range(round_length)]
        yield from parallel.map_items(_make_block, blocks, workers=workers, engine=engine)


def _make_block(block: _Block) -> tuple[np.ndarray, list[tuple[str, int, int]]]:
    """Packed cells (m, d^3 / 8) and their (source_id, hall, centrosymmetric)."""
    cells, labels = [], []
    for position in block.families():
        family, nets = make_family(block.seed, position, block.rules)
        for variant, net in enumerate(nets if family else ()):
            voxels = voxelise_segments(net.segments(), block.resolution, block.radius, periodic=True)
            cells.append(np.packbits(voxels.reshape(-1)))
            label = f"net-{family.system}-{position:06d}-{variant}"
            labels.append((label, family.hall, int(family.centrosymmetric)))
    return np.stack(cells) if cells else np.zeros((0, -(-(block.resolution**3) // 8)), np.uint8), labels


def _index(rows: list[tuple[str, int, int]]) -> dict[str, np.ndarray]:
    labels, halls, central = zip(*rows, strict=True)
    n = len(rows)
    index = {
        "id": numbered_ids("nets", n),
        "source_id": np.array(labels, np.str_),
        "orientation": np.zeros(n, np.int64),
    }
    index |= {"centrosymmetric": np.array(central, np.int64), "hall": np.array(halls, np.int64)}
    index |= {name: np.ones(n) for name in ("lx", "ly", "lz", "a", "b", "c")}
    return index | {name: np.full(n, 90.0) for name in ("alpha", "beta", "gamma")}
