import dataclasses
import itertools
import json

import numpy as np
import pytest
import torch

import voxplore as vp
from voxplore.data.negatives import degrade
from voxplore.geometry import ORIENTATIONS, apply_operation, flip_group
from voxplore.models.voxels import OPERATIONS
from voxplore.models.voxplore_decoding import connected, cut_in_one_piece, largest_piece, symmetrised
from voxplore.recipes import RECIPES, SRR
from voxplore.training.checkpoint import read_tensors, write_tensors

#: One of each kind: our principal autoencoder with the closed-form denoiser, with the trained one, and the paper's.
TINY = ["voxplore-nets-tiny", "voxplore-mlp-nets-tiny", "voxplore-published-nets-tiny"]


def brief(name: str, cells: int = 640) -> vp.models.voxplore.VoxPloreConfig:
    config = RECIPES[name]
    return dataclasses.replace(
        config,
        autoencoder_training=dataclasses.replace(config.autoencoder_training, cells=cells),
        denoiser_training=dataclasses.replace(config.denoiser_training, cells=2 * cells),
        sampling=dataclasses.replace(config.sampling, steps=8),
    )


@pytest.fixture(scope="module")
def cells() -> vp.UnitCells:
    """Sixty smooth periodic cells at 16^3."""
    grid = np.arange(16) / 16 * 2 * np.pi
    x, y, z = np.meshgrid(grid, grid, grid, indexing="ij")
    rng = np.random.default_rng(0)
    fields = [a * np.cos(x) + b * np.cos(y) + c * np.cos(z + p) for a, b, c, p in rng.normal(size=(60, 4))]
    return vp.UnitCells.from_voxels(np.stack([np.abs(f) < 0.5 for f in fields]), name="waves")


@pytest.fixture(scope="module", params=TINY)
def model(request, cells) -> vp.VoxPlore:
    return vp.VoxPlore(brief(request.param), device="cpu").fit(cells)


def test_generated_cells_are_unit_cells_of_the_trained_resolution(model):
    drawn = model.generate(5, seed=0)
    assert isinstance(drawn, vp.UnitCells)
    assert drawn.voxels().shape == (5, 16, 16, 16)
    assert drawn.voxels().dtype == bool
    assert set(drawn.index) >= {"id", "seed", "model"}


def test_the_same_seed_gives_the_same_cells_however_many_are_drawn(model):
    three, seven = model.generate(3, seed=4), model.generate(7, seed=4)
    assert np.array_equal(three.packed, seven.packed[:3])
    assert not np.array_equal(three.packed, model.generate(3, seed=5).packed)


def test_a_saved_model_draws_the_same_cells(model, tmp_path):
    model.save(tmp_path / "model")
    again = vp.load_model(tmp_path / "model", device="cpu")
    assert again.config == model.config
    assert np.array_equal(again.generate(4, seed=1).packed, model.generate(4, seed=1).packed)
    assert {file.suffix for file in (tmp_path / "model").iterdir()} == {".safetensors", ".json", ".md"}


def test_a_small_saved_model_is_smaller_and_still_draws(model, tmp_path):
    model.save(tmp_path / "model")
    model.save(tmp_path / "small", small=True)
    sizes = [sum(f.stat().st_size for f in (tmp_path / name).iterdir()) for name in ("model", "small")]
    assert sizes[1] < 0.9 * sizes[0]
    assert len(vp.load_model(tmp_path / "small").generate(2, seed=0)) == 2


def test_srr_moves_cells_and_none_is_the_ablation(model):
    with_srr = dataclasses.replace(model.config.sampling, srr=SRR(strength=0.5, radius=3.0))
    without = dataclasses.replace(model.config.sampling, srr=None)
    assert not np.array_equal(
        model.generate(8, seed=0, sampling=with_srr).packed, model.generate(8, seed=0, sampling=without).packed
    )


def test_known_latents_are_standardised(model, cells):
    known = model.latents.standardised()
    assert len(known) % len(cells) == 0
    assert known.mean(0).abs().max() < 0.02
    assert known.square().mean().sqrt().item() == pytest.approx(1, abs=0.02)


def test_symmetrised_cells_have_the_flips_of_the_nearest_known_cell(model, cells):
    flips = model.latents.flips
    turned = [apply_operation(cells.voxels(), operation) for operation in OPERATIONS[model.config.augment]]
    assert flips.tolist() == np.concatenate([flip_group(voxels) for voxels in turned]).tolist()
    sampling = dataclasses.replace(model.config.sampling, symmetrise=True)
    drawn = flip_group(model.generate(20, seed=0, sampling=sampling).voxels())
    assert all(any(group & known == known for known in set(flips.tolist())) for group in drawn.tolist())


def test_a_turned_cell_is_the_cell_in_one_of_six_orientations_and_all_six_come_up(model):
    as_it_is = dataclasses.replace(model.config.sampling, turn="none")
    turned = model.generate(40, seed=0, sampling=dataclasses.replace(as_it_is, turn="six")).voxels()
    cells = model.generate(40, seed=0, sampling=as_it_is).voxels()
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


