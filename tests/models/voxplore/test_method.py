import dataclasses
import json

import numpy as np
import pytest
import torch

import voxplore as vp
from voxplore import storage
from voxplore.data.prepare.negatives import degrade
from voxplore.geometry import apply_operation, flip_group
from voxplore.models.voxels import OPERATIONS
from voxplore.models.voxplore import interpolate
from voxplore.recipes import RECIPES, SRR, ClosedForm, VoxPloreConfig
from voxplore.training.checkpoint import read_tensors, write_tensors

#: One of each kind: principal autoencoder with closed form and with trained denoiser, the paper's, the published one.
TINY = [f"{name}-nets-tiny" for name in ("closed-form", "voxplore-principal", "voxplore-paper", "voxplore-published")]


def brief(name: str, cells: int = 640) -> VoxPloreConfig:
    config = RECIPES[name]
    return dataclasses.replace(
        config,
        autoencoder_training=dataclasses.replace(config.autoencoder_training, cells=cells),
        denoiser_training=config.denoiser_training and dataclasses.replace(config.denoiser_training, cells=2 * cells),
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
    assert {file.suffix for file in (tmp_path / "model").glob("[!.]*")} == {".safetensors", ".json", ".md"}


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
    turns = OPERATIONS[model.config.augment]
    distinct = [len({apply_operation(cell, turn).tobytes() for turn in turns}) for cell in cells.voxels()]
    assert len(known) == sum(distinct)
    assert known.mean(0).abs().max() < 0.02
    assert known.square().mean().sqrt().item() == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("condition", [0.3, {"stiffness": 1}, {"relative_density": 1.5}, {"relative_density": [0.1]}])
def test_a_condition_that_cannot_be_met_is_refused(model, condition):
    with pytest.raises(vp.VoxploreError):
        model.generate(2, seed=0, condition=condition)


def test_interpolation_starts_and_ends_at_the_reconstructions(model, cells):
    line = interpolate(model, cells[:2], cells[5:7], 4)
    assert len(line) == 8
    assert np.array_equal(line[[0, 4]].packed, model.reconstruct(cells[:2]).packed)
    assert np.array_equal(line[[3, 7]].packed, model.reconstruct(cells[5:7]).packed)
    with pytest.raises(vp.VoxploreError):
        interpolate(model, cells[:2], cells[:3], 4)


def test_symmetrised_interpolation_keeps_each_end_and_between_them_the_flips_of_both(cells):
    voxels = cells.voxels()
    mirrored = vp.UnitCells.from_voxels(voxels | voxels[:, ::-1])  # in x all of them
    model = vp.VoxPlore(brief("closed-form-sym-nets-tiny"), device="cpu").fit(mirrored)
    first, last = mirrored[:3], mirrored[5:8]
    line = interpolate(model, first, last, 4)
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

    monkeypatch.setattr("voxplore.models.voxplore.losses.degrade", seen)
    name = f"closed-form-{variant}-nets-tiny"
    model = vp.VoxPlore(brief(name), device="cpu").fit(cells)
    assert all(bool(torch.isfinite(p).all()) for p in model.autoencoder.parameters())
    assert len(model.generate(3, seed=0)) == 3
    assert set(mixes) == {RECIPES[name].loss.negative_mix}


@pytest.mark.parametrize("cells", ["nets", "shells"])
def test_no_two_rows_on_capacity_are_the_same_networks(cells):
    rows = [f"closed-form{variant}" for variant in ("", "-ae-1", "-ae+1", "-aehalf", "-aex2")]
    rows += [f"voxplore-principal{variant}" for variant in ("", "-diff-1", "-diff+1", "-diffhalf", "-diffx2")]
    networks = {(RECIPES[f"{row}-{cells}-small"].autoencoder, RECIPES[f"{row}-{cells}-small"].denoiser) for row in rows}
    assert len(networks) == len(rows)


def test_fit_says_what_it_was_given(model, cells):
    assert model.trained["data"] == "waves"
    assert model.trained["data_sha256"] == cells.sha256()


def test_an_interrupted_training_resumes_to_the_same_model(cells, tmp_path, monkeypatch):
    config = brief("voxplore-principal-nets-tiny")
    whole = vp.VoxPlore(config, device="cpu").fit(cells, tmp_path / "whole")
    from voxplore.models.voxplore import denoiser, losses
    from voxplore.training import train

    for module in (losses, denoiser):
        monkeypatch.setattr(module, "train", lambda *a, **k: train(*a, **k, stop_after=7))
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
        vp.VoxPlore(RECIPES["voxplore-published-nets-full"]).fit(cells)


def test_a_model_folder_with_a_missing_part_is_named(model, tmp_path):
    model.save(tmp_path / "model")
    (tmp_path / "model" / "decoder.safetensors").unlink()
    with pytest.raises(vp.VoxploreError, match=r"decoder\.safetensors"):
        vp.load_model(tmp_path / "model")


def test_a_saved_model_keeps_what_its_points_lie_between(model, tmp_path, monkeypatch):
    if not isinstance(model.config.denoiser, ClosedForm):
        pytest.skip("a trained denoiser has no points")
    model.save(tmp_path / "model")
    monkeypatch.setattr("voxplore.diffusion.empirical.closest_points", None)  # not searched again
    again = vp.load_model(tmp_path / "model", device="cpu")
    assert np.array_equal(again.generate(4, seed=1).packed, model.generate(4, seed=1).packed)


def test_a_drawing_can_do_with_fewer_points(model):
    if not isinstance(model.config.denoiser, ClosedForm):
        pytest.skip("a trained denoiser has no points")
    sampling = dataclasses.replace(model.config.sampling, srr=None, after=())
    one = model.generate(6, seed=0, sampling=dataclasses.replace(sampling, points=1))
    assert len(np.unique(one.packed, axis=0)) == 1
    everything = model.generate(6, seed=0, sampling=dataclasses.replace(sampling, points=10**6))
    assert np.array_equal(everything.packed, model.generate(6, seed=0, sampling=sampling).packed)


def _damaged(folder, change):
    """Change tensors of a saved model, its checksum with them."""
    path = folder / "latents.safetensors"
    tensors, facts = read_tensors(path)
    change(tensors)
    write_tensors(path, tensors, facts)
    header = json.loads((folder / "config.json").read_text())
    header["sha256"][path.name] = storage.sha256(path)
    (folder / "config.json").write_text(json.dumps(header))


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

    changes = [shorter] if not isinstance(model.config.denoiser, ClosedForm) else [shorter, elsewhere]
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


def test_no_network_is_built_for_a_closed_form(cells, monkeypatch):
    monkeypatch.setattr("voxplore.models.voxplore.denoiser.ResidualMLP", None)
    model = vp.VoxPlore(brief("closed-form-nets-tiny", cells=64), device="cpu").fit(cells)
    assert set(model.parts()) == {"encoder", "decoder", "latents"}
    assert len(model.generate(2, seed=0)) == 2


def test_the_papers_row_has_the_papers_sizes():
    config = RECIPES["voxplore-paper-nets-medium"]
    model = vp.VoxPlore(config, device="meta")
    assert (config.autoencoder.latent, config.autoencoder.width, config.autoencoder.layers) == (128, 128, 4)
    assert len(model.denoiser.network.layers) == 16
    assert {layer.out_features for layer in model.denoiser.network.layers} == {512}
    assert config.denoiser.prediction == "epsilon"
    assert config.sampling.after == ()


def test_the_papers_decoder_gives_each_cell_the_flips_of_its_nearest_known_cell(cells):
    voxels = cells.voxels()
    mirrored = vp.UnitCells.from_voxels(voxels | voxels[:, ::-1])
    model = vp.VoxPlore(brief("voxplore-paper-nets-tiny"), device="cpu").fit(mirrored)
    known = set(flip_group(mirrored.voxels()).tolist())
    assert all(group & 0b10001 == 0b10001 for group in known)  # bit 4 is the mirror image in x
    drawn = flip_group(model.generate(20, seed=0).voxels()).tolist()
    stored = set(model.latents.flips.tolist())
    assert all(any(group & one == one for one in stored) for group in drawn)
    assert min(group.bit_count() for group in drawn) >= 2


def test_a_symmetric_cell_is_known_once_and_not_its_own_neighbour(cells):
    cubic = np.zeros((16, 16, 16), bool)
    cubic[6:10, 6:10] = cubic[6:10, :, 6:10] = cubic[:, 6:10, 6:10] = True
    voxels = np.concatenate([cubic[None], cells.voxels()])
    model = vp.VoxPlore(brief("voxplore-paper-nets-tiny"), device="cpu").fit(vp.UnitCells.from_voxels(voxels))
    oriented = [{apply_operation(cell, turn).tobytes() for turn in OPERATIONS["six"]} for cell in voxels]
    assert len(oriented[0]) == 1
    assert len(model.latents.known) == sum(map(len, oriented))
    distances = torch.cdist(model.latents.standardised(), model.latents.standardised())
    assert float(model.latents.spacing) == pytest.approx(float(distances.topk(2, largest=False).values[:, 1].median()))


def test_a_background_run_of_the_papers_autoencoder_is_finished_by_fit(cells, tmp_path):
    """A checkpoint with the names encoder.* and decoder.*, of the same length, batch, seed and learning rate."""
    from torch import nn

    from voxplore.models.voxplore.losses import autoencoder_loss, with_degraded
    from voxplore.models.voxplore.unit import UnitBatches, UnitNetworks
    from voxplore.training import train

    config = brief("voxplore-paper-nets-tiny")
    torch.manual_seed(config.seed)
    networks = UnitNetworks(config.autoencoder)
    both = nn.ModuleDict({"encoder": networks.encoder, "decoder": networks.decoder})
    prepare = with_degraded(UnitBatches(cells, OPERATIONS[config.augment]), config.loss)
    train(
        "autoencoder",
        both,
        lambda batch, n: autoencoder_loss(networks, *batch, n, config.loss, config.regularisation),
        prepare=prepare,
        run=tmp_path / "run",
        stop_after=9,
        **vars(config.autoencoder_training),
    )
    assert (tmp_path / "run" / "autoencoder.safetensors").exists()
    resumed = vp.VoxPlore(config, device="cpu").fit(cells, tmp_path / "run")
    whole = vp.VoxPlore(config, device="cpu").fit(cells, tmp_path / "whole")
    for name in ("encoder", "decoder"):
        for key, tensor in whole.parts()[name].state_dict().items():
            assert torch.equal(tensor, resumed.parts()[name].state_dict()[key]), (name, key)
