"""Files that a user might bring, written by code, and what reading each must give: these cells, or one sentence.

`CASES` is the table. Files of other programs are written here from their format's description, or by tifffile, trimesh
and NumPy; never by voxplore, but where its own export is the file that is brought.
"""

import base64
import bz2
import gzip
import io
import json
import lzma
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tifffile

__all__ = ["CASES", "SOLID", "Case"]

D = 6
SOLID = np.random.default_rng(0).random((2, D, D, D)) > 0.6
ONE = SOLID[:1]
FULL = np.random.default_rng(1).random((D, D, D)).astype(np.float32)


@dataclass(frozen=True)
class Case:
    """write: makes the file or folder below a folder and returns its path. options: of `build own`.

    gives: the cells Bool (n, d, d, d); or texts that the one sentence holds.
    """

    name: str
    write: Callable[[Path], Path]
    gives: np.ndarray | tuple[str, ...]
    options: tuple[str, ...] = ()


def bytes_of(name: str, data: bytes | Callable[[], bytes]) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data if isinstance(data, bytes) else data())
        return path

    return write


def npy(array: np.ndarray, name: str = "x.npy") -> Callable[[Path], Path]:
    def data() -> bytes:
        out = io.BytesIO()
        np.save(out, array)
        return out.getvalue()

    return bytes_of(name, data)


def npz(small: bool = False, **arrays: np.ndarray) -> Callable[[Path], Path]:
    def data() -> bytes:
        out = io.BytesIO()
        (np.savez_compressed if small else np.savez)(out, **arrays)
        return out.getvalue()

    return bytes_of("x.npz", data)


def tiff(array: np.ndarray, name: str = "x.tif", **how) -> Callable[[Path], Path]:
    """A stack (n, d, d, d) or (d, d, d) with axes x, y, z, as pages along z, by tifffile."""

    def write(folder: Path) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        tifffile.imwrite(folder / name, np.swapaxes(array, -1, -3), photometric="minisblack", **how)
        return folder / name

    return write


VTK = {"u1": "UInt8", "i1": "Int8", "u2": "UInt16", "i4": "Int32", "i8": "Int64", "f4": "Float32", "f8": "Float64"}


def blocks_of(raw: bytes, counts: str, pack: Callable[[bytes], bytes] | None, size: int = 100) -> tuple[bytes, bytes]:
    """What VTK writes before the data, and the data, in blocks of `size` bytes where they are packed."""
    if pack is None:
        return b"", struct.pack(counts, len(raw)) + raw
    parts = [raw[i : i + size] for i in range(0, len(raw), size)]
    packed = [pack(part) for part in parts]
    last = len(parts[-1]) if len(parts[-1]) < size else 0
    head = [len(parts), size, last, *map(len, packed)]
    return b"".join(struct.pack(counts, number) for number in head), b"".join(packed)


def vti(
    array: np.ndarray,
    form: str = "base64",
    pack: str = "",
    order: str = "<",
    wide: bool = False,
    points: bool = False,
    more: str = "",
) -> bytes:
    """A .vti file of one array (d, d, d). form: ascii, base64, appended or raw (appended). more: arrays before it."""
    kind = array.dtype.str[1:]
    raw = array.astype(array.dtype.newbyteorder(order)).tobytes(order="F")
    packer = {"": None, "ZLib": zlib.compress, "LZMA": lzma.compress, "LZ4": lambda data: data}[pack]
    head, body = blocks_of(raw, order + ("Q" if wide else "I"), packer)
    encoded = base64.b64encode(head) + base64.b64encode(body)
    where = "PointData" if points else "CellData"
    extent = " ".join(f"0 {n - points}" for n in array.shape)
    text = " ".join(map(str, array.ravel(order="F").tolist())) if form == "ascii" else encoded.decode()
    appended = form in ("appended", "raw")
    inner = (
        'format="appended" offset="0"/>'
        if appended
        else f'format="{"ascii" if form == "ascii" else "binary"}">{text}</DataArray>'
    )
    compressor = f' compressor="vtk{pack}DataCompressor"' if pack else ""
    out = (
        f'<VTKFile type="ImageData" version="1.0" byte_order="{"LittleEndian" if order == "<" else "BigEndian"}" '
        f'header_type="UInt{64 if wide else 32}"{compressor}>'
        f'<ImageData WholeExtent="{extent}"><Piece Extent="{extent}">'
        f'<{where}>{more}<DataArray type="{VTK[kind]}" Name="solid" {inner}</{where}></Piece></ImageData>'
    ).encode()
    if appended:
        data = head + body if form == "raw" else encoded
        word = b"raw" if form == "raw" else b"base64"
        out += b'<AppendedData encoding="' + word + b'">\n   _' + data + b"\n</AppendedData>"
    return out + b"</VTKFile>"