def test_recipes_that_keep_one_piece_draw_cells_in_one_piece(model):
    sampling = dataclasses.replace(model.config.sampling, largest_piece=True)
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
    once = dataclasses.replace(model.config.sampling, turn="none", redraws=0)
    first = model.generate(40, seed=0, sampling=once)
    again = model.generate(40, seed=0, sampling=dataclasses.replace(once, redraws=4))
    stays, same = connected(first.voxels()), (first.packed == again.packed).all(axis=1)
    assert same[stays].all()
    assert not same[~stays].any()
    now = connected(again.voxels())
    assert now.mean() > stays.mean() or not now.any()  # the published one learned too little to draw any


def test_what_is_drawn_again_does_not_depend_on_how_many_are_drawn(model):
    sampling = dataclasses.replace(model.config.sampling, redraws=4)
    few, many = (model.generate(n, seed=1, sampling=sampling).packed for n in (7, 40))
    assert np.array_equal(few, many[:7])


def test_what_is_drawn_again_does_not_depend_on_where_a_batch_begins(model, monkeypatch):
    sampling = dataclasses.replace(model.config.sampling, redraws=2)
    chains, sizes = vp.VoxPlore._chains, set()

    def watched(self, noise, *rest):
        sizes.add(len(noise.streams))
        return chains(self, noise, *rest)

    monkeypatch.setattr(vp.VoxPlore, "_chains", watched)
    whole = model.generate(90, seed=1, sampling=sampling).packed
    parts = [model.generate(45, seed=1, sampling=sampling, first=first).packed for first in (0, 45)]
    assert np.array_equal(np.concatenate(parts), whole)
    assert len(sizes) == 2, "matrix products of other sizes round otherwise"


def test_conditioned_cells_come_near_the_density_and_calibrated_ones_reach_it(cells):
    model = vp.VoxPlore(brief("voxplore-nets-tiny", cells=6400), device="cpu").fit(cells)
    density = cells.relative_density()
    wanted = np.linspace(*np.quantile(density, [0.1, 0.9]), 30)
    as_drawn = dataclasses.replace(model.config.sampling, density_corrections=0)
    moved = dataclasses.replace(as_drawn, density_corrections=4)
    calibrated = dataclasses.replace(as_drawn, calibrate=True)
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
    model = vp.VoxPlore(brief("voxplore-sym-nets-tiny"), device="cpu").fit(cells)
    few, many = (model.generate(n, seed=1, condition={"relative_density": 0.3}) for n in (3, 70))
    assert np.array_equal(few.packed, many.packed[:3])


@pytest.mark.parametrize("condition", [0.3, {"stiffness": 1}, {"relative_density": 1.5}, {"relative_density": [0.1]}])
def test_a_condition_that_cannot_be_met_is_refused(model, condition):
    with pytest.raises(vp.VoxploreError):
        model.generate(2, seed=0, condition=condition)


def test_interpolation_starts_and_ends_at_the_reconstructions(model, cells):
    line = model.interpolate(cells[:2], cells[5:7], 4)
    assert len(line) == 8
    ends = model.decode(model.encode(cells[:2]), model.config.sampling.threshold)
    assert np.array_equal(line[[0, 4]].packed, ends.packed)
    assert np.array_equal(line[[3, 7]].packed, model.reconstruct(cells[5:7]).packed)
    with pytest.raises(vp.VoxploreError):
        model.interpolate(cells[:2], cells[:3], 4)


def test_symmetrised_interpolation_keeps_each_end_and_between_them_the_flips_of_both(cells):
    voxels = cells.voxels()
    mirrored = vp.UnitCells.from_voxels(voxels | voxels[:, ::-1])  # in x all of them
    model = vp.VoxPlore(brief("voxplore-sym-nets-tiny"), device="cpu").fit(mirrored)
    first, last = mirrored[:3], mirrored[5:8]
    line = model.interpolate(first, last, 4)
    assert np.array_equal(line[[0, 4, 8]].packed, model.reconstruct(first).packed)
    assert np.array_equal(line[[3, 7, 11]].packed, model.reconstruct(last).packed)
    both = flip_group(first.voxels()) & flip_group(last.voxels())
    assert (both > 1).all()
    for step in (1, 2):
        between = flip_group(line[step::4].voxels())
        assert np.array_equal(between & both, both)


@pytest.mark.parametrize("variant", ["noreg", "contrastive", "neg-failures"])
def test_every_way_to_regularise_trains_and_draws(cells, variant, monkeypatch):
    mixes = []

    def seen(voxels, rng, others, mix):
        mixes.append(mix)
        return degrade(voxels, rng, others, mix)

    monkeypatch.setattr("voxplore.models.voxplore.degrade", seen)
    name = f"voxplore-{variant}-nets-tiny"
    model = vp.VoxPlore(brief(name), device="cpu").fit(cells)
    assert all(bool(torch.isfinite(p).all()) for p in model.autoencoder.parameters())
    assert len(model.generate(3, seed=0)) == 3
    assert set(mixes) == {RECIPES[name].negative_mix}


