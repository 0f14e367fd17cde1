"""Damaged files: every reader raises VoxploreError and nothing else, soon and in bounded memory.

A few of the inputs of `run_fuzz.py`, which runs as many as one likes; and what it found.
"""

import io
import json
import random
import resource
import subprocess
import sys
import zipfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from fuzz_mutate import mutated
from fuzz_readers import READERS, feed, readers
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from run_fuzz import record

from voxplore.errors import VoxploreError
from voxplore.unitcells import load_cells

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def all_readers(tmp_path_factory):
    return readers(tmp_path_factory.mktemp("whole"))


@pytest.mark.parametrize("name", READERS)
def test_whole_files_are_taken(all_readers, tmp_path, name):
    reader = all_readers[name]
    assert all(feed(reader, data, tmp_path) for data in reader.seeds())


@pytest.mark.parametrize("name", READERS)
def test_damaged_files_are_taken_or_refused(all_readers, tmp_path, name):
    reader = all_readers[name]

    @given(st.integers(0, 2**32))
    @settings(max_examples=8 if name in ("model", "latents", "solved") else 40, database=None)
    def check(seed: int) -> None:
        feed(reader, mutated(reader.seeds(), random.Random(seed)), tmp_path)

    check()


@pytest.mark.parametrize("name", READERS)
@given(data=st.binary(max_size=200))
@settings(max_examples=10, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_taken_or_refused(all_readers, tmp_path, name, data):
    feed(all_readers[name], data, tmp_path)


def claim(shape: tuple[int, ...], kind: str = "|u1") -> bytes:
    """A .npy file whose header claims an array that is not there."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": kind, "fortran_order": False, "shape": shape})
    return header.getvalue() + b"\0" * 100


LIMITED = """
import resource, sys
from voxplore.errors import VoxploreError
from voxplore.unitcells import load_cells
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    load_cells(sys.argv[1])
except VoxploreError as error:
    print(error)
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
assert after - before < 200_000, after - before
"""


def told_of(path: Path) -> str:
    """What is told of a file by a process that may not grow by 200 MB."""
    command = [sys.executable, "-c", LIMITED, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    return done.stdout


@pytest.mark.parametrize("shape", [(10**6, 48, 48, 48), (2**62, 8), (2**40,) * 4])
def test_a_header_that_claims_too_much_takes_no_memory(tmp_path, shape):
    (tmp_path / "x.npy").write_bytes(claim(shape))
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("a.npy", claim(shape))
    for name in ("x.npy", "x.npz"):
        with pytest.raises(VoxploreError, match=name):
            load_cells(tmp_path / name)


def test_a_zip_bomb_is_refused_before_it_goes_off(tmp_path):
    with (
        zipfile.ZipFile(tmp_path / "x.npz", "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("a.npy", "w") as member,
    ):
        member.write(claim((4000, 48, 48, 48)))
        for _ in range(420):
            member.write(bytes(1 << 20))
    assert "an archive of plausible size" in told_of(tmp_path / "x.npz")


def test_a_zip_bomb_in_parts_is_refused_too(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        for part in range(8):
            with archive.open(f"{part}.npy", "w") as member:
                member.write(claim((40, 1 << 20))[:-100])
                for _ in range(40):
                    member.write(bytes(1 << 20))
    assert "an archive of plausible size" in told_of(tmp_path / "x.npz")


def test_a_pickle_is_not_opened(tmp_path):
    class Evil:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "owned",))

    np.save(tmp_path / "x.npy", np.array([Evil()], object), allow_pickle=True)
    with pytest.raises(VoxploreError, match="got objects"):
        load_cells(tmp_path / "x.npy")
    assert not (tmp_path / "owned").exists()


def test_checksums_name_no_file_outside_the_folder(tmp_path, blobs):
    from voxplore.unitcells import UnitCells
    from voxplore.workflows.info import verify

    (tmp_path / "secret").write_text("x")
    UnitCells.from_voxels(blobs).save(tmp_path / "cells")
    header = json.loads((tmp_path / "cells" / "cells.json").read_text())
    header["sha256"]["../secret"] = "0"
    (tmp_path / "cells" / "cells.json").write_text(json.dumps(header))
    with pytest.raises(VoxploreError, match=r"cells/secret: expected sha256 0, got no such file"):
        verify(tmp_path / "cells")


def test_a_model_larger_than_its_files_is_refused(all_readers, tmp_path):
    """Each number of a network's configuration, made huge."""
    reader = all_readers["model"]
    number = list(reader.whole).index("config.json")
    text = json.loads(reader.whole["config.json"])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    changed = 0
    for group, fields in text["config"].items():
        for name, value in fields.items() if isinstance(fields, dict) else ():
            if type(value) is int:
                for huge in (10**5, 10**12, -1, 0):
                    other = json.loads(json.dumps(text))
                    other["config"][group][name] = huge
                    feed(reader, bytes([number]) + json.dumps(other).encode(), tmp_path)
                    changed += 1
    assert changed >= 8
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 2_000_000


def test_runs_add_up_and_a_reader_that_died_counts_as_uncaught(tmp_path):
    asked = SimpleNamespace(engine="mutation", seed=1)
    for name, found in (("stl", {"inputs": 5, "worst_mb": 3}), ("stl", {"inputs": 2}), ("ply", {"uncaught": 1})):
        record(tmp_path / "fuzz.json", name, found, asked)
    data = json.loads((tmp_path / "fuzz.json").read_text())
    assert (data["inputs"], data["uncaught"], data["readers"]["stl"]["worst_mb"]) == (7, 1, 3)
    assert [run["inputs"] for run in data["runs"]] == [7]


@pytest.mark.slow
def test_the_runner_finds_nothing(tmp_path):
    command = [sys.executable, str(HERE / "run_fuzz.py"), "--inputs", "20000", "--nice", "0", "--seed", "7"]
    subprocess.run([*command, "--out", str(tmp_path / "fuzz.json"), "--keep", str(tmp_path / "kept")], check=True)
    found = json.loads((tmp_path / "fuzz.json").read_text())
    assert found["inputs"] > 19_000
    assert found["uncaught"] == 0
