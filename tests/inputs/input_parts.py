"""Meshes and strut graphs that a user might bring, and what `build meshes` and `build graphs` must make of them."""

import json
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

__all__ = ["CASES", "D", "Case"]

D = 8


@dataclass(frozen=True)
class Case:
    """verb: meshes or graphs. gives: Bool (n, d, d, d), or texts of the one sentence. told: texts of the result."""

    name: str
    verb: str
    write: Callable[[Path], Path]
    gives: np.ndarray | tuple[str, ...]
    options: tuple[str, ...] = ()
    told: tuple[str, ...] = ()


def block(low: tuple[int, ...] = (0, 2, 2), high: tuple[int, ...] = (8, 6, 5)) -> np.ndarray:
    """One cell Bool (1, d, d, d): a block of voxels."""
    cell = np.zeros((1, D, D, D), bool)
    cell[0, low[0] : high[0], low[1] : high[1], low[2] : high[2]] = True
    return cell


def box(low: tuple[float, ...], high: tuple[float, ...], outwards: bool = True) -> np.ndarray:
    """Twelve triangles float (12, 3, 3) of a box, written out by hand."""
    corners = np.array([[(low, high)[i >> axis & 1][axis] for axis in range(3)] for i in range(8)], float)
    quads = [(0, 2, 3, 1), (4, 5, 7, 6), (0, 1, 5, 4), (2, 6, 7, 3), (0, 4, 6, 2), (1, 3, 7, 5)]
    faces = [[quad[0], quad[k], quad[k + 1]] for quad in quads for k in (1, 2)]
    triangles = corners[np.array(faces)]
    return triangles if outwards else triangles[:, ::-1]


def of_block(edge: float = 1.0, shift: float = 0.0) -> np.ndarray:
    """The surface of `block()` in a cell of this edge, moved."""
    return box((0, edge / 4, edge / 4), (edge, 0.75 * edge, 0.625 * edge)) + shift


def stl(triangles: np.ndarray, title: bytes = b"voxplore test") -> bytes:
    out = title.ljust(80, b" ") + struct.pack("<I", len(triangles))
    return out + b"".join(struct.pack("<12fH", 0, 0, 0, *map(float, one.ravel()), 0) for one in triangles)


def stl_text(triangles: np.ndarray, name: str = "a", encoding: str = "utf-8") -> bytes:
    lines = [f"solid {name}"]
    for one in triangles:
        lines += [
            "facet normal 0 0 0",
            "outer loop",
            *(f"vertex {x:g} {y:g} {z:g}" for x, y, z in one),
            "endloop",
            "endfacet",
        ]
    return "\n".join([*lines, f"endsolid {name}", ""]).encode(encoding)


def ply(triangles: np.ndarray, comment: bytes = b"a") -> bytes:
    points = triangles.reshape(-1, 3)
    head = f"element vertex {len(points)}\nproperty float x\nproperty float y\nproperty float z\n"
    head += f"element face {len(triangles)}\nproperty list uchar int vertex_indices\nend_header\n"
    rows = [f"{x} {y} {z}" for x, y, z in points] + [
        f"3 {3 * i} {3 * i + 1} {3 * i + 2}" for i in range(len(triangles))
    ]
    return b"ply\nformat ascii 1.0\ncomment " + comment + b"\n" + (head + "\n".join(rows) + "\n").encode()


def obj(triangles: np.ndarray, name: bytes = b"a") -> bytes:
    lines = [f"v {x} {y} {z}" for x, y, z in triangles.reshape(-1, 3)]
    lines += [f"f {3 * i + 1} {3 * i + 2} {3 * i + 3}" for i in range(len(triangles))]
    return b"mtllib none.mtl\no " + name + b"\n" + ("\n".join(lines) + "\n").encode()


def graph(nodes: list[list[float]], bars: list[list[int]], key: str = "bars", **more) -> bytes:
    return json.dumps({"nodes": nodes, key: bars, **more}).encode()


def files(**contents: bytes) -> Callable[[Path], Path]:
    """One file, or a folder of several, by name ("__" stands for the dot)."""

    def write(folder: Path) -> Path:
        place = folder if len(contents) == 1 else folder / "folder"
        place.mkdir(exist_ok=True)
        paths = [place / name.replace("__", ".") for name in contents]
        for path, data in zip(paths, contents.values(), strict=True):
            path.write_bytes(data)
        return paths[0] if len(contents) == 1 else place

    return write


