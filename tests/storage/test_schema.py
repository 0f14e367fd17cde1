"""Headers, ids and tables of strangers: typed where they are read, escaped where they are shown."""

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxplore import storage
from voxplore.cli import main
from voxplore.errors import VoxploreError
from voxplore.report.compare import Row, Table
from voxplore.storage.schema import printable
from voxplore.unitcells import UnitCells, load_cells


@pytest.fixture
def folder(tmp_path):
    UnitCells.from_voxels(np.ones((2, 4, 4, 4), bool), name="a").save(tmp_path / "cells")
    return tmp_path / "cells"


def spoiled(folder, **changes) -> None:
    header = json.loads((folder / "cells.json").read_text())
    (folder / "cells.json").write_text(json.dumps({**header, **changes}))


@pytest.mark.parametrize(
    "changes",
    [{"periodicity_floor": "x"}, {"periodicity_floor": float("inf")}, {"periodicity_floor": True}, {"name": []},
     {"name": {"a": 1}}, {"licence": 5}, {"made": "x"}, {"joined": {}}, {"source": "x" * 20_000}],
)  # fmt: skip
def test_a_field_of_another_type_is_refused_by_every_verb(folder, changes, capsys, tmp_path):
    spoiled(folder, **changes)
    field = next(iter(changes))
    for command in (["info", str(folder), "--quick"], ["degrade", str(folder), "--out", str(tmp_path / "out")]):
        assert main(command) == 2
        assert f"cells.json: {field}: expected" in capsys.readouterr().err


@pytest.mark.parametrize("text", ['{"n": ' + "9" * 5000 + "}", '{"name": "\\ud800"}', "[" * 50_000])
def test_json_that_python_cannot_hold_is_refused(tmp_path, text):
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(VoxploreError, match=r"x\.json: expected JSON"):
        storage.read_json(tmp_path / "x.json")


@pytest.mark.parametrize("name", ["a\rb", "a\nb", "", "x" * 201, "a\x1b[2J"])
def test_an_id_that_no_table_holds_is_not_written(tmp_path, name):
    cells = UnitCells.from_voxels(np.ones((1, 4, 4, 4), bool), {"id": np.array([name], np.str_)})
    with pytest.raises(VoxploreError, match="id: expected 1 to 200 printable letters"):
        cells.save(tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_a_field_of_a_hundred_thousand_letters_is_refused(folder):
    text = (folder / "index.csv").read_text().replace("a-000001", "x" * 100_000)
    (folder / "index.csv").write_text(text)
    with pytest.raises(VoxploreError, match="fields of at most 1000 letters"):
        load_cells(folder)


def test_a_text_is_no_formula_and_no_terminal_obeys_it(tmp_path, folder, capsys):
    storage.write_csv(tmp_path / "t.csv", {"id": np.array(["=1+1", "a", "@x"], np.str_), "x": np.array([-1, 2, 3])})
    assert (tmp_path / "t.csv").read_text() == "id,x\n'=1+1,-1\na,2\n'@x,3\n"
    assert printable("a\x1b[2Jb\nc\r") == "a\ufffd[2Jb\nc\ufffd"
    spoiled(folder, name="a\x1b[2J")
    assert main(["info", str(folder), "--quick"]) == 0
    assert "\x1b" not in capsys.readouterr().out


def test_a_model_whose_name_is_a_list_is_refused(tmp_path):
    from voxplore.models import load_model

    (tmp_path / "config.json").write_text('{"model": []}')
    with pytest.raises(VoxploreError, match="expected a model among"):
        load_model(tmp_path)


def test_ids_that_look_like_formulas_come_back_as_they_were(tmp_path):
    ids = np.array(["=1+1", "'=1", "a"], np.str_)
    UnitCells.from_voxels(np.ones((3, 4, 4, 4), bool), {"id": ids}).save(tmp_path / "cells")
    assert load_cells(tmp_path / "cells").index["id"].tolist() == ids.tolist()


@given(st.lists(st.text(st.sampled_from("=+-@'a1.,e \"\u00e9"), max_size=6), min_size=1, max_size=5))
def test_texts_of_tables_come_back_and_none_of_them_is_a_formula(texts):
    column = np.array(texts, np.str_)
    table = storage.csv_rows({"id": column, "x": np.zeros(len(texts))}) + storage.csv_line(texts)
    *rows, header = csv.reader(io.StringIO(table))
    written = [row[0] for row in rows] + header
    assert [storage.unquoted(one) for one in written] == column.tolist() + texts
    for one in written:
        assert one[:1] not in ("=", "+", "@", "-") or np.isfinite(float(one)), one


def test_numbers_of_every_table_stay_numbers_and_names_of_columns_are_no_formulas(tmp_path):
    columns = {"=x": np.array([-1.5, 1e-30, -np.inf]), "t": np.array(["-1.5", "-1e-3", "-a"], np.str_)}
    storage.write_csv(tmp_path / "t.csv", columns)
    assert (tmp_path / "t.csv").read_text().splitlines() == ["'=x,t", "-1.5,-1.5", "1e-30,-1e-3", "-inf,'-a"]


def test_a_row_of_compare_whose_name_is_a_formula_is_written_as_text():
    table = Table((("=a", (Row("-cmd|x", 1, {}, {}, hardware="@b"),)),), ("symmetry",))
    assert next(csv.reader(io.StringIO(table.csv().splitlines()[1])))[:2] == ["'=a", "'-cmd|x"]
    assert table.csv().splitlines()[1].endswith(",'@b")


def test_tables_are_written_in_one_place_alone():
    writers = [path for path in Path(storage.__file__).parents[1].rglob("*.py") if "csv.writer" in path.read_text()]
    assert [path.name for path in writers] == ["tables.py"]
