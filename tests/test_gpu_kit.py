"""The GPU kit (experiments/gpu.sh) at tiny size on a CPU: what it does, keeps and sends home."""

import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest

import voxplore as vp
from voxplore.recipes import RECIPES

ROOT = Path(__file__).resolve().parents[1]
KIT = ROOT / "experiments" / "gpu"


@pytest.fixture
def kit(monkeypatch):
    """The modules of the kit."""
    monkeypatch.syspath_prepend(str(KIT))
    import home
    import steps

    yield home, steps
    for name in ("home", "steps"):
        sys.modules.pop(name)


def run(out: Path, *arguments: str) -> str:
    """Run the tiny kit without the packages that a lent machine lacks; what it printed."""
    code = "import runpy, sys; sys.modules.update(tyro=None, spglib=None); sys.path.insert(0, sys.argv[1]);"
    code += "sys.argv[:2] = ['run.py']; runpy.run_path(sys.path[0] + '/run.py', run_name='__main__')"
    paths = {"WORK": str(out / "work"), "OUT": str(out / "home"), "PYTHONPATH": str(ROOT / "src")}
    command = [sys.executable, "-c", code, str(KIT), "20", "--tiny", *arguments]
    return subprocess.run(command, env={**os.environ, **paths}, check=True, capture_output=True, text=True).stdout


def unpacked(out: Path) -> Path:
    subprocess.run(["bash", str(KIT / "unpack.sh"), str(out / "home"), str(out / "unpacked")], check=True)
    return out / "unpacked"


def test_a_recipe_of_the_list_is_trained_drawn_from_and_sent_home(tmp_path):
    asked = ("--steps", "tokens", "--tokens", "vae-nets-tiny", "--sets", "nets", "--unscored")
    assert "vae-nets-tiny: trained" in run(tmp_path, *asked)
    home = unpacked(tmp_path) / "vae-nets-tiny"
    summary = json.loads((home / "summary.json").read_text())
    assert summary["stages"]["vae"]["cells"] == 160
    assert summary["drawn"] == 12
    model = vp.load_model(home / "model", device="cpu")
    assert model.generate(2, seed=0).voxels().shape == (2, 16, 16, 16)
    assert "done before" in run(tmp_path, *asked)


@pytest.mark.slow
def test_every_step_runs_at_tiny_size_and_all_that_goes_home_is_small_enough(tmp_path):
    said = run(tmp_path, "--tokens", "vae-shells-tiny")
    assert '"error"' not in said
    files = list((tmp_path / "home").iterdir())
    assert len(files) <= 7
    assert max(file.stat().st_size for file in files) <= 16 << 20
    scores = unpacked(tmp_path) / "vae-shells-tiny" / "scores" / "scores.json"
    assert json.loads(scores.read_text())["n"] == 12
    made = {folder.name for folder in unpacked(tmp_path).iterdir()}
    models = ("voxplore-published", "yang2024", "trellis", "dit3d", "xcube", "cdm3d")
    assert made == {"vae-shells-tiny", *(f"{model}-{cells}-tiny" for model in models for cells in ("nets", "shells"))}


def test_steps_come_in_the_order_of_what_they_cost(kit):
    _, steps = kit
    found = steps.jobs(["published", "tokens", "baselines"], ["nets", "shells"], ["vae-shells-full"], "full")
    assert [job.recipe for job in found[:3]] == [
        "voxplore-published-nets-full",
        "voxplore-published-shells-full",
        "vae-shells-full",
    ]
    assert found[2].cells == "shells"
    rest = [job.recipe.split("-")[0] for job in found[3:] if job.cells == "nets"]
    assert rest == ["yang2024", "trellis", "dit3d", "xcube", "cdm3d"]
    assert {job.recipe for job in found} <= set(RECIPES)


@pytest.mark.parametrize("name", ["xcube-nets-full", "yang2024-nets-full", "voxplore-published-nets-full"])
def test_all_stages_of_a_training_share_its_time(kit, name):
    _, steps = kit
    config = steps.budgeted(RECIPES[name], 100.0)
    stages = [value for key, value in vars(config).items() if key.endswith("training")]
    assert sum(stage.budget for stage in stages) == pytest.approx(100.0, abs=0.5)


def test_what_does_not_fit_is_refused_and_what_is_there_stays(kit, tmp_path):
    home, _ = kit
    out = home.Home(tmp_path / "out")
    rng = np.random.default_rng(0)
    for name, megabytes in (("a", 20), ("b", 30), ("c", 40)):
        (tmp_path / name).write_bytes(rng.bytes(megabytes << 20))
    assert out.add("weights", tmp_path / "a", "a")
    assert out.add("weights", tmp_path / "b", "b")
    assert not out.add("weights", tmp_path / "c", "c")
    assert out.add("results", tmp_path / "a", "a") is False  # two pieces hold it, all files together do not
    files = sorted((tmp_path / "out").iterdir())
    assert [file.name for file in files] == [f"weights.{k}" for k in range(4)]
    assert max(file.stat().st_size for file in files) <= 16 << 20
    (tmp_path / "whole.tar").write_bytes(b"".join(file.read_bytes() for file in files))
    with tarfile.open(tmp_path / "whole.tar") as archive:
        assert archive.getnames() == ["a", "b"]
        assert archive.extractfile("b").read() == (tmp_path / "b").read_bytes()


def test_a_model_in_float16_has_half_the_bytes_and_loads(kit, tmp_path):
    home, _ = kit
    model = vp.MODELS["vae"](RECIPES["vae-nets-tiny"], device="cpu")
    model.save(tmp_path / "model")
    half = home.halved(tmp_path / "model", tmp_path / "half")
    sizes = [(folder / "decoder.safetensors").stat().st_size for folder in (tmp_path / "model", half)]
    assert sizes[1] < 0.55 * sizes[0]
    assert vp.load_model(half, device="cpu").parameters() == model.parameters()
