"""The command line: what each verb writes and prints, and what bad input gets."""

import errno
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from voxplore import cli, storage
from voxplore.cli import build as build_verb
from voxplore.cli import main
from voxplore.data.synthetic.families import FAMILIES
from voxplore.metrics import Scores
from voxplore.unitcells import UnitCells, load_cells

TINY = ("autoencoder_training.cells=320", "denoiser_training.cells=640", "sampling.steps=3")


def built(folder: Path, *arguments: str) -> Path:
    assert main(["build", *arguments, "--out", str(folder)]) == 0
    return folder


@pytest.fixture(scope="module")
def nets(tmp_path_factory) -> Path:
    """Sixty crystal nets at 16^3 with splits."""
    return built(tmp_path_factory.mktemp("sets") / "nets", "nets", "--n", "60", "--resolution", "16", "--workers", "1")


@pytest.fixture(scope="module")
def trained(tmp_path_factory, nets) -> Path:
    """A training of seconds, with its model in `model`."""
    out = tmp_path_factory.mktemp("runs") / "tiny"
    assert main(train_command(nets, out)) == 0
    return out


def train_command(nets: Path, out: Path) -> list[str]:
    return [
        "train",
        str(nets),
        "--recipe",
        "voxplore-published-nets-tiny",
        "--out",
        str(out),
        "--device",
        "cpu",
        "--set",
        *TINY,
    ]


def refused(capsys, *arguments: object) -> str:
    """Run a command that must fail on its input; returns the one sentence it gives."""
    capsys.readouterr()
    status = main([str(argument) for argument in arguments])
    told = capsys.readouterr()
    assert status == 2
    assert told.out == ""
    assert told.err.startswith("voxplore: ")
    assert told.err.count("\n") == 1, told.err
    assert "Traceback" not in told.err
    return told.err


def listing(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("[!.]*"))


class TestHelp:
    """Before any work."""

    @pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"]])
    def test_the_overview_names_every_verb(self, capsys, arguments):
        assert main(arguments) == 0
        told = capsys.readouterr().out
        assert all(f"  {verb} " in told for verb in cli.VERBS)

    @pytest.mark.parametrize("verb", cli.VERBS)
    def test_every_verb_explains_its_options(self, capsys, verb):
        with pytest.raises(SystemExit) as caught:
            main([verb, "--help"])
        assert caught.value.code == 0
        told = capsys.readouterr().out
        assert f"voxplore {verb}" in told

    @pytest.mark.parametrize("arguments", [["--help"], ["evaluate", "--help"], ["build", "nets", "--help"]])
    def test_help_answers_in_half_a_second_and_loads_nothing_heavy(self, arguments):
        code = (
            "import sys; from voxplore.cli import main\n"
            f"try: main({arguments!r})\nexcept SystemExit: pass\n"
            "heavy = {'torch', 'numba', 'numpy', 'scipy'} & set(sys.modules)\nassert not heavy, heavy"
        )
        # Processor time: a busy machine is no fault of ours.
        environment = {k: v for k, v in os.environ.items() if not k.startswith("COV")}
        seconds = []
        for _ in range(3):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, env=environment)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            seconds.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        assert min(seconds) < 0.5

    def test_the_version_is_told(self, capsys):
        import voxplore

        assert main(["--version"]) == 0
        assert capsys.readouterr().out.strip() == voxplore.__version__

    def test_an_unknown_verb_is_named(self, capsys):
        assert "discovr: expected a verb, such as discover, " in refused(capsys, "discovr")

    def test_python_m_is_the_same_command(self):
        done = subprocess.run(
            [sys.executable, "-m", "voxplore", "nothing"], capture_output=True, text=True, check=False
        )
        assert done.returncode == 2
        assert done.stderr.startswith("voxplore: nothing: expected a verb")


