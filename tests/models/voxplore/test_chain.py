"""Post-processing: what each step does, and the chain of them behind a drawing."""

import dataclasses
import itertools

import numpy as np
import pytest
import torch

import voxplore as vp
from voxplore.geometry import ORIENTATIONS, apply_operation, flip_group
from voxplore.models.voxels import OPERATIONS, distinct_orientations
from voxplore.models.voxplore.decoding import connected, cut_in_one_piece, largest_piece, symmetrised
from voxplore.recipes import (
    RECIPES,
    LargestPiece,
    Levels,
    MatchDensity,
    Orient,
    Redraw,
    Sampling,
    Step,
    Symmetrise,
    VoxPloreConfig,
)
from voxplore.recipes.steps import calibrated_steps


def brief(name: str, cells: int = 640) -> VoxPloreConfig:
    config = RECIPES[name]
    return dataclasses.replace(
        config,
        autoencoder_training=dataclasses.replace(config.autoencoder_training, cells=cells),
        denoiser_training=config.denoiser_training and dataclasses.replace(config.denoiser_training, cells=2 * cells),
        sampling=dataclasses.replace(config.sampling, steps=8),
    )


def after(model: vp.VoxPlore, *steps: Step) -> Sampling:
    """The model's sampling with these steps behind it."""
    return dataclasses.replace(model.config.sampling, after=steps)


@pytest.fixture(scope="module")
def cells() -> vp.UnitCells:
    """Sixty smooth periodic cells at 16^3."""
    grid = np.arange(16) / 16 * 2 * np.pi
    x, y, z = np.meshgrid(grid, grid, grid, indexing="ij")
    rng = np.random.default_rng(0)
    fields = [a * np.cos(x) + b * np.cos(y) + c * np.cos(z + p) for a, b, c, p in rng.normal(size=(60, 4))]
    return vp.UnitCells.from_voxels(np.stack([np.abs(f) < 0.5 for f in fields]), name="waves")


@pytest.fixture(scope="module", params=["closed-form-nets-tiny", "voxplore-paper-nets-tiny"])
def model(request, cells) -> vp.VoxPlore:
    return vp.VoxPlore(brief(request.param), device="cpu").fit(cells)


def test_symmetrised_cells_have_the_flips_of_the_nearest_known_cell(model, cells):
    flips = model.latents.flips
    operations = OPERATIONS[model.config.augment]
    distinct = distinct_orientations(cells, operations)
    turned = [apply_operation(cells.voxels()[rows], way) for way, rows in zip(operations, distinct, strict=True)]
    assert flips.tolist() == np.concatenate([flip_group(voxels) for voxels in turned]).tolist()
    sampling = after(model, Symmetrise())
    drawn = flip_group(model.generate(20, seed=0, sampling=sampling).voxels())
    assert all(any(group & known == known for known in set(flips.tolist())) for group in drawn.tolist())


def test_an_oriented_cell_is_the_cell_in_one_of_six_orientations_and_all_six_occur(model):
    turned = model.generate(40, seed=0, sampling=after(model, Orient("six"))).voxels()
    cells = model.generate(40, seed=0, sampling=after(model)).voxels()
    ways = np.array(
        [
            [np.array_equal(apply_operation(cell, way), other) for way in ORIENTATIONS]
            for cell, other in zip(cells, turned, strict=True)
        ]
    )
    assert ways.any(axis=1).all()
    assert ways.any(axis=0).all()
    assert not ways.all(axis=1).any()


def test_a_mean_over_a_group_is_symmetric_to_the_last_bit():
    values = torch.randn(3, 8, 8, 8, generator=torch.Generator().manual_seed(0))
    groups = torch.tensor([1, 1 | 128, 255], dtype=torch.uint8)
    found = symmetrised(values, groups)
    assert torch.equal(found[0], values[0])
    assert torch.equal(found[1], (values[1] + values[1].flip(0, 1, 2)) / 2)
    every = [values[2].flip(axes) for n in range(4) for axes in itertools.combinations(range(3), n)]
    assert torch.allclose(found[2], torch.stack(every).mean(0), atol=1e-6)
    assert all(torch.equal(found[2], found[2].flip(axis)) for axis in range(3))


