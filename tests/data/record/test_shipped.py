"""The reference of `discover`: drawn once into the cache, never believed unchecked."""

import multiprocessing
import os

import numpy as np
import pytest

from voxplore import storage
from voxplore.data.prepare.splits import with_split
from voxplore.data.record import shipped
from voxplore.data.record.sets import write_record
from voxplore.data.record.shipped import reference_cells
from voxplore.data.synthetic.nets import nets_with_plans
from voxplore.data.synthetic.shells import shells_with_plans
from voxplore.errors import VoxploreError


@pytest.fixture(scope="module")
def built():
    """Eight nets and six shells at 16^3, with their plans."""
    nets, net_plans = nets_with_plans(8, resolution=16, workers=1)
    shells, shell_plans = shells_with_plans(6, resolution=16, workers=1)
    return {"nets": (with_split(nets), net_plans), "shells": (with_split(shells), shell_plans)}


@pytest.fixture
def cache(built, tmp_path, monkeypatch):
    """The folder of the cache, empty, and a record instead of the shipped one."""
    write_record(tmp_path / "record.bin", **built, about={"name": "known", "periodicity_floor": 0.3})
    monkeypatch.setitem(shipped.RECORDS, "discover", tmp_path / "record.bin")
    monkeypatch.setenv("VOXPLORE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "reference" / "discover"


@pytest.fixture
def drawings(monkeypatch):
    """Counts how often the cells were drawn."""
    seen = []
    draw = shipped._drawn
    monkeypatch.setattr(shipped, "_drawn", lambda *job: seen.append(1) or draw(*job))
    return seen


def known(built):
    return np.concatenate([built["nets"][0].packed, built["shells"][0].packed])


def test_the_cache_is_filled_once_and_read_ever_after(cache, drawings, built):
    first, second = reference_cells(workers=1), reference_cells(workers=1)
    assert len(drawings) == 1
    for cells in (first, second):
        assert np.array_equal(cells.packed, known(built))
        assert cells.index["id"][[0, 8]].tolist() == ["nets-000000", "shells-000000"]
        assert cells.about == {"name": "known", "periodicity_floor": 0.3}
    assert isinstance(second.packed, np.memmap), "cells are not held in memory twice"


def test_a_damaged_cache_is_drawn_anew(cache, drawings, built):
    reference_cells(workers=1)
    voxels = cache / "voxels.npy"
    data = bytearray(voxels.read_bytes())
    data[-1] ^= 1
    voxels.write_bytes(bytes(data))
    assert np.array_equal(reference_cells(workers=1).packed, known(built))
    assert len(drawings) == 2


@pytest.mark.parametrize("name", ["voxels.npy", "cells.json", "index.csv"])
def test_a_cache_that_lacks_a_file_or_half_of_it_is_drawn_anew(cache, drawings, built, name):
    reference_cells(workers=1)
    os.truncate(cache / name, 20)
    assert np.array_equal(reference_cells(workers=1).packed, known(built))
    (cache / name).unlink()
    assert np.array_equal(reference_cells(workers=1).packed, known(built))
    assert len(drawings) == 3


def test_an_index_changed_in_the_cache_does_not_show(cache):
    reference_cells(workers=1)
    index = cache / "index.csv"
    index.write_text(index.read_text().replace("nets-000003", "nobody"))
    assert reference_cells(workers=1).index["id"][3] == "nets-000003"


def test_cells_of_another_record_are_replaced(cache, drawings, built):
    reference_cells(workers=1)
    write_record(shipped.RECORDS["discover"], nets=built["nets"])
    assert np.array_equal(reference_cells(workers=1).packed, built["nets"][0].packed)
    assert len(drawings) == 2


def test_cells_that_are_not_those_recorded_are_named_and_not_kept(cache, built):
    cells, plans = built["nets"]
    write_record(shipped.RECORDS["discover"], nets=(cells, plans[::-1]))
    with pytest.raises(VoxploreError, match=f"nets: expected cells of sha256 {cells.sha256()}, got [0-9a-f]{{64}}"):
        reference_cells(workers=1)
    assert not cache.exists()


def test_who_comes_while_the_cells_are_made_waits_for_them(cache, built):
    context = multiprocessing.get_context("fork")
    made = context.Event()

    def make_later():
        with storage.lock(cache):
            made.set()
            shipped._drawn(shipped.read_record(shipped.RECORDS["discover"]), "local", 1).save(cache)

    other = context.Process(target=make_later)
    other.start()
    assert made.wait(30)
    assert np.array_equal(reference_cells(workers=1).packed, known(built))
    other.join()
    assert other.exitcode == 0


def test_waiting_has_an_end(cache, monkeypatch):
    monkeypatch.setattr(shipped, "_PATIENCE", 0.1)
    with storage.lock(cache), pytest.raises(VoxploreError, match="no other process"):
        reference_cells(workers=1)


def test_a_cache_that_cannot_be_written_is_named_and_gone_without(cache, built, tmp_path, monkeypatch, capsys):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("VOXPLORE_CACHE", str(tmp_path / "file" / "below"))
    assert np.array_equal(reference_cells(workers=1).packed, known(built))
    assert "VOXPLORE_CACHE names another" in capsys.readouterr().err


def test_an_unknown_reference_is_named():
    with pytest.raises(VoxploreError, match="reference: expected discover, got 'other'"):
        reference_cells("other")


def test_the_shipped_record_can_be_read():
    path = shipped.RECORDS["discover"]
    if not path.exists():
        pytest.skip("no record in this checkout (experiments/record.py makes it)")
    record = shipped.read_record(path)
    assert {part.kind for part in record.sets} == {"nets", "shells"}
    assert set(record.index()["split"].tolist()) == {"train"}
    assert path.stat().st_size < 3_500_000
