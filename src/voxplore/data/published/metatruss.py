"""MetaTruss: the strut graphs of the catalogue of Lumpe & Stankovic (2021), and their voxels.

Two layouts are read, one record at a time: the catalogue's own text file (17,262 records, 58.7 MB;
doi 10.3929/ethz-b-000457598) and JSON lines, one strut graph a line, plain or gzipped.
"""

import itertools
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from voxplore import parallel, storage
from voxplore.data.prepare.orientations import orient_cells
from voxplore.data.synthetic.periodic import strut_graph
from voxplore.data.synthetic.truss import Line, StrutGraph, checked, voxelise
from voxplore.errors import VoxploreError
from voxplore.ranges import Count, Radius, Resolution, Workers, within
from voxplore.storage import check_regular, limited_lines
from voxplore.unitcells import UnitCells

__all__ = ["build_metatruss", "read_catalogue", "read_jsonl", "recut"]

_CELL_NAMES = ("a", "b", "c", "alpha", "beta", "gamma")
#: What is this near a face (a tenth of a voxel at 48^3) lies on it. Inversion centres are known to 4 decimals, so that
#: struts on the faces of the new cell come out slightly beside them.
_ON_FACE = 2e-3

#: Lines of one record of the catalogue, at most; the longest of the published ones has some hundred.
_LONGEST = 100_000

_Job = tuple[StrutGraph, int, float, Line]


class _Row(NamedTuple):
    """A line of the file and its number, counted from 1."""

    number: int
    text: str


def read_catalogue(path: str | Path) -> Iterator[StrutGraph]:
    """The records of a file laid out as `Unit_Cell_Catalog.txt`, streamed.

    A record starts at a line that begins `Name:` and ends at the next such line, at a line that starts with `-----` or
    contains `lattice_transition`, or at the end of the file. Raises VoxploreError naming the file, line and record.
    """
    path, found = Path(path), False
    with _opened(path) as lines:
        for record in _records(lines):
            found = True
            yield _parse_record(path, record)
    if not found:
        raise VoxploreError(path, expected="records that start with `Name:`", got="none")


def read_jsonl(path: str | Path) -> Iterator[StrutGraph]:
    """The strut graphs of a JSON-lines file (gzipped where it is named .gz), streamed.

    A line holds `name`, `nodes`, `edges` (0-based) and, where known, `cell`, `origin` ("catalogue" or "shifted") and
    `inversion_centre` (fractional or null). Raises VoxploreError naming the file and line.
    """
    path, found = Path(path), False
    with _opened(path) as lines:
        for row in _rows(lines):
            if row.text.strip():
                found = True
                yield _parse_json(f"{path}, line {row.number}", row.text)
    if not found:
        raise VoxploreError(path, expected="strut graphs, one JSON object a line", got="none")


class _opened:
    """A text file, gzipped or not; damage shows as VoxploreError however far the reading has come."""

    def __init__(self, path: Path):
        self.path = path

    def __enter__(self) -> Iterator[str]:
        check_regular(self.path)
        try:
            self.file = open(self.path, "rb")
        except OSError as error:
            raise VoxploreError(self.path, expected="a readable file", got=str(error.strerror).lower()) from error
        return limited_lines(self.path, self.file)

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        self.file.close()
        if isinstance(error, (OSError, EOFError, zlib.error)):
            raise VoxploreError(self.path, expected="a whole file", got=str(error).lower()) from error


def _rows(lines: Iterable[str]) -> Iterator[_Row]:
    for number, text in enumerate(lines, start=1):
        yield _Row(number, text)


def _records(lines: Iterable[str]) -> Iterator[list[_Row]]:
    record: list[_Row] = []
    for row in _rows(lines):
        starts = row.text.startswith("Name:")
        if record and (starts or row.text.startswith("-----") or "lattice_transition" in row.text):
            yield record
            record = []
        if record or starts:
            record.append(row)
        if len(record) > _LONGEST:
            where = f"line {row.number}, record {record[0].text.strip()[:60]}"
            raise VoxploreError(where, expected=f"a record of at most {_LONGEST} lines", got="a longer one")
    if record:
        yield record


