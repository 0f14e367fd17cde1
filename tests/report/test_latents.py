"""Latent maps."""

import csv
import json

import numpy as np
import pytest

import voxplore as vp
from voxplore.cli import main
from voxplore.models import MODELS
from voxplore.recipes import RECIPES
from voxplore.report import draw_latents
from voxplore.report.latents import nearest_of_own_class, principal_plane


@pytest.fixture(scope="module")
def waves() -> vp.UnitCells:
    """Forty smooth periodic cells at 16^3."""
    grid = np.arange(16) / 16 * 2 * np.pi
    x, y, z = np.meshgrid(grid, grid, grid, indexing="ij")
    numbers = np.random.default_rng(0).normal(size=(40, 3))
    fields = [a * np.cos(x) + b * np.cos(y) + c * np.cos(z) for a, b, c in numbers]
    return vp.UnitCells.from_voxels(np.stack([np.abs(field) < 0.4 for field in fields]), name="waves")


def test_latent_maps_show_cells_negatives_and_drawn_cells_of_every_model(waves, tmp_path, capsys):
    waves.save(tmp_path / "waves")
    models = []
    for variant in ("closed-form-noreg", "closed-form"):
        command = [
            "train",
            str(tmp_path / "waves"),
            "--recipe",
            f"{variant}-nets-tiny",
            "--out",
            str(tmp_path / variant),
        ]
        assert main([*command, "--device", "cpu", "--set", "autoencoder_training.cells=320"]) == 0
        models.append(str(tmp_path / variant / "model"))
    command = ["latents", *models, "--cells", str(tmp_path / "waves"), "--n", "32"]
    capsys.readouterr()
    assert main([*command, "--out", str(tmp_path / "map")]) == 0
    assert "closed-form-noreg-nets-tiny" in capsys.readouterr().out
    rows = list(csv.DictReader((tmp_path / "map" / "latents.csv").open()))
    counts = {(row["model"], row["class"]) for row in rows}
    assert len(counts) == 6
    assert len(rows) == 2 * (20 + 20 + 6)
    assert (tmp_path / "map" / "latents.png").read_bytes().startswith(b"\x89PNG")
    found = json.loads((tmp_path / "map" / "latents.json").read_text())
    assert all(0 < measures["plane"] <= 1 and 0 <= measures["apart"] <= 1 for measures in found.values())
    assert main([*command, "--names", "one", "one", "--out", str(tmp_path / "twice")]) == 2
    assert "each with a name of its own" in capsys.readouterr().err


def test_a_model_without_an_encoder_has_no_latent_map(waves, tmp_path):
    model = MODELS["edits"](RECIPES["edits-nets-tiny"], "cpu")
    with pytest.raises(vp.VoxploreError, match="a VoxPlore, got edits"):
        draw_latents({"floor": model}, waves, tmp_path / "map")


def test_the_principal_plane_holds_points_that_lie_in_one(rng):
    flat = rng.normal(size=(50, 2)) @ rng.normal(size=(2, 7)) + 3
    centre, axes, share = principal_plane(flat)
    assert share == pytest.approx(1)
    assert (flat - centre) @ axes.T @ axes + centre == pytest.approx(flat)


def test_classes_that_mingle_have_half_their_nearest_in_their_own_and_parted_ones_all(rng):
    points = rng.normal(size=(2, 400, 3))
    assert nearest_of_own_class(*points) == pytest.approx(0.5, abs=0.06)
    assert nearest_of_own_class(points[0], points[1] + 20) == 1.0
    assert nearest_of_own_class(points[0], points[0]) == 0.0  # each one's twin is of the other class
