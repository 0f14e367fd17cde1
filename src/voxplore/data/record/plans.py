"""What cells are drawn from, as a few arrays of numbers: periodic nets and level sets, exactly.

A net's coordinates have 5 decimals but for its origin, which moved them by half periods: whole numbers of 1e-5 and one
bit an axis give every bit back. Variants of a family share their struts, which are stored once. A level set is 351
numbers, of which symmetry leaves about a dozen distinct; which of them stands where repeats from cell to cell.
"""

from collections.abc import Sequence

import numpy as np

from voxplore.data.synthetic.levelsets import LevelSet
from voxplore.data.synthetic.periodic import PeriodicNet
from voxplore.errors import VoxploreError

__all__ = ["level_sets_from_arrays", "level_sets_to_arrays", "nets_from_arrays", "nets_to_arrays"]

Arrays = dict[str, np.ndarray]
_UNIT = 1e5
#: A coordinate, and what a strut spans along an axis, in cell edges: at most this, so that drawing one takes little.
_REACH = 3
_LARGEST = 1e3
_WAVES = (7, 7, 7)
_LENGTH = 343 + 3 + 3 + 2
#: Type and number of axes of every array. `nodes` and `period` have a row an axis: like stands by like in the file.
_NET_ARRAYS = {
    "nodes": (np.int32, 2),
    "halves": (np.uint8, 2),
    "node_counts": (np.uint16, 1),
    "struts_of": (np.uint32, 1),
    "strut_counts": (np.uint16, 1),
    "start": (np.uint16, 1),
    "end": (np.uint16, 1),
    "period": (np.int8, 2),
}
_SHELL_ARRAYS = {
    "values": (np.float64, 1),
    "value_counts": (np.uint16, 1),
    "pattern_of": (np.uint32, 1),
    "patterns": (np.uint16, 2),
}


def nets_to_arrays(nets: Sequence[PeriodicNet]) -> Arrays:
    """Whole numbers from nets; VoxploreError where a coordinate has more than 5 decimals besides its half periods."""
    struts: dict[tuple[bytes, ...], int] = {}
    first: list[PeriodicNet] = []
    struts_of = []
    for net in nets:
        key = (net.start.tobytes(), net.end.tobytes(), net.period.tobytes())
        if key not in struts:
            struts[key] = len(first)
            first.append(net)
        struts_of.append(struts[key])
    halves = np.stack([_halves(net.nodes) for net in nets])
    nodes = [_whole(net.nodes, half) for net, half in zip(nets, halves, strict=True)]
    arrays = {
        "nodes": np.concatenate(nodes).T,
        "halves": halves,
        "node_counts": [len(net.nodes) for net in nets],
        "struts_of": struts_of,
        "strut_counts": [len(net.start) for net in first],
        "start": np.concatenate([net.start for net in first]),
        "end": np.concatenate([net.end for net in first]),
        "period": np.concatenate([net.period for net in first]).T,
    }
    return {name: np.asarray(array).astype(_NET_ARRAYS[name][0]) for name, array in arrays.items()}


def _whole(nodes: np.ndarray, halves: np.ndarray) -> np.ndarray:
    return np.rint((nodes - halves / 2) * _UNIT).astype(np.int64)


def _coordinates(whole: np.ndarray, halves: np.ndarray) -> np.ndarray:
    """As `net_families` makes them: rounded to 5 decimals, then moved; float64, bit for bit."""
    return whole / _UNIT + halves / 2


def _halves(nodes: np.ndarray) -> np.ndarray:
    """Half periods along each axis (0 or 1) with which the coordinates are given back exactly: int64 (3,)."""
    exact = [(_coordinates(_whole(nodes, np.full(3, h)), np.full(3, h)) == nodes).all(axis=0) for h in (0, 1)]
    if not (exact[0] | exact[1]).all():
        raise VoxploreError("net", expected="coordinates of 5 decimals, moved by half periods", got="others")
    return np.where(exact[0], 0, 1)


def nets_from_arrays(arrays: Arrays, n: int, where: object) -> list[PeriodicNet]:
    """The n nets of `nets_to_arrays`; VoxploreError naming `where` for arrays that are none."""
    _check_types(arrays, _NET_ARRAYS, where)
    nodes, halves, struts_of = arrays["nodes"].astype(np.int64), arrays["halves"], arrays["struts_of"]
    struts = np.concatenate([arrays["start"][None], arrays["end"][None], arrays["period"]]).astype(np.int64)
    node_ends = _ends(arrays["node_counts"], nodes.shape[1], where)
    strut_ends = _ends(arrays["strut_counts"], struts.shape[1], where)
    if not len(node_ends) == len(halves) == len(struts_of) == n or struts_of.max() >= len(strut_ends):
        raise VoxploreError(where, expected=f"nodes and struts for {n} nets", got="others")
    if np.abs(nodes).max() > _REACH * _UNIT or halves.max() > 1:
        raise VoxploreError(where, expected=f"nodes within {_REACH} cell edges", got="others")
    node_parts = np.split(nodes.T, node_ends[:-1])
    strut_parts = np.split(struts, strut_ends[:-1], axis=1)
    return [
        _checked_net(_coordinates(part, half), strut_parts[k], where)
        for part, half, k in zip(node_parts, halves, struts_of, strict=True)
    ]