def test_a_cell_is_cut_at_the_first_level_that_gives_one_piece():
    values = torch.zeros(3, 8, 8, 8)
    values[:, 2:6, 2:6, 2:6] = 1.0
    values[1, 7, 3:5, 3:5] = 1.0
    values[1, 6, 3:5, 3:5] = 0.3  # a bridge at the lowest level alone
    values[2, 0, 0, 0] = 1.0  # a speck that no level joins
    solid = cut_in_one_piece(values, [0.5, 0.4, 0.2])
    assert torch.equal(solid[0], values[0] > 0.5)
    assert torch.equal(solid[1], values[1] > 0.2)
    assert torch.equal(solid[2], values[2] > 0.2)
    assert torch.equal(cut_in_one_piece(values, [0.5]), values > 0.5)


def test_a_cell_is_cut_lower_until_it_spans_every_axis_and_only_if_it_can():
    values = torch.zeros(4, 8, 8, 8)
    for axis in range(3):
        values[:3].select(1 + axis, 4).select(1 + (axis + 1) % 2, 4)[:] = 1.0  # three bars
    values[1, 0] = values[1, 0] * 0.3  # along x the second is whole at the lowest level alone
    values[2, 0] = 0.0  # along x the third never is
    values[3, 2:6, 2:6, 2:6] = 1.0  # in one piece at once; at the last level in two
    values[3, 0, 0, 0] = 0.3
    levels = [0.5, 0.4, 0.2]
    plain, spanning = cut_in_one_piece(values, levels), cut_in_one_piece(values, levels, spanning=True)
    assert torch.equal(plain, values > 0.5)
    assert torch.equal(spanning[1], values[1] > 0.2)
    assert not torch.equal(spanning[1], plain[1])
    assert torch.equal(spanning[[0, 2, 3]], plain[[0, 2, 3]])


def test_the_largest_piece_stays_and_mirror_images_of_it_do():
    cells = np.zeros((4, 8, 8, 8), bool)
    cells[:, 3:5] = True
    cells[1, 7, 0, 0] = True  # a speck
    cells[2, 0] = cells[2, 7] = True  # two equal plates, the second one across the faces
    kept = largest_piece(cells)
    assert np.array_equal(kept[0], cells[0])
    assert np.array_equal(kept[1], cells[0])
    assert np.array_equal(kept[2], cells[2])
    assert np.array_equal(kept[3], cells[0])
    assert not largest_piece(np.zeros((1, 8, 8, 8), bool)).any()


def test_cells_of_which_the_largest_piece_is_kept_are_in_one_piece(model):
    sampling = after(model, LargestPiece())
    drawn = model.generate(20, seed=0, sampling=sampling)
    found = vp.metrics.quality.components(drawn)
    assert all((found.largest == found.solid) | (2 * found.largest <= found.solid))


def test_a_cell_is_connected_if_it_is_one_piece_that_spans_all_three_axes():
    cells = np.zeros((5, 8, 8, 8), bool)
    cells[:3, :2, :2] = cells[:3, :, :2, :2] = True
    cells[:2, :2, :, :2] = True  # three bars through one corner; of the third cell, two
    cells[1, 4, 4, 4] = True  # a speck beside them: one voxel of 77
    cells[3] = True
    assert connected(cells).tolist() == [True, False, False, True, False]


def test_a_cell_that_is_not_connected_is_drawn_again_and_the_others_stay(model):
    first = model.generate(40, seed=0, sampling=after(model))
    again = model.generate(40, seed=0, sampling=after(model, Redraw(4)))
    stays, same = connected(first.voxels()), (first.packed == again.packed).all(axis=1)
    assert same[stays].all()
    assert not same[~stays].any()
    now = connected(again.voxels())
    assert now.mean() > stays.mean() or not now.any()  # the other one learned too little to draw any