def _parse_record(path: Path, record: list[_Row]) -> StrutGraph:
    name = record[0].text.removeprefix("Name:").strip()
    where = f"{path}, line {record[0].number}, record {name}"
    cell = _table(path, name, _section(record, "Normalized unit cell parameters")[:1], 6, float, separator=",")
    nodes = _table(path, name, _section(record, "Nodal positions"), 3, float)
    bars = _table(path, name, _section(record, "Bar connectivities"), 2, int)
    for title, rows in (("unit cell parameters", cell), ("nodal positions", nodes), ("bar connectivities", bars)):
        if not rows:
            raise VoxploreError(where, expected=title, got="a record without them")
    edges = np.array(bars, np.int64).reshape(-1, 2) - 1
    return checked(where, name, np.array(nodes, np.float64), edges, tuple(cell[0]), None, "catalogue", first=1)


def _section(record: list[_Row], title: str) -> list[_Row]:
    """The lines after the one that begins with `title`, blank lines before them skipped, up to the next blank line."""
    after = itertools.dropwhile(lambda row: not row.text.lstrip().startswith(title), record)
    body = itertools.dropwhile(lambda row: not row.text.strip(), itertools.islice(after, 1, None))
    return list(itertools.takewhile(lambda row: row.text.strip() and not row.text.rstrip().endswith(":"), body))


def _table(path: Path, name: str, rows: list[_Row], width: int, kind: Callable, separator: str | None = None) -> list:
    return [_numbers(f"{path}, line {row.number}, record {name}", row.text, width, kind, separator) for row in rows]


def _numbers(where: str, text: str, width: int, kind: Callable, separator: str | None) -> list:
    """`width` finite numbers of one line."""
    fields = text.split(separator)
    try:
        values = [kind(field) for field in fields]
    except (ValueError, OverflowError):
        values = []
    # The comparison fails for NaN; a whole number may be too large for a float.
    if len(values) != width or not all(abs(value) < 1e9 for value in values):
        number = "whole numbers" if kind is int else "finite numbers"
        raise VoxploreError(where, expected=f"{width} {number}", got=repr(text.strip()[:60]))
    return values


def _parse_json(where: str, text: str) -> StrutGraph:
    try:
        item = storage.json_value(text)
    except (ValueError, RecursionError) as error:
        raise VoxploreError(where, expected="a JSON object", got=repr(text.strip()[:60])) from error
    if not isinstance(item, dict) or not isinstance(item.get("name"), str):
        raise VoxploreError(where, expected="a JSON object with a name", got=repr(text.strip()[:60]))
    where = f"{where}, record {item['name']}"
    nodes = _array(where, item, "nodes", 3)
    edges = _array(where, item, "edges", 2)
    if (edges != np.round(edges)).any():
        raise VoxploreError(where, expected="whole numbers in edges", got="fractions")
    centre = None if item.get("inversion_centre") is None else tuple(_vector(where, item, "inversion_centre", 3))
    cell = tuple(_vector(where, item, "cell", 6)) if "cell" in item else (1.0, 1.0, 1.0, 90.0, 90.0, 90.0)
    origin = item.get("origin", "catalogue")
    if origin not in ("catalogue", "shifted"):
        raise VoxploreError(where, expected="origin catalogue or shifted", got=repr(origin)[:60])
    return checked(where, item["name"], nodes, edges.astype(np.int64), cell, centre, origin, first=0)


def _vector(where: str, item: dict, key: str, width: int) -> list[float]:
    return _array(where, {key: [item[key]]}, key, width)[0].tolist()


def _array(where: str, item: dict, key: str, width: int) -> np.ndarray:
    """A list of rows of `width` finite numbers: float64 (m, width)."""
    rows = item.get(key)
    if not isinstance(rows, list) or not all(_is_row(row, width) for row in rows):
        raise VoxploreError(where, expected=f"{key} as rows of {width} finite numbers", got=repr(rows)[:60])
    return np.array(rows, np.float64).reshape(-1, width)


