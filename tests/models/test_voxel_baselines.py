import dataclasses

import numpy as np
import pytest
import torch

import voxplore as vp
from voxplore.diffusion import linear_schedule
from voxplore.models.voxels import draw_cells, signed
from voxplore.models.yang2024 import mirrored, permutation_mean
from voxplore.recipes import RECIPES


def brief(name: str):
    config = RECIPES[name]
    return dataclasses.replace(config, training=dataclasses.replace(config.training, cells=64))


def fresh(name: str):
    """A model of random weights: none of its layers is zero."""
    model = vp.MODELS[name.split("-")[0]](RECIPES[name], device="cpu")
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.denoiser.parameters():
            parameter.add_(0.05 * torch.randn(parameter.shape, generator=generator))
    model.denoiser.eval()
    return model


@pytest.fixture(scope="module")
def cells() -> vp.UnitCells:
    grid = np.arange(16) / 16 * 2 * np.pi
    x, y, z = np.meshgrid(grid, grid, grid, indexing="ij")
    rng = np.random.default_rng(0)
    fields = [a * np.cos(x) + b * np.cos(y) + c * np.cos(z) for a, b, c in rng.normal(size=(12, 3))]
    return vp.UnitCells.from_voxels(np.stack([np.abs(f) < 0.5 for f in fields]), name="waves")


def test_every_recipe_of_the_three_makes_a_model_whose_name_it_starts_with():
    names = [name for name in RECIPES if name.split("-")[0] in ("dit3d", "yang2024", "cdm3d")]
    assert len(names) == 20 + 20 + 8 + 60
    for name in {RECIPES[name]: name for name in names}.values():
        with torch.device("meta"):
            assert vp.MODELS[name.split("-")[0]](RECIPES[name], device="meta").parameters() > 0


@pytest.mark.parametrize("size", ["tiny", "small", "medium", "full"])
@pytest.mark.parametrize(("kind", "inputs"), [("dit3d", 1), ("yang2024", 2), ("cdm3d", 1)])
def test_networks_of_every_size_put_out_a_volume_of_the_size_of_a_cell(kind, inputs, size):
    """Shapes alone, without arithmetic."""
    config = RECIPES[f"{kind}-nets-{size}"]
    with torch.device("meta"):
        model = vp.MODELS[kind](config, device="meta")
        cube = 3 * (config.resolution,)
        assert model.denoiser(torch.zeros(2, inputs, *cube), torch.rand(2)).shape == (2, 1, *cube)


@pytest.mark.parametrize("name", ["dit3d-nets-tiny", "yang2024-nets-tiny", "cdm3d-nets-tiny"])
def test_a_cell_does_not_depend_on_how_many_are_drawn(name):
    model = fresh(name)
    eleven = model.generate(11, seed=3)
    assert np.array_equal(model.generate(2, seed=3).packed, eleven.packed[:2])
    assert eleven.voxels().any()
    assert not eleven.voxels().all()


def test_solid_is_plus_one():
    voxels = np.zeros((1, 2, 2, 2), bool)
    voxels[0, 1, 0, 1] = True
    found = signed(torch.from_numpy(voxels.view(np.uint8)))
    assert found.shape == (1, 1, 2, 2, 2)
    assert found[0, 0, 1, 0, 1] == 1
    assert float(found.sum()) == -6


def test_drawn_cells_are_solid_where_the_volume_is_positive():
    rows = draw_cells(lambda noise, first: noise(), 5, 7, 4, 2, "cpu")
    expected = [
        np.random.Generator(np.random.Philox(key=[7, i])).standard_normal((4, 4, 4), dtype=np.float32) > 0
        for i in range(5)
    ]
    assert np.array_equal(vp.UnitCells(rows, 4, {}, {}).voxels(), np.stack(expected))


def test_the_permutation_mean_is_invariant_and_leaves_what_is_invariant():
    volumes = torch.randn(2, 3, 4, 4, 4)
    found = permutation_mean(volumes)
    for order in ((2, 4, 3), (3, 2, 4), (3, 4, 2), (4, 2, 3), (4, 3, 2)):
        torch.testing.assert_close(found, found.permute(0, 1, *order))
    torch.testing.assert_close(permutation_mean(found), found)
    assert float(found[0, 0, 0, 1, 2]) == pytest.approx(
        float(
            torch.stack(
                [volumes[0, 0][i] for i in [(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)]]
            ).mean()
        )
    )


