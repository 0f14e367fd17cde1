import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voxplore import geometry
from voxplore.data.prepare.orientations import orient_cells
from voxplore.data.prepare.splits import periodicity_floor, split_by_source, with_split
from voxplore.errors import VoxploreError
from voxplore.unitcells import UnitCells


def some_cells(n=7, d=6, **columns):
    voxels = np.random.default_rng(0).random((n, d, d, d)) < 0.3
    return UnitCells.from_voxels(voxels, columns, name="some")


def shares(split):
    return {name: int((split == name).sum()) for name in ("train", "valid", "test")}


def test_a_split_of_100_sources_is_76_4_20():
    assert shares(split_by_source(np.arange(100))) == {"train": 76, "valid": 4, "test": 20}


def test_the_papers_split_of_100_sources_is_80_20():
    assert shares(split_by_source(np.arange(100), rule="paper")) == {"train": 80, "valid": 0, "test": 20}


@given(n=st.integers(1, 400), seed=st.integers(0, 9), rule=st.sampled_from(["v1", "paper"]))
@settings(max_examples=60, deadline=None)
def test_shares_are_right_to_one_source(n, seed, rule):
    test = {"v1": 0.2, "paper": 0.2}[rule] * n
    valid = {"v1": 0.04, "paper": 0.0}[rule] * n
    got = shares(split_by_source(np.arange(n), seed, rule))
    assert abs(got["test"] - test) <= 0.5
    assert abs(got["valid"] - valid) <= 0.5
    assert sum(got.values()) == n


def test_all_cells_of_a_source_share_its_split():
    sources = np.random.default_rng(1).integers(0, 40, 300)
    split = split_by_source(sources)
    assert all(len(set(split[sources == source])) == 1 for source in range(40))


def test_the_split_depends_on_the_sources_and_the_seed_but_not_on_the_order_of_rows():
    sources = np.array([f"s{i}" for i in range(50)])
    order = np.random.default_rng(2).permutation(50)
    assert np.array_equal(split_by_source(sources)[order], split_by_source(sources[order]))
    assert not np.array_equal(split_by_source(sources), split_by_source(sources, seed=1))


def test_an_unknown_rule_is_refused():
    with pytest.raises(VoxploreError, match="split rule: expected v1 or paper, got 'v9'"):
        split_by_source(np.arange(3), rule="v9")


def test_six_orientations_hold_each_cell_turned_as_the_geometry_says():
    cells = some_cells()
    turned = orient_cells(cells, 6)
    voxels = cells.voxels()
    assert len(turned) == 42
    for k in range(6):
        assert np.array_equal(turned[k * 7 : k * 7 + 7].voxels(), geometry.orient(voxels, k))
        assert set(turned.index["orientation"][k * 7 : k * 7 + 7]) == {k}
    assert turned.index["id"][7] == "some-000000-o1"
    assert turned.index["source_id"][7] == "some-000000"


def test_batches_do_not_show_in_the_result(monkeypatch):
    whole = orient_cells(some_cells(), 6)
    monkeypatch.setattr("voxplore.data.prepare.orientations._BATCH", 2)
    assert np.array_equal(orient_cells(some_cells(), 6).packed, whole.packed)


def test_one_orientation_keeps_cells_and_ids():
    cells = some_cells()
    same = orient_cells(cells, 1)
    assert np.array_equal(same.packed, cells.packed)
    assert same.index["id"].tolist() == cells.index["id"].tolist()


def test_cells_are_oriented_once():
    turned = orient_cells(some_cells(), 6)
    with pytest.raises(VoxploreError, match="oriented before"):
        orient_cells(turned, 6)
    with pytest.raises(VoxploreError, match="expected 1 or 6, got 3"):
        orient_cells(some_cells(), 3)


def test_lengths_and_angles_follow_the_axes():
    # The lattice vectors themselves are turned by an independent rule: as signed axes, then measured again.
    rng = np.random.default_rng(3)
    vectors = np.eye(3) + 0.3 * rng.random((3, 3))
    lengths = np.linalg.norm(vectors, axis=1)

    def angle(u, v):
        return np.degrees(np.arccos(u @ v / np.linalg.norm(u) / np.linalg.norm(v)))

    names = ("lx", "ly", "lz", "a", "b", "c", "alpha", "beta", "gamma")
    values = [*lengths, *lengths, *(angle(vectors[i], vectors[j]) for i, j in ((1, 2), (0, 2), (0, 1)))]
    cells = some_cells(1, **{name: np.array([value]) for name, value in zip(names, values, strict=True)})
    turned = orient_cells(cells, 6)
    for k, (axes, flips) in enumerate(geometry.ORIENTATIONS):
        new = np.array([(-1 if flip else 1) * vectors[axis] for axis, flip in zip(axes, flips, strict=True)])
        assert turned.index["lx"][k] == pytest.approx(np.linalg.norm(new[0]))
        assert turned.index["c"][k] == pytest.approx(np.linalg.norm(new[2]))
        assert turned.index["alpha"][k] == pytest.approx(angle(new[1], new[2]))
        assert turned.index["beta"][k] == pytest.approx(angle(new[0], new[2]))
        assert turned.index["gamma"][k] == pytest.approx(angle(new[0], new[1]))


def test_a_finished_build_keeps_the_copies_of_a_source_in_one_split(tmp_path):
    cells = orient_cells(with_split(some_cells(25)), 6)
    cells.save(tmp_path / "set")
    sources = {name: set(cells.split(name).index["source_id"]) for name in ("train", "valid", "test")}
    assert {name: len(members) for name, members in sources.items()} == {"train": 19, "valid": 1, "test": 5}
    assert not sources["train"] & sources["test"]
    assert cells.about["split_rule"].startswith("v1: 76 % train, 4 % valid, 20 % test; by source")


def test_a_split_needs_no_source_column():
    split = with_split(some_cells(10))
    assert split.index["source_id"].tolist() == split.index["id"].tolist()


def test_the_periodicity_floor_is_nine_tenths_of_the_tenth_percentile():
    assert periodicity_floor(np.arange(0, 101) / 100) == 0.09
    with pytest.raises(VoxploreError, match="held-out cells"):
        periodicity_floor(np.zeros(0))
