import builtins
import hashlib
import sys
import types

import pytest

from voxplore import storage
from voxplore.data.published import sources
from voxplore.errors import VoxploreError


@pytest.fixture
def without_packages(monkeypatch):
    plain = builtins.__import__

    def importer(name, *arguments, **options):
        if name.split(".")[0] in ("pooch", "huggingface_hub"):
            raise ImportError(name)
        return plain(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", importer)


def fake(monkeypatch, package, function):
    module = types.ModuleType(package)
    setattr(module, "retrieve" if package == "pooch" else "snapshot_download", function)
    monkeypatch.setitem(sys.modules, package, module)


def test_every_set_says_its_page_its_licence_and_whom_to_cite():
    for source in sources.SOURCES.values():
        assert source.page.startswith("https://")
        assert source.licence
        assert source.cite
        assert source.sha256 is None or len(source.sha256) == 64


def test_an_unknown_set_is_refused():
    with pytest.raises(VoxploreError, match="expected metatruss or catalogue or metashell, got 'nets'"):
        sources.fetch("nets")


def test_a_set_without_an_address_says_where_to_look():
    with pytest.raises(VoxploreError, match="get it by hand, see https://arxiv"):
        sources.fetch("metashell")


@pytest.mark.parametrize(("name", "package"), [("metatruss", "huggingface_hub"), ("catalogue", "pooch")])
def test_a_missing_package_is_named_with_its_extra(name, package, tmp_path, without_packages):
    with pytest.raises(VoxploreError, match=rf"expected the extra voxplore\[hub\], got no package {package}"):
        sources.fetch(name, tmp_path)


@pytest.mark.parametrize(("name", "package"), [("metatruss", "huggingface_hub"), ("catalogue", "pooch")])
def test_no_network_is_said_in_one_sentence(name, package, tmp_path, monkeypatch):
    def fail(*arguments, **options):
        raise ConnectionError("name resolution failed\nand a long story")

    fake(monkeypatch, package, fail)
    with pytest.raises(VoxploreError, match="expected a network that reaches it, got ConnectionError") as caught:
        sources.fetch(name, tmp_path)
    assert "\n" not in str(caught.value)


def test_a_download_with_another_checksum_is_refused_and_removed(tmp_path, monkeypatch):
    def retrieve(address, known_hash, fname, path):
        path.mkdir(exist_ok=True)
        (path / fname).write_text("not the catalogue")
        return str(path / fname)

    fake(monkeypatch, "pooch", retrieve)
    with pytest.raises(VoxploreError, match="expected sha256 d4e7a754"):
        sources.fetch("catalogue", tmp_path / "c")
    assert not list((tmp_path / "c").iterdir())


def test_a_file_put_there_by_hand_is_refused_but_kept(tmp_path):
    (tmp_path / "Unit_Cell_Catalog.txt").write_text("another edition")
    with pytest.raises(VoxploreError, match="expected sha256 d4e7a754"):
        sources.fetch("catalogue", tmp_path)
    assert (tmp_path / "Unit_Cell_Catalog.txt").exists()


def test_a_download_with_the_right_checksum_is_kept_and_not_fetched_again(tmp_path, monkeypatch):
    calls = []

    def retrieve(address, known_hash, fname, path):
        calls.append(address)
        path.mkdir(exist_ok=True)
        (path / fname).write_text("text")
        return str(path / fname)

    fake(monkeypatch, "pooch", retrieve)
    right = sources.SOURCES["catalogue"].__class__(
        **{**vars(sources.SOURCES["catalogue"]), "sha256": hashlib.sha256(b"text").hexdigest()}
    )
    monkeypatch.setitem(sources.SOURCES, "catalogue", right)
    first = sources.fetch("catalogue", tmp_path / "c")
    assert first.read_text() == "text"
    assert sources.fetch("catalogue", tmp_path / "c") == first
    assert len(calls) == 1


def test_the_hubs_one_archive_is_found(tmp_path, monkeypatch):
    def download(name, repo_type, allow_patterns, local_dir):
        assert (name, repo_type) == ("wzhan24/ReGDiff_MetaTruss_10k", "dataset")
        local_dir.mkdir(exist_ok=True)
        (local_dir / "cells.npz").write_bytes(b"x")

    fake(monkeypatch, "huggingface_hub", download)
    path = sources.fetch("metatruss", tmp_path / "m")
    assert path.name == "cells.npz"
    assert sources.fetch("metatruss", tmp_path / "m") == path


def test_a_hub_set_with_no_archive_is_refused(tmp_path, monkeypatch):
    fake(monkeypatch, "huggingface_hub", lambda *arguments, **options: None)
    with pytest.raises(VoxploreError, match=r"expected one file \*.npz, got none"):
        sources.fetch("metatruss", tmp_path)


def test_the_cache_can_be_moved(tmp_path, monkeypatch):
    monkeypatch.setenv("VOXPLORE_CACHE", str(tmp_path))
    assert storage.cache_folder() == tmp_path
    monkeypatch.delenv("VOXPLORE_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "x"))
    assert storage.cache_folder() == tmp_path / "x" / "voxplore"