class TestBuild:
    """Sets of cells on disk."""

    def test_nets_are_split_and_have_a_floor(self, nets):
        cells = load_cells(nets)
        assert len(cells) == 60
        assert cells.resolution == 16
        assert {name: int((cells.index["split"] == name).sum()) for name in ("train", "valid", "test")} == {
            "train": 46,
            "valid": 2,
            "test": 12,
        }
        assert 0 < cells.about["periodicity_floor"] < 1

    def test_the_same_command_gives_the_same_bytes(self, nets, tmp_path):
        again = built(tmp_path / "again", "nets", "--n", "60", "--resolution", "16", "--workers", "2")
        for name in ("voxels.npy", "index.csv", "cells.json"):
            assert (again / name).read_bytes() == (nets / name).read_bytes()

    def test_orientations_are_stored_on_request(self, tmp_path):
        out = built(
            tmp_path / "six", "shells", "--n", "5", "--resolution", "16", "--orientations", "6", "--workers", "1"
        )
        cells = load_cells(out)
        assert len(cells) == 30
        assert len(set(zip(cells.index["source_id"], cells.index["split"], strict=True))) == 5

    def test_every_family_is_a_subcommand(self, tmp_path):
        names = {cls.name for cls in build_verb._Family.__subclasses__()}
        assert names == set(FAMILIES)
        assert len(load_cells(built(tmp_path / "s", "spinodoid", "--n", "5", "--resolution", "16"))) == 5

    def test_ones_own_cells_get_splits_and_a_floor(self, tmp_path, blobs):
        np.save(tmp_path / "mine.npy", blobs)
        cells = load_cells(built(tmp_path / "own", "own", "--source", str(tmp_path / "mine.npy")))
        assert np.array_equal(cells.voxels(), blobs)
        assert set(cells.index["split"]) == {"train", "test"}
        assert "periodicity_floor" in cells.about

    def test_strut_graphs_and_meshes_become_cells(self, capsys, nets, tmp_path):
        graph = {"nodes": [[0.5, 0.5, 0.0], [0.5, 0.5, 1.0]], "bars": [[0, 1]]}
        (tmp_path / "rod.json").write_text(json.dumps(graph))
        common = ["--resolution", "16"]
        rods = [str(tmp_path / "rod.json")] * 2
        cells = load_cells(built(tmp_path / "graphs", "graphs", "--files", *rods, "--radius", "0.2", *common))
        assert cells.index["id"].tolist() == ["000000-rod", "000001-rod"]
        assert cells.relative_density()[0] == pytest.approx(np.pi * 0.2**2, rel=0.1)
        export = ["export", str(tmp_path / "graphs"), "--format", "stl", "--size", "8", "--workers", "1", "--n", "1"]
        pytest.importorskip("trimesh")
        assert main([*export, "--out", str(tmp_path / "stl")]) == 0
        mesh = str(tmp_path / "stl" / "000000-rod.stl")
        again = load_cells(built(tmp_path / "meshes", "meshes", "--files", mesh, "--edge", "8", *common))
        assert np.count_nonzero(again.voxels()[0] ^ cells.voxels()[0]) < 0.02 * 16**3
        for made in ("graphs", "meshes"):
            command = ["evaluate", str(tmp_path / made), "--reference", str(nets), "--out", str(tmp_path / f"s-{made}")]
            assert main([*command, "--no-vun"]) == 0
            assert Scores.load(tmp_path / f"s-{made}").connectivity == 1
        (tmp_path / "open.json").write_text('{"nodes": []}')
        told = refused(capsys, "build", "graphs", "--files", tmp_path / "open.json", "--out", tmp_path / "x")
        assert "open.json: expected an object" in told

    def test_joined_sets_keep_their_splits(self, nets, tmp_path):
        shells = built(tmp_path / "shells", "shells", "--n", "10", "--resolution", "16", "--workers", "1")
        both = load_cells(built(tmp_path / "both", "joined", "--sets", str(nets), str(shells)))
        parts = [load_cells(nets), load_cells(shells)]
        assert both.index["split"].tolist() == [*parts[0].index["split"], *parts[1].index["split"]]
        assert both.about["name"] == "nets+shells"
        assert both.index["set"].tolist() == ["nets"] * 60 + ["shells"] * 10
        assert [part["n"] for part in both.about["joined"]] == [60, 10]

    def test_the_layout_sample_gives_70_cells(self, real_cells_folder, tmp_path):
        catalogue = real_cells_folder / "catalogue-layout-sample.txt"
        cells = load_cells(built(tmp_path / "real", "metatruss", "--catalogue", str(catalogue)))
        assert len(cells) == 70
        row = cells.index["id"].tolist().index("cub_Z06.0_E1")
        assert round(float(cells.relative_density()[row]), 4) == 0.0290


CATALOGUE = """Name: cub_Z06.0_E1

Normalized unit cell parameters (a,b,c,alpha,beta,gamma):
1.0, 1.0, 1.0, 90.0, 90.0, 90.0

Nodal positions:
0.0 0.0 0.0
1.0 0.0 0.0
0.0 1.0 0.0

Bar connectivities:
1 2
1 3
"""


