"""Small files that unpack to far more than they are, and lines without end, are refused in little memory."""

import gzip
import json
import struct
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from voxplore import storage
from voxplore.data.opening import load_cells
from voxplore.data.published.metatruss import read_catalogue, read_jsonl
from voxplore.errors import VoxploreError
from voxplore.storage import bounded

#: Code of a process that tells its own largest memory in megabytes; `ru_maxrss` would be that of the process that
#: started it, where that is larger.
PEAK = """
from pathlib import Path
def peak():
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) // 1024
"""
LIMITED = (
    PEAK
    + """
import sys
from voxplore.cli import main
status = main(["build", *sys.argv[1:], "--out", "out", "--workers", "1"])
assert peak() < 600, "too much memory"
sys.exit(status)
"""
)


def told(folder: Path, *arguments: object) -> str:
    """What `build` says in a process that may not take 600 MB; it is refused."""
    command = [sys.executable, "-c", LIMITED, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, timeout=120, check=False)
    assert done.returncode == 2, done.stderr
    assert not (folder / "out").exists()
    return done.stderr


def test_a_line_without_end_in_a_packed_file_is_refused(tmp_path):
    """A gigabyte of zeros in one line, in a file of a megabyte."""
    with gzip.open(tmp_path / "x.jsonl.gz", "wb", compresslevel=1) as file:
        file.write(b'{"name": "')
        for _ in range(256):
            file.write(b"0" * (1 << 22))
    assert "line 1: expected a line of at most" in told(tmp_path, "metatruss", "--catalogue", "x.jsonl.gz")


def test_a_strut_graph_of_millions_of_nodes_is_refused(tmp_path):
    with gzip.open(tmp_path / "x.jsonl.gz", "wb", compresslevel=1) as file:
        file.write(b'{"name": "a", "edges": [[0, 1]], "nodes": [[0,0,0]' + b",[0,0,0]" * 3_000_000 + b"]}")
    assert "line 1: expected a line of at most" in told(tmp_path, "metatruss", "--catalogue", "x.jsonl.gz")
    (tmp_path / "x.json").write_bytes(b'{"bars": [[0, 1]], "nodes": [[0,0,0]' + b",[0,0,0]" * 2_500_000 + b"]}")
    assert "expected a text of at most" in told(tmp_path, "graphs", "--files", "x.json")


def test_lines_that_unpack_to_too_much_together_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(bounded, "_PLAUSIBLE", 1 << 20)
    monkeypatch.setattr(bounded, "_RATIO", 10)
    line = json.dumps({"name": "a", "nodes": [[0, 0, 0], [1, 1, 1]], "edges": [[0, 1]]}) + "\n"
    (tmp_path / "x.jsonl.gz").write_bytes(gzip.compress(line.encode() * 100_000))
    with pytest.raises(VoxploreError, match="bytes once unpacked, got more"):
        list(read_jsonl(tmp_path / "x.jsonl.gz"))


def test_a_record_without_end_is_refused(tmp_path):
    (tmp_path / "x.txt").write_text("Name: a\n" + "x\n" * 200_000)
    with pytest.raises(VoxploreError, match=r"record Name: a: expected a record of at most 100000 lines"):
        list(read_catalogue(tmp_path / "x.txt"))


@pytest.mark.parametrize("suffix", [".jsonl", ".jsonl.gz"])
def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path, suffix):
    line = json.dumps({"name": "ä", "nodes": [[0, 0, 0], [1, 1, 1]], "edges": [[0, 1]]}).encode("utf-8-sig")
    (tmp_path / f"x{suffix}").write_bytes(gzip.compress(line) if suffix.endswith("gz") else line)
    assert [graph.name for graph in read_jsonl(tmp_path / f"x{suffix}")] == ["ä"]
    (tmp_path / "x.json").write_bytes('{"a": "ä"}'.encode("utf-8-sig"))
    assert storage.read_json(tmp_path / "x.json") == {"a": "ä"}


def lists_of_tags(kind: str) -> bytes:
    """A small TIFF whose lists of tags lead in a circle, or begin every four bytes though each takes 486."""
    if kind == "circle":
        return b"II*\0" + struct.pack("<IHI", 8, 0, 8)
    data = bytearray(b"II*\0" + struct.pack("<I", 8)).ljust(1000, b"\0")
    for place in range(8, 8 + 4 * 100, 4):
        struct.pack_into("<H", data, place, 40)
        struct.pack_into("<I", data, place + 2 + 40 * 12, place + 4)
    return bytes(data)


@pytest.mark.parametrize("kind", ["circle", "overlap"])
def test_a_tiff_whose_lists_of_tags_overlap_is_refused_at_once(tmp_path, kind):
    """One of 5 kB, found by damage at random, kept tifffile busy for more than an hour."""
    (tmp_path / "x.tif").write_bytes(lists_of_tags(kind))
    started = time.process_time()
    with pytest.raises(VoxploreError, match=r"x\.tif: expected a TIFF stack, got lists of tags that overlap"):
        load_cells(tmp_path / "x.tif")
    assert time.process_time() - started < 5


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("large", [False, True])
def test_whole_stacks_of_either_byte_order_and_size_are_read(tmp_path, order, large):
    tifffile = pytest.importorskip("tifffile")
    pages = np.arange(8**3).reshape(8, 8, 8) % 3 == 0
    options = {"byteorder": order, "bigtiff": large, "photometric": "minisblack", "compression": "zlib"}
    tifffile.imwrite(tmp_path / "x.tif", np.where(pages, 255, 0).astype(np.uint8), **options)
    assert (load_cells(tmp_path / "x.tif").voxels()[0] == np.swapaxes(pages, 0, 2)).all()
