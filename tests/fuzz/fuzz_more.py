"""More readers: volumes and folders of other programs, tables, models of the method, and what a person types."""

import base64
import contextlib
import gzip
import io
import json
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["MORE", "more"]

MORE = (
    "vti", "vti.packed", "nrrd", "nrrd.gz", "nhdr", "tiff", "slices", "voxels", "meshes", "graphs", "body",
    "properties", "stiffness", "target", "fields", "words", "rounds", "solved", "unfinished", "list", "latents",
)  # fmt: skip

D = 8
SOLID = (np.random.default_rng(3).random((3, D, D, D)) > 0.6).astype(np.uint8)
RAW = SOLID[0].tobytes(order="F")
HEAD = b"NRRD0004\ntype: uchar\ndimension: 3\nsizes: 8 8 8\nendian: little\nencoding: %s\n"


def more(folder: Path, chosen: tuple[str, ...]) -> Iterator[tuple[str, Any, dict[str, bytes], dict[str, Any]]]:
    """(name, function that reads a path, whole files by name, other fields of Reader)."""
    yield from _volumes()
    yield from _folders()
    yield from _typed()
    yield from _ours(folder)
    if "latents" in chosen:
        yield "latents", *_method(folder)


def _image(data: bytes, form: str) -> bytes:
    inner = f'format="{form}">{data.decode()}</DataArray>' if form != "raw" else 'format="appended" offset="0"/>'
    packer = ' compressor="vtkZLibDataCompressor"' if form == "binary" else ""
    return (
        f'<VTKFile type="ImageData" byte_order="LittleEndian" header_type="UInt32"{packer}>'
        '<ImageData WholeExtent="0 8 0 8 0 8"><Piece Extent="0 8 0 8 0 8"><CellData>'
        f'<DataArray type="UInt8" Name="solid" {inner}</CellData></Piece></ImageData></VTKFile>'
    ).encode()


def _packed_image(data: bytes) -> bytes:
    """A file whose one block is these bytes, packed."""
    block = zlib.compress(data)
    counts = np.array([1, len(data), 0, len(block)], "<u4").tobytes()
    return _image(base64.b64encode(counts) + base64.b64encode(block), "binary")


def _volumes() -> Iterator[tuple[str, Any, dict[str, bytes], dict[str, Any]]]:
    import tifffile

    from voxplore.data.opening import load_cells
    from voxplore.workflows.build import from_voxels

    def use(path: Path) -> None:
        load_cells(path).relative_density()

    def threshold(path: Path) -> None:
        from_voxels(path, (), 0.5, 4).voxels()

    text = " ".join(map(str, SOLID[0].ravel(order="F").tolist())).encode()
    yield "vti", use, {"": _image(text, "ascii")}, {"name": "x.vti"}
    packed = {"name": "x.vti", "inner": RAW, "pack": _packed_image}
    yield "vti.packed", threshold, {"": _packed_image(RAW)}, packed
    yield "nrrd", use, {"": HEAD % b"raw" + b"\n" + RAW}, {"name": "x.nrrd"}
    head = HEAD % b"gzip" + b"\n"

    def pack(data: bytes) -> bytes:
        return head + gzip.compress(data, 1, mtime=0)

    yield "nrrd.gz", threshold, {"": pack(RAW)}, {"name": "x.nrrd", "inner": RAW, "pack": pack}
    beside = HEAD % b"raw" + b"data file: x.raw\n\n"
    yield "nhdr", use, {"x.nhdr": beside, "x.raw": RAW}, {}
    stack, slices = io.BytesIO(), {}
    tifffile.imwrite(stack, np.swapaxes(255 * SOLID[0], 0, 2), photometric="minisblack", compression="zlib")
    for z in range(D):
        page = io.BytesIO()
        tifffile.imwrite(page, 255 * SOLID[0, :, :, z].T, photometric="minisblack")
        slices[f"s{z}.tif"] = page.getvalue()
    yield "tiff", use, {"": stack.getvalue()}, {"name": "x.tif"}
    yield "slices", use, slices, {}
    array = io.BytesIO()
    np.save(array, SOLID.astype(bool))
    yield "voxels", threshold, {"a.npy": array.getvalue(), "b.nrrd": HEAD % b"raw" + b"\n" + RAW, "c.txt": b"x"}, {}


def _tetrahedron() -> tuple[bytes, bytes, bytes]:
    """The same closed surface as STL of text, PLY and OBJ."""
    corners = ["0 0 0", "1 0 0", "0 1 0", "0 0 1"]
    faces = [(0, 2, 1), (0, 1, 3), (0, 3, 2), (1, 2, 3)]
    loops = ["outer loop\n" + "".join(f"vertex {corners[k]}\n" for k in face) + "endloop\n" for face in faces]
    stl = "solid a\n" + "".join(f"facet normal 0 0 0\n{loop}endfacet\n" for loop in loops) + "endsolid a\n"
    ply = "ply\nformat ascii 1.0\nelement vertex 4\nproperty float x\nproperty float y\nproperty float z\n"
    ply += "element face 4\nproperty list uchar int vertex_indices\nend_header\n"
    ply += "".join(corner + "\n" for corner in corners) + "".join(f"3 {a} {b} {c}\n" for a, b, c in faces)
    obj = "".join(f"v {corner}\n" for corner in corners) + "".join(f"f {a + 1} {b + 1} {c + 1}\n" for a, b, c in faces)
    return stl.encode(), ply.encode(), obj.encode()


