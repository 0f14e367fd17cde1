import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from voxplore.data.prepare.negatives import degrade
from voxplore.errors import VoxploreError
from voxplore.metrics import connectivity
from voxplore.refine import Refiner, RefinerConfig, compare, load_refiner, refine
from voxplore.unitcells import UnitCells, load_cells

TINY = RefinerConfig(width=16, layers=1, cells=64, batch=4)


@pytest.fixture
def whole(blobs) -> UnitCells:
    return UnitCells.from_voxels(blobs[2:], name="blobs", source="made for tests")


@pytest.fixture
def spoiled(whole) -> UnitCells:
    voxels = degrade(whole.voxels(), np.random.default_rng(0), mix="all")
    return UnitCells.from_voxels(voxels, dict(whole.index), **whole.about)


@pytest.fixture
def small(whole) -> Refiner:
    return Refiner(TINY).fit(whole)


def test_what_was_done_stands_beside_each_cell_and_in_the_provenance(spoiled, tmp_path):
    refined = refine(spoiled)
    assert refined.index["id"].tolist() == spoiled.index["id"].tolist()
    differ = [np.count_nonzero(a ^ b) for a, b in zip(refined.voxels(), spoiled.voxels(), strict=True)]
    assert refined.index["refined_voxels"].tolist() == differ
    words = refined.index["refined"].tolist()
    assert [text == "unchanged" for text in words] == [count == 0 for count in differ]
    assert any("dropped" in text for text in words)
    assert refined.about["name"] == "blobs, refined"
    assert refined.about["source"] == "made for tests"
    assert refined.about["refinement"]["method"] == "geometric"
    assert refined.about["refinement"]["cells_sha256"] == spoiled.sha256()
    refined.save(tmp_path / "a")
    again = load_cells(tmp_path / "a")
    assert again.index["refined"].tolist() == words
    assert np.allclose(again.index["relative_density"], again.relative_density(), atol=1e-6)


@pytest.mark.parametrize("method", ["geometric", "learned", "both"])
def test_neither_workers_nor_other_cells_change_a_cell(spoiled, small, method):
    all_at_once = refine(spoiled, method, small)
    assert refine(spoiled, method, small).sha256() == all_at_once.sha256()
    one = refine(spoiled[3:4], method, small)
    assert np.array_equal(one.packed[0], all_at_once.packed[3])
    assert one.index["refined"][0] == all_at_once.index["refined"][3]
    if method == "geometric":
        assert refine(spoiled, method, workers=2).sha256() == all_at_once.sha256()


def test_both_is_the_learned_method_and_then_the_geometric_one(spoiled, small):
    apart = refine(refine(spoiled, "learned", small), "geometric")
    assert np.array_equal(refine(spoiled, "both", small).packed, apart.packed)
    assert (connectivity(apart) == 1).all()


def test_no_cells_stay_no_cells(spoiled, small):
    for method in ("geometric", "learned", "both"):
        assert len(refine(spoiled[:0], method, small)) == 0


def test_a_table_tells_before_and_after(spoiled):
    refined = refine(spoiled)
    lines = {line.label: line for line in compare(spoiled, refined, spoiled)}
    assert lines["S_con"].before == pytest.approx(connectivity(spoiled).mean())
    assert lines["S_con"].after == 1
    assert lines["in one part"].after == 1
    assert lines["S_nov ungated"].before == 0, "the cells are their own reference"
    assert lines["|change| of density, gate passed before"].before is None
    assert lines["|change| of density, gate passed before"].after < 0.01
    assert "vun" in lines
    assert "vun" not in {line.label for line in compare(spoiled, refined)}


def test_an_untrained_network_hands_cells_on_as_they_are(whole):
    assert refine(whole, "learned", Refiner(TINY)).sha256() == whole.sha256()


def test_the_shipped_network_takes_noise_away_and_leaves_whole_cells_alone():
    x, y, z = 2 * np.pi * (np.indices((48, 48, 48)) + 0.5) / 48
    cell = np.abs(np.sin(x) * np.cos(y) + np.sin(y) * np.cos(z) + np.sin(z) * np.cos(x)) < 0.3
    whole = UnitCells.from_voxels(cell[None])
    noisy = degrade(whole.voxels(), np.random.default_rng(1), mix={"noise": 1.0})
    before = np.count_nonzero(noisy[0] ^ cell)
    after = np.count_nonzero(refine(UnitCells.from_voxels(noisy), "learned").voxels()[0] ^ cell)
    assert after < 0.6 * before
    assert np.count_nonzero(refine(whole, "learned").voxels()[0] ^ cell) < 0.01 * cell.sum()


def test_training_learns_and_the_same_training_gives_the_same_network(whole, small):
    again = Refiner(TINY).fit(whole)
    assert again.checksum() == small.checksum()
    assert again.checksum() != Refiner(TINY).checksum()
    assert small.trained["data"] == "blobs"
    assert small.trained["cells"] == 64


def test_a_broken_off_training_goes_on_where_it_was(whole, small, tmp_path, monkeypatch):
    from voxplore.refine import learned

    train = learned.train
    monkeypatch.setattr(learned, "train", lambda *a, **k: train(*a, **k, stop_after=7))
    Refiner(TINY).fit(whole, tmp_path)
    monkeypatch.setattr(learned, "train", train)
    assert Refiner(TINY).fit(whole, tmp_path).checksum() == small.checksum()


def test_a_saved_refiner_is_the_same_refiner(spoiled, small, tmp_path):
    small.save(tmp_path / "r")
    again = load_refiner(tmp_path / "r")
    assert again.checksum() == small.checksum()
    assert again.trained == small.trained
    assert refine(spoiled, "learned", tmp_path / "r").sha256() == refine(spoiled, "learned", small).sha256()
    with pytest.raises(VoxploreError, match="overwrite"):
        small.save(tmp_path / "r")


def test_wrong_input_is_named(spoiled, small, tmp_path):
    with pytest.raises(VoxploreError, match="method"):
        refine(spoiled, "magic")
    with pytest.raises(VoxploreError, match=r"config\.json"):
        load_refiner(tmp_path)
    with pytest.raises(VoxploreError, match="multiple of 4"):
        Refiner(TINY).repair(np.ones((6, 6, 6), bool))
    with pytest.raises(VoxploreError, match="at least one"):
        Refiner(TINY).fit(spoiled[:0])
    small.save(tmp_path / "r")
    other = Refiner(replace(TINY, width=8))
    other.save(tmp_path / "o")
    (tmp_path / "o" / "network.safetensors").rename(tmp_path / "r" / "network.safetensors")
    with pytest.raises(VoxploreError, match=r"network\.safetensors"):
        load_refiner(tmp_path / "r")


def test_geometric_refinement_needs_no_torch_and_names_of_the_package_stay_what_they_are():
    code = (
        "import sys, numpy as np, voxplore as vp\n"
        "cells = vp.UnitCells.from_voxels(np.ones((1, 8, 8, 8), bool))\n"
        "assert len(vp.refine.refine(cells)) == 1 and 'torch' not in sys.modules\n"
        "import voxplore.refine, voxplore.workflows.discover\n"
        "assert callable(vp.refine.refine) and callable(vp.discover)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