LATIN = "M\xfcller".encode("latin-1")
DIAGONAL = [[0, 0, 0], [1, 1, 1]]
AXIS = [[0, 0.5, 0.5], [1, 0.5, 0.5]]
#: The voxels within .25 of the axis through the middle, by Eq. 11.
_Y, _Z = (np.indices((D, D)) + 0.5) / D - 0.5
STRUT = np.broadcast_to(_Y**2 + _Z**2 <= 0.0625, (1, D, D, D))
#: The same with edges of 2 and 4 along y and z: within 1, a quarter of the longest edge, in these units.
ROUND = np.broadcast_to((2 * _Y) ** 2 + (4 * _Z) ** 2 <= 1, (1, D, D, D))
UNIT, MM = ("--edge", "1"), ("--edge", "5")
WIDE = ("--radius", "0.25")


def meshes() -> list[Case]:
    unit = of_block()
    whole = box((-5, -5, -5), (5, 5, 5))
    return [
        Case("STL", "meshes", files(a__stl=stl(unit)), block(), UNIT),
        Case("STL as text", "meshes", files(a__stl=stl_text(unit)), block(), UNIT),
        Case("STL as text, Latin-1", "meshes", files(a__stl=stl_text(unit, "M\xfcller", "latin-1")), block(), UNIT),
        Case("STL whose title begins with solid", "meshes", files(a__stl=stl(unit, b"solid part")), block(), UNIT),
        Case("STL, a title in Latin-1", "meshes", files(a__stl=stl(unit, LATIN)), block(), UNIT),
        Case("STL, a suffix in capitals", "meshes", files(A__STL=stl(unit)), block(), UNIT),
        Case("PLY", "meshes", files(a__ply=ply(unit)), block(), UNIT),
        Case("PLY, Latin-1", "meshes", files(a__ply=ply(unit, LATIN)), block(), UNIT),
        Case("OBJ", "meshes", files(a__obj=obj(unit)), block(), UNIT),
        Case("OBJ, Latin-1", "meshes", files(a__obj=obj(unit, LATIN)), block(), UNIT),
        Case("in millimetres", "meshes", files(a__stl=stl(of_block(5.0))), block(), MM),
        Case("centred on the origin", "meshes", files(a__stl=stl(of_block(5.0, -2.5))), block(), MM),
        Case(
            "a whole cube around the origin",
            "meshes",
            files(a__stl=stl(whole)),
            np.ones((1, D, D, D), bool),
            ("--edge", "10"),
            ("1 of 1 cell: no void",),
        ),
        Case("an edge per axis", "meshes", files(a__stl=stl(unit * [2, 3, 4])), block(), ("--edge", "2", "3", "4")),
        Case(
            "an edge per axis, centred",
            "meshes",
            files(a__stl=stl((unit - 0.5) * [2, 3, 4])),
            block(),
            ("--edge", "2", "3", "4"),
        ),
        Case("two edges", "meshes", files(a__stl=stl(unit)), ("edge", "one length, or three"), ("--edge", "2", "3")),
        Case(
            "without an edge: the cube around it",
            "meshes",
            files(a__stl=stl(box((0, 0, 0), (3, 3, 3)) + 7)),
            np.ones((1, D, D, D), bool),
            told=("1 of 1 cell: no void",),
        ),
        Case(
            "what stands out is told of",
            "meshes",
            files(a__stl=stl(of_block(5.0, 2.5))),
            block((4, 6, 6), (8, 8, 8)),
            MM,
            ("stands out of its cell by 50%", "--periodic"),
        ),
        Case(
            "what stands out comes in again",
            "meshes",
            files(a__stl=stl(of_block(5.0, 2.5))),
            np.roll(block(), (4, 4, 4), (1, 2, 3)),
            (*MM, "--periodic"),
        ),
        Case(
            "a folder",
            "meshes",
            files(b__stl=stl(unit), c__ply=ply(unit[:, :, ::-1]), notes__txt=b"x"),
            np.concatenate([block(), block()[:].transpose(0, 3, 2, 1)]),
            UNIT,
        ),
        Case("an open surface", "meshes", files(a__stl=stl(unit[2:])), ("a.stl", "a closed surface"), UNIT),
        Case("inside out as a whole", "meshes", files(a__stl=stl(unit[:, ::-1])), block(), UNIT),
        Case(
            "a part inside out",
            "meshes",
            files(a__stl=stl(np.concatenate([box((0, 0, 0), (1, 1, 0.25)), box((0, 0, 0.5), (1, 1, 0.75), False)]))),
            ("a.stl", "faces outwards"),
            UNIT,
        ),
        Case("no triangles", "meshes", files(a__stl=stl(unit[:0])), ("a.stl", "triangles"), UNIT),
        Case("cut off", "meshes", files(a__stl=stl(unit)[:-100]), ("a.stl", "expected"), UNIT),
        Case("coordinates that are none", "meshes", files(a__stl=stl(unit * np.nan)), ("a.stl", "finite"), UNIT),
        Case("another format", "meshes", files(a__step=b"ISO-10303"), ("a.step", "a mesh (.stl, .ply, .obj)"), UNIT),
        Case("voxels", "meshes", files(a__npy=b""), ("a.npy", "`voxplore build own --source` reads voxels"), UNIT),
        Case("a folder of voxels", "meshes", files(a__npy=b"", b__npy=b""), ("folder", "build own --source"), UNIT),
    ]