def test_what_is_drawn_again_does_not_depend_on_how_many_are_drawn(model):
    sampling = after(model, Redraw(4), Orient())
    few, many = (model.generate(n, seed=1, sampling=sampling).packed for n in (7, 40))
    assert np.array_equal(few, many[:7])


def test_what_is_drawn_again_does_not_depend_on_where_a_batch_begins(model, monkeypatch):
    sampling = after(model, Redraw(2))
    drawn, sizes = vp.VoxPlore._cells, set()

    def watched(self, sampling, noise, *rest):
        sizes.add(len(noise.streams))
        return drawn(self, sampling, noise, *rest)

    monkeypatch.setattr(vp.VoxPlore, "_cells", watched)
    whole = model.generate(90, seed=1, sampling=sampling).packed
    parts = [model.generate(45, seed=1, sampling=sampling, first=first).packed for first in (0, 45)]
    assert np.array_equal(np.concatenate(parts), whole)
    assert len(sizes) == 2, "matrix products of other sizes round otherwise"


def test_conditioned_cells_come_near_the_density_and_calibrated_ones_reach_it(cells):
    model = vp.VoxPlore(brief("closed-form-nets-tiny", cells=6400), device="cpu").fit(cells)
    density = cells.relative_density()
    wanted = np.linspace(*np.quantile(density, [0.1, 0.9]), 30)
    as_drawn, moved = after(model), after(model, MatchDensity(4))
    calibrated = after(model, *calibrated_steps(()))
    sets = [model.generate(30, seed=0, sampling=as_drawn)] + [
        model.generate(30, seed=0, condition={"relative_density": wanted}, sampling=sampling)
        for sampling in (as_drawn, moved, calibrated)
    ]
    off = [np.abs(drawn.relative_density() - wanted).mean() for drawn in sets]
    assert off[1] < 0.7 * off[0]
    assert off[2] < 0.5 * off[1]
    assert off[3] <= 1 / 16**3
    assert np.array_equal(sets[1].index["wanted_relative_density"], wanted)


def test_a_cell_of_a_wanted_density_does_not_depend_on_how_many_are_drawn(cells):
    model = vp.VoxPlore(brief("closed-form-sym-nets-tiny"), device="cpu").fit(cells)
    few, many = (model.generate(n, seed=1, condition={"relative_density": 0.3}) for n in (3, 70))
    assert np.array_equal(few.packed, many.packed[:3])


def test_no_steps_are_the_cells_as_they_are_decoded_and_steps_are_taken_in_their_order(model):
    plain = model.generate(20, seed=0, sampling=after(model)).voxels()
    piece = model.generate(20, seed=0, sampling=after(model, LargestPiece())).voxels()
    assert np.array_equal(piece, largest_piece(plain))
    levels = Levels((0.4, 0.2), spanning=False)
    lower = model.generate(20, seed=0, sampling=after(model, levels)).voxels()
    whole = model.generate(20, seed=0, sampling=after(model, levels, LargestPiece())).voxels()
    assert np.array_equal(whole, largest_piece(lower))
    assert (lower & plain == plain).all()
    # Cut again behind the largest piece, a cell is the one that was cut alone.
    again = model.generate(20, seed=0, sampling=after(model, LargestPiece(), levels)).voxels()
    assert np.array_equal(again, lower)


def test_steps_on_whole_cells_stand_behind_the_others():
    with pytest.raises(vp.VoxploreError, match=r"redraw and orient behind all other steps, .* redraw, levels"):
        Sampling(after=(Redraw(), Levels()))


def test_the_density_asked_for_is_met_before_anything_is_cut_away():
    steps = (Symmetrise(), Levels(), LargestPiece(), Redraw(), Orient())
    found = calibrated_steps(steps)
    assert found == (*steps[:2], MatchDensity(0, calibrate=True), *steps[2:])
    assert calibrated_steps((MatchDensity(3), Orient())) == (MatchDensity(3, calibrate=True), Orient())
