import numpy as np
import pytest
from scipy import ndimage
from scipy.stats import norm

from voxplore.data.prepare.negatives import KINDS, MIXES, degrade, degrade_cells
from voxplore.errors import VoxploreError
from voxplore.unitcells import UnitCells

SIDE = 16


@pytest.fixture
def cells():
    """Forty cells of three crossing bars each, at different places."""
    voxels = np.zeros((40, SIDE, SIDE, SIDE), dtype=bool)
    for cell, (x, y, z) in zip(voxels, np.random.default_rng(1).integers(2, 12, (40, 3)), strict=True):
        cell[x : x + 3, y : y + 3] = cell[x : x + 3, :, z : z + 3] = cell[:, y : y + 3, z : z + 3] = True
    return voxels


def spoil(cells, kind, seed=0, **options):
    return degrade(cells, np.random.default_rng(seed), mix={kind: 1.0}, **options)


def extent(change):
    """The smallest box around the changed voxels: its three sides."""
    return [np.ptp(np.flatnonzero(change.any(axis=axes))) + 1 for axes in ((1, 2), (0, 2), (0, 1))]


def components(solid):
    labels, count = ndimage.label(np.pad(solid, 1))
    return count, np.bincount(labels.ravel())[1:]


@pytest.mark.parametrize("mix", [*MIXES, *({kind: 1.0} for kind in KINDS)], ids=str)
def test_every_negative_differs_from_its_cell_and_the_cells_stay_as_they_were(cells, mix):
    before = cells.copy()
    negatives = degrade(cells, np.random.default_rng(0), mix=mix)
    assert negatives.dtype == bool
    assert negatives.shape == cells.shape
    assert (negatives != cells).any(axis=(1, 2, 3)).all()
    assert np.array_equal(cells, before)


@pytest.mark.parametrize("mix", [*MIXES])
def test_the_same_generator_state_gives_the_same_negatives(cells, mix):
    first, again, other = (degrade(cells, np.random.default_rng(seed), mix=mix) for seed in (3, 3, 4))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("kind", ["void_block", "other_block", "noise_block"])
def test_blocks_stay_within_half_the_side(cells, kind):
    for cell, negative in zip(cells, spoil(cells, kind), strict=True):
        assert max(extent(cell != negative)) <= SIDE // 2


def test_blocks_reach_every_corner_of_the_cell(cells):
    changed = (spoil(np.repeat(cells[:1], 600, axis=0), "noise_block") != cells[:1]).any(axis=0)
    assert changed[0].any()
    assert changed[-1].any()
    assert changed[:, 0].any()
    assert changed[:, :, -1].any()


def test_a_void_block_only_takes_solid_away(cells):
    dense = cells | True
    negatives = spoil(dense, "void_block")
    assert all(extent(part) == [8, 8, 8] for part in dense & ~negatives)


def test_the_other_block_comes_from_another_cell_of_the_batch():
    # Each cell is solid in a pattern of its own number, so a block tells where it came from.
    bits = np.arange(8)
    codes = np.array([[number >> bit & 1 for bit in bits] for number in range(64)], dtype=bool)
    cells = np.zeros((64, SIDE, SIDE, SIDE), dtype=bool)
    cells[:] = codes[:, (np.arange(SIDE) % 8)][:, None, None, :]
    donors = set()
    for i, negative in enumerate(spoil(cells, "other_block")):
        change = negative != cells[i]
        column = negative[np.nonzero(change.any(axis=(1, 2)))[0][0], np.nonzero(change.any(axis=(0, 2)))[0][0]]
        donor = column ^ cells[i, 0, 0]
        assert donor.any()
        z = np.flatnonzero(change.any(axis=(0, 1)))
        block = {int(k) % 8 for k in range(z.min(), z.max() + 1)}
        matches = [
            j for j in range(64) if j != i and all(codes[j, k % 8] == column[k] for k in range(z.min(), z.max() + 1))
        ]
        assert matches
        donors.update(matches if len(block) >= 6 else [])
    assert max(donors) > 48, "donors come from the whole batch"


def test_the_other_block_can_come_from_a_pool(cells):
    full = np.ones((5, SIDE, SIDE, SIDE), dtype=bool)
    change = spoil(cells, "other_block", others=full) & ~cells
    assert all(extent(part) == [8, 8, 8] for part in change[:5])


def test_a_lone_cell_gets_noise_where_another_cell_is_missing(cells):
    assert not np.array_equal(spoil(cells[:1], "other_block"), cells[:1])