def test_cells_of_the_symmetric_model_are_invariant_under_permutations_of_the_axes():
    drawn = fresh("yang2024-metashell-tiny").generate(3, seed=0).voxels()
    assert np.array_equal(drawn, drawn.transpose(0, 2, 3, 1))
    assert np.array_equal(drawn, drawn.transpose(0, 2, 1, 3))
    whole = fresh("yang2024-nets-tiny").generate(3, seed=0).voxels()
    assert not np.array_equal(whole, whole.transpose(0, 2, 1, 3))


def test_an_octant_is_mirrored_out_in_all_axes():
    octant = torch.arange(8.0).reshape(1, 1, 2, 2, 2)
    whole = mirrored(octant)
    assert whole.shape == (1, 1, 4, 4, 4)
    for axis in (2, 3, 4):
        assert torch.equal(whole, whole.flip(axis))
    assert torch.equal(whole[..., :2, :2, :2], octant)


def test_the_octant_model_learns_half_the_side_and_draws_whole_mirrored_cells(cells):
    model = vp.MODELS["yang2024"](brief("yang2024-octant-shells-tiny"), device="cpu").fit(cells)
    drawn = model.generate(3, seed=0).voxels()
    assert drawn.shape == (3, 16, 16, 16)
    assert np.array_equal(drawn, drawn[:, ::-1])
    assert np.array_equal(drawn, drawn[:, :, :, ::-1])


def test_the_published_schedule_ends_far_from_noise_and_the_repaired_one_does_not():
    flawed = vp.MODELS["cdm3d"](RECIPES["cdm3d-nets-tiny"], device="cpu").schedule
    repaired = vp.MODELS["cdm3d"](RECIPES["cdm3d-repaired-nets-tiny"], device="cpu").schedule
    assert float(flawed.alpha_bar[-1]) == pytest.approx(np.prod(1 - np.linspace(1e-4, 0.02, 200)))
    assert float(flawed.alpha_bar[-1]) ** 0.5 == pytest.approx(0.364, abs=0.001)
    assert float(repaired.alpha_bar[-1]) < 1e-4
    # As noisy as the thousand steps for which the betas were meant, at the same share of the way.
    long = linear_schedule(1000)
    for share in (0.2, 0.5, 0.8):
        found = torch.logit(repaired.alpha_bar[round(200 * share)])
        assert float(found) == pytest.approx(float(torch.logit(long.alpha_bar[round(1000 * share)])), abs=0.15)


def test_a_density_can_be_asked_for_and_is_drawn_from_the_training_cells_otherwise(cells, tmp_path):
    model = vp.MODELS["cdm3d"](brief("cdm3d-density-nets-tiny"), device="cpu").fit(cells)
    assert not np.array_equal(
        model.generate(2, seed=0, condition=0.1).packed, model.generate(2, seed=0, condition=[0.1, 0.6]).packed
    )
    assert set(model._wanted(50, 0, None)) <= set(cells.relative_density().astype(np.float32))
    with pytest.raises(vp.VoxploreError, match="between 0 and 1"):
        model.generate(2, seed=0, condition=4)
    model.save(tmp_path / "model")
    again = vp.load_model(tmp_path / "model", device="cpu")
    assert np.array_equal(again.generate(3, seed=1).packed, model.generate(3, seed=1).packed)
    with pytest.raises(vp.VoxploreError, match="none for this recipe"):
        fresh("cdm3d-nets-tiny").generate(1, seed=0, condition=0.2)


def test_a_resolution_that_the_network_cannot_fill_is_refused():
    for name in ("dit3d-nets-tiny", "yang2024-nets-tiny", "cdm3d-nets-tiny"):
        with pytest.raises(vp.VoxploreError, match=r"resolution.*18"):
            vp.MODELS[name.split("-")[0]](dataclasses.replace(RECIPES[name], resolution=18), device="cpu")
