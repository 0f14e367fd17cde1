"""The same code at 64^3: build, train, draw, score."""

import pytest

from voxplore.cli import main
from voxplore.metrics import Scores
from voxplore.unitcells import load_cells

ROWS = ("closed-form-sym", "voxplore-paper", "voxplore-published")


@pytest.mark.parametrize("recipe", [f"{row}-nets-tiny" for row in ROWS])
def test_64_voxels_an_edge_need_no_other_code(recipe, tmp_path):
    data, run, drawn = tmp_path / "nets", tmp_path / "run", tmp_path / "drawn"
    assert main(["build", "nets", "--n", "16", "--resolution", "64", "--workers", "1", "--out", str(data)]) == 0
    short = ["autoencoder.resolution=64", "autoencoder_training.cells=24", "autoencoder_training.batch=8"]
    if recipe.startswith("voxplore"):
        short += ["autoencoder.patch=16", "denoiser_training.cells=64"]
    command = ["train", str(data), "--recipe", recipe, "--out", str(run), "--device", "cpu", "--set", *short]
    assert main(command) == 0
    assert main(["generate", str(run / "model"), "--n", "2", "--steps", "3", "--out", str(drawn)]) == 0
    assert load_cells(drawn).voxels().shape == (2, 64, 64, 64)
    assert main(["evaluate", str(drawn), "--reference", str(data), "--out", str(tmp_path / "scores")]) == 0
    assert 0 <= Scores.load(tmp_path / "scores").quality <= 1