def graphs() -> list[Case]:
    millimetres = [[5 * x for x in node] for node in AXIS]
    return [
        Case("graph", "graphs", files(a__json=graph(AXIS, [[0, 1]])), STRUT, WIDE),
        Case("graph with edges", "graphs", files(a__json=graph(AXIS, [[0, 1]], "edges")), STRUT, WIDE),
        Case(
            "graph with a byte-order mark",
            "graphs",
            files(a__json=b"\xef\xbb\xbf" + graph(AXIS, [[0, 1]])),
            STRUT,
            WIDE,
        ),
        Case("graph in millimetres", "graphs", files(a__json=graph(millimetres, [[0, 1]])), STRUT, (*WIDE, *MM)),
        Case(
            "graph in millimetres, without an edge",
            "graphs",
            files(a__json=graph(millimetres, [[0, 1]])),
            ("a.json", "fractional coordinates", "build graphs --edge MM"),
            WIDE,
        ),
        Case(
            "graph of an edge per axis",
            "graphs",
            files(a__json=graph([[0, 1, 2], [3, 1, 2]], [[0, 1]])),
            ROUND,
            (*WIDE, "--edge", "3", "2", "4"),
            told=("more solid than at twice the resolution",),
        ),
        Case(
            "graph centred on the origin",
            "graphs",
            files(a__json=graph([[-0.5, 0, 0], [0.5, 0, 0]], [[0, 1]])),
            STRUT,
            (*WIDE, "--clipped"),
        ),
        Case(
            "graph in millimetres around the origin",
            "graphs",
            files(a__json=graph([[-2.5, 0, 0], [2.5, 0, 0]], [[0, 1]], "edges")),
            STRUT,
            (*WIDE, *MM),
        ),
        Case(
            "a folder of graphs",
            "graphs",
            files(a__json=graph(AXIS, [[0, 1]]), b__json=graph(AXIS, [[1, 0]])),
            np.concatenate([STRUT, STRUT]),
            WIDE,
        ),
        Case(
            "a graph of a cell of its own",
            "graphs",
            files(a__json=graph(AXIS, [[0, 1]], cell=[3, 3, 3, 90, 90, 90], name="b")),
            STRUT,
            WIDE,
        ),
        Case(
            "nodes alone",
            "graphs",
            files(a__json=json.dumps({"nodes": AXIS}).encode()),
            ("a.json", '"bars" (or "edges")', "one with nodes"),
            WIDE,
        ),
        Case(
            "bars counted from 1",
            "graphs",
            files(a__json=graph(AXIS, [[1, 2]])),
            ("a.json", "bars between nodes 0 to 1"),
            WIDE,
        ),
        Case("a list", "graphs", files(a__json=b"[]"), ("a.json", "an object with", "got list"), WIDE),
        Case("no JSON", "graphs", files(a__json=b"{'nodes': []}"), ("a.json", "expected JSON"), WIDE),
        Case(
            "coordinates in the plane",
            "graphs",
            files(a__json=graph([[0, 0], [1, 1]], [[0, 1]])),
            ("a.json", "rows of 3 finite numbers"),
            WIDE,
        ),
        Case(
            "a coordinate that is null",
            "graphs",
            files(a__json=b'{"nodes": [[0, 0, null]], "bars": [[0, 0]]}'),
            ("a.json", "finite numbers"),
            WIDE,
        ),
        Case(
            "a number of 5,000 digits",
            "graphs",
            files(a__json=b'{"nodes": [[0, 0, ' + b"1" * 5000 + b']], "bars": []}'),
            ("a.json", "expected JSON"),
            WIDE,
        ),
        Case(
            "half of a surrogate pair",
            "graphs",
            files(a__json=graph(AXIS, [[0, 1]], name="\ud800")),
            ("a.json", "JSON"),
            WIDE,
        ),
        Case("a mesh for a graph", "graphs", files(a__stl=stl(of_block())), ("a.stl", "expected"), WIDE),
    ]


CASES = [*meshes(), *graphs()]
