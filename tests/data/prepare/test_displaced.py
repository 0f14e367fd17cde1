"""Displaced copies of cells: elsewhere, as thick as before, with the same flips."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voxplore.data.prepare.displaced import displaced, displaced_cells
from voxplore.data.synthetic.nets import build_nets
from voxplore.data.synthetic.shells import build_shells
from voxplore.geometry import flip_group
from voxplore.metrics import connectivity
from voxplore.metrics.descriptors import ridge_thickness
from voxplore.metrics.floors import warped
from voxplore.unitcells import UnitCells

D = 48


@pytest.fixture(scope="module", params=[build_nets, build_shells])
def cells(request) -> UnitCells:
    return request.param(12, resolution=D, workers=1)


def _variation(voxels: np.ndarray) -> float:
    thickness = [ridge_thickness(cell) for cell in voxels]
    return float(np.mean([found.std() / found.mean() for found in thickness]))


def test_without_an_amplitude_a_cell_stays_as_it_is(cells):
    for cell in cells.voxels():
        np.testing.assert_array_equal(displaced(cell, np.zeros((3, 2))), cell)


def test_copies_lie_elsewhere_in_one_piece_with_the_flips_and_the_density_of_their_cell(cells):
    copies = displaced_cells(cells, 2, seed=3, workers=1)
    assert len(copies) == 24
    before, after = cells.voxels(), copies.voxels().reshape(2, 12, D, D, D)
    common = (before & after).sum((2, 3, 4)) / (before | after).sum((2, 3, 4))
    assert 0.4 < common.mean() < 0.85
    np.testing.assert_array_equal(flip_group(after[0]), flip_group(before))
    np.testing.assert_allclose(after.mean((2, 3, 4)), np.broadcast_to(before.mean((1, 2, 3)), (2, 12)), rtol=0.2)
    assert (connectivity(copies) > 0.999).all()


def test_struts_and_sheets_keep_their_thickness_where_a_plain_warp_does_not(cells):
    rng = np.random.default_rng(0)
    before = cells.voxels()
    kept = displaced_cells(cells, 1, voxels=1.5, workers=1).voxels()
    plain = np.stack([warped(cell, 2.0, rng) for cell in before])
    added = _variation(kept) - _variation(before)
    assert added < 0.6 * (_variation(plain) - _variation(before))


def test_a_straight_bar_is_bent_and_as_thick_in_each_layer():
    bar = np.zeros((D, D, D), bool)
    bar[:, 15:22, 20:27] = True
    moved = displaced(bar, np.array([[0.0], [2.0], [2.0]]))
    area = moved.sum((1, 2))
    assert (moved != bar).any()
    assert area.min() == area.max()
    assert abs(area[0] - 49) <= 12


@settings(max_examples=20, deadline=None)
@given(st.lists(st.floats(-40, 40), min_size=6, max_size=6), st.integers(1, 255))
def test_flips_are_kept_whatever_the_amplitudes(amplitudes, seed):
    rng = np.random.default_rng(seed)
    cell = rng.random((16, 16, 16)) > 0.7
    cell |= cell[::-1, ::-1, ::-1]
    group = int(flip_group(cell[None])[0])
    assert int(flip_group(displaced(cell, np.reshape(amplitudes, (3, 2)))[None])[0]) & group == group


def test_the_same_seed_gives_the_same_copies_whatever_the_workers(cells):
    one, two = (displaced_cells(cells, 2, seed=5, workers=n) for n in (1, 2))
    np.testing.assert_array_equal(one.packed, two.packed)
    np.testing.assert_array_equal(displaced_cells(cells, 1, seed=5, workers=1).packed, one.packed[:12])
    assert (one.packed[:12] != one.packed[12:]).any()


@pytest.mark.parametrize("solid", [False, True])
def test_a_cell_without_a_surface_stays_as_it_is(solid):
    cell = np.full((8, 8, 8), solid)
    np.testing.assert_array_equal(displaced(cell, np.ones((3, 2))), cell)
