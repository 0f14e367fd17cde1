"""UnitCells on disk and in memory, and the readers."""

import csv
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from voxplore.errors import VoxploreError
from voxplore.unitcells import UnitCells, as_voxels, load_cells, pack, unpack


@pytest.fixture
def cells(blobs) -> UnitCells:
    splits = ["train"] * 8 + ["valid"] + ["test"] * 3
    return UnitCells.from_voxels(
        blobs, {"split": splits, "lx": np.linspace(0.5, 1, 12)}, name="blobs", licence="CC0", periodicity_floor=0.5
    )


@pytest.fixture
def folder(cells, tmp_path) -> Path:
    cells.save(tmp_path / "cells")
    return tmp_path / "cells"


cubes = st.integers(1, 9).flatmap(lambda d: npst.arrays(bool, st.tuples(st.integers(0, 4), *3 * (st.just(d),))))


@given(cubes)
def test_packing_and_unpacking_is_the_identity(voxels):
    packed = pack(voxels)
    assert packed.shape == (len(voxels), -(-(voxels.shape[-1] ** 3) // 8))
    assert np.array_equal(unpack(packed, voxels.shape[-1]), voxels)


@given(cubes)
@settings(max_examples=20)
def test_density_is_the_mean_of_the_voxels(voxels):
    assert np.allclose(UnitCells.from_voxels(voxels).relative_density(), voxels.mean((1, 2, 3), dtype=float))


def test_saved_cells_come_back_as_they_were(cells, folder):
    again = load_cells(folder)
    assert np.array_equal(again.packed, cells.packed)
    assert again.resolution == 16
    assert again.about == cells.about
    assert again.sha256() == cells.sha256()
    for name, column in cells.index.items():
        assert np.array_equal(again.index[name], column)
        assert again.index[name].dtype.kind == column.dtype.kind


def test_two_lines_of_numpy_read_a_folder(folder, blobs):
    packed = np.load(folder / "voxels.npy")
    voxels = np.unpackbits(packed, axis=1).reshape(-1, 16, 16, 16).astype(bool)
    assert np.array_equal(voxels, blobs)


def test_the_header_says_what_a_stranger_needs(folder):
    header = json.loads((folder / "cells.json").read_text())
    assert header["axes"] == "x, y, z, C order"
    assert header["values"] == "1 = solid"
    assert (header["n"], header["resolution"], header["name"]) == (12, 16, "blobs")
    assert set(header["sha256"]) == {"voxels.npy", "index.csv"}
    with open(folder / "index.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows[3]["id"] == "blobs-000003"
    assert float(rows[1]["relative_density"]) == 1.0


def test_cells_are_taken_by_slice_number_and_mask(cells, blobs):
    mask = np.zeros(12, bool)
    mask[[2, 5]] = True
    assert np.array_equal(cells[3:7].voxels(), blobs[3:7])
    assert np.array_equal(cells[[7, 2]].voxels(), blobs[[7, 2]])
    assert np.array_equal(cells[mask].voxels(), blobs[mask])
    assert cells[mask].index["id"].tolist() == ["blobs-000002", "blobs-000005"]


def test_batches_are_the_cells_in_order(cells, blobs):
    batches = list(cells.batches(5))
    assert [len(batch) for batch in batches] == [5, 5, 2]
    assert np.array_equal(np.concatenate(batches), blobs)


def test_a_split_is_named_or_missed(cells, folder):
    assert len(cells.split("test")) == 3
    assert len(load_cells(folder, split="valid")) == 1
    with pytest.raises(VoxploreError, match="blobs: expected a split named tset, got test, train, valid"):
        cells.split("tset")
    with pytest.raises(VoxploreError, match="got no split column"):
        UnitCells.from_voxels(np.ones((1, 2, 2, 2), bool)).split("train")


def test_concatenation_keeps_shared_columns_and_refuses_other_resolutions(cells):
    bare = UnitCells.from_voxels(cells.voxels()[:2])
    both = UnitCells.concatenate([cells, bare])
    assert len(both) == 14
    assert set(both.index) == {"id"}
    with pytest.raises(VoxploreError, match="of one resolution, got 16, 8"):
        UnitCells.concatenate([cells, UnitCells.from_voxels(np.ones((1, 8, 8, 8), bool))])
    with pytest.raises(VoxploreError, match="got nothing"):
        UnitCells.concatenate([])


def test_no_cells_are_cells_too(tmp_path):
    none = UnitCells.from_voxels(np.zeros((0, 4, 4, 4), bool))
    none.save(tmp_path / "none")
    again = load_cells(tmp_path / "none")
    assert len(again) == 0
    assert again.relative_density().shape == (0,)


def test_numbers_0_and_1_are_taken_as_bool_and_others_are_not():
    assert as_voxels(np.ones((2, 2, 2), np.uint8)).dtype == bool
    with pytest.raises(VoxploreError, match=r"or 0 and 255 .*, got float64 values"):
        as_voxels(np.full((2, 2, 2), 0.5))
    with pytest.raises(VoxploreError, match="numbers 0 and 1"):
        as_voxels(np.full((2, 2, 2), np.nan))
    with pytest.raises(VoxploreError, match=r"one cube \(d, d, d\), got shape \(2, 2, 3\)"):
        as_voxels(np.ones((2, 2, 3), bool))


class TestReaders:
    """Files of others."""

    def test_the_published_npz_is_read_as_it_is(self, tmp_path, rng):
        voxels = rng.random((3, 48, 48, 48)) < 0.2
        packed = np.packbits(voxels.reshape(3, -1), axis=1)
        np.savez_compressed(tmp_path / "metatruss.npz", packed=packed, shape=np.array([48, 48, 48]))
        cells = load_cells(tmp_path / "metatruss.npz")
        assert packed.shape == (3, 13824)
        assert np.array_equal(cells.voxels(), voxels)
        assert cells.index["id"][2] == "metatruss-000002"

    @pytest.mark.parametrize("suffix", [".npy", ".npz"])
    @pytest.mark.parametrize("kind", [bool, np.uint8, np.float32])
    def test_plain_arrays_are_read(self, tmp_path, blobs, suffix, kind):
        path = tmp_path / f"plain{suffix}"
        (np.save if suffix == ".npy" else np.savez)(path, blobs.astype(kind))
        cells = load_cells(path)
        assert np.array_equal(cells.voxels(), blobs)
        assert cells.about["source"] == path.name

    def test_an_npz_of_objects_is_never_unpickled(self, tmp_path):
        marker = tmp_path / "ran"
        np.savez(tmp_path / "bad.npz", cells=np.array([Trap(marker)], dtype=object))
        with pytest.raises(VoxploreError, match=r"bad\.npz: expected an npz archive of number arrays, got objects"):
            load_cells(tmp_path / "bad.npz")
        np.save(tmp_path / "bad.npy", np.array([Trap(marker)], dtype=object))
        with pytest.raises(VoxploreError, match=r"bad\.npy: expected a NumPy array of numbers, got objects"):
            load_cells(tmp_path / "bad.npy")
        assert not marker.exists()

    def test_an_archive_that_swells_is_refused_unread(self, tmp_path):
        path = tmp_path / "bomb.npz"
        with (
            zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
            archive.open("a.npy", "w") as member,
        ):
            zeros = b"\0" * (1 << 22)
            for _ in range(70):
                member.write(zeros)
        with pytest.raises(VoxploreError, match="plausible size"):
            load_cells(path)

    @pytest.mark.parametrize(
        ("arrays", "sentence"),
        [
            ({"a": np.ones((1, 2, 2, 2)), "b": np.ones(1)}, "expected one array .*, got a, b"),
            ({"packed": np.zeros((2, 5), np.uint8), "shape": np.array([48] * 3)}, r"`packed` uint8 \(n, 13824\)"),
            ({"packed": np.zeros((2, 13824), np.uint8), "shape": np.array([48, 48])}, "three equal whole numbers"),
            ({"packed": np.zeros((2, 13824), np.uint8), "shape": np.array([b"48"] * 3)}, "three equal whole numbers"),
            ({"packed": np.zeros((2, 13824), np.uint8), "shape": np.array([48.5] * 3)}, "three equal whole numbers"),
            ({"packed": np.zeros((2, 13824), np.uint8), "shape": np.array([48j] * 3)}, "three equal whole numbers"),
            ({"packed": np.zeros((2, 13824), np.uint8)}, "three equal whole numbers"),
            ({"packed": np.zeros((2, 13824)), "shape": np.array([48] * 3)}, "got float64"),
            ({"a": np.ones((4, 4, 5, 4))}, "expected cubes"),
            ({"a": np.ones(4)}, "expected cubes"),
            ({"a": np.array(["x"])}, "expected cubes"),
        ],
    )
    def test_other_archives_are_named(self, tmp_path, arrays, sentence):
        np.savez(tmp_path / "x.npz", **arrays)
        with pytest.raises(VoxploreError, match=sentence) as caught:
            load_cells(tmp_path / "x.npz")
        assert "x.npz" in caught.value.where

    @pytest.mark.parametrize("suffix", [".npy", ".npz"])
    @pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x93NUMPY\x01\x00\xff\xff{", b"hello"])
    def test_damaged_files_are_named(self, tmp_path, suffix, content):
        path = tmp_path / f"x{suffix}"
        path.write_bytes(content)
        with pytest.raises(VoxploreError, match=f"x{suffix}: expected"):
            load_cells(path)

    def test_a_file_that_ends_early_is_named(self, tmp_path, blobs):
        np.save(tmp_path / "x.npy", blobs)
        whole = (tmp_path / "x.npy").read_bytes()
        (tmp_path / "x.npy").write_bytes(whole[: len(whole) // 2])
        with pytest.raises(VoxploreError, match=r"x\.npy: expected a NumPy array"):
            load_cells(tmp_path / "x.npy")

    def test_other_paths_are_named(self, tmp_path):
        with pytest.raises(VoxploreError, match=r"nothing: expected a folder of cells, .* got nothing there"):
            load_cells(tmp_path / "nothing")
        (tmp_path / "x.stl").write_text("solid")
        with pytest.raises(VoxploreError, match=r"got a \.stl file"):
            load_cells(tmp_path / "x.stl")
        with pytest.raises(VoxploreError, match=r"cells\.json: expected a readable text file"):
            load_cells(tmp_path)


class Trap:
    """Leaves a mark where it is unpickled."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def edit(folder: Path, **changes) -> None:
    header = json.loads((folder / "cells.json").read_text())
    (folder / "cells.json").write_text(json.dumps({**header, **changes}))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"format": "other"}, "voxplore-cells"),
        ({"format_version": 9}, "expected format version 1, got version 9"),
        ({"n": -1}, "expected counts"),
        ({"n": "12"}, "expected counts"),
        ({"resolution": 10**9}, "resolution up to"),
        ({"resolution": True}, "expected counts"),
        ({"n": 13}, r"voxels\.npy: expected uint8 \(13, 512\), got uint8 \(12, 512\)"),
        ({"resolution": 8}, r"voxels\.npy: expected uint8 \(12, 64\)"),
    ],
)
def test_a_header_that_does_not_fit_is_named(folder, changes, sentence):
    edit(folder, **changes)
    with pytest.raises(VoxploreError, match=sentence):
        load_cells(folder)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "expected a header"),
        ("a,b\n1,2\n", "with an id column"),
        ("id,id\n1,2\n", "distinct names"),
        ("id\nx\n", "expected 12 rows of 1 fields, got 1 rows"),
        ("id,lx\n" + "x\n" * 12, "expected 12 rows of 2 fields, got a row of another length"),
        ("id,relative_density\n" + "x,much\n" * 12, "expected numbers in column relative_density"),
        ("id,orientation\n" + "x,1.5\n" * 12, "expected numbers in column orientation"),
        ("id,orientation\n" + f"x,{10**30}\n" * 12, "expected numbers in column orientation"),
    ],
)
def test_an_index_that_does_not_fit_is_named(folder, text, sentence):
    (folder / "index.csv").write_text(text)
    with pytest.raises(VoxploreError, match=sentence) as caught:
        load_cells(folder)
    assert "index.csv" in caught.value.where


def test_columns_of_the_wrong_length_are_refused():
    with pytest.raises(VoxploreError, match="column split: expected 2 rows, got 1"):
        UnitCells.from_voxels(np.ones((2, 2, 2, 2), bool), {"split": ["train"]})


OPEN = """
import re, sys, time
from voxplore.unitcells import load_cells
before = time.process_time()
cells = load_cells(sys.argv[1])
seconds = time.process_time() - before
assert len(cells) == 60_000
print(seconds, int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) / 1024)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
def test_60_000_cells_open_in_two_seconds_and_200_megabytes(tmp_path):
    n, path = 60_000, tmp_path / "many"
    one = UnitCells.from_voxels(np.zeros((1, 48, 48, 48), bool), name="many")
    one.save(path)
    edit(path, n=n)
    np.lib.format.open_memmap(path / "voxels.npy", mode="w+", dtype=np.uint8, shape=(n, 13824)).flush()  # sparse
    rows = "".join(f"many-{i:06d}-o0,train,many-{i:06d},0,0.1234,1.0,1.0,1.0\n" for i in range(n))
    (path / "index.csv").write_text("id,split,source_id,orientation,relative_density,lx,ly,lz\n" + rows)
    done = subprocess.run([sys.executable, "-c", OPEN, str(path)], capture_output=True, text=True, check=True)
    seconds, megabytes = map(float, done.stdout.split())
    assert seconds < 2
    assert megabytes < 200
