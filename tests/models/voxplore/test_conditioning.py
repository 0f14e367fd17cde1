"""Cells of wanted properties."""

import dataclasses

import numpy as np
import pytest
import torch

import voxplore as vp
from voxplore.models.voxplore.conditioning import Points, log_chance, points_of, wanted_values
from voxplore.recipes import RECIPES, ClosedForm


@pytest.fixture(scope="module")
def cells() -> vp.UnitCells:
    """Sixty bars along x of many widths, at 16^3."""
    widths = np.random.default_rng(0).integers(3, 13, (60, 2))
    voxels = np.zeros((60, 16, 16, 16), bool)
    for cell, (y, z) in zip(voxels, widths.tolist(), strict=True):
        cell[:, 8 - y // 2 : 8 + y - y // 2, 8 - z // 2 : 8 + z - z // 2] = True
    return vp.UnitCells.from_voxels(voxels, name="bars")


def height(cells: vp.UnitCells) -> np.ndarray:
    """A property that density does not tell: the extent along z over that along y."""
    voxels = cells.voxels()
    return voxels.any((1, 2)).sum(1) / np.maximum(voxels.any((1, 3)).sum(1), 1)


@pytest.fixture(scope="module")
def model(cells) -> vp.VoxPlore:
    config = RECIPES["closed-form-nets-tiny"]
    training = dataclasses.replace(config.autoencoder_training, cells=6400)
    return vp.VoxPlore(dataclasses.replace(config, autoencoder_training=training), device="cpu").fit(cells)


def test_cells_come_near_a_property_that_was_told_and_asked_for(model, cells):
    known = height(cells)
    wanted = np.linspace(*np.quantile(known, [0.15, 0.85]), 40)
    model.know(cells, {"height": known})
    drawn = model.generate(40, seed=0, condition={"height": wanted})
    off = np.abs(height(drawn) - wanted).mean()
    assert off < 0.6 * np.abs(height(model.generate(40, seed=0)) - wanted).mean()
    assert np.array_equal(drawn.index["wanted_height"], wanted)


def test_two_properties_can_be_asked_for_together(model, cells):
    model.know(cells, {"height": height(cells)})
    condition = {"height": 1.0, "relative_density": 0.25}
    drawn = model.generate(20, seed=0, condition=condition)
    assert np.median(np.abs(drawn.relative_density() - 0.25)) < 0.06
    assert np.median(np.abs(height(drawn) - 1)) < 0.35


def test_telling_properties_changes_neither_free_draws_nor_those_of_a_density(model, cells):
    model.denoiser.labelled = None
    before = [model.generate(4, seed=1, condition=c).packed for c in (None, {"relative_density": 0.2})]
    model.know(cells[:9], {"height": height(cells[:9])})
    after = [model.generate(4, seed=1, condition=c).packed for c in (None, {"relative_density": 0.2})]
    assert all(np.array_equal(one, other) for one, other in zip(before, after, strict=True))


def test_cells_without_the_property_are_left_out(model, cells):
    known = height(cells)
    known[10:] = np.nan
    whole = model.know(cells, {"height": known}).denoiser.labelled
    part = model.know(cells[:10], {"height": known[:10]}).denoiser.labelled
    assert torch.equal(whole.values["height"], part.values["height"])
    assert torch.allclose(whole.latents, part.latents, atol=1e-5)
    with pytest.raises(vp.VoxploreError, match="two cells or more with finite ones, got 0"):
        model.know(cells, {"height": np.full(60, np.inf)})


@pytest.mark.parametrize("condition", [{"colour": 1}, {"height": 99.0}, {"height": "tall"}, {"height": [1.0]}, {}, 3])
def test_what_cannot_be_asked_for_is_refused(model, cells, condition):
    model.know(cells, {"height": height(cells)})
    with pytest.raises(vp.VoxploreError):
        model.generate(2, seed=0, condition=condition)


def test_the_chance_of_a_point_is_a_normal_law_about_what_is_wanted():
    values = {"relative_density": torch.tensor([0.1, 0.2, 0.4]), "young": torch.tensor([1.0, 2.0, 4.0])}
    points = Points(torch.zeros(3, 2), values)
    found = log_chance(points, {"relative_density": torch.tensor([0.2, 0.4])}, width=0.1)
    assert found.tolist() == [pytest.approx([-0.5, 0, -2.0]), pytest.approx([-4.5, -2.0, 0])]
    # One deviation takes in all three points: 3 from the value wanted.
    (young,) = log_chance(points, {"young": torch.tensor([1.0])}, share=1.0)
    assert young.tolist() == pytest.approx([0, -0.5 / 9, -0.5])
    assert log_chance(points, {}) is None


def test_points_between_cells_have_the_mean_of_their_properties():
    latents = torch.randn(30, 4, generator=torch.Generator().manual_seed(0))
    linear = latents @ torch.tensor([1.0, -2.0, 0.5, 3.0])
    options = ClosedForm(neighbours=3, concentration=2.0, points=200)
    points = points_of(latents, {"linear": linear}, options, seed=0)
    assert points.latents.shape == (200, 4)
    assert torch.allclose(points.latents @ torch.tensor([1.0, -2.0, 0.5, 3.0]), points.values["linear"], atol=1e-4)


def test_nothing_wanted_is_an_empty_dictionary():
    assert wanted_values(None, 3, {}) == {}
