"""What the public code of each baseline does, as facts that their recipes and networks must hold to."""

import dataclasses
from pathlib import Path

import pytest
import torch

import voxplore as vp
from voxplore.networks.unet3d import BlockStyle, ResidualBlock, VolumeAttention, VoxelNorm
from voxplore.recipes import RECIPES
from voxplore.recipes.common import MEDIUM_SECONDS, SMALL_SECONDS

BASELINES = ("yang2024", "trellis", "dit3d", "xcube", "cdm3d")


def stages(name: str) -> dict:
    return {key: value for key, value in vars(RECIPES[name]).items() if key.endswith("training")}


@pytest.mark.parametrize("model", BASELINES)
def test_full_recipes_have_the_published_beta2(model):
    assert {stage.beta2 for stage in stages(f"{model}-nets-full").values()} == {0.999}


@pytest.mark.parametrize(("size", "seconds"), [("small", SMALL_SECONDS), ("medium", MEDIUM_SECONDS)])
@pytest.mark.parametrize("model", [*BASELINES, "vae", "graph"])
def test_all_baselines_have_the_same_budget_of_processor_seconds(model, size, seconds):
    found = stages(f"{model}-nets-{size}").values()
    assert sum(stage.budget for stage in found) == pytest.approx(seconds)


@pytest.mark.parametrize("model", [*BASELINES, "vae", "graph"])
def test_medium_is_at_24_with_batches_and_averages_as_published(model):
    config = RECIPES[f"{model}-nets-medium"]
    assert config.resolution == 24
    for stage in stages(f"{model}-nets-medium").values():
        assert (stage.ema, stage.beta2) == (0.999, 0.999)
        assert stage.batch == (64 if model == "graph" else 32)
        assert stage.warmup > 0
        assert stage.decay > 0


def test_xcube_cuts_numbers_of_the_gradient_and_averages_as_published():
    found = stages("xcube-nets-full")
    assert all(stage.amsgrad and stage.clip is None and stage.clip_value == 0.5 for stage in found.values())
    assert {stage.ema for name, stage in found.items() if "unet" in name} == {0.9999}


def test_trellis_draws_at_the_rescaled_times_of_the_released_pipeline():
    assert {RECIPES[f"trellis-nets-{size}"].sampling.rescale for size in ("small", "medium", "full")} == {3.0}


@pytest.mark.parametrize("size", ["small", "medium", "full"])
@pytest.mark.parametrize("model", ["trellis", "xcube"])
def test_a_velocity_passes_through_twice_as_many_numbers_as_it_has(model, size):
    config = RECIPES[f"{model}-nets-{size}"]
    if model == "trellis":
        values, width = config.vae.latent * config.flow.patch**3, config.flow.width
    else:
        values, width = config.fine.latent * config.fine_unet.fold**3, config.fine_unet.widths[0]
    assert width >= 2 * values


def test_attention_of_yang_stands_on_what_norm_and_silu_made():
    attention = VolumeAttention(8, BlockStyle(attention="after-silu"))
    features = torch.randn(2, 8, 3, 3, 3)
    # A fresh block adds nothing, so that norm and SiLU alone are left.
    torch.testing.assert_close(attention(features), attention.before(features))
    assert isinstance(attention.norm, torch.nn.GroupNorm)


def test_attention_of_3d_cdm_has_layer_norms_before_and_after_it_and_no_bias():
    linear, full = (VolumeAttention(8, BlockStyle(attention="layer-norm"), linear=kind) for kind in (True, False))
    assert isinstance(linear.norm, VoxelNorm)
    assert isinstance(linear.after, VoxelNorm)
    assert isinstance(full.after, torch.nn.Identity)
    assert linear.qkv.bias is None
    features = 5 + 3 * torch.randn(2, 8, 2, 2, 2)
    normed = linear.norm(features)
    torch.testing.assert_close(normed.mean(1), torch.zeros(2, 2, 2, 2), atol=1e-5, rtol=0)
    torch.testing.assert_close(normed.var(1, unbiased=False), torch.ones(2, 2, 2, 2), atol=1e-3, rtol=0)


def test_3d_cdm_is_told_numbers_down_in_the_middle_and_up_and_its_last_block_no_time():
    config = RECIPES["cdm3d-density-nets-tiny"]
    network = vp.MODELS["cdm3d"](config, device="cpu").denoiser
    sides = [volume.side for volume in network.volumes]
    coarsest = config.resolution // (config.network.fold * 2 ** (len(config.network.widths) - 1))
    assert sides == [2 * coarsest, coarsest, coarsest, coarsest]
    assert network.join.time is None
    block = ResidualBlock(4, 4, 0, BlockStyle())
    features = torch.randn(1, 4, 2, 2, 2)
    assert torch.equal(block(features, torch.zeros(1, 3)), block(features, torch.ones(1, 3)))


@pytest.mark.parametrize(("name", "resolution"), [("xcube-nets-small", 24), ("trellis-nets-small", 20)])
def test_resolutions_are_checked_before_any_work(name, resolution):
    with pytest.raises(vp.VoxploreError, match="multiple of"):
        vp.MODELS[name.split("-")[0]](dataclasses.replace(RECIPES[name], resolution=resolution), device="cpu")


def test_a_training_without_a_folder_leaves_none_behind(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    config = RECIPES["vae-nets-tiny"]
    config = dataclasses.replace(config, training=dataclasses.replace(config.training, cells=32))
    cells = vp.UnitCells.from_voxels(torch.rand(4, 16, 16, 16).numpy() > 0.5)
    model = vp.MODELS["vae"](config, device="cpu").fit(cells)
    del model
    assert list(Path(tmp_path).glob("voxplore-run-*")) == []
