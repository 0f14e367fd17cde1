"""Every reader of files with small whole inputs, and how bytes are turned into what it reads.

An input is a few files that a reader takes together. A fuzzer gives bytes: the first chooses which of the files they
replace (modulo their number), the rest is its content.
"""

import functools
import gzip
import io
import json
import lzma
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from fuzz_more import MORE, more

from voxplore.errors import VoxploreError

__all__ = ["READERS", "Reader", "feed", "readers"]


#: How a file in .npy format begins.
NPY = b"\x93NUMPY"


@dataclass(frozen=True)
class Reader:
    """read: opens a path. whole: name of each file below the path ("" where the path is the file) -> its content."""

    read: Callable[[Path], object]
    whole: dict[str, bytes]
    name: str = "x"
    """What the path is called: some readers look at the suffix."""
    inner: bytes = b""
    """What a packed file holds; `pack` makes the file of it. Damage to the file itself seldom comes past its sums."""
    pack: Callable[[bytes], bytes] | None = None

    def seeds(self) -> list[bytes]:
        """The whole files as inputs, and what the packed one holds."""
        parts = [*self.whole.values(), *([self.inner] if self.pack else [])]
        return [bytes([number]) + content for number, content in enumerate(parts)]


def feed(reader: Reader, data: bytes, folder: Path) -> bool:
    """Read one input; True where it was taken, False where it was refused with VoxploreError. All else is raised."""
    path = folder / reader.name
    names = list(reader.whole)
    number = data[0] % len(reader.seeds()) if data else 0
    content = data[1:] if number < len(names) or reader.pack is None else reader.pack(data[1:])
    for name in names:
        target = path / name if name else path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content if name == names[number % len(names)] else reader.whole[name])
    try:
        reader.read(path)
    except VoxploreError:
        return False
    return True


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


READERS = (
    "cells", "npy", "npz", "published", "jsonl", "jsonl.gz", "catalogue", "octants", "stl", "ply", "obj", "graph",
    "record", "scores", "config", "tensors", "checkpoint", "model", "refiner", *MORE,
)  # fmt: skip


def readers(folder: Path, chosen: tuple[str, ...] = READERS) -> dict[str, Reader]:
    """The chosen readers; folder: where their whole files are made."""
    return {name: reader for name, reader in _all(folder, chosen) if name in chosen}


def _all(folder: Path, chosen: tuple[str, ...]) -> Iterator[tuple[str, Reader]]:
    yield from _cells(folder)
    yield from _struts()
    yield from _meshes()
    yield from _tables(folder)
    if set(MORE) & set(chosen):
        for name, read, whole, fields in more(folder, chosen):
            yield name, Reader(read, whole, **fields)
    if {"tensors", "checkpoint", "model", "refiner", "config"} & set(chosen):
        yield from _networks(folder, chosen)


def zipped(*names: str) -> Callable[[bytes], bytes]:
    """Makes an archive of arrays, one after the other in .npy format."""

    def pack(data: bytes) -> bytes:
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as made:
            for name, array in zip(names, data.split(NPY, len(names))[1:], strict=False):
                made.writestr(name, NPY + array)
        return archive.getvalue()

    return pack


def _cells(folder: Path) -> Iterator[tuple[str, Reader]]:
    from voxplore.unitcells import UnitCells, load_cells

    rng = np.random.default_rng(0)
    voxels = rng.random((3, 8, 8, 8)) > 0.6
    splits = np.array(["train", "valid", "test"])
    UnitCells.from_voxels(voxels, {"split": splits, "orientation": np.zeros(3, int)}, name="a").save(folder / "cells")

    def use(path: Path) -> None:
        cells = load_cells(path)
        cells[:2].voxels()
        cells[:100].relative_density()

    yield "cells", Reader(use, files_of(folder / "cells"))
    plain, archive, published = io.BytesIO(), io.BytesIO(), io.BytesIO()
    np.save(plain, voxels)
    np.savez_compressed(archive, voxels)
    np.savez(published, packed=np.packbits(voxels.reshape(3, -1), axis=1), shape=np.array([8, 8, 8]))
    yield "npy", Reader(use, {"": plain.getvalue()}, "x.npy")
    yield "npz", Reader(use, {"": archive.getvalue()}, "x.npz", plain.getvalue(), zipped("arr_0.npy"))
    with zipfile.ZipFile(published) as archived:
        inner = b"".join(archived.read(name) for name in ("packed.npy", "shape.npy"))
    pack = zipped("packed.npy", "shape.npy")
    yield "published", Reader(use, {"": published.getvalue()}, "x.npz", inner, pack)


RECORD = """Name: cub_Z01
Normalized unit cell parameters (a,b,c,alpha,beta,gamma):

1.0, 1.0, 1.0, 90.0, 90.0, 90.0

Nodal positions:

0.0 0.0 0.0
1.0 0.0 0.0
0.5 0.5 0.5

Bar connectivities:

1 2
2 3

----------
"""


