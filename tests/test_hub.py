"""To and from a hub: a stand-in that keeps what it is sent in folders, with the interface of huggingface_hub."""

import fnmatch
import json
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import voxplore as vp
from voxplore import hub
from voxplore.cli import main
from voxplore.errors import VoxploreError
from voxplore.unitcells import UnitCells


class StandIn:
    """Folders by kind, name and revision."""

    def __init__(self, root: Path):
        self.root = root
        self.asked: list[dict] = []

    def place(self, repo_id: str, repo_type: str, revision: str | None) -> Path:
        return self.root / repo_type / repo_id / (revision or "main")

    def create_repo(self, repo_id: str, repo_type: str, private: bool, exist_ok: bool) -> None:
        self.place(repo_id, repo_type, None).mkdir(parents=True, exist_ok=exist_ok)

    def create_branch(self, repo_id: str, repo_type: str, branch: str, exist_ok: bool) -> None:
        self.place(repo_id, repo_type, branch).mkdir(parents=True, exist_ok=exist_ok)

    def upload_folder(
        self, repo_id, repo_type, revision, folder_path, allow_patterns, ignore_patterns, commit_message
    ) -> None:
        copy_chosen(Path(folder_path), self.place(repo_id, repo_type, revision), allow_patterns, ignore_patterns)

    def upload_file(self, repo_id, repo_type, revision, path_or_fileobj: bytes, path_in_repo: str) -> None:
        (self.place(repo_id, repo_type, revision) / path_in_repo).write_bytes(path_or_fileobj)

    def snapshot_download(self, repo_id, repo_type, revision, allow_patterns, ignore_patterns, local_dir=None) -> str:
        self.asked.append({"patterns": allow_patterns})
        place = self.place(repo_id, repo_type, revision)
        if not place.is_dir():
            raise RuntimeError("404 Client Error: Repository Not Found")
        if local_dir is None:
            local_dir = self.root / "cache" / repo_id.replace("/", "--")
        Path(local_dir).mkdir(parents=True, exist_ok=True)
        copy_chosen(place, Path(local_dir), allow_patterns, ignore_patterns)
        return str(local_dir)


def copy_chosen(source: Path, target: Path, allowed: list[str], ignored: list[str]) -> None:
    """As the hub's client chooses: patterns match the whole path, and a star also matches what divides folders."""
    for path in source.rglob("*"):
        name = path.relative_to(source).as_posix()
        chosen = any(fnmatch.fnmatch(name, one) for one in allowed) and not any(
            fnmatch.fnmatch(name, one) for one in ignored
        )
        if path.is_file() and chosen:
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target / name)


@pytest.fixture
def standin(tmp_path, monkeypatch) -> StandIn:
    made = StandIn(tmp_path / "hub")
    package = SimpleNamespace(HfApi=lambda: made, snapshot_download=made.snapshot_download)
    monkeypatch.setitem(sys.modules, "huggingface_hub", package)
    return made


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    """An untrained model, which is a model too."""
    folder = tmp_path_factory.mktemp("models") / "vae"
    made = vp.MODELS["vae"](vp.RECIPES["vae-nets-tiny"], "cpu")
    made.trained = {"data": "nets", "data_cells": 3}
    made.save(folder)
    return folder


def test_a_model_goes_there_and_comes_back(standin, model, capsys):
    (model / "notes.pkl").write_bytes(b"not to be sent")
    (model / "sub").mkdir()
    (model / "sub" / "evil.safetensors").write_bytes(b"not to be sent")
    assert main(["push", str(model), "--to", "hf://me/vae@tried"]) == 0
    assert capsys.readouterr().out == f"{model} sent to me/vae\n"
    sent = standin.place("me/vae", "model", "tried")
    assert not (sent / "sub").exists()
    assert {path.suffix for path in sent.iterdir()} == {".safetensors", ".json", ".md"}
    card = (sent / "README.md").read_text()
    assert card.startswith('---\nlibrary_name: "voxplore"\n')
    assert "- data cells: 3" in card
    (sent / "evil.bin").write_bytes(b"")
    back = vp.load_model("hf://me/vae@tried", "cpu")
    assert (back.generate(2, seed=0).packed == vp.load_model(model, "cpu").generate(2, seed=0).packed).all()
    assert "evil.bin" not in {path.name for path in (standin.root / "cache" / "me--vae").iterdir()}
    assert all(not pattern.endswith((".bin", ".pt", ".pkl", ".py")) for pattern in standin.asked[0]["patterns"])