def _folders() -> Iterator[tuple[str, Any, dict[str, bytes], dict[str, Any]]]:
    from voxplore.data.imported.meshes import read_body
    from voxplore.workflows.build import from_graphs, from_meshes

    stl, ply, obj = _tetrahedron()
    one = {"name": "a", "nodes": [[0, 2.5, 2.5], [5, 2.5, 2.5]], "edges": [[0, 1]]}
    graphs = {"a.json": json.dumps(one).encode(), "b.json": json.dumps({**one, "bars": one["edges"]}).encode()}
    yield "meshes", lambda path: from_meshes([path], 8, True, (1.0,)), {"a.stl": stl, "b.ply": ply, "c.obj": obj}, {}
    yield "graphs", lambda path: from_graphs([path], 8, 0.2, True, (5.0,)), graphs, {}
    yield "body", lambda path: read_body(path, 0.1), {"": stl}, {"name": "x.stl"}


def _typed() -> Iterator[tuple[str, Any, dict[str, bytes], dict[str, Any]]]:
    """Targets, fields of recipes and words of the command line, a line each."""
    from voxplore.cli import export
    from voxplore.cli.parsing import parsed
    from voxplore.ranges import check_options
    from voxplore.recipes import RECIPES
    from voxplore.workflows.targets import parse_target, read_stiffness
    from voxplore.workflows.train import settings_with

    def text(path: Path) -> str:
        return path.read_bytes().decode(errors="replace")

    def fields(path: Path) -> None:
        settings_with(RECIPES["voxplore-principal-nets-tiny"], text(path).splitlines(), "recipe")

    def words(path: Path) -> None:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):  # --help
            check_options(parsed(export.Command, "export", text(path).split(" ")))

    target = b"relative_density=0.2, young_hill>=0.4*bound, poisson_xy<-0.1, anisotropy<2e-1"
    changes = b"sampling.steps=3\nautoencoder.width=64\nsampling.srr.strength=0.5\nseed=4\nsampling.after=[]"
    yield "target", lambda path: parse_target(text(path)), {"": target}, {}
    yield "fields", fields, {"": changes}, {}
    yield (
        "words",
        words,
        {"": b"cells --size 5 5 5 --out x --tile 1 2 3 --case xx --n 3 --smooth 0.5"},
        {},
    )
    rows = "\n".join(",".join(map(str, row)) for row in np.eye(6))
    yield "stiffness", read_stiffness, {"": ("# xx, yy\n" + rows).encode()}, {}


def _files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _ours(folder: Path) -> Iterator[tuple[str, Any, dict[str, bytes], dict[str, Any]]]:
    """Tables and folders that voxplore wrote, and that a person may have changed since."""
    from voxplore import storage
    from voxplore.mechanics import properties_of, read_properties
    from voxplore.storage import resumable_folder
    from voxplore.unitcells import UnitCells
    from voxplore.workflows.growth import earlier_rounds

    cells = UnitCells.from_voxels(SOLID.astype(bool), name="a")
    table = {"id": cells.index["id"], "cell_sha256": cells.row_sha256(), "young_hill": np.array([0.1, 0.2, 0.3])}
    place = folder / "properties"
    place.mkdir()
    storage.write_csv(place / "properties.csv", table)
    storage.write_json(place / "properties.json", {"cells_sha256": cells.sha256(), "n": 3})
    yield "properties", lambda path: read_properties(path, cells, ("young_hill",)), _files(place), {}

    place = folder / "rounds"
    cells.save(place / "cells")
    rounds = [{"target": "a", "seed": 0, "solved": 3, "of_use": 1, "best": {"miss": 0.5}}]
    storage.write_json(place / "rounds.json", rounds)
    storage.write_csv(place / "progress.csv", {"round": np.array([1, 1]), "best": np.array([0.5, 0.4])})
    yield "rounds", lambda path: earlier_rounds(path).seed(0), _files(place), {}

    tiny = UnitCells.from_voxels(np.ones((1, 2, 2, 2), bool))
    properties_of(tiny, folder / "solved", workers=1)
    yield "solved", lambda path: properties_of(tiny, path, workers=1), _files(folder / "solved"), {}

    place = folder / "out"
    with contextlib.suppress(KeyboardInterrupt), resumable_folder(place, {"a": 1}, ("rows",)) as work:
        for number in range(3):
            work.commit({"n": number}, {"rows": b"row\n"})
        work.flush()
        raise KeyboardInterrupt  # as a person breaks it off

    def go_on(path: Path) -> None:
        with resumable_folder(path / "out", {"a": 1}, ("rows",)) as again:
            again.commit({"n": len(again.notes)}, {"rows": b"row\n"})

    yield "unfinished", go_on, {f"out.unfinished/{k}": v for k, v in _files(folder / "out.unfinished").items()}, {}
    with storage.staged_folder(folder / "listed") as stage:
        (stage / "a").write_text("a")
    yield "list", lambda path: storage.refuse_existing(path, True), _files(folder / "listed"), {}


def _method(folder: Path) -> tuple[Callable, dict[str, bytes], dict[str, Any]]:
    """A model of the method with its known latents, without training."""
    from voxplore.models import MODELS, load_model
    from voxplore.recipes import RECIPES

    MODELS["voxplore"](RECIPES["voxplore-published-nets-tiny"], "cpu").save(folder / "method")
    return lambda path: load_model(path, "cpu"), _files(folder / "method"), {}