def _checked_net(nodes: np.ndarray, struts: np.ndarray, where: object) -> PeriodicNet:
    start, end, period = struts[0], struts[1], np.ascontiguousarray(struts[2:].T)
    if max(start.max(), end.max()) >= len(nodes):
        raise VoxploreError(where, expected=f"struts between {len(nodes)} nodes", got="a strut past them")
    net = PeriodicNet(nodes, start, end, period)
    if np.abs(np.diff(net.segments(), axis=1)).max() > _REACH:
        raise VoxploreError(where, expected=f"struts within {_REACH} cell edges", got="a longer one")
    return net


def level_sets_to_arrays(level_sets: Sequence[LevelSet]) -> Arrays:
    """The distinct numbers of each level set, and which of them stands where; the family is left to the index."""
    patterns: dict[bytes, int] = {}
    values, counts, pattern_of = [], [], []
    for level_set in level_sets:
        distinct, pattern = _distinct(_flat(level_set))
        values += distinct
        counts.append(len(distinct))
        pattern_of.append(patterns.setdefault(pattern.tobytes(), len(patterns)))
    stored = np.frombuffer(b"".join(patterns), np.uint16).reshape(len(patterns), _LENGTH)
    arrays = {"values": values, "value_counts": counts, "pattern_of": pattern_of, "patterns": stored}
    return {name: np.asarray(array).astype(_SHELL_ARRAYS[name][0]) for name, array in arrays.items()}


def _flat(level_set: LevelSet) -> np.ndarray:
    """All numbers of a level set: float64 (351,); a network has thickness 0."""
    rest = [level_set.scale, level_set.phase, [level_set.level, level_set.thickness or 0.0]]
    return np.concatenate([level_set.coefficients.reshape(-1), *rest])


def _distinct(numbers: np.ndarray) -> tuple[list[float], np.ndarray]:
    """The numbers but 0, each once, in the order met; and for every number its place among them, from 1, or 0."""
    places = {0.0: 0}
    pattern = np.array([places.setdefault(number, len(places)) for number in numbers.tolist()], np.uint16)
    return list(places)[1:], pattern


def level_sets_from_arrays(arrays: Arrays, families: Sequence[str], where: object) -> list[LevelSet]:
    """The level sets of `level_sets_to_arrays`, one a family; VoxploreError naming `where` for arrays that are none."""
    _check_types(arrays, _SHELL_ARRAYS, where)
    values, counts, pattern_of, patterns = (arrays[name] for name in _SHELL_ARRAYS)
    ends = _ends(counts, len(values), where)
    if not (np.isfinite(values).all() and np.abs(values).max() <= _LARGEST):
        raise VoxploreError(where, expected=f"numbers of at most {_LARGEST:g}", got="others")
    if not len(counts) == len(pattern_of) == len(families) or pattern_of.max() >= len(patterns):
        raise VoxploreError(where, expected=f"numbers and patterns for {len(families)} level sets", got="others")
    if (patterns.max(axis=1)[pattern_of] > counts).any():
        raise VoxploreError(where, expected="as many numbers as the patterns name", got="fewer")
    parts = np.split(values, ends[:-1])
    return [
        _level_set(family, np.concatenate([[0.0], part])[patterns[k]])
        for family, part, k in zip(families, parts, pattern_of, strict=True)
    ]


def _level_set(family: str, numbers: np.ndarray) -> LevelSet:
    coefficients, scale, phase, (level, thickness) = np.split(numbers, [343, 346, 349])
    return LevelSet(family, coefficients.reshape(_WAVES), scale, phase, float(level), float(thickness) or None)


def _check_types(arrays: Arrays, expected: dict[str, tuple[type, int]], where: object) -> None:
    """Type, axes and the lengths that are fixed: 3 of a point, 351 of a level set, one `end` for each `start`."""
    fixed = {"nodes": (0, 3), "period": (0, 3), "halves": (1, 3), "patterns": (1, _LENGTH)}
    for name, (kind, axes) in expected.items():
        array = arrays.get(name, np.zeros(0))
        if array.dtype != kind or array.ndim != axes or array.size == 0:
            raise VoxploreError(where, expected=f"{name}: {np.dtype(kind)} in {axes} axes", got=_described(array))
        axis, length = fixed.get(name, (0, len(array)))
        if array.shape[axis] != length:
            raise VoxploreError(where, expected=f"{name}: length {length} of axis {axis}", got=_described(array))
    if "period" in expected and not arrays["start"].shape == arrays["end"].shape == arrays["period"].shape[1:]:
        raise VoxploreError(where, expected="start, end and period for each strut", got="more of one than of another")


def _described(array: np.ndarray) -> str:
    return f"{array.dtype} {array.shape}"


def _ends(counts: np.ndarray, total: int, where: object) -> np.ndarray:
    """Where each part ends that has `counts` rows, one or more, of `total`: int64 (len(counts),)."""
    ends = np.cumsum(counts, dtype=np.int64)
    if counts.min() < 1 or ends[-1] != total:
        raise VoxploreError(where, expected=f"parts that fill {total} rows", got=f"{len(counts)} that do not")
    return ends