NRRD = {"u1": "uchar", "i2": "short", "u2": "unsigned short", "i4": "int", "f4": "float", "f8": "double", "i1": "int8"}


def nrrd(array: np.ndarray, encoding: str = "raw", order: str = "<", extra: str = "", body: bool = True) -> bytes:
    """A NRRD file of an array (d, d, d), or (d, d, d, n) with the number of the cell last."""
    raw = array.astype(array.dtype.newbyteorder(order)).tobytes(order="F")
    packer = {"gzip": gzip.compress, "bzip2": bz2.compress}.get(encoding, lambda data: data)
    data = " ".join(map(str, array.ravel(order="F").tolist())).encode() if encoding == "ascii" else packer(raw)
    head = (
        f"NRRD0004\n# written by hand\ntype: {NRRD[array.dtype.str[1:]]}\ndimension: {array.ndim}\n"
        f"sizes: {' '.join(map(str, array.shape))}\nendian: {'little' if order == '<' else 'big'}\n"
        f"encoding: {encoding}\n{extra}\n"
    ).encode()
    return head + (data if body else b"")


def folder_of(*writers: Callable[[Path], Path], name: str = "folder") -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        (folder / name).mkdir()
        for one in writers:
            one(folder / name)
        return folder / name

    return write


def slices(array: np.ndarray, suffix: str = ".tif") -> Callable[[Path], Path]:
    """Slices along z without leading zeros in their names."""
    return folder_of(*(tiff(array[:, :, z : z + 1], f"slice{z + 1}{suffix}") for z in range(array.shape[2])))


