"""The order of cells by use and by target, and what speaks against a cell."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from voxplore.metrics.neighbours import Reference
from voxplore.unitcells import UnitCells
from voxplore.workflows.coarse import halved
from voxplore.workflows.ranking import (
    DENSITY_BIN,
    Use,
    failures,
    novelty_floor,
    one_piece,
    order_by_miss,
    order_by_share,
    usable,
)

CELLS = st.lists(st.tuples(st.booleans(), st.floats(0.02, 0.6), st.floats(0, 1)), min_size=1, max_size=40)


@given(CELLS)
def test_cells_of_use_come_first_and_the_best_of_every_density_before_any_second_best(rows):
    passes, density, share = (np.array(column) for column in zip(*rows, strict=True))
    order = order_by_share(passes, density, share)
    assert sorted(order.tolist()) == list(range(len(rows)))
    count = int(passes.sum())
    assert passes[order[:count]].all()
    bins = np.floor(density / DENSITY_BIN).astype(int)
    first = order[: len(set(bins[passes].tolist()))]
    assert len(set(bins[first].tolist())) == len(first), "one of each bin"
    for row in first:
        assert share[row] == share[passes & (bins == bins[row])].max()


def test_of_the_best_of_their_bins_those_that_none_beats_come_first():
    density, share = np.array([0.12, 0.22, 0.32]), np.array([0.5, 0.4, 0.6])
    order = order_by_share(np.ones(3, bool), density, share)
    assert order.tolist() == [2, 0, 1], "0.22 is heavier and softer than 0.12"


@given(CELLS)
def test_with_a_target_cells_of_use_are_in_the_order_of_their_misses(rows):
    passes, misses, share = (np.array(column) for column in zip(*rows, strict=True))
    order = order_by_miss(passes, misses, share)
    count = int(passes.sum())
    assert passes[order[:count]].all()
    assert (np.diff(misses[order[:count]]) >= 0).all()


def test_a_block_is_one_piece_only_where_its_cells_meet_inside():
    bars, layers = np.zeros((2, 16, 16, 16), bool)
    bars[6:10, 6:10], bars[6:10, :, 6:10], bars[:, 6:10, 6:10] = True, True, True
    layers[6:10] = True
    cells = UnitCells.from_voxels(np.stack([bars, layers]))
    assert one_piece(cells, 2).tolist() == [True, False]
    assert one_piece(cells, 1).tolist() == [True, True], "one layer alone is one piece"


def test_each_reason_is_named_and_none_where_a_cell_is_of_use():
    scores = {"novelty_ungated": np.array([0.5, 0.1, 0.5, 0.5]), "reasons": np.array(["", "", "", "not connected"])}
    checks = {"strut_mm": np.array([1.0, 1.0, 0.2, np.nan]), "pocket_share": np.array([0.0, 0.0, 0.0, 0.1])}
    texts = failures(scores, checks, np.array([True, True, True, False]), 0.3, Use(2, 10, 0.4))
    assert texts[0] == ""
    assert texts[1] == "novelty 0.10 is below 0.30"
    assert "0.20 mm is below 0.4 mm" in texts[2]
    assert texts[3].startswith(
        "not connected; a block of 2x2x2 cells is not one piece; a void encloses powder or resin"
    )


def test_a_usable_cell_spans_all_axes_in_one_piece_with_struts_thick_enough():
    cross = np.zeros((16, 16, 16), bool)
    cross[6:10, 6:10], cross[6:10, :, 6:10], cross[:, 6:10, 6:10] = True, True, True
    assert usable(cross, Use(2, 10, 2.0))
    assert not usable(cross, Use(2, 10, 3.0)), "a strut of four voxels is 2.5 mm wide"
    crumb, beam = cross.copy(), np.zeros((16, 16, 16), bool)
    crumb[1, 1, 1], beam[:, 6:10, 6:10] = True, True
    assert not usable(crumb, Use(2, 10, 2.0))
    assert not usable(beam, Use(2, 10, 2.0))
    assert not usable(np.zeros((16, 16, 16), bool), Use())


def test_the_least_novelty_is_that_of_known_cells_among_those_of_other_sources(blobs):
    """Found by comparing every pair here, turned cells of one source left out."""
    cells = np.concatenate([blobs[2:8], blobs[2:8].transpose(0, 2, 3, 1)])
    known = UnitCells.from_voxels(cells, {"source_id": np.array([f"s{i % 6}" for i in range(12)])})
    least = []
    for row in range(6):
        ious = [(cells[row] & c).sum() / (cells[row] | c).sum() for k, c in enumerate(cells) if k % 6 != row]
        least.append(1 - max(ious))
    assert abs(novelty_floor(known, Reference(known)) - np.quantile(least, 0.1)) < 1e-12


def test_a_cell_of_half_the_resolution_keeps_its_blocks_and_nearly_its_density(rng):
    blocks = np.kron(rng.random((3, 8, 8, 8)) < 0.4, np.ones((1, 2, 2, 2), bool)).astype(bool)
    assert np.array_equal(halved(UnitCells.from_voxels(blocks)).voxels(), blocks[:, ::2, ::2, ::2])
    grown = blocks | np.roll(blocks, 1, 1)
    cells = UnitCells.from_voxels(grown)
    assert abs(halved(cells).relative_density() - cells.relative_density()).max() < 0.2
