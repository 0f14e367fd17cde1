"""An id stands for one cell: sets that are joined, tables that are tied to cells, folders that are written."""

from dataclasses import replace

import numpy as np
import pytest

from voxplore import storage
from voxplore.errors import VoxploreError
from voxplore.mechanics.known import read_properties
from voxplore.unitcells import UnitCells, load_cells
from voxplore.workflows.build import join


def cells(seed: int, name: str = "a") -> UnitCells:
    found = UnitCells.from_voxels(np.random.default_rng(seed).random((3, 4, 4, 4)) > 0.5, name=name)
    found.index["source_id"] = found.index["id"]
    return found


def test_joined_sets_of_the_same_ids_keep_every_cell_apart(tmp_path):
    first, second = cells(0), cells(1)
    join([first, second]).save(tmp_path / "joined")
    joined = load_cells(tmp_path / "joined")
    rows = joined.rows_by_id()
    assert sorted(rows) == sorted(f"{k}-a-00000{i}" for k in (1, 2) for i in range(3))
    for k, one in ((1, first), (2, second)):
        for i in range(3):
            assert (joined.packed[rows[f"{k}-a-00000{i}"]] == one.packed[i]).all()
    assert len(set(joined.index["source_id"].tolist())) == 6


def test_joined_sets_of_other_ids_keep_them():
    joined = join([cells(0), cells(1, "b")])
    assert joined.index["id"].tolist() == [f"{name}-00000{i}" for name in "ab" for i in range(3)]


def test_cells_of_the_same_id_are_not_written(tmp_path):
    twice = UnitCells.concatenate([cells(0), cells(1)])
    with pytest.raises(VoxploreError, match="ids of a: expected one for each cell, got 'a-000000' for two or more"):
        twice.save(tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_a_table_is_not_tied_to_cells_whose_ids_repeat(tmp_path):
    (tmp_path / "t.csv").write_text("id,x\na-000000,1\na-000001,2\n")
    assert read_properties(tmp_path / "t.csv", cells(0), ["x"])[1]["x"].tolist() == [1, 2]
    with pytest.raises(VoxploreError, match="expected one for each cell"):
        read_properties(tmp_path / "t.csv", UnitCells.concatenate([cells(0), cells(1)]), ["x"])
    (tmp_path / "t.csv").write_text("id,x\na-000000,1\na-000000,2\n")
    with pytest.raises(VoxploreError, match="expected one row for each id"):
        read_properties(tmp_path / "t.csv", cells(0), ["x"])


def test_the_orientations_of_a_cell_have_ids_of_their_own():
    from voxplore.data.prepare.orientations import orient_cells

    oriented = orient_cells(replace(cells(0)), 6)
    assert len(oriented.rows_by_id()) == 18


def test_a_solved_row_is_tied_to_the_cell_it_was_solved_for_or_refused(tmp_path):
    """Two sets that hold the same ids: a table of the one says nothing about the other."""
    first, second = cells(0), cells(1)
    solved = {"id": first.index["id"], "cell_sha256": first.row_sha256(), "x": np.arange(3)}
    storage.write_csv(tmp_path / "t.csv", solved)
    assert read_properties(tmp_path / "t.csv", first[[2, 0, 1]], ["x"])[1]["x"].tolist() == [0, 1, 2]
    with pytest.raises(VoxploreError, match="of its cell_sha256, got 3 others of the same id, 'a-000000' first"):
        read_properties(tmp_path / "t.csv", second, ["x"])
    mixed = UnitCells.concatenate([first[:2], second[2:]])
    with pytest.raises(VoxploreError, match="got 1 others of the same id, 'a-000002' first"):
        read_properties(tmp_path / "t.csv", mixed, ["x"])


def test_the_checksum_of_a_row_is_that_of_its_bits_and_its_resolution():
    many = cells(0)
    assert many.row_sha256().tolist() == [one.row_sha256()[0] for one in many.parts(1)]
    assert len({*many.row_sha256().tolist(), *cells(1).row_sha256().tolist()}) == 6
    voxels = np.zeros((1, 4, 4, 4), bool)
    padded = [UnitCells.from_voxels(np.zeros((1, d, d, d), bool)).row_sha256()[0] for d in (2, 3, 4)]
    assert len(set(padded)) == 3
    assert padded[2] == UnitCells.from_voxels(voxels).row_sha256()[0]