def _is_row(row: Any, width: int) -> bool:
    """Whether `row` is a list of `width` finite numbers (NaN fails the comparison)."""
    return isinstance(row, list) and len(row) == width and all(type(x) in (int, float) and abs(x) < 1e9 for x in row)


def recut(graph: StrutGraph) -> StrutGraph:
    """The same net cut out anew: moved so that its inversion centre is the origin, cut at the faces, wrapped."""
    if graph.inversion_centre is None:
        raise VoxploreError(graph.name, expected="a strut graph with an inversion centre", got="one without")
    segments = graph.segments() - np.array(graph.inversion_centre)
    fields = {"cell": graph.cell, "inversion_centre": (0.0, 0.0, 0.0)}
    return strut_graph(graph.name, segments, tolerance=_ON_FACE, keep_touches=True, **fields)


@within
def build_metatruss(
    source: str | Path,
    n: Count | None = None,
    *,
    resolution: Resolution = 48,
    radius: Radius = 0.06,
    line: Line = "segment",
    orientations: int = 1,
    keep_uncentred: bool = False,
    engine: str = "local",
    workers: Workers | None = None,
) -> UnitCells:
    """Unit cells of the first n records (all by default) of a text catalogue or of a .jsonl / .jsonl.gz file.

    Cells whose window was shifted are cut out anew at their inversion centre; those that have none are left out, and do
    not count towards n, unless `keep_uncentred` asks for them as they are. Cells are rendered without periodic images,
    as published. The split is left to `prepare.splits`. Index: id, source_id, orientation, lx, ly, lz (the cell's own
    edges a, b, c) and a, b, c, alpha, beta, gamma.
    """
    source = Path(source)
    if n is not None and n < 1:
        raise VoxploreError("metatruss", expected="n of at least 1", got=str(n))
    is_json = ".jsonl" in source.suffixes
    graphs = list(
        itertools.islice(_usable(read_jsonl(source) if is_json else read_catalogue(source), keep_uncentred), n)
    )
    if not graphs:
        raise VoxploreError(source, expected="a cell in the catalogue's origin or with a centre", got="none")
    jobs: list[_Job] = [(graph, resolution, radius, line) for graph in graphs]
    # A cell takes a few milliseconds: below some thousands, starting workers costs more than it saves.
    workers = workers if len(jobs) > 2000 else 1
    packed = np.stack(list(parallel.map_items(_packed, jobs, workers=workers, engine=engine)))
    options = {"n": n, "radius": radius, "line": line, "keep_uncentred": keep_uncentred}
    about = {"name": "metatruss", "source": f"Lumpe & Stankovic (2021), doi 10.3929/ethz-b-000457598; {source.name}"}
    about |= {"licence": "CC BY-NC 4.0", "options": options}
    return orient_cells(UnitCells(packed, resolution, _index(graphs), about), orientations)


def _usable(graphs: Iterable[StrutGraph], keep_uncentred: bool) -> Iterator[StrutGraph]:
    for graph in graphs:
        if graph.origin == "shifted" and graph.inversion_centre is not None:
            yield recut(graph)
        elif graph.origin != "shifted" or keep_uncentred:
            yield graph


def _packed(job: _Job) -> np.ndarray:
    graph, resolution, radius, line = job
    return np.packbits(voxelise(graph.nodes, graph.edges, resolution, radius, line=line).reshape(-1))


def _index(graphs: list[StrutGraph]) -> dict[str, np.ndarray]:
    names = [graph.name for graph in graphs]
    seen: dict[str, int] = {}
    ids = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        ids.append(name if seen[name] == 1 else f"{name}.{seen[name]}")
    cells = np.array([graph.cell for graph in graphs])
    index = {"id": np.array(ids, np.str_), "source_id": np.array(names, np.str_)}
    index |= {"orientation": np.zeros(len(graphs), np.int64)}
    index |= {name: cells[:, i] for i, name in enumerate(("lx", "ly", "lz"))}
    return index | {name: cells[:, i] for i, name in enumerate(_CELL_NAMES)}