def test_whole_cell_noise_flips_as_many_voxels_as_binarised_gaussian_noise():
    rng = np.random.default_rng(2)
    cells = rng.random((600, SIDE, SIDE, SIDE)) < 0.3
    negatives = cells.copy()
    for negative in negatives:
        KINDS["noise"](negative, rng, negative)
    flipped = (negatives != cells).mean()
    sigma = np.linspace(0.1, 0.3, 20001)
    assert flipped == pytest.approx(norm.cdf(-0.5 / sigma).mean(), rel=0.1)


def test_block_noise_is_as_dense_as_thresholded_gaussian_noise():
    cells = np.zeros((400, SIDE, SIDE, SIDE), dtype=bool)
    sigma = np.linspace(0.3, 0.6, 20001)
    solid = spoil(cells, "noise_block").mean() * 8
    assert solid == pytest.approx(norm.cdf(-0.5 / sigma).mean(), rel=0.05)


def test_scatter_touches_about_an_eighth_of_the_voxels():
    solid = np.ones((60, SIDE, SIDE, SIDE), dtype=bool)
    changed = (spoil(solid, "scatter") != solid).mean()
    assert 0.1 < changed < 0.125


def test_broken_struts_lose_solid_and_come_apart(cells):
    negatives = spoil(cells, "broken_struts")
    assert not (negatives & ~cells).any()
    assert np.mean([(cell & ~negative).sum() > 5 for cell, negative in zip(cells, negatives, strict=True)]) > 0.9


def test_floating_islands_touch_nothing(cells):
    apart = 0
    for cell, negative in zip(cells, spoil(cells, "floating_islands"), strict=True):
        if not (cell & ~negative).any():
            tiled = np.tile(negative, (3, 3, 3))
            labels, _ = ndimage.label(tiled)
            island = np.tile(negative & ~cell, (3, 3, 3))
            frame = np.tile(cell, (3, 3, 3))
            apart += not set(np.unique(labels[island])) & set(np.unique(labels[frame]))
    assert apart > 30


def test_closed_faces_are_solid_on_one_side(cells):
    for cell, negative in zip(cells, spoil(cells, "closed_faces"), strict=True):
        closed = [[negative.take(end, axis=axis).all() for end in (0, -1)] for axis in range(3)]
        assert any(sum(pair) == 1 for pair in closed)
        assert not (cell & ~negative).any()


def test_the_published_mix_has_the_published_shares():
    assert MIXES["published"] == {"noise": 0.2, "void_block": 0.2, "other_block": 0.2, "noise_block": 0.4}


@pytest.mark.parametrize("mix", ["bad", {"bad": 1.0}, {"noise": -1.0, "scatter": 2.0}, {"noise": 0.0}])
def test_a_bad_mix_is_refused(cells, mix):
    with pytest.raises(VoxploreError, match="mix of negatives: expected"):
        degrade(cells, np.random.default_rng(0), mix=mix)


def test_empty_and_full_cells_and_empty_batches_pass(cells):
    extremes = np.stack([np.zeros_like(cells[0]), np.ones_like(cells[0])])
    for kind in KINDS:
        assert (spoil(extremes, kind) != extremes).any(axis=(1, 2, 3)).all()
    assert degrade(cells[:0], np.random.default_rng(0)).shape == cells[:0].shape


@pytest.mark.parametrize("mix", ["scatter", "closed_faces", "failures"])
def test_a_set_is_spoiled_cell_by_cell_under_the_same_ids(cells, mix):
    whole = UnitCells.from_voxels(cells, {"id": np.arange(40).astype(str), "split": ["test"] * 40}, name="bars")
    spoiled = degrade_cells(whole, mix, seed=2)
    assert np.array_equal(spoiled.packed, degrade_cells(whole, mix, seed=2).packed)
    assert not np.array_equal(spoiled.packed, degrade_cells(whole, mix, seed=3).packed)
    assert (spoiled.voxels() != cells).any(axis=(1, 2, 3)).all()
    assert spoiled.index["id"].tolist() == whole.index["id"].tolist()
    assert spoiled.about["name"] == f"bars, {mix}"


def test_an_unknown_way_to_spoil_a_set_is_named(cells):
    with pytest.raises(VoxploreError, match=r"published.*closed_faces.*got 'rust'"):
        degrade_cells(UnitCells.from_voxels(cells), "rust")
