"""Every file of the table is read into the cells that it holds, or refused in one sentence that names what takes it."""

import numpy as np
import pytest
from input_files import CASES, Case

import voxplore as vp
from voxplore.cli import main
from voxplore.errors import VoxploreError


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_file_gives_its_cells_or_one_sentence(tmp_path, capsys, caplog, case: Case):
    source = case.write(tmp_path)
    out = tmp_path / "out"
    status = main(["build", "own", "--source", str(source), "--out", str(out), *case.options])
    told = capsys.readouterr()
    assert not caplog.records  # outside of tests they would stand on stderr, too
    if isinstance(case.gives, tuple):
        assert (status, told.out, told.err.count("\n")) == (2, "", 1), told
        assert all(text in told.err for text in case.gives), told.err
        assert not out.exists()
        return
    assert (status, told.err) == (0, "")
    cells = vp.load_cells(out)
    assert (cells.voxels() == case.gives).all()
    assert len(cells.rows_by_id()) == len(case.gives)
    assert ("resampled from" in told.out) == ("--resample" in case.options and "folder" not in str(source))


@pytest.mark.parametrize("case", [case for case in CASES if not case.options], ids=lambda case: case.name)
def test_every_reader_of_cells_takes_what_build_own_takes(tmp_path, case: Case):
    source = case.write(tmp_path)
    if isinstance(case.gives, tuple):
        with pytest.raises(VoxploreError):
            vp.load_cells(source)
    else:
        assert (vp.load_cells(source).voxels() == case.gives).all()


def test_the_table_is_large():
    assert len({case.name for case in CASES}) == len(CASES) >= 120
    assert sum(isinstance(case.gives, np.ndarray) for case in CASES) >= 80
