"""Cells drawn in blocks: the bytes of one drawing, killed or not, on however many processes."""

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import voxplore as vp
from voxplore.cli import main
from voxplore.data.synthetic.nets import build_nets
from voxplore.recipes import RECIPES
from voxplore.storage import ResumableFolder
from voxplore.workflows import generate
from voxplore.workflows.generate import Drawing, Known, Wanted, draw_into
from voxplore.workflows.train import recipe_with

NAMES = ("voxels.npy", "index.csv")


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A model of Edits: it draws at once."""
    rng = np.random.default_rng(0)
    cells = vp.UnitCells.from_voxels(rng.random((6, 16, 16, 16)) < 0.3, name="specks")
    path = tmp_path_factory.mktemp("models") / "edits"
    vp.MODELS["edits"](RECIPES["edits-shells-tiny"], device="cpu").fit(cells).save(path)
    return path


@pytest.fixture
def small_blocks(monkeypatch) -> None:
    monkeypatch.setattr(generate, "_block_size", lambda together: 5)
    monkeypatch.setattr("voxplore.storage.resumable._FLUSH_SECONDS", 0.0)


def bytes_of(path: Path) -> list[bytes]:
    header = json.loads((path / "cells.json").read_text())
    header["made"].pop("seconds_per_1000")
    return [json.dumps(header).encode(), *((path / name).read_bytes() for name in NAMES)]


def test_blocks_have_the_bytes_of_one_drawing(folder, small_blocks, tmp_path):
    generate.draw(vp.load_model(folder, "cpu"), 13, seed=4).save(tmp_path / "one")
    summary = draw_into(tmp_path / "blocks", Drawing(folder, 13, 4, device="cpu"))
    assert bytes_of(tmp_path / "one") == bytes_of(tmp_path / "blocks")
    density = vp.load_cells(tmp_path / "one").relative_density()
    assert summary.relative_density == pytest.approx(density.mean(), abs=1e-12)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["blocks", "one"]


def test_more_processes_draw_the_same(folder, small_blocks, tmp_path):
    draw_into(tmp_path / "one", Drawing(folder, 13, 4, device="cpu"))
    draw_into(tmp_path / "two", Drawing(folder, 13, 4, device="cpu"), workers=2)
    assert bytes_of(tmp_path / "one") == bytes_of(tmp_path / "two")


@pytest.mark.parametrize("at", range(0, 40, 3))
def test_a_drawing_broken_off_anywhere_goes_on_and_ends_in_the_same_bytes(
    folder, small_blocks, tmp_path, monkeypatch, at
):
    """Broken off at the at-th flush to the disk, with half of a block appended."""
    wanted = Drawing(folder, 23, 1, device="cpu")
    draw_into(tmp_path / "whole", wanted)
    flush, count = os.fsync, [0]

    def breaks(descriptor: int) -> None:
        count[0] += 1
        if count[0] == at + 1:
            raise KeyboardInterrupt
        flush(descriptor)

    drawn: list[int] = []
    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", breaks)
        try:
            draw_into(tmp_path / "out", wanted)
        except KeyboardInterrupt:
            drawn = [note["n"] for note in begun(tmp_path / "out.unfinished")]
    seen: list[int] = []
    if not (tmp_path / "out").exists():
        draw_into(tmp_path / "out", wanted, progress=seen.append)
        assert seen[0] == sum(drawn)
        assert sum(seen) == 23
    assert bytes_of(tmp_path / "whole") == bytes_of(tmp_path / "out")
    assert not (tmp_path / "out.unfinished").exists()


def begun(folder: Path) -> list[dict]:
    log = folder / "blocks.jsonl"
    lines = log.read_bytes().split(b"\n")[:-1] if log.exists() else []
    return [json.loads(line)["note"] for line in lines]


def test_another_drawing_does_not_go_on_with_it(folder, small_blocks, tmp_path, monkeypatch):
    half = Drawing(folder, 13, 1, device="cpu")

    def stop(n: int) -> None:
        if n:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        draw_into(tmp_path / "out", half, progress=stop)
    assert (tmp_path / "out.unfinished").is_dir()
    other = Drawing(folder, 13, 2, device="cpu")
    draw_into(tmp_path / "out", other)
    draw_into(tmp_path / "fresh", other)
    assert bytes_of(tmp_path / "out") == bytes_of(tmp_path / "fresh")


def test_work_whose_files_are_shorter_than_its_log_says_is_begun_anew(tmp_path):
    resumable = ResumableFolder(tmp_path / "x.unfinished", {"a": 1}, ["data"])
    resumable.commit({"n": 1}, {"data": b"12345"})
    resumable.flush()
    assert ResumableFolder(tmp_path / "x.unfinished", {"a": 1}, ["data"]).notes == [{"n": 1}]
    os.truncate(tmp_path / "x.unfinished" / "data", 3)
    assert ResumableFolder(tmp_path / "x.unfinished", {"a": 1}, ["data"]).notes == []


def test_nothing_that_a_kill_left_half_written_comes_into_the_result(folder, small_blocks, tmp_path, monkeypatch):
    """A kill while the header is written leaves a temporary file beside the blocks."""

    def killed(stage: Path, *_: object) -> None:
        (stage / ".cells.abcdefgh.part.json").write_text("{")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(generate, "write_header", killed)
        with pytest.raises(KeyboardInterrupt):
            draw_into(tmp_path / "out", Drawing(folder, 7, 4, device="cpu"))
    draw_into(tmp_path / "out", Drawing(folder, 7, 4, device="cpu"))
    names = [".voxplore", "cells.json", "index.csv", "voxels.npy"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == names


def test_the_command_line_replaces_and_refuses(folder, small_blocks, tmp_path, capsys):
    command = ["generate", str(folder), "--n", "7", "--device", "cpu", "--out", str(tmp_path / "out")]
    assert main([*command, "--seed", "1"]) == 0
    before = bytes_of(tmp_path / "out")
    assert main([*command, "--seed", "2"]) == 2
    assert bytes_of(tmp_path / "out") == before
    assert main([*command, "--seed", "2", "--overwrite", "--workers", "2"]) == 0
    assert bytes_of(tmp_path / "out") != before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert main([*command, "--workers", "0", "--overwrite"]) == 2
    assert "--workers: expected a number from 1 to 1024, got 0" in capsys.readouterr().err


def test_wanted_properties_are_told_from_a_table_and_asked_for_block_by_block(tmp_path, monkeypatch):
    cells = build_nets(40, 0, resolution=16, radius=0.12, workers=1)
    young, train = cells.relative_density() ** 2, np.arange(40) % 4 > 0
    cells.index["split"] = np.where(train, "train", "test")
    cells.save(tmp_path / "cells")
    rows = [f"{name},{value!r}" for name, value in zip(cells.index["id"].tolist(), young.tolist(), strict=True)]
    (tmp_path / "properties.csv").write_text("\n".join(["id,young_hill", *rows, ""]))
    config = recipe_with("closed-form-nets-tiny", ["autoencoder_training.cells=640", "sampling.steps=8"])
    model = vp.VoxPlore(config, device="cpu").fit(cells)
    model.save(tmp_path / "model")
    monkeypatch.setattr("voxplore.models.voxplore.method._CHAINS", 8)
    monkeypatch.setattr(generate, "_BLOCK", 8)

    low, high = np.quantile(young[train], [0.2, 0.8]).tolist()
    wanted = (Wanted("young_hill", low, high),)
    asked = Drawing(tmp_path / "model", 13, 4, None, wanted, Known(tmp_path, tmp_path / "cells"), "cpu")
    draw_into(tmp_path / "blocks", asked)
    told = vp.load_model(tmp_path / "model", "cpu")
    told.know(cells[train], {"young_hill": young[train]})
    condition = {"young_hill": np.linspace(low, high, 13)}
    generate.draw(told, 13, seed=4, condition=condition).save(tmp_path / "one")
    assert bytes_of(tmp_path / "one") == bytes_of(tmp_path / "blocks")
    assert vp.load_cells(tmp_path / "blocks").index["wanted_young_hill"][12] == pytest.approx(high)
    vp.MODELS["edits"](RECIPES["edits-nets-tiny"], device="cpu").fit(cells).save(tmp_path / "plain")
    with pytest.raises(vp.VoxploreError, match="none for this model"):
        draw_into(tmp_path / "no", replace(asked, folder=tmp_path / "plain"))