def _struts() -> Iterator[tuple[str, Reader]]:
    from voxplore.data.imported.graphs import read_graph
    from voxplore.data.published.metashell import read_octant_cell
    from voxplore.data.published.metatruss import read_catalogue, read_jsonl

    graph = {"name": "a", "nodes": [[0, 0, 0], [1, 0.5, 0], [0.5, 0.5, 1]], "edges": [[0, 1], [1, 2]]}
    line = {**graph, "cell": [1, 1, 1, 90, 90, 90], "origin": "shifted", "inversion_centre": [0.5, 0.25, 0]}
    text = (json.dumps(line) + "\n" + json.dumps(graph) + "\n").encode()
    yield "jsonl", Reader(lambda path: list(read_jsonl(path)), {"": text}, "x.jsonl")
    pack = functools.partial(gzip.compress, compresslevel=1, mtime=0)
    yield "jsonl.gz", Reader(lambda path: list(read_jsonl(path)), {"": pack(text)}, "x.jsonl.gz", text, pack)
    yield "catalogue", Reader(lambda path: list(read_catalogue(path)), {"": (RECORD * 2).encode()}, "x.txt")
    bars = {"nodes": graph["nodes"], "bars": graph["edges"], "cell": [1, 1, 1, 90, 90, 90]}
    yield "graph", Reader(read_graph, {"": json.dumps(bars).encode()}, "x.json")
    octant = {"1binary_voxel": b"\x0f" * 32768, "1binary_C": b"\0\0\x80\x3f" * 36, "1vol": b"\0\0\0\x3f"}
    yield "octants", Reader(lambda path: read_octant_cell(path, "1"), octant)


def _meshes() -> Iterator[tuple[str, Reader]]:
    from voxplore.data.imported.meshes import read_mesh

    corners = ["0 0 0", "1 0 0", "0 1 0", "0 0 1"]
    faces = [(0, 2, 1), (0, 1, 3), (0, 3, 2), (1, 2, 3)]
    points = np.array([corner.split() for corner in corners], np.float32)
    rows = b"".join(np.float32([0, 0, 0]).tobytes() + points[list(face)].tobytes() + b"\0\0" for face in faces)
    stl = b"\0" * 80 + np.uint32(len(faces)).tobytes() + rows
    obj = "".join(f"v {corner}\n" for corner in corners) + "".join(f"f {a + 1} {b + 1} {c + 1}\n" for a, b, c in faces)
    ply = "ply\nformat ascii 1.0\nelement vertex 4\nproperty float x\nproperty float y\nproperty float z\n"
    ply += "element face 4\nproperty list uchar int vertex_indices\nend_header\n"
    ply += "".join(corner + "\n" for corner in corners) + "".join(f"3 {a} {b} {c}\n" for a, b, c in faces)
    for suffix, content in (("stl", stl), ("ply", ply.encode()), ("obj", obj.encode())):
        yield suffix, Reader(lambda path: read_mesh(path, 8), {"": content}, f"x.{suffix}")


def _tables(folder: Path) -> Iterator[tuple[str, Reader]]:
    from voxplore.data.record.container import read_arrays, write_arrays
    from voxplore.metrics import evaluate
    from voxplore.report import compare
    from voxplore.unitcells import UnitCells

    rng = np.random.default_rng(1)
    cells = UnitCells.from_voxels(rng.random((3, 8, 8, 8)) > 0.6)
    evaluate(cells, cells, vun=False).save(folder / "scores")

    def use(path: Path) -> None:
        compare.table_of(compare._read(path)).text()

    yield "scores", Reader(use, files_of(folder / "scores"))
    write_arrays(folder / "x.record", {"a": np.arange(5)}, {"kind": "nets"})
    whole, pack = (folder / "x.record").read_bytes(), functools.partial(lzma.compress, preset=0)
    yield "record", Reader(read_arrays, {"": whole}, "x", lzma.decompress(whole), pack)


def _networks(folder: Path, chosen: tuple[str, ...]) -> Iterator[tuple[str, Reader]]:
    import torch

    from voxplore import config, storage
    from voxplore.models import load_model
    from voxplore.recipes import RECIPES
    from voxplore.refine import Refiner, RefinerConfig, load_refiner
    from voxplore.training.checkpoint import load_state, read_tensors, write_tensors

    torch.set_num_threads(1)
    settings = RECIPES["vae-nets-tiny"]
    text = json.dumps(config.to_dict(settings)).encode()
    yield "config", Reader(lambda path: config.from_dict(type(settings), storage.read_json(path), "config"), {"": text})
    write_tensors(folder / "x.safetensors", {"a": torch.zeros(2, 3), "b": torch.zeros(1).half()}, {"step": 1})
    tensors = {"": (folder / "x.safetensors").read_bytes()}
    yield "tensors", Reader(read_tensors, tensors, "x.safetensors")
    yield from _checkpoint(folder, load_state)
    if "model" in chosen:
        from voxplore.models import MODELS

        MODELS["vae"](settings, "cpu").save(folder / "model")
        yield "model", Reader(lambda path: load_model(path, "cpu"), files_of(folder / "model"))
    Refiner(RefinerConfig(width=8, layers=1)).save(folder / "refiner")
    yield "refiner", Reader(load_refiner, files_of(folder / "refiner"))


def _checkpoint(folder: Path, load_state: Callable) -> Iterator[tuple[str, Reader]]:
    import torch

    from voxplore.training import train

    def problem() -> tuple:
        module = torch.nn.Linear(2, 1)
        return module, torch.optim.AdamW(module.parameters(), fused=True)

    def use(path: Path) -> None:
        module, optimiser = problem()
        load_state(path, module, optimiser, {k: v.clone() for k, v in module.state_dict().items()})

    module, _ = problem()
    options = {"cells": 2, "batch": 1, "learning_rate": 0.1, "ema": 0.9, "run": folder / "run"}
    train("stage", module, lambda rng, n: (module(torch.ones(n, 2)).sum(), {}), **options)
    whole = {"": (folder / "run" / "stage.safetensors").read_bytes()}
    yield "checkpoint", Reader(use, whole, "x.safetensors")