@pytest.mark.parametrize("base", ["voxplore-{}nets-small", "voxplore-{}shells-small"])
def test_no_two_rows_on_capacity_are_the_same_networks(base):
    def size(variant):
        shape, denoiser = RECIPES[base.format(variant)].autoencoder, RECIPES[base.format(variant)].denoiser
        return shape.width, shape.layers, shape.decoder_layers, denoiser.kind, denoiser.width, denoiser.layers

    rows = ["", "ae-1-", "ae+1-", "aehalf-", "aex2-", "mlp-", "diff-1-", "diff+1-", "diffhalf-", "diffx2-"]
    assert len({size(variant) for variant in rows}) == len(rows)


def test_fit_says_what_it_was_given(model, cells):
    assert model.trained["data"] == "waves"
    assert model.trained["data_sha256"] == cells.sha256()


def test_an_interrupted_training_resumes_to_the_same_model(cells, tmp_path, monkeypatch):
    config = brief("voxplore-mlp-nets-tiny")
    whole = vp.VoxPlore(config, device="cpu").fit(cells, tmp_path / "whole")
    from voxplore.models import voxplore as module

    real = module.train
    monkeypatch.setattr(module, "train", lambda *a, **k: real(*a, **k, stop_after=7))
    vp.VoxPlore(config, device="cpu").fit(cells, tmp_path / "parts")
    monkeypatch.undo()
    # The first call left the denoiser trained on an unfinished autoencoder; only its own stage may be kept.
    (tmp_path / "parts" / "denoiser.safetensors").unlink()
    parts = vp.VoxPlore(config, device="cpu").fit(cells, tmp_path / "parts")
    for name, part in whole.parts().items():
        for key, tensor in part.state_dict().items():
            assert torch.equal(tensor, parts.parts()[name].state_dict()[key]), (name, key)


def test_cells_of_another_resolution_are_refused(cells):
    with pytest.raises(vp.VoxploreError, match=r"48\^3.*16\^3"):
        vp.VoxPlore(RECIPES["voxplore-nets-small"]).fit(cells)


def test_a_model_folder_with_a_missing_part_is_named(model, tmp_path):
    model.save(tmp_path / "model")
    (tmp_path / "model" / "decoder.safetensors").unlink()
    with pytest.raises(vp.VoxploreError, match=r"decoder\.safetensors"):
        vp.load_model(tmp_path / "model")


def test_a_saved_model_keeps_what_its_points_lie_between(model, tmp_path, monkeypatch):
    if model.config.denoiser.kind != "empirical":
        pytest.skip("a trained denoiser has no points")
    model.save(tmp_path / "model")
    monkeypatch.setattr("voxplore.diffusion.empirical.nearest", None)  # not searched again
    again = vp.load_model(tmp_path / "model", device="cpu")
    assert np.array_equal(again.generate(4, seed=1).packed, model.generate(4, seed=1).packed)


def test_a_drawing_can_do_with_fewer_points(model):
    if model.config.denoiser.kind != "empirical":
        pytest.skip("a trained denoiser has no points")
    sampling = dataclasses.replace(model.config.sampling, srr=None, turn="none")
    one = model.generate(6, seed=0, sampling=dataclasses.replace(sampling, points=1))
    assert len(np.unique(one.packed, axis=0)) == 1
    everything = model.generate(6, seed=0, sampling=dataclasses.replace(sampling, points=10**6))
    assert np.array_equal(everything.packed, model.generate(6, seed=0, sampling=sampling).packed)


def _damaged(folder, change):
    path = folder / "latents.safetensors"
    tensors, facts = read_tensors(path)
    change(tensors)
    write_tensors(path, tensors, facts)


@pytest.mark.parametrize("name", ["known", "density", "flips", "between"])
def test_a_model_that_lacks_what_it_knows_is_refused(model, tmp_path, name):
    model.save(tmp_path / "model")
    _damaged(tmp_path / "model", lambda tensors: tensors.pop(name))
    with pytest.raises(vp.VoxploreError, match=rf"latents\.safetensors.*{name}"):
        vp.load_model(tmp_path / "model")


def test_known_latents_whose_numbers_do_not_belong_together_are_refused(model, tmp_path):
    def shorter(tensors):
        tensors["density"] = tensors["density"][:-1].clone()

    def elsewhere(tensors):
        tensors["between"] = torch.full((60, 2), 60, dtype=torch.int32)

    changes = [shorter] if model.config.denoiser.kind != "empirical" else [shorter, elsewhere]
    for change in changes:
        model.save(tmp_path / "model", overwrite=True)
        _damaged(tmp_path / "model", change)
        with pytest.raises(vp.VoxploreError, match="belong together"):
            vp.load_model(tmp_path / "model")


def test_an_unknown_key_in_a_model_config_is_named(model, tmp_path):
    model.save(tmp_path / "model")
    path = tmp_path / "model" / "config.json"
    header = json.loads(path.read_text())
    header["config"]["autoencoder"]["depth"] = 7
    path.write_text(json.dumps(header))
    with pytest.raises(vp.VoxploreError, match="unknown 'depth'"):
        vp.load_model(tmp_path / "model")
