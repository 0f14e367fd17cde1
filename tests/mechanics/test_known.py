"""Properties read back beside their cells, and what was asked for against what was found."""

import json

import numpy as np
import pytest

from voxplore.errors import VoxploreError
from voxplore.mechanics import asked_and_solved, read_properties
from voxplore.unitcells import UnitCells


@pytest.fixture
def cells(blobs) -> UnitCells:
    return UnitCells.from_voxels(blobs, {"id": [f"cell-{i}" for i in range(12)]}, name="blobs")


def written(folder, cells: UnitCells, rows: list[int], checksum: str | None = None):
    folder.mkdir()
    lines = [f"{cells.index['id'][row]},{row / 10},nan" for row in rows]
    (folder / "properties.csv").write_text("\n".join(["id,young_hill,poisson_xy", *lines]) + "\n")
    if checksum:
        (folder / "properties.json").write_text(json.dumps({"cells_sha256": checksum}))
    return folder


def test_rows_find_their_cells_by_id_in_any_order(cells, tmp_path):
    folder = written(tmp_path / "table", cells, [7, 2, 5], cells[[7, 2, 5]].sha256())
    solved, columns = read_properties(folder, cells, ["young_hill"])
    assert solved.index["id"].tolist() == ["cell-7", "cell-2", "cell-5"]
    assert columns["young_hill"].tolist() == [0.7, 0.2, 0.5]
    assert np.isnan(read_properties(folder / "properties.csv", cells, ["poisson_xy"])[1]["poisson_xy"]).all()


def test_a_table_of_other_cells_is_refused(cells, tmp_path):
    other = written(tmp_path / "other", cells, [1, 2], cells[[2, 1]].sha256())
    with pytest.raises(VoxploreError, match=r"properties\.json: expected cells of sha256"):
        read_properties(other, cells, ["young_hill"])
    with pytest.raises(VoxploreError, match="got 1 others, 'cell-9' first"):
        read_properties(written(tmp_path / "more", cells, [1, 9]), cells[:6], ["young_hill"])


@pytest.mark.parametrize(("text", "expected"), [("", "no rows"), ("id,a\nx,1\n", "columns young_hill, got id, a")])
def test_a_table_without_the_column_is_named(cells, tmp_path, text, expected):
    (tmp_path / "properties.csv").write_text(text)
    with pytest.raises(VoxploreError, match=expected):
        read_properties(tmp_path, cells, ["young_hill"])


def test_text_where_numbers_should_be_is_named(cells, tmp_path):
    (tmp_path / "properties.csv").write_text("id,young_hill\ncell-1,stiff\n")
    with pytest.raises(VoxploreError, match="numbers in these columns"):
        read_properties(tmp_path, cells, ["young_hill"])


def test_what_was_asked_for_is_read_against_what_was_found(cells):
    wanted = np.linspace(0.1, 0.4, 12)
    asked = UnitCells(cells.packed, 16, {**cells.index, "wanted_young": wanted, "wanted_taste": wanted})
    solved = wanted + 0.05
    solved[3] = np.nan
    found = asked_and_solved(asked, {"young": solved})
    assert list(found) == ["young"]
    assert (found["young"]["n"], found["young"]["lost"]) == (11, 1)
    assert found["young"]["off"] == pytest.approx(0.05)
    assert found["young"]["correlation"] == pytest.approx(1)
    others = np.delete(wanted, 3)
    pairs = np.mean([abs(a - b - 0.05) for a in others for b in others])
    assert found["young"]["at_random"] == pytest.approx(pairs)
    assert asked_and_solved(cells, {"young": solved}) == {}
