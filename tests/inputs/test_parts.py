"""Every mesh and graph of the table becomes the cell it describes, or is refused in one sentence."""

import pytest
from input_parts import CASES, Case, D

import voxplore as vp
from voxplore.cli import main

pytest.importorskip("trimesh", reason="trimesh is not installed (extra [export])")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_part_gives_its_cell_or_one_sentence(tmp_path, capsys, case: Case):
    source, out = case.write(tmp_path), tmp_path / "out"
    command = ["build", case.verb, "--files", str(source), "--resolution", str(D), "--out", str(out), *case.options]
    status = main(command)
    told = capsys.readouterr()
    if isinstance(case.gives, tuple):
        assert (status, told.out, told.err.count("\n")) == (2, "", 1), told
        assert all(text in told.err for text in case.gives), told.err
        assert not out.exists()
        return
    assert (status, told.err) == (0, "")
    assert (vp.load_cells(out).voxels() == case.gives).all()
    assert all(text in told.out for text in case.told), told.out
    assert told.out.count("\n") == 1 + bool(case.told), told.out


def test_the_names_of_the_table_are_distinct():
    assert len({case.name for case in CASES}) == len(CASES)