def own_export(format: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        from voxplore.export import encode

        return bytes_of(f"x.{format}", encode(ONE[0], format, (5.0, 5.0, 5.0)))(folder)

    return write


KINDS = {
    "Bool": lambda a: a,
    "0 and 1": lambda a: a.astype(np.uint8),
    "0 and 255": lambda a: a.astype(np.uint8) * 255,
    "int8": lambda a: a.astype(np.int8),
    "int16 0 and 255": lambda a: a.astype(np.int16) * 255,
    "uint16": lambda a: a.astype(np.uint16),
    "int64": lambda a: a.astype(np.int64),
    "float32": lambda a: a.astype(np.float32),
    "float64": lambda a: a.astype(np.float64),
    "float16": lambda a: a.astype(np.float16),
    "big-endian int32": lambda a: a.astype(">i4") * 255,
    "big-endian float64": lambda a: a.astype(">f8"),
    "Fortran order": lambda a: np.asfortranarray(a),
    "every second of a larger array": lambda a: np.repeat(a, 2, axis=0)[::2],
}


def arrays() -> list[Case]:
    """NumPy's own files: each kind of number, several cells and one, plain and packed."""
    found = []
    for kind, of in KINDS.items():
        found.append(Case(f"npy of {kind}", npy(of(SOLID)), SOLID))
        found.append(Case(f"npy of one cell, {kind}", npy(of(ONE)[0]), ONE))
        found.append(Case(f"npz of {kind}", npz(cells=of(SOLID)), SOLID))
    return [
        *found,
        Case("npz packed", npz(small=True, cells=SOLID), SOLID),
        Case("npz of two arrays, by key", npz(a=SOLID, b=~SOLID), ~SOLID, ("--key", "b")),
        Case("npz of two arrays, without", npz(a=SOLID, b=~SOLID), ("x.npz", "--key NAME", "a, b")),
        Case("npz, a key that is not there", npz(a=SOLID), ("x.npz", "an array named c", "got a"), ("--key", "c")),
        Case("densities with a threshold", npy(FULL), FULL[None] > 0.7, ("--threshold", "0.7")),
        Case("densities without", npy(FULL), ("x.npy", "build own --threshold", "float32")),
        Case("labels with a threshold", npy(SOLID * 3), SOLID, ("--threshold", "2.5")),
        Case("labels without", npy(SOLID * 3), ("--threshold",)),
        Case("densities with NaN", npy(np.where(ONE, np.nan, 1.0)), ("finite numbers",), ("--threshold", "0.5")),
        Case("name with spaces and letters of Greek", npy(ONE, "my cells \N{GREEK SMALL LETTER ALPHA}.npy"), ONE),
        Case("suffix in capitals", bytes_of("X.NPY", lambda: raw_npy(ONE)), ONE),
        Case("complex numbers", npy(ONE.astype(complex)), ("x.npy", "Bool or numbers", "complex128")),
        Case("texts", npy(np.full((1, 4, 4, 4), "a")), ("x.npy", "Bool or numbers")),
        Case("objects", npy(np.array([{}] * 8, object).reshape(2, 2, 2)), ("x.npy", "numbers", "objects")),
        Case("a plane", npy(SOLID[0, 0]), ("x.npy", "cubes (n, d, d, d) or one cube", "(6, 6)")),
        Case("no cubes", npy(SOLID[:, :, :, :4]), ("x.npy", "cubes", "(2, 6, 6, 4)")),
        Case("channels last", npy(SOLID[..., None]), ("x.npy", "cubes")),
        Case("no numbers at all", npy(np.zeros((0,))), ("x.npy", "cubes")),
        Case("npy cut off", bytes_of("x.npy", lambda: raw_npy(SOLID)[:-9]), ("x.npy", "a NumPy array of numbers")),
        Case("empty npy", bytes_of("x.npy", b""), ("x.npy", "a NumPy array of numbers")),
        Case("text named npy", bytes_of("x.npy", b"0 1 1 0"), ("x.npy", "a NumPy array of numbers")),
        Case("npz cut off", bytes_of("x.npz", lambda: raw_npz(cells=SOLID)[:-40]), ("x.npz", "npz archive")),
        Case("an npz without arrays", npz(), ("x.npz", "one array", "none")),
        Case("our own export, npz", own_export("npz"), ONE),
        Case("published npz", npz(packed=np.packbits(SOLID.reshape(2, -1), 1), shape=np.array([D] * 3)), SOLID),
        Case(
            "published npz, packed Fortran",
            npz(packed=np.asfortranarray(np.packbits(SOLID.reshape(2, -1), 1)), shape=np.array([D] * 3, ">i8")),
            SOLID,
        ),
        Case(
            "published npz of other shape",
            npz(packed=np.packbits(SOLID.reshape(2, -1), 1), shape=np.array([9] * 3)),
            ("x.npz", "`packed` uint8 (n, 92)"),
        ),
    ]


def raw_npy(array: np.ndarray) -> bytes:
    out = io.BytesIO()
    np.save(out, array)
    return out.getvalue()


def raw_npz(**arrays: np.ndarray) -> bytes:
    out = io.BytesIO()
    np.savez(out, **arrays)
    return out.getvalue()


def images() -> list[Case]:
    """VTK's image data in every way that ParaView writes it, and what is refused."""
    cell, byte = ONE[0], ONE[0].astype(np.uint8)
    vector = '<DataArray type="Float32" Name="v" NumberOfComponents="3" format="ascii">0 0 0</DataArray>'
    density = '<DataArray type="UInt8" Name="other" format="ascii">' + "1 " * D**3 + "</DataArray>"
    good = {
        "text": vti(byte, "ascii"),
        "base64": vti(byte),
        "base64, packed by zlib": vti(byte, pack="ZLib"),
        "base64, packed by lzma": vti(byte, pack="LZMA"),
        "appended base64": vti(byte, "appended"),
        "appended base64, packed": vti(byte, "appended", "ZLib", wide=True),
        "appended raw": vti(byte, "raw"),
        "appended raw, packed": vti(byte, "raw", "ZLib", wide=True),
        "big-endian": vti(cell.astype(np.int32), "raw", order=">"),
        "float32": vti(cell.astype(np.float32), wide=True),
        "float64 packed": vti(cell.astype(np.float64), pack="ZLib"),
        "int64 0 and 255": vti(cell.astype(np.int64) * 255),
        "numbers at points": vti(byte, points=True),
        "vectors beside": vti(byte, more=vector),
    }
    damaged = vti(byte, "raw", "ZLib")
    return [
        *(Case(f"vti, {name}", bytes_of("x.vti", data), ONE) for name, data in good.items()),
        Case("our own export, vti", own_export("vti"), ONE),
        Case("vti, densities", bytes_of("x.vti", vti(FULL)), FULL[None] > 0.5, ("--threshold", "0.5")),
        Case("vti, densities without", bytes_of("x.vti", vti(FULL)), ("x.vti", "--threshold")),
        Case("vti, two arrays", bytes_of("x.vti", vti(byte, more=density)), ("x.vti", "--key", "other, solid")),
        Case("vti, by key", bytes_of("x.vti", vti(byte, more=density)), ONE, ("--key", "solid")),
        Case(
            "vti, vectors alone",
            bytes_of("x.vti", vti(byte).replace(b'"solid"', b'"s" NumberOfComponents="3"')),
            ("x.vti", "one array", "none"),
        ),
        Case("vti, LZ4", bytes_of("x.vti", vti(byte, pack="LZ4")), ("x.vti", "vtkZLib", "vtkLZ4DataCompressor")),
        Case("vti, cut off", bytes_of("x.vti", damaged[: len(damaged) // 2]), ("x.vti", "expected")),
        Case("vti, a block spoiled", bytes_of("x.vti", spoiled(damaged)), ("x.vti", "expected whole blocks")),
        Case(
            "vti with entities",
            bytes_of("x.vti", b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><a/>'),
            ("x.vti", "DOCTYPE"),
        ),
        Case("vti, no XML", bytes_of("x.vti", b"# vtk DataFile Version 2.0"), ("x.vti", "image data of VTK")),
        Case("vtu named vti", bytes_of("x.vti", b'<VTKFile type="UnstructuredGrid"/>'), ("UnstructuredGrid",)),
        Case(
            "vti of another extent",
            bytes_of("x.vti", vti(byte, "ascii").replace(b"0 6 0 6", b"0 7 0 6")),
            ("x.vti", "array solid", "252 numbers"),
        ),
        Case("vti, no cube", bytes_of("x.vti", vti(byte[:, :, :4])), ("x.vti", "cubes", "(6, 6, 4)")),
        Case(
            "vti, text of no whole numbers",
            bytes_of("x.vti", vti(byte, "ascii").replace(b">1 ", b">nan ").replace(b">0 ", b">nan ")),
            ("x.vti, array solid", "whole numbers from 0 to 255"),
        ),
        Case("vti, flat", bytes_of("x.vti", vti(byte[:, :, :1]).replace(b"0 1", b"0 -1")), ("x.vti", "extent")),
    ]


def spoiled(data: bytes) -> bytes:
    start = data.index(b"   _") + 33
    return data[:start] + bytes(len(data[start : start + 20])) + data[start + 20 :]


def volumes() -> list[Case]:
    """NRRD and TIFF stacks."""
    cell, byte = ONE[0], ONE[0].astype(np.uint8)
    many = np.moveaxis(SOLID.astype(np.uint8), 0, -1)
    good = {
        **{f"NRRD, {encoding}": nrrd(byte * 255, encoding) for encoding in ("raw", "gzip", "bzip2", "ascii")},
        "NRRD, big-endian short": nrrd(cell.astype(np.int16), order=">"),
        "NRRD, unsigned short": nrrd(cell.astype(np.uint16) * 255, "gzip"),
        "NRRD, float": nrrd(cell.astype(np.float32)),
        "NRRD, double": nrrd(cell.astype(np.float64), "gzip"),
        "NRRD with fields of ITK": nrrd(
            byte, extra="space: left-posterior-superior\nkinds: domain domain domain\nfoo:=b\n"
        ),
    }
    bomb = nrrd(np.zeros((D, D, D), np.uint8), "gzip", body=False) + gzip.compress(bytes(1 << 24))
    detached = folder_of(
        bytes_of("x.nhdr", nrrd(byte, extra="data file: x.raw\n", body=False)),
        bytes_of("x.raw", byte.tobytes(order="F")),
    )
    return [
        *(Case(name, bytes_of("x.nrrd", data), ONE) for name, data in good.items()),
        Case("NRRD of several cells", bytes_of("x.nrrd", nrrd(many)), SOLID),
        Case("NRRD header beside its data", detached, ONE),
        Case(
            "NRRD, data elsewhere",
            bytes_of("x.nhdr", nrrd(byte, extra="data file: ../../x.raw\n", body=False)),
            ("x.nhdr", "expected a NRRD volume"),
        ),
        Case("NRRD, densities", bytes_of("x.nrrd", nrrd(FULL)), FULL[None] > 0.5, ("--threshold", "0.5")),
        Case("NRRD, densities without", bytes_of("x.nrrd", nrrd(FULL)), ("x.nrrd", "--threshold")),
        Case(
            "NRRD, hex", bytes_of("x.nrrd", nrrd(byte).replace(b": raw", b": hex")), ("x.nrrd", "encoding raw", "hex")
        ),
        Case(
            "NRRD, text of no whole numbers",
            bytes_of("x.nrrd", nrrd(FULL, "ascii").replace(b": float", b": uchar")),
            ("x.nrrd", "whole numbers from 0 to 255"),
        ),
        Case("NRRD, cut off", bytes_of("x.nrrd", nrrd(byte)[:-3]), ("x.nrrd", "216 numbers", "213")),
        Case("NRRD, gzip cut off", bytes_of("x.nrrd", nrrd(byte, "gzip")[:-20]), ("x.nrrd", "216 bytes")),
        Case("NRRD, a bomb", bytes_of("x.nrrd", bomb), ("x.nrrd", "216 bytes once unpacked", "more")),
        Case(
            "NRRD, no type", bytes_of("x.nrrd", b"NRRD0004\nsizes: 2 2 2\nencoding: raw\n\n"), ("x.nrrd", "NRRD volume")
        ),
        Case("NRRD, another file", bytes_of("x.nrrd", b"PK\x03\x04 hello"), ("x.nrrd", "a first line NRRD000n")),
        Case("NRRD of a plane", bytes_of("x.nrrd", nrrd(byte[0])), ("x.nrrd", "three axes")),
        Case(
            "NRRD of sizes past all",
            bytes_of("x.nrrd", nrrd(byte).replace(b"6 6 6", b"99999 99999 99999")),
            ("x.nrrd", "three axes"),
        ),
        Case("TIFF, 0 and 255", tiff(byte * 255), ONE),
        Case("TIFF, 16 bits", tiff(cell.astype(np.uint16) * 255), ONE),
        Case("TIFF, float", tiff(cell.astype(np.float32), "x.tiff"), ONE),
        Case("TIFF, one bit", tiff(cell), ONE),
        Case("TIFF, big-endian", tiff(byte * 255, byteorder=">"), ONE),
        Case("TIFF, packed", tiff(byte * 255, compression="zlib"), ONE),
        Case("BigTIFF", tiff(byte * 255, bigtiff=True), ONE),
        Case("TIFF of ImageJ", tiff(byte * 255, imagej=True), ONE),
        Case("TIFF of several cells", tiff(SOLID.astype(np.uint8) * 255), SOLID),
        Case("TIFF, densities", tiff(FULL), FULL[None] > 0.5, ("--threshold", "0.5")),
        Case("TIFF, densities without", tiff(FULL), ("x.tif", "--threshold")),
        Case("TIFF, cut off", bytes_of("x.tif", b"II*\x00\x08\x00\x00\x00"), ("x.tif", "a stack of grey")),
        Case(
            "TIFF without its data",
            bytes_of(
                "x.tif",
                b"II*\0\x08\0\0\0\2\0" + b"".join(struct.pack("<HHII", 256 + k, 3, 1, 6) for k in (0, 1)) + bytes(4),
            ),
            ("x.tif", "expected"),
        ),
        Case("TIFF, another file", bytes_of("x.tif", b"\x89PNG\r\n"), ("x.tif", "TIFF stack")),
        Case("TIFF of one page", tiff(byte[:, :, :1]), ("x.tif", "one cube", "(6, 6)")),
    ]


def folders() -> list[Case]:
    """Folders of files, and files that another verb reads."""
    small = np.repeat(ONE[:, ::2, ::2, ::2], 2, axis=1).repeat(2, 2).repeat(2, 3)
    graph = json.dumps({"nodes": [[0, 0, 0], [1, 1, 1]], "bars": [[0, 1]]}).encode()
    two = folder_of(npy(SOLID[0], "b.npy"), npy(SOLID[1], "c.npy"))
    mixed = folder_of(npy(small[0], "a.npy"), npy(small[0, ::2, ::2, ::2], "b.npy"))
    return [
        Case("a folder of arrays", two, SOLID),
        Case(
            "a folder of files of all kinds",
            folder_of(
                npy(SOLID[0], "a.npy"),
                bytes_of("b.nrrd", nrrd(SOLID[1].astype(np.uint8))),
                bytes_of("c.vti", vti(SOLID[0].astype(np.uint8))),
                tiff(SOLID[1].astype(np.uint8), "d.tif"),
                bytes_of("readme.txt", b"notes"),
                bytes_of(".DS_Store", b""),
            ),
            SOLID[[0, 1, 0, 1]],
        ),
        Case("a folder in natural order", folder_of(npy(SOLID[1], "c10.npy"), npy(SOLID[0], "c9.npy")), SOLID),
        Case("slices of one stack", slices(ONE[0].astype(np.uint8) * 255), ONE),
        Case("slices, 16 bits", slices(ONE[0].astype(np.uint16), ".tiff"), ONE),
        Case(
            "slices of two sizes",
            folder_of(*(tiff(ONE[0, :n, :n, :1].astype(np.uint8), f"s{n}.tif") for n in (4, 6))),
            ("s6.tif", "a slice (4, 4)"),
        ),
        Case("a folder of two resolutions", mixed, ("b.npy", "resolution 6 as a.npy", "--resample")),
        Case("a folder of two resolutions, resampled", mixed, small[[0, 0]], ("--resample", "6")),
        Case("another resolution", npy(small[:, ::2, ::2, ::2]), small, ("--resample", "6")),
        Case(
            "back from twice the resolution",
            npy(SOLID.repeat(2, 1).repeat(2, 2).repeat(2, 3)),
            SOLID,
            ("--resample", "6"),
        ),
        Case("an empty folder", folder_of(), ("folder", "an empty folder")),
        Case("a folder of meshes", folder_of(bytes_of("a.stl", b"solid")), ("build meshes --files` reads",)),
        Case("a folder of graphs", folder_of(bytes_of("a.json", graph)), ("build graphs --files` reads",)),
        Case("a mesh", bytes_of("a.stl", b"solid"), ("a.stl", "`voxplore build meshes --files` reads .stl")),
        Case("a graph", bytes_of("a.json", graph), ("a.json", "`voxplore build graphs --files` reads .json")),
        Case("the catalogue", bytes_of("a.txt", b"Name:"), ("a.txt", "build metatruss --catalogue` reads .txt")),
        Case("a MATLAB file", bytes_of("a.mat", b"MATLAB 5.0"), ("a.mat", ".npy, .npz, .vti, .nrrd", "got .mat")),
        Case("a file without suffix", bytes_of("cells", b""), ("cells", "no suffix")),
        Case("nothing there", lambda folder: folder / "absent.npy", ("absent.npy", "nothing there")),
    ]


CASES = [*arrays(), *images(), *volumes(), *folders()]
