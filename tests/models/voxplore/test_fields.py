"""VoxPlore with field latents, at its tiny size."""

import dataclasses

import numpy as np
import pytest
import torch

import voxplore as vp
from voxplore.data.prepare.orientations import orient_cells
from voxplore.data.synthetic.nets import build_nets
from voxplore.diffusion import linear_schedule
from voxplore.errors import VoxploreError
from voxplore.geometry import CUBE_OPERATIONS, FLIPS, ORIENTATIONS, apply_operation, flip_group
from voxplore.models.voxplore.conditioning import DENSITY
from voxplore.models.voxplore.decoding import connected, largest_piece
from voxplore.models.voxplore.field_networks import FieldNetworks
from voxplore.models.voxplore.flips import oriented_flips
from voxplore.models.voxplore.known_fields import Memory, recallable, recalled
from voxplore.models.voxplore.projection import with_projection
from voxplore.models.voxplore.shown_latents import shown_latents
from voxplore.models.voxplore.unit import UnitBatches, UnitNetworks, unit_voxels
from voxplore.networks import RefinedDecoder, UnitDecoder
from voxplore.networks.asymmetric_unit import asymmetric_unit, join_patches, overlap_pairs, unfold_unit, voxels_of
from voxplore.recipes import SRR, FieldAutoencoder, FieldSampling, LargestPiece, Redraw, UnitAutoencoder
from voxplore.unitcells import UnitCells

SUBGROUPS = (1, 0b10000001, 0b11000011, 0b11, 0b1111, 0b11111111)


@pytest.fixture(scope="module")
def cells() -> UnitCells:
    return build_nets(64, seed=3, resolution=16, workers=1)


@pytest.fixture(scope="module")
def model(cells, tmp_path_factory):
    config = vp.RECIPES["voxplore-field-nets-tiny"]
    short = dataclasses.replace(config.autoencoder_training, cells=1600)
    config = dataclasses.replace(
        config, autoencoder_training=short, denoiser_training=dataclasses.replace(short, ema=0.9)
    )
    return vp.MODELS["voxplore-field"](config, "cpu").fit(cells, tmp_path_factory.mktemp("run"))


@pytest.mark.parametrize("group", SUBGROUPS)
def test_every_patch_follows_from_exactly_one_patch_of_the_unit(group):
    unit = asymmetric_unit(group, 4)
    assert len(unit.patches) * group.bit_count() == 64
    cell = torch.arange(8**3).reshape(1, 8, 8, 8)
    symmetric = torch.stack(
        [cell.flip([1 + a for a in range(3) if k >> (2 - a) & 1]) for k in range(8) if group >> k & 1]
    )
    symmetric = symmetric.amin(0)
    patches = voxels_of(symmetric, 2, unit.patches).reshape(1, -1, 2, 2, 2)
    assert torch.equal(join_patches(unfold_unit(patches, unit), 4), symmetric)