class TestBadInput:
    """One sentence that names the file, what was expected and what it got; status 2; nothing half-written."""

    @pytest.mark.parametrize(
        ("old", "new", "expected"),
        [
            ("0.0 0.0 0.0\n1.0 0.0 0.0\n0.0 1.0 0.0\n", "", "nodal positions"),
            ("1 2\n1 3\n", "", "bar connectivities"),
            ("Bar connectivities:\n1 2\n1 3\n", "", "bar connectivities"),
            ("1.0 0.0 0.0\n", "1.0 0.0\n", "3 finite numbers, got '1.0 0.0'"),
            ("1 3\n", "1\n", "2 whole numbers, got '1'"),
            ("1 3\n", "1 4\n", "4"),
            ("1 3\n", "0 3\n", "0"),
            ("0.0 1.0 0.0\n", "0.0 nan 0.0\n", "3 finite numbers, got '0.0 nan 0.0'"),
            ("0.0 1.0 0.0\n", "0.0 inf 0.0\n", "3 finite numbers"),
            ("1.0, 1.0, 1.0, 90.0, 90.0, 90.0", "1.0, 1.0", "6 finite numbers"),
        ],
    )
    def test_a_catalogue_that_ends_inside_a_record(self, capsys, tmp_path, old, new, expected):
        path = tmp_path / "catalogue.txt"
        path.write_text(CATALOGUE.replace(old, new))
        told = refused(capsys, "build", "metatruss", "--catalogue", path, "--out", tmp_path / "out")
        assert str(path) in told
        assert expected in told
        assert listing(tmp_path) == ["catalogue.txt"]

    def test_a_catalogue_without_records_or_none_at_all(self, capsys, tmp_path):
        (tmp_path / "empty.txt").write_text("header\n")
        told = refused(capsys, "build", "metatruss", "--catalogue", tmp_path / "empty.txt", "--out", tmp_path / "out")
        assert "empty.txt: expected records that start with `Name:`, got none" in told
        told = refused(capsys, "build", "metatruss", "--catalogue", tmp_path / "no.txt", "--out", tmp_path / "out")
        assert "no.txt: expected a readable file, got no such file" in told
        assert "got neither" in refused(capsys, "build", "metatruss", "--out", tmp_path / "out")

    @pytest.mark.parametrize("text", ["{", '{"name": "x"}', '{"name": "x", "nodes": [[0, 0, NaN]], "edges": [[0, 0]]}'])
    def test_damaged_json_lines(self, capsys, tmp_path, text):
        (tmp_path / "cells.jsonl").write_text(text + "\n")
        told = refused(capsys, "build", "metatruss", "--catalogue", tmp_path / "cells.jsonl", "--out", tmp_path / "out")
        assert "cells.jsonl, line 1" in told

    def test_cells_of_the_wrong_size(self, capsys, nets, trained, tmp_path):
        np.save(tmp_path / "other.npy", np.ones((2, 8, 8, 8), bool))
        other = tmp_path / "other.npy"
        told = refused(capsys, "evaluate", other, "--reference", nets, "--out", tmp_path / "out")
        assert "expected resolution 16 as the reference has (`voxplore evaluate --resample`" in told
        told = refused(capsys, *train_command(other, tmp_path / "run"))
        assert "expected cells at 16^3, got 2 at 8^3" in told
        np.save(tmp_path / "flat.npy", np.ones((2, 8, 8), bool))
        told = refused(capsys, "render", tmp_path / "flat.npy", "--out", tmp_path / "x.png")
        assert "flat.npy: expected cubes (n, d, d, d) or one cube (d, d, d), got shape (2, 8, 8)" in told
        assert not (tmp_path / "out").exists()

    def test_an_npz_that_holds_objects(self, capsys, nets, tmp_path):
        np.savez(tmp_path / "objects.npz", cells=np.array([{}], dtype=object))
        told = refused(capsys, "evaluate", tmp_path / "objects.npz", "--reference", nets, "--out", tmp_path / "out")
        assert "objects.npz: expected an npz archive of number arrays, got objects" in told
        assert listing(tmp_path) == ["objects.npz"]

    @pytest.mark.parametrize("part", ["encoder", "decoder", "denoiser", "latents", "config"])
    def test_a_model_folder_with_a_missing_part(self, capsys, trained, tmp_path, part):
        model = tmp_path / "model"
        shutil.copytree(trained / "model", model)
        missing = model / (f"{part}.safetensors" if part != "config" else "config.json")
        missing.unlink()
        told = refused(capsys, "generate", model, "--n", "1", "--out", tmp_path / "out")
        assert str(missing) in told
        assert listing(tmp_path) == ["model"]

    def test_a_model_folder_with_a_damaged_part(self, capsys, trained, tmp_path):
        model = tmp_path / "model"
        shutil.copytree(trained / "model", model)
        whole = (model / "denoiser.safetensors").read_bytes()
        (model / "denoiser.safetensors").write_bytes(whole[:-100])
        told = refused(capsys, "generate", model, "--n", "1", "--out", tmp_path / "out")
        assert "denoiser.safetensors: expected" in told
        assert "denoiser.safetensors" in refused(capsys, "info", model, "--verify")

    def test_an_unknown_key_in_a_config(self, capsys, trained, tmp_path):
        model = tmp_path / "model"
        shutil.copytree(trained / "model", model)
        header = json.loads((model / "config.json").read_text())
        header["config"]["autoencoder"]["widht"] = 3
        (model / "config.json").write_text(json.dumps(header))
        told = refused(capsys, "generate", model, "--n", "1", "--out", tmp_path / "out")
        assert f"{model / 'config.json'}: autoencoder: expected keys of PatchAutoencoder" in told
        assert "got unknown 'widht'" in told

    def test_a_model_of_another_kind(self, capsys, tmp_path):
        (tmp_path / "config.json").write_text('{"model": "gan"}')
        assert "config.json: expected a model among voxplore" in refused(
            capsys, "generate", tmp_path, "--out", tmp_path / "out"
        )

    @pytest.mark.parametrize(
        ("change", "sentence"),
        [
            ("widht=3", "expected a field (autoencoder, "),
            ("autoencoder.widht=3", "expected a field (name, resolution, "),
            ("autoencoder.width.x=3", "expected a field (a field of the recipe)"),
            ("autoencoder.width=wide", "autoencoder: width: expected int, got 'wide'"),
            ("autoencoder.width", "expected FIELD=VALUE, got 'autoencoder.width'"),
        ],
    )
    def test_a_change_that_no_recipe_has(self, capsys, nets, tmp_path, change, sentence):
        told = refused(
            capsys, "train", nets, "--recipe", "closed-form-nets-tiny", "--out", tmp_path / "run", "--set", change
        )
        assert sentence in told
        assert listing(tmp_path) == []

    @pytest.mark.parametrize("again", [["--set"], ["--quiet", "--set"], []])
    def test_an_option_of_several_values_may_stand_more_than_once(self, capsys, nets, tmp_path, again):
        changes = ["--set", "autoencoder.width=40", *again, "seed=5"]
        words = ["train", nets, "--recipe", "closed-form-nets-tiny", *changes, "--out", tmp_path / "run", "--dry-run"]
        assert main([str(word) for word in words]) == 0
        told = json.loads(capsys.readouterr().out)
        assert (told["config"]["autoencoder"]["width"], told["config"]["seed"]) == (40, 5)

    @pytest.mark.parametrize("words", [["--quiet", "--quiet"], ["--json", "--quiet", "--json"]])
    def test_an_option_of_one_value_stands_once(self, capsys, nets, words):
        assert (
            refused(capsys, "info", nets, *words) == f"voxplore: {words[0]}: expected this option once, got 2 times\n"
        )

    def test_an_unknown_recipe(self, capsys, nets, tmp_path):
        told = refused(capsys, "train", nets, "--recipe", "voxplore-nest-tiny", "--out", tmp_path / "run")
        assert "recipe: expected the name of a recipe, such as " in told

    def test_a_full_disk(self, capsys, monkeypatch, nets, tmp_path):
        def full(*_: object, **__: object) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(np, "save", full)
        told = refused(capsys, "build", "own", "--source", nets, "--out", tmp_path / "out")
        assert told == f"voxplore: {tmp_path / 'out'}: expected to write it, got no space left on device\n"
        assert listing(tmp_path) == []

    def test_a_full_disk_while_training(self, capsys, monkeypatch, nets, tmp_path):
        """What a writer of its own format says is put into the same sentence."""
        from safetensors import SafetensorError

        def full(*_: object, **__: object) -> None:
            raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")

        monkeypatch.setattr("safetensors.torch.save_file", full)
        told = refused(capsys, *train_command(nets, tmp_path / "run"))
        assert ".safetensors: expected to write it, got no space left on device" in told

    def test_a_path_that_cannot_be_written(self, capsys, nets, tmp_path):
        (tmp_path / "file").write_text("")
        told = refused(capsys, "build", "own", "--source", nets, "--out", tmp_path / "file" / "out")
        assert "expected to write it, got" in told

    def test_other_cells_than_cells(self, capsys, tmp_path):
        for verb in ("info", "render", "export", "properties"):
            more = {"export": ["--size", "5"]}.get(verb, [])
            out = [] if verb == "info" else ["--out", tmp_path / "x.png"]
            told = refused(capsys, verb, tmp_path / "nothing", *out, *more)
            assert f"{tmp_path / 'nothing'}: expected a folder of cells" in told

    def test_no_cells_at_all(self, capsys, nets, tmp_path):
        UnitCells.from_voxels(np.zeros((0, 16, 16, 16), bool)).save(tmp_path / "none")
        told = refused(capsys, "evaluate", tmp_path / "none", "--reference", nets, "--out", tmp_path / "out")
        assert "expected at least one cell, got none" in told
        told = refused(capsys, "evaluate", nets, "--reference", tmp_path / "none", "--out", tmp_path / "out")
        assert "reference: expected at least one cell, got none" in told


