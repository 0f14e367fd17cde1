"""The table of known properties: what is written is read back, for the cells that it is about alone."""

import numpy as np
import pytest

from voxplore.errors import VoxploreError
from voxplore.mechanics import properties_of
from voxplore.report.evidence import unreached_by_known
from voxplore.unitcells import UnitCells
from voxplore.workflows.known import TABLE, known_properties, make_table
from voxplore.workflows.targets import parse_target


@pytest.fixture
def cells(blobs, tmp_path, monkeypatch) -> UnitCells:
    monkeypatch.setenv("VOXPLORE_CACHE", str(tmp_path / "cache"))
    return UnitCells.from_voxels(blobs[2:7])


def test_the_table_gives_what_the_solver_gives_to_three_digits(cells, tmp_path):
    assert make_table(cells, path=tmp_path / "t.npz", workers=1) == 5
    known = known_properties(cells, tmp_path / "t.npz")
    assert known is not None
    solved = properties_of(cells, workers=1)
    for name in ("C11", "young_hill", "conductivity_xx", "relative_density"):
        assert known.columns[name] == pytest.approx(solved[name], rel=5e-3), name


def test_it_is_about_these_cells_alone_and_a_damaged_one_is_named(cells, tmp_path):
    path = tmp_path / "t.npz"
    assert known_properties(cells, path) is None
    make_table(cells, n=3, path=path, workers=1)
    found = known_properties(cells, path)
    assert found is not None
    assert found.cells.index["id"].tolist() == cells.index["id"][[0, 2, 4]].tolist()
    assert known_properties(cells[:4], path) is None
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(VoxploreError, match=r"t\.npz"):
        known_properties(cells, path)


def test_what_no_known_cell_reaches_is_named(cells, tmp_path):
    make_table(cells, path=tmp_path / "t.npz", workers=1)
    known = known_properties(cells, tmp_path / "t.npz")
    assert known is not None
    own = [float(value) for value in known.columns["young_hill"]]
    assert unreached_by_known(parse_target(f"young_hill={own[0]!r}"), known) == []
    assert unreached_by_known(parse_target("young_hill>=2*bound, relative_density>0.1"), known) == [
        "young_hill>=2*bound"
    ]
    low, high = (float(value) for value in known.columns["relative_density"][[0, -1]])
    apart = f"relative_density={low!r}, young_hill={max(own) if low < high else min(own)!r}"
    assert unreached_by_known(parse_target(apart), known) == ["all conditions together"]
    assert unreached_by_known(parse_target("young_hill>=2*bound"), None) == []


def test_the_shipped_table_is_small_and_of_the_shipped_reference():
    if not TABLE.exists():
        pytest.skip("no table is shipped (python experiments/known_properties.py)")
    assert TABLE.stat().st_size < 1_000_000
    with np.load(TABLE, allow_pickle=False) as arrays:
        assert arrays["numbers"].dtype == np.float16
        assert np.isfinite(arrays["numbers"]).all()