@pytest.mark.parametrize("group", SUBGROUPS)
def test_overlapping_windows_add_up_as_if_laid_on_the_whole_cell(group):
    torch.manual_seed(0)
    unit, edge = asymmetric_unit(group, 4), 6
    windows = torch.randn(1, len(unit.patches), edge, edge, edge, dtype=torch.float64)
    whole = torch.zeros(16, 16, 16, dtype=torch.float64)
    for patch, window in enumerate(unfold_unit(windows, unit)[0]):
        i, j, k = ((4 * q - 1 + torch.arange(edge)) % 16 for q in (patch // 16, patch // 4 % 4, patch % 4))
        whole[i[:, None, None], j[None, :, None], k[None, None]] += window
    source, target = overlap_pairs(group, 4, 4, 1)
    sums = torch.zeros(len(unit.patches) * 64, dtype=torch.float64).index_add(0, target, windows.flatten()[source])
    torch.testing.assert_close(voxels_of(whole[None], 4, unit.patches).flatten(), sums)


@pytest.mark.parametrize("group", SUBGROUPS)
def test_decoded_cells_have_the_flips_asked_for_to_the_last_bit(group):
    shape = {"resolution": 16, "patch": 4, "width": 32, "layers": 1, "heads": 4, "feed_forward": 32}
    decoder = UnitDecoder(**shape, squeeze=4, bottleneck=16, latent=8, margin=1)
    values = decoder(torch.randn(3, 8), group)
    for k in range(8):
        if group >> k & 1:
            assert torch.equal(values, values.flip([1 + a for a in range(3) if FLIPS[k][a]]))


@pytest.mark.parametrize("group", SUBGROUPS)
def test_logits_of_blocks_are_interpolated_to_voxels_with_the_flips_and_periodic(group):
    """A constant stays, a wave over the cell is followed across its faces; the loss sees the same in the unit."""
    torch.manual_seed(0)
    shape = {"resolution": 16, "patch": 4, "width": 32, "layers": 1, "heads": 4, "feed_forward": 32, "scale": 2}
    decoder = UnitDecoder(**shape, squeeze=4, bottleneck=16, latent=8, margin=2).eval()
    latents = torch.randn(3, 8)
    with torch.no_grad():
        values, blocks = decoder(latents, group), decoder._whole(decoder._unit(latents, group), group)
        unit = decoder.unit(latents, group)
    assert values.shape == (3, 16, 16, 16)
    assert blocks.shape == (3, 8, 8, 8)
    for k in range(8):
        if group >> k & 1:
            torch.testing.assert_close(values, values.flip([1 + a for a in range(3) if FLIPS[k][a]]), atol=1e-5, rtol=0)
    torch.testing.assert_close(unit, voxels_of(values, 4, asymmetric_unit(group, 4).patches), atol=1e-5, rtol=0)
    constant = decoder._interpolated(torch.ones(1, 8, 8, 8), (4, 4, 4))
    torch.testing.assert_close(constant, torch.ones(1, 16, 16, 16))
    wave = torch.sin(2 * torch.pi * (torch.arange(8) + 0.5) / 8)[None, :, None, None].expand(1, 8, 8, 8)
    wanted = torch.sin(2 * torch.pi * (torch.arange(16) + 0.5) / 16)[None, :, None, None].expand(1, 16, 16, 16)
    torch.testing.assert_close(decoder._interpolated(wave, (4, 4, 4)), wanted, atol=0.03, rtol=0)


@pytest.mark.parametrize("group", SUBGROUPS)
def test_a_head_leaves_the_decoder_as_it_is_before_training_and_then_keeps_flips_and_faces(group):
    """The unit that the loss sees is that of the whole cell; a cell moved by half its edge is corrected alike."""
    torch.manual_seed(0)
    shape = {"resolution": 16, "patch": 4, "width": 32, "layers": 1, "heads": 4, "feed_forward": 32, "scale": 2}
    plain = UnitDecoder(**shape, squeeze=4, bottleneck=16, latent=8, margin=2).eval()
    decoder, latents = RefinedDecoder(plain, (4, 8)), torch.randn(3, 8)
    with torch.no_grad():
        torch.testing.assert_close(decoder(latents, group), plain(latents, group))
        torch.nn.init.normal_(decoder.head.last.weight, std=0.1)
        values, unit = decoder(latents, group), decoder.unit(latents, group)
        field = torch.randn(1, 8, 8, 8)
        moved = decoder.head(field.roll((4, 4, 4), (1, 2, 3))).roll((4, 4, 4), (1, 2, 3))
        torch.testing.assert_close(decoder.head(field), moved, atol=1e-5, rtol=0)
    assert not torch.allclose(values, plain(latents, group), atol=1e-3)
    for k in range(8):
        if group >> k & 1:
            torch.testing.assert_close(values, values.flip([1 + a for a in range(3) if FLIPS[k][a]]), atol=1e-5, rtol=0)
    torch.testing.assert_close(unit, voxels_of(values, 4, asymmetric_unit(group, 4).patches), atol=1e-5, rtol=0)


def test_a_trained_head_corrects_what_the_decoder_makes_of_latents_with_noise(model, cells):
    """On training cells of a tiny training: cross-entropy and Dice with the head are below those without."""
    batches, error, plain = UnitBatches(cells, ORIENTATIONS), model.autoencoder.error, model.decoder.decoder
    found = {"with": 0.0, "without": 0.0}
    torch.manual_seed(1)
    for seed in range(8):
        voxels, group = batches.draw(32, np.random.default_rng(seed))
        shown = torch.from_numpy(np.ascontiguousarray(voxels).view(np.uint8))
        with torch.no_grad():
            latents = model.autoencoder.encoded(shown, group)
            patches = model.autoencoder.patches(latents + 0.2 * torch.randn_like(latents), group)
            wanted = unit_voxels(shown, plain, group)
            found["with"] += float(error(model.decoder.unit(patches, group), wanted))
            found["without"] += float(error(plain.unit(patches, group), wanted))
    assert found["with"] < 0.98 * found["without"]


def test_a_head_with_more_levels_than_the_blocks_can_be_halved_is_refused():
    with pytest.raises(VoxploreError, match="levels that halve a side of 24, got 5 levels"):
        FieldNetworks(FieldAutoencoder(head=(4, 4, 4, 4, 4)))


@pytest.fixture(scope="module")
def told(cells, tmp_path_factory):
    config = vp.RECIPES["voxplore-field-nets-tiny"]
    short = dataclasses.replace(config.autoencoder_training, cells=1600)
    denoiser = dataclasses.replace(config.denoiser_training, cells=9_600, batch=16)
    options = {"autoencoder_training": short, "denoiser_training": denoiser}
    options["head_training"] = dataclasses.replace(config.head_training, cells=320)
    config = dataclasses.replace(config, **options)
    return vp.MODELS["voxplore-field"](config, "cpu").fit(cells, tmp_path_factory.mktemp("told"))


def test_denser_cells_are_drawn_when_asked_for_and_cells_without_being_asked(told, cells):
    low, high = np.quantile(cells.relative_density(), [0.1, 0.9])
    few, many = (told.generate(16, seed=1, condition={"relative_density": float(one)}) for one in (low, high))
    assert many.relative_density().mean() > few.relative_density().mean() + 0.3 * (high - low)
    assert (many.index["wanted_relative_density"] == high).all()
    mixed = told.generate(16, seed=1, condition={"relative_density": np.where(np.arange(16) < 7, low, high)})
    np.testing.assert_array_equal(mixed.packed[:7], few.packed[:7])
    np.testing.assert_array_equal(mixed.packed[7:], many.packed[7:])
    assert "wanted_relative_density" not in told.generate(8, seed=1).index


def test_a_model_told_a_property_of_cells_draws_cells_of_it_when_asked(told, cells):
    """Told how much of each cell lies in its middle layers: no number that the denoiser knows."""
    middle = lambda some: some.voxels()[:, 6:10].mean((1, 2, 3))  # noqa: E731
    low, high = np.quantile(middle(cells), [0.1, 0.9])
    told.know(cells, {"middle": middle(cells)})
    few, many = (told.generate(24, seed=1, condition={"middle": float(one)}) for one in (low, high))
    plain = told.generate(8, seed=1)
    told.told = None
    assert middle(many).mean() > middle(few).mean() + 0.3 * (high - low)
    assert (few.index["wanted_middle"] == low).all()
    np.testing.assert_array_equal(plain.packed, told.generate(8, seed=1).packed)


def test_sets_of_flips_are_drawn_as_often_as_cells_of_what_is_wanted_have_them():
    parts = [recallable(torch.zeros(300, 2), {DENSITY: torch.full((300,), 0.2)})]
    parts += [recallable(torch.zeros(100, 2), {DENSITY: torch.full((100,), 0.4)})]
    memory, chances = Memory([1, 255], parts), (np.arange(400) + 0.5) / 400
    assert np.bincount(memory.places(chances, {})).tolist() == [300, 100]
    assert set(memory.places(chances, {DENSITY: torch.full((400,), 0.4)})) == {1}


def test_the_denoiser_is_shown_displaced_copies_and_recalls_the_cells_alone(model, cells, tmp_path):
    shown = shown_latents(model, cells, tmp_path)
    own, densities = shown.of_cells()
    encoded = model.encode(orient_cells(cells, 6))
    for group, latents in shown.latents.items():
        assert len(latents) > len(own[group]) == len(densities[group])
        distances = torch.cdist(own[group], encoded[group][1])
        assert float(distances.min(1).values.max()) < 0.05
        assert len(latents) == len(shown.densities[group])
    assert sum(map(len, own.values())) == sum(map(len, model.latents.memory().values().values()))


def test_copies_are_made_once_and_read_again_where_a_training_goes_on(model, cells, tmp_path, monkeypatch):
    first = shown_latents(model, cells, tmp_path)
    monkeypatch.setattr("voxplore.models.voxplore.shown_latents.displaced_cells", None)
    again = shown_latents(model, cells, tmp_path)
    for group, latents in first.latents.items():
        torch.testing.assert_close(latents, again.latents[group], rtol=0, atol=0)


def test_cells_to_avoid_are_repelled_from_as_known_ones_are(model, cells):
    strong = dataclasses.replace(model.config.sampling, srr=SRR(strength=0.5, radius=3.0, every=2))
    plain = model.generate(16, seed=3, sampling=strong)
    model.avoid(plain)
    away = model.generate(16, seed=3, sampling=strong)
    model.avoided = {}
    assert (away.packed != plain.packed).any()
    np.testing.assert_array_equal(model.generate(16, seed=3, sampling=strong).packed, plain.packed)


def test_nothing_is_repelled_where_noise_is_below_what_the_recipe_says(model):
    strong = dataclasses.replace(model.config.sampling, srr=SRR(strength=0.5, radius=3.0, every=2))
    group = model.latents.groups.tolist()[0]
    x_t = model.latents.latents_of(group)[:4].clone()
    steps, size = model.schedule.steps, model.basis.length(group)
    x_t = torch.nn.functional.pad(x_t, (0, size - x_t.shape[1]))
    for above, repelled in ((0.0, True), (model.schedule.noise(20) - 1e-9, True), (model.schedule.noise(20), False)):
        guide = model._guide(group, dataclasses.replace(strong, repelled_above=above))
        assert guide(x_t, x_t, steps - 40).any()
        assert bool(guide(x_t, x_t, 20).any()) == repelled
        assert not guide(x_t, x_t, 20).any()  # what stands at the end is not pushed again


def test_a_part_of_a_drawing_asked_for_densities_has_the_bytes_of_the_whole(told, monkeypatch):
    monkeypatch.setattr("voxplore.models.voxplore.field_drawing.WINDOW", 8)
    first = told.together(None)
    wanted = np.linspace(0.2, 0.5, first + 4)
    whole = told.generate(len(wanted), seed=4, condition={"relative_density": wanted})
    part = told.generate(4, seed=4, first=first, condition={"relative_density": wanted[first:]})
    np.testing.assert_array_equal(whole.packed[first:], part.packed)


def test_densities_are_those_of_the_cells_in_the_order_in_which_they_are_encoded(cells):
    batches = UnitBatches(cells, ORIENTATIONS)
    for group in batches.rows:
        shown = np.concatenate([voxels.mean((1, 2, 3)) for voxels in batches.every(group, 8)])
        np.testing.assert_allclose(batches.densities(group), shown)


@pytest.mark.parametrize("condition", [{"relative_density": 1.2}, {"young_hill": 0.1}, {}, "dense"])
def test_what_is_not_known_of_cells_cannot_be_asked_for(told, condition):
    with pytest.raises(VoxploreError, match="relative_density"):
        told.generate(4, seed=0, condition=condition)


def test_patches_and_margins_that_no_block_divides_are_refused():
    with pytest.raises(VoxploreError, match="multiples of it, got 8 and 1"):
        UnitNetworks(UnitAutoencoder(scale=2, margin=1))


@pytest.mark.parametrize(
    ("change", "said"),
    [({"margin": 1}, "multiples, got 48, 12 and 1"), ({"scale": 1}, "at most 36 blocks")],
)
def test_fields_of_blocks_that_do_not_fit_are_refused(change, said):
    with pytest.raises(VoxploreError, match=said):
        FieldNetworks(FieldAutoencoder(**change))


def test_latents_start_as_the_principal_components_of_the_cells_fields(cells):
    """Before training: no correction, and what comes back is the field but for the components left out."""
    networks = FieldNetworks(vp.RECIPES["voxplore-field-nets-tiny"].autoencoder)
    batches = UnitBatches(cells, ORIENTATIONS)
    networks.start(batches, len(cells), seed=0)
    for seed in range(6):
        voxels, group = batches.draw(8, np.random.default_rng(seed))
        shown = torch.from_numpy(voxels.view(np.uint8))
        with torch.no_grad():
            latents, correction = networks.corrected(shown, group)
            fields = networks._fields(shown)
            error = fields - networks.basis.fields(latents, group)
        assert float(correction.abs().max()) == 0.0
        assert float(error.square().mean()) < 0.1 * float(fields.var())


def test_training_moves_latents_off_the_principal_components_but_not_far(model, cells):
    shown, group = UnitBatches(cells, ORIENTATIONS).draw(32, np.random.default_rng(0))
    with torch.no_grad():
        latents, correction = model.autoencoder.corrected(torch.from_numpy(shown.view(np.uint8)), group)
    assert 0 < float(correction.square().mean()) < 0.3 * float(latents.square().mean())


def _recallable(latents, density):
    return recallable(latents, {"relative_density": density})


def test_what_is_recalled_is_the_mean_of_known_latents_by_their_chance():
    """Against the sum written out; where a density is asked for, cells of others count less."""
    torch.manual_seed(0)
    known, x_t, alpha_bar = torch.randn(7, 3), torch.randn(4, 5), torch.tensor([0.9, 0.5, 0.2, 0.01])
    density, asked = torch.rand(7) * 0.2, torch.tensor([0.1, torch.nan, 0.15, torch.nan])
    found = recalled(_recallable(known, density), x_t, alpha_bar, {DENSITY: asked})
    assert found.shape == (4, 5)
    assert (found[:, 3:] == 0).all()
    for i in range(4):
        variance = 2.0 * (1 - alpha_bar[i]) / alpha_bar[i]
        distance = (x_t[i, :3] / alpha_bar[i].sqrt() - known).square().sum(1)
        off = 0.0 if asked[i].isnan() else 0.5 * ((asked[i] - density) / 0.01).square()
        chance = (-distance / (2 * variance) - off).softmax(0)
        torch.testing.assert_close(found[i, :3], (chance[:, None] * known).sum(0))


def test_what_is_recalled_in_mixed_precision_is_what_it_is_without():
    """Logits of hundreds, in bfloat16, would take one known latent for another."""
    torch.manual_seed(0)
    latents = 3 * torch.randn(500, 32)
    known = _recallable(latents, torch.rand(500))
    x_t, alpha_bar = latents[:8] + 0.3 * torch.randn(8, 32), torch.full((8,), 0.99)
    with torch.autocast("cpu", torch.bfloat16):
        mixed = recalled(known, x_t, alpha_bar, {})
    torch.testing.assert_close(mixed, recalled(known, x_t, alpha_bar, {}))


@pytest.mark.parametrize("operation", [*ORIENTATIONS, CUBE_OPERATIONS[17], CUBE_OPERATIONS[40]])
def test_flips_of_an_oriented_cell_are_those_measured_on_its_voxels(cells, operation):
    voxels = cells.voxels()
    expected = flip_group(apply_operation(voxels, operation))
    np.testing.assert_array_equal(oriented_flips(flip_group(voxels), operation), expected)


def test_a_batch_holds_cells_with_one_set_of_flips(cells):
    batches = UnitBatches(cells, ORIENTATIONS)
    for seed in range(5):
        voxels, group = batches.draw(8, np.random.default_rng(seed))
        assert (flip_group(voxels) == group).all()
    assert sum(len(rows) for rows in batches.rows.values()) == 6 * len(cells)


def test_drawn_cells_have_sets_of_flips_of_training_cells(model, cells):
    known = set(UnitBatches(cells, ORIENTATIONS).rows)
    drawn = flip_group(model.generate(24, seed=1).voxels())
    assert all(any(int(group) & one == one for one in known) for group in drawn)


def test_a_cell_depends_on_its_seed_and_number_alone(model):
    many, few = model.generate(20, seed=5), model.generate(6, seed=5)
    np.testing.assert_array_equal(many.packed[:6], few.packed)


def test_a_saved_model_draws_the_same_cells(model, tmp_path):
    model.save(tmp_path / "model")
    again = vp.load_model(tmp_path / "model", "cpu")
    np.testing.assert_array_equal(again.generate(8, seed=2).packed, model.generate(8, seed=2).packed)


def test_repulsion_moves_drawings_and_none_leaves_them(model):
    sampling = model.config.sampling
    off = dataclasses.replace(sampling, srr=None)
    far = dataclasses.replace(sampling, srr=dataclasses.replace(sampling.srr, strength=5.0, radius=3.0))
    assert not np.array_equal(
        model.generate(8, seed=0, sampling=off).packed, model.generate(8, seed=0, sampling=far).packed
    )


def test_a_second_fit_in_the_same_folder_goes_on_where_the_first_ended(cells, tmp_path):
    config = vp.RECIPES["voxplore-field-nets-tiny"]
    short = dataclasses.replace(config.autoencoder_training, cells=320)
    config = dataclasses.replace(config, autoencoder_training=short, denoiser_training=short)
    first = vp.MODELS["voxplore-field"](config, "cpu").fit(cells, tmp_path)
    second = vp.MODELS["voxplore-field"](config, "cpu").fit(cells, tmp_path)
    np.testing.assert_array_equal(first.generate(4, seed=0).packed, second.generate(4, seed=0).packed)


def test_reconstruction_keeps_the_cells_flips(model, cells):
    again = flip_group(model.reconstruct(cells[:16]).voxels())
    assert (again & flip_group(cells[:16].voxels()) == flip_group(cells[:16].voxels())).all()


def test_fields_take_the_same_steps_of_post_processing(model):
    sampling = model.config.sampling
    plain = model.generate(20, seed=3).voxels()
    piece = model.generate(20, seed=3, sampling=dataclasses.replace(sampling, after=(LargestPiece(),))).voxels()
    np.testing.assert_array_equal(piece, largest_piece(plain))
    again = model.generate(20, seed=3, sampling=dataclasses.replace(sampling, after=(Redraw(2),))).voxels()
    stays = connected(plain)
    np.testing.assert_array_equal(again[stays], plain[stays])
    assert (again[~stays] != plain[~stays]).any((1, 2, 3)).all()


def test_projecting_guesses_changes_what_is_drawn(model):
    plain = dataclasses.replace(model.config.sampling, projected=(), srr=None)
    always = dataclasses.replace(plain, projected=(0.0, 5.0))
    assert (
        model.generate(16, seed=2, sampling=plain).packed != model.generate(16, seed=2, sampling=always).packed
    ).any()


@pytest.mark.parametrize("prediction", ["velocity", "epsilon", "sample"])
def test_a_projection_turns_the_prediction_into_that_of_the_projected_guess(prediction):
    """The denoiser guesses 2, the projection 3: what is then predicted is what leads from x_t to 3."""
    schedule, torch_seed = linear_schedule(), torch.manual_seed(0)
    t = 200
    time, x_t = torch.full((4,), t / schedule.steps), torch.randn(4, 6, generator=torch_seed)
    signal, noise = schedule.alpha_bar[t] ** 0.5, (1 - schedule.alpha_bar[t]) ** 0.5

    def predicted(x_0):
        epsilon = (x_t - signal * x_0) / noise
        return {"velocity": signal * epsilon - noise * x_0, "epsilon": epsilon, "sample": x_0 + 0 * x_t}[prediction]

    for between, wanted in (((0.0, 100.0), 3.0), ((5.0, 100.0), 2.0)):
        denoise = with_projection(lambda x, _: predicted(2.0), lambda z, _: z + 1, schedule, prediction, between)
        torch.testing.assert_close(denoise(x_t, time), predicted(wanted).float(), rtol=1e-4, atol=1e-4)


def test_cells_are_decoded_alike_however_many_at_a_time(model):
    latents = torch.randn(model.config.sampling.batch + 3, model.basis.length(255))
    whole = model.decode(latents, 255)
    assert len(whole) == len(latents)
    np.testing.assert_array_equal(whole, np.concatenate([model.decode(one[None], 255) for one in latents]))


def test_a_projection_is_told_the_noise_relative_to_the_signal():
    schedule, seen = linear_schedule(), []
    denoise = with_projection(lambda x, _: x, lambda z, noise: seen.append(noise) or z, schedule, "sample", (0, 100))
    for t in (20, 500):
        denoise(torch.zeros(2, 3), torch.full((2,), t / schedule.steps))
    assert seen == pytest.approx([schedule.noise(20), schedule.noise(500)], rel=1e-5)


@pytest.mark.parametrize("noise", [0.1, 0.3])
def test_a_projected_guess_is_the_latent_of_the_decoded_cell_with_the_head_where_noise_is_small(model, cells, noise):
    group, (_, latents) = next(iter(model.encode(cells).items()))
    found = model._projected(latents, noise, group=group, refined_below=0.2)
    decoder = model.decoder if noise < 0.2 else model.decoder.decoder
    voxels = decoder(model.autoencoder.patches(latents, group), group).detach().numpy() > 0
    wanted = model.encode(UnitCells.from_voxels(voxels), np.full(len(voxels), group))[group][1]
    torch.testing.assert_close(found, wanted, rtol=1e-3, atol=1e-3)


def test_noise_between_which_guesses_are_projected_is_two_numbers():
    with pytest.raises(VoxploreError, match=r"sampling\.projected: expected two numbers or none"):
        FieldSampling(projected=(0.1,))