def test_nothing_that_exists_is_overwritten_unless_told(capsys, nets, trained, tmp_path):
    out = tmp_path / "out.png"
    out.write_text("mine")
    model = trained / "model"
    commands = [
        ["discover"],
        ["build", "own", "--source", nets],
        ["build", "nets", "--n", 100_000],
        ["generate", model, "--n", 100_000],
        ["degrade", nets],
        ["evaluate", nets, "--reference", nets],
        ["compare", nets],
        ["properties", nets],
        ["refine", nets],
        ["refine", nets, "--train"],
        ["export", nets, "--size", 5],
        ["render", nets],
    ]
    for command in commands:
        told = refused(capsys, *command, "--out", out)
        assert "expected a path that does not exist yet, or --overwrite, got an existing one" in told
    assert out.read_text() == "mine"
    picture = ["render", str(nets), "--out", str(out), "--n", "2", "--size", "32"]
    assert main([*picture, "--overwrite"]) == 2  # it is not ours
    out.unlink()
    assert main(picture) == 0
    assert main([*picture, "--overwrite"]) == 0
    assert out.read_bytes().startswith(b"\x89PNG")


class TestInterrupted:
    """The work is broken off, or nobody listens any more."""

    def test_control_c_is_one_line(self, capsys, monkeypatch, nets, tmp_path):
        def interrupted(*_: object, **__: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr("voxplore.unitcells.UnitCells.write_into", interrupted)
        assert main(["build", "own", "--source", str(nets), "--out", str(tmp_path / "out")]) == 130
        assert capsys.readouterr().err == "voxplore: interrupted\n"
        assert listing(tmp_path) == []

    def test_an_interrupt_that_a_library_made_another_error_of_is_still_one(self, capsys, monkeypatch, nets, tmp_path):
        def mangled(*_: object, **__: object) -> None:
            try:
                os.kill(os.getpid(), signal.SIGINT)
                time.sleep(5)
            except KeyboardInterrupt as interrupt:
                raise SystemError("a callback ended badly") from interrupt

        monkeypatch.setattr("voxplore.unitcells.UnitCells.write_into", mangled)
        before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background starts without one
        try:
            assert main(["build", "own", "--source", str(nets), "--out", str(tmp_path / "out")]) == 130
        finally:
            signal.signal(signal.SIGINT, before)
        assert capsys.readouterr().err == "voxplore: interrupted\n"
        assert listing(tmp_path) == []

    def test_a_reader_that_has_gone_is_no_error(self, nets):
        command = [sys.executable, "-m", "voxplore", "info", str(nets), "--quick"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            process.stdout.close()
            assert process.stderr.read() == ""
        assert process.returncode == 0

    def test_too_little_memory_is_one_sentence(self, capsys, monkeypatch, nets):
        def greedy(*_: object) -> None:
            raise MemoryError("Unable to allocate 8 TiB")

        monkeypatch.setattr("voxplore.workflows.info.facts", greedy)
        assert (
            refused(capsys, "info", nets)
            == "voxplore: memory: expected enough for this, got unable to allocate 8 tib\n"
        )


class TestInfo:
    """What is where."""

    def test_cells_are_described(self, capsys, nets):
        assert main(["info", str(nets)]) == 0
        told = capsys.readouterr().out
        for line in ("cells", "splits", "relative density", "centrosymmetric", "near duplicates", "held-out against"):
            assert f"\n{line}" in told
        assert "60 at 16^3" in told
        assert "46 train, 12 test, 2 valid" in told

    def test_checksums_are_verified(self, capsys, nets, tmp_path):
        assert main(["info", str(nets), "--verify"]) == 0
        assert "voxels.npy: sha256 as recorded" in capsys.readouterr().out
        shutil.copytree(nets, tmp_path / "copy")
        index = tmp_path / "copy" / "index.csv"
        index.write_text(index.read_text().replace("train", "valid", 1))
        assert "index.csv: expected sha256" in refused(capsys, "info", tmp_path / "copy", "--verify")

    def test_a_file_of_cells_is_described_too(self, capsys, tmp_path, blobs):
        np.save(tmp_path / "x.npy", blobs)
        assert main(["info", str(tmp_path / "x.npy")]) == 0
        assert "12 at 16^3" in capsys.readouterr().out
        assert main(["info", str(tmp_path / "x.npy"), "--verify"]) == 0
        assert "holds no checksums" in capsys.readouterr().out

    def test_a_folder_of_properties_is_described_too(self, capsys, tmp_path, blobs):
        np.save(tmp_path / "cells.npy", blobs[:3])
        assert (
            main(["properties", str(tmp_path / "cells.npy"), "--workers", "1", "--out", str(tmp_path / "solved")]) == 0
        )
        capsys.readouterr()
        assert main(["info", str(tmp_path / "solved")]) == 0
        told = capsys.readouterr().out
        densities = blobs[:3].mean((1, 2, 3))
        assert re.search(r"properties +3 cells", told)
        table = tmp_path / "solved" / "properties.csv"
        table.write_text("id,relative_density\na,much\n")
        assert "numbers in column relative_density" in refused(capsys, "info", tmp_path / "solved")
        assert f"median {np.median(densities):.4g} (from {densities.min():.4g} to {densities.max():.4g})" in told

    def test_a_model_is_described(self, capsys, trained):
        assert main(["info", str(trained / "model")]) == 0
        told = capsys.readouterr().out
        assert "model" in told
        assert "part denoiser" in told
        assert main(["info", str(trained / "model"), "--verify"]) == 0
        told = capsys.readouterr().out
        assert "denoiser: loads" in told
        assert "denoiser.safetensors: sha256 as recorded" in told

    def test_a_damaged_part_is_named_with_both_checksums(self, capsys, trained, tmp_path):
        model = tmp_path / "model"
        shutil.copytree(trained / "model", model)
        path = model / "denoiser.safetensors"
        content = bytearray(path.read_bytes())
        expected = storage.sha256(path)
        content[-1] ^= 1  # a bit of a weight: it would load
        path.write_bytes(content)
        told = refused(capsys, "info", model, "--verify")
        assert told == f"voxplore: {path}: expected sha256 {expected}, got {storage.sha256(path)}\n"
        path.unlink()
        assert f"expected sha256 {expected}, got no such file" in refused(capsys, "info", model, "--verify")

    def test_a_model_of_before_there_were_checksums_loads(self, capsys, trained, tmp_path):
        model = tmp_path / "model"
        shutil.copytree(trained / "model", model)
        header = json.loads((model / "config.json").read_text())
        del header["sha256"]
        (model / "config.json").write_text(json.dumps(header))
        assert main(["info", str(model), "--verify"]) == 0
        assert "denoiser: loads" in capsys.readouterr().out


class TestTrainAndGenerate:
    """From cells to a model to cells."""

    def test_a_dry_run_prints_the_configuration_and_writes_nothing(self, capsys, nets, tmp_path):
        assert main([*train_command(nets, tmp_path / "run"), "--dry-run"]) == 0
        config = json.loads(capsys.readouterr().out)["config"]
        assert config["autoencoder_training"]["cells"] == 320
        assert config["sampling"]["steps"] == 3
        assert listing(tmp_path) == []

    def test_a_training_leaves_model_log_and_what_was_asked(self, trained, nets):
        assert {"model", "run", "train.json"} <= set(listing(trained))
        asked = json.loads((trained / "train.json").read_text())
        assert asked["recipe"] == "voxplore-published-nets-tiny"
        assert asked["data"]["n"] == 46
        assert asked["data"]["sha256"] == load_cells(nets, "train").sha256()
        log = [json.loads(line) for line in (trained / "run" / "log.jsonl").read_text().splitlines()]
        assert {line["stage"] for line in log} == {"autoencoder", "denoiser"}

    def test_the_same_command_again_has_nothing_left_to_do(self, capsys, trained, nets):
        before = (trained / "model" / "denoiser.safetensors").stat().st_mtime_ns
        assert main(train_command(nets, trained)) == 0
        assert (trained / "model" / "denoiser.safetensors").stat().st_mtime_ns == before
        assert capsys.readouterr().out == f"model in {trained / 'model'}\n"

    def test_another_command_does_not_go_on_with_it(self, capsys, trained, nets):
        told = refused(capsys, *train_command(nets, trained), "seed=1")
        assert "train.json: expected the run's own config, got another" in told

    def test_the_same_seed_gives_the_same_cells(self, capsys, trained, tmp_path):
        command = ["generate", str(trained / "model"), "--n", "3", "--seed", "5", "--device", "cpu"]
        assert main([*command, "--out", str(tmp_path / "a")]) == 0
        assert "3 cells in" in capsys.readouterr().out
        assert main([*command, "--out", str(tmp_path / "b")]) == 0
        assert main([*command, "--out", str(tmp_path / "c"), "--no-srr", "--steps", "2"]) == 0
        first, second, third = (load_cells(tmp_path / name) for name in "abc")
        assert np.array_equal(first.packed, second.packed)
        assert not np.array_equal(first.packed, third.packed)
        assert first.index["seed"].tolist() == [5, 5, 5]

    def test_sampling_is_changed_by_field_and_told(self, capsys, trained, tmp_path):
        command = ["generate", str(trained / "model"), "--n", "3", "--device", "cpu", "--out", str(tmp_path / "a")]
        assert main([*command, "--set", "srr.strength=2.5", "steps=2"]) == 0
        told = load_cells(tmp_path / "a").about["made"]["config"]["sampling"]
        assert (told["srr"]["strength"], told["steps"], told["srr"]["every"]) == (2.5, 2, 5)
        wrong = refused(capsys, *command[:-1], tmp_path / "b", "--set", "srr.tau=1")
        assert f"sampling of {trained / 'model'}: expected a field (strength, radius, " in wrong

    def test_no_cells_are_not_drawn(self, capsys, trained, tmp_path):
        told = refused(capsys, "generate", trained / "model", "--n", "0", "--out", tmp_path / "out")
        assert "--n: expected a number from 1 to 1e+09, got 0" in told


class TestEvaluateAndCompare:
    """From cells to scores to a table."""

    @pytest.fixture(scope="class")
    def scored(self, nets, tmp_path_factory) -> Path:
        out = tmp_path_factory.mktemp("scores") / "test"
        samples = out.parent / "samples"
        load_cells(nets, "test").save(samples)
        command = ["evaluate", str(samples), "--reference", str(nets), "--out", str(out), "--name", "mine"]
        assert main([*command, "--rows", "--row-size", "12"]) == 0
        return out

    def test_the_reference_is_the_training_split_in_six_orientations(self, scored, nets):
        scores = Scores.load(scored)
        assert scores.about["reference"]["n"] == 6 * 46
        assert scores.about["held_out"]["n"] == 12
        assert scores.about["periodicity_floor"] == load_cells(nets).about["periodicity_floor"]
        assert scores.n == 12
        assert scores.density_distance == 0

    def test_reference_rows_stand_beside(self, scored):
        rows = {name: Scores.load(scored / "rows" / name) for name in ("held-out", "training", "noise")}
        assert rows["training"].novelty == 0
        assert rows["noise"].vun == 0
        assert rows["held-out"].novelty == pytest.approx(Scores.load(scored).novelty)

    def test_vun_can_be_left_out(self, capsys, nets, tmp_path):
        command = ["evaluate", str(nets), "--reference", str(nets), "--out", str(tmp_path / "out"), "--no-vun"]
        assert main(command) == 0
        assert "vun" not in capsys.readouterr().out
        assert Scores.load(tmp_path / "out").vun is None

    def test_rows_need_held_out_cells(self, capsys, tmp_path, blobs):
        np.save(tmp_path / "x.npy", blobs)
        told = refused(
            capsys, "evaluate", tmp_path / "x.npy", "--reference", tmp_path / "x.npy", "--out", tmp_path / "o", "--rows"
        )
        assert "reference rows: expected a reference with a test split, or held-out cells, got none" in told

    def test_scores_become_one_table_in_four_formats(self, capsys, scored, tmp_path):
        command = ["compare", str(scored), str(scored / "scores.json"), "--out", str(tmp_path / "t")]
        assert main([*command, "--printed", "metatruss"]) == 0
        told = capsys.readouterr().out
        for row in ("held-out", "training", "noise", "mine", "3D-CDM"):
            assert f"\n{row} " in told
        assert listing(tmp_path / "t") == ["table.csv", "table.md", "table.tex", "table.txt"]

    def test_what_is_no_score_is_named(self, capsys, nets, tmp_path):
        told = refused(capsys, "compare", nets, "--out", tmp_path / "t")
        assert f"{nets / 'scores.json'}: expected a readable text file" in told


class TestRefine:
    """Repair, never silently."""

    def test_cells_are_repaired_and_scored_before_and_after(self, capsys, nets, tmp_path):
        voxels = load_cells(nets, "test").voxels()
        voxels[:, 3, 5, 7] ^= True
        np.save(tmp_path / "x.npy", voxels)
        command = ["refine", str(tmp_path / "x.npy"), "--out", str(tmp_path / "r"), "--reference", str(nets)]
        assert main([*command, "--workers", "1"]) == 0
        told = capsys.readouterr().out
        assert re.search(r"\n  S_con  +[0-9.]+ +1\.000\n", told)
        assert all(label in told for label in ("before    after", "vun", "newly pass the gate"))
        cells = load_cells(tmp_path / "r")
        assert len(cells) == 12
        assert "dropped" in " ".join(cells.index["refined"])
        facts = json.loads((tmp_path / "r" / "refinement.json").read_text())
        assert facts["method"] == "geometric"
        assert facts["scores"]["S_con"]["after"] == 1
        assert cells.about["refinement"]["cells_sha256"] == facts["cells_sha256"]

    def test_a_refiner_is_trained_and_used(self, capsys, monkeypatch, nets, tmp_path):
        from voxplore.refine import learned

        tiny = learned.RefinerConfig(width=16, cells=16)
        monkeypatch.setattr(learned, "RefinerConfig", lambda: tiny)
        assert main(["refine", str(nets), "--train", "--out", str(tmp_path / "refiner")]) == 0
        assert "refiner in" in capsys.readouterr().out
        monkeypatch.undo()
        command = ["refine", str(nets), "--refiner", str(tmp_path / "refiner"), "--out", str(tmp_path / "r")]
        assert main([*command, "--method", "both", "--workers", "1"]) == 0
        about = load_cells(tmp_path / "r").about["refinement"]
        assert about["method"] == "both"
        assert about["refiner"]["trained"]["data_cells"] == 46
        assert "config.json" in refused(
            capsys, "refine", nets, "--method", "learned", "--refiner", nets, "--out", tmp_path / "x"
        )


def test_cells_are_exported_and_measured(capsys, nets, tmp_path):
    command = ["export", str(nets), "--format", "vti", "--size", "5", "--n", "2", "--workers", "1"]
    assert main([*command, "--out", str(tmp_path / "files")]) == 0
    assert len(listing(tmp_path / "files")) == 2
    command = ["export", str(nets), "--format", "vti", "--size", "5", "6", "7", "--n", "1", "--workers", "1"]
    assert main([*command, "--out", str(tmp_path / "uneven")]) == 0
    assert b'Spacing="0.3125 0.375 0.4375"' in next((tmp_path / "uneven").glob("*.vti")).read_bytes()
    told = refused(capsys, "export", nets, "--size", 5, 6, "--out", tmp_path / "x")
    assert "size: expected one or three positive lengths in millimetres, got (5.0, 6.0)" in told
    told = refused(capsys, "export", nets, "--format", "obj3", "--size", 5, "--out", tmp_path / "x")
    assert "export format: expected one of stl," in told
    command = ["properties", str(nets), "--n", "2", "--workers", "1", "--no-cache", "--checks", "--pictures"]
    assert main([*command, "--out", str(tmp_path / "p")]) == 0
    table = (tmp_path / "p" / "properties.csv").read_text().splitlines()
    assert table[0].startswith("id,cell_sha256,relative_density,C11")
    assert "printable" in table[0]
    assert len(listing(tmp_path / "p" / "young")) == 2
    assert len(table) == 3


def test_cells_are_shown_as_picture_lattice_and_page(nets, tmp_path):
    common = ["render", str(nets), "--n", "2", "--size", "32", "--split", "test"]
    assert main([*common, "--captions", "--out", str(tmp_path / "a.png")]) == 0
    assert main([*common, "--lattice", "--out", str(tmp_path / "b.png")]) == 0
    assert main([*common, "--out", str(tmp_path / "c.html")]) == 0
    assert (tmp_path / "a.png").read_bytes()[:4] == b"\x89PNG"
    assert (tmp_path / "b.png").read_bytes()[:4] == b"\x89PNG"
    assert "<canvas" in (tmp_path / "c.html").read_text() or "<html" in (tmp_path / "c.html").read_text()
