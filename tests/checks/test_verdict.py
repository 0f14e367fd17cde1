import numpy as np
import pytest

from voxplore.checks import check, checks_of, verdict
from voxplore.errors import VoxploreError
from voxplore.unitcells import UnitCells


@pytest.fixture
def frame() -> np.ndarray:
    """A simple cubic truss of struts four voxels thick, 24^3."""
    x, y, z = abs(np.indices((24, 24, 24)) - 11.5) < 2
    return (x & y) | (y & z) | (x & z)


def test_a_truss_is_printable_and_its_checks_are_right(frame):
    found = check(frame)
    assert (found.rank, found.void_rank, found.parts, found.pockets) == (3, 3, 1, 0)
    assert found.spans == (True, True, True)
    assert (found.strut, found.pore) == (4.0, 8.0)
    assert found.relative_density == frame.mean()
    assert found.symmetries == 48
    judged = verdict(frame, size_mm=6.0)
    assert judged.printable
    assert str(judged) == "printable"
    assert judged.strut_mm == pytest.approx(1.0)


def test_thin_struts_are_named_with_their_size(frame):
    judged = verdict(frame, size_mm=2.0, strut_mm=0.5)
    assert not judged.printable
    assert judged.reasons == ("its thinnest strut is 0.33 mm, below 0.5 mm",)
    assert verdict(frame, size_mm=3.0, strut_mm=0.5).printable


def test_narrow_pores_are_named_when_asked_for(frame):
    slit = ~frame
    assert verdict(slit, size_mm=2.4, pore_mm=0.0, strut_mm=0.1).printable
    judged = verdict(slit, size_mm=2.4, pore_mm=0.5, strut_mm=0.1)
    assert judged.reasons == ("its narrowest pore is 0.40 mm, below 0.5 mm",)


def test_a_part_thicker_than_the_check_looks_is_never_too_thin():
    full = np.ones((24, 24, 24), bool)
    assert verdict(full, size_mm=0.1, strut_mm=1.0).printable


def test_a_limit_thicker_than_the_check_looks_for_is_measured(frame):
    bar = np.zeros((32, 32, 32), bool)
    for axes in ((0, 1), (1, 2), (0, 2)):
        place = tuple(slice(11, 21) if axis in axes else slice(None) for axis in range(3))
        bar[place] = True  # three bars of 10 voxels: 3.1 mm of 10
    thin = verdict(bar, size_mm=10.0, strut_mm=4.0)
    assert thin.reasons == (f"its thinnest strut is {thin.strut_mm:.2f} mm, below 4 mm",)
    assert thin.strut_mm == pytest.approx(10 * 10 / 32, abs=10 / 32)
    assert verdict(bar, size_mm=10.0, strut_mm=2.6).printable
    assert verdict(bar, size_mm=10.0, strut_mm=2.6).strut_mm > 2.6


def test_layers_fall_apart_across():
    layer = np.zeros((24, 24, 24), bool)
    layer[:, :, :6] = True
    assert verdict(layer).reasons == ("it does not hold together along z",)
    lump = np.zeros((24, 24, 24), bool)
    lump[2:20, 2:20, 2:20] = True
    assert verdict(lump).reasons == ("it does not hold together along x and y and z",)


def test_loose_parts_and_pockets_are_named(frame):
    loose = frame.copy()
    loose[16:20, 16:20, 16:20] = True
    reasons = verdict(loose).reasons
    assert len(reasons) == 1
    assert reasons[0].endswith("of the solid is loose, in 1 parts")
    closed = np.ones((24, 24, 24), bool)
    closed[4:8, 4:8, 4:8] = closed[14:18, 14:18, 14:18] = False
    assert verdict(closed).reasons == ("2 voids enclose powder or resin (0.93% of the cell)",)


def test_a_cell_cut_alone_and_a_tile_are_judged_as_they_are_cut(frame):
    """A plate on the face x = 0 holds a hook of the cell before it: cut alone, each cell loses its hook."""
    frame[:2, 4:20, 4:20] = frame[20:, 4:8, 4:8] = True
    found = check(frame, tile=(2, 3, 1))
    hook = 4 * 4 * 4
    assert (found.parts, found.loose) == (1, 0.0)
    assert (found.bodies_alone, found.bodies_of_tile) == (2, 4)
    assert found.loose_alone == pytest.approx(hook / frame.sum())
    assert found.loose_of_tile == pytest.approx(hook / (2 * frame.sum()))
    assert verdict(frame).reasons == (
        f"one cell cut from the lattice: 2 bodies, {hook / frame.sum():.1%} of the solid is then loose",
    )
    assert "2 x 3 x 1 cells cut from the lattice: 4 bodies" in verdict(frame, tile=(2, 3, 1)).reasons[0]
    with pytest.raises(VoxploreError, match="tile"):
        verdict(frame, tile=(0, 1, 1))


def test_a_crumb_and_a_crack_do_not_matter(frame):
    frame[20, 20, 20] = True
    frame[11, 11, 11] = False
    found = check(frame)
    assert (found.parts, found.pockets) == (2, 1)
    assert verdict(frame).printable


def test_an_empty_cell_says_so_and_nothing_else():
    judged = verdict(np.zeros((8, 8, 8), bool))
    assert str(judged) == "not printable: it is empty"


def test_the_table_has_a_row_a_cell(frame):
    cells = UnitCells.from_voxels(np.stack([frame, ~frame, np.zeros_like(frame)]))
    table = checks_of(cells, workers=1)
    assert table["printable"].tolist() == [True, True, False]
    assert table["reasons"].tolist() == ["", "", "it is empty"]
    assert table["spans"].tolist() == ["xyz", "xyz", ""]
    assert table["relative_density"][0] == frame.mean()
    assert {len(column) for column in table.values()} == {3}
    other = checks_of(cells, workers=2)
    for key, column in table.items():
        np.testing.assert_array_equal(column, other[key])


def test_bad_input_is_refused(frame):
    with pytest.raises(VoxploreError, match="size_mm: expected a number"):
        verdict(frame, size_mm=0)
    with pytest.raises(VoxploreError, match="cell"):
        check(frame[0])
    with pytest.raises(VoxploreError, match="cells"):
        checks_of(UnitCells.from_voxels(frame[None])[:0])