def test_verbs_that_take_a_model_take_one_on_a_hub(standin, model, tmp_path, blobs, monkeypatch):
    assert main(["push", str(model), "--to", "hf://me/vae"]) == 0
    asked: list[Path] = []
    monkeypatch.setattr("voxplore.models.load_model", lambda folder, device: asked.append(Path(folder)) or 1 / 0)
    vp.UnitCells.from_voxels(blobs).save(tmp_path / "cells")
    cells = str(tmp_path / "cells")
    asking = (
        ("generate", "hf://me/vae", "--n", "1"),
        ("discover", "--model", "hf://me/vae", "--reference", cells),
        ("export", cells, "--model", "hf://me/vae", "--grade", "x", "--tile", "3", "1", "1", "--size", "5"),
    )
    for words in asking:
        with pytest.raises(ZeroDivisionError):
            main([*words, "--out", str(tmp_path / "out")])
    assert [folder.parent.name for folder in asked] == ["cache"] * 3
    assert all((folder / "config.json").exists() for folder in asked)


def test_cells_go_there_and_come_back(standin, tmp_path, blobs):
    cells = UnitCells.from_voxels(blobs, name="blobs", licence="CC0")
    cells.save(tmp_path / "cells")
    assert hub.push(tmp_path / "cells", "hf://me/blobs") == "datasets/me/blobs"
    card = (standin.place("me/blobs", "dataset", None) / "README.md").read_text()
    assert "# blobs: unit cells of metamaterials" in card
    assert "- licence: CC0" in card
    back = vp.load_cells(hub.fetch("hf://me/blobs", "dataset", tmp_path / "back"))
    assert np.array_equal(back.packed, cells.packed)


def test_what_is_damaged_is_not_sent(standin, model, tmp_path):
    shutil.copytree(model, tmp_path / "model")
    part = next((tmp_path / "model").glob("*.safetensors"))
    part.write_bytes(part.read_bytes()[:-1] + b"x")
    with pytest.raises(VoxploreError, match="expected sha256"):
        hub.push(tmp_path / "model", "hf://me/vae")
    assert not standin.root.exists()


def test_weights_with_a_flipped_byte_are_not_loaded(model, tmp_path):
    """Nor is a model whose header leaves one of its parts out; `draw` would not notice either."""
    shutil.copytree(model, tmp_path / "model")
    part = next((tmp_path / "model").glob("*.safetensors"))
    data = bytearray(part.read_bytes())
    data[-5] ^= 1
    part.write_bytes(data)
    with pytest.raises(VoxploreError, match=f"{part.name}: expected sha256"):
        vp.load_model(tmp_path / "model", "cpu")
    shutil.copy(model / part.name, part)
    header = json.loads((tmp_path / "model" / "config.json").read_text())
    del header["sha256"][part.name]
    (tmp_path / "model" / "config.json").write_text(json.dumps(header))
    with pytest.raises(VoxploreError, match=f"{part.name}: expected its checksum in the header, got none"):
        vp.load_model(tmp_path / "model", "cpu")


@pytest.mark.parametrize(
    "address",
    [
        *("hf://", "hf://me", "hf://me/../x", "hf://me/a b", "https://me/x", "hf://a/b@", "hf://./x", "hf://me/.x"),
        *("hf://me/x@/etc/passwd", "hf://me/x@a//b", "hf://me/x@a/", "hf://me/x@.git/a", "hf://me/ü", "hf://me/x\n"),
    ],
)
def test_an_address_that_is_none_is_refused(standin, address):
    with pytest.raises(VoxploreError, match="hub: expected hf://owner/name"):
        hub.fetch(address)


def test_what_the_hub_says_is_one_sentence(standin):
    with pytest.raises(VoxploreError, match=r"hf://me/none: expected a hub .* \(404 Client Error"):
        vp.load_model("hf://me/none")


def test_a_folder_of_neither_is_refused(standin, tmp_path):
    with pytest.raises(VoxploreError, match="expected a saved model or a folder of cells, got neither"):
        hub.push(tmp_path, "hf://me/x")


def test_without_its_package_the_hub_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(VoxploreError, match=r"voxplore\[hub\]"):
        vp.load_model("hf://me/vae")
