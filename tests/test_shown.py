"""What a set of cells is when it is printed or shown in a notebook; what "default" stands for."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

import voxplore as vp
from voxplore.cli import main
from voxplore.data.prepare.splits import with_split
from voxplore.data.record import shipped


def cells(n: int = 20, **about: str) -> vp.UnitCells:
    return vp.UnitCells.from_voxels(np.random.default_rng(0).random((n, 8, 8, 8)) > 0.5, **about)


def test_a_printed_set_is_one_line():
    assert str(cells(name="mine")) == "mine: 20 unit cells at 8^3"
    assert repr(with_split(cells(), 0)) == "cells: 20 unit cells at 8^3 (15 train, 4 test, 1 valid)"
    assert "\n" not in repr(cells(name="a\nb\x1b[1m"))
    assert "\x1b" not in repr(cells(name="a\nb\x1b[1m"))
    assert repr(cells(0)) == "cells: 0 unit cells at 8^3"


def test_a_notebook_shows_the_first_cells_as_a_picture():
    page = cells(name="<b>&")._repr_html_()
    assert "&lt;b&gt;&amp;: 20 unit cells" in page
    data = re.search(r"data:image/png;base64,([A-Za-z0-9+/=]+)", page)
    assert data is not None
    picture = Image.open(io.BytesIO(base64.b64decode(data[1])))
    assert picture.size == (8 * 96, 96)
    assert np.asarray(picture).std() > 10
    assert "<img" not in cells(0)._repr_html_()


@pytest.fixture
def few_known(monkeypatch):
    """The known cells of the shipped model, few and small."""
    known = with_split(cells(30, name="known"), 0).split("train")
    monkeypatch.setattr(shipped, "reference_cells", lambda: known)
    return known


def test_default_is_a_set_wherever_a_set_is_taken(few_known, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert vp.load_cells("default").sha256() == few_known.sha256()
    np.save("mine.npy", cells(3).voxels())
    for command in (
        ["evaluate", "mine.npy", "--reference", "default", "--out", "a", "--no-vun"],
        ["evaluate", "default", "--reference", "mine.npy", "--out", "b", "--no-vun"],
        ["refine", "mine.npy", "--reference", "default", "--out", "c", "--workers", "1"],
        ["render", "default", "--n", "2", "--size", "40", "--out", "d.png"],
        ["properties", "default", "--n", "1", "--workers", "1", "--no-cache", "--out", "e"],
        ["build", "joined", "--sets", "default", "mine.npy", "--out", "f"],
        ["degrade", "default", "--n", "2", "--out", "g"],
    ):
        assert main(command) == 0, (command, capsys.readouterr().err)


def test_info_tells_of_the_shipped_model_and_its_known_cells(few_known, capsys):
    assert main(["info", "default"]) == 0
    told = capsys.readouterr().out
    assert re.search(r"^model +voxplore-families$", told, re.M)
    assert f"{len(few_known)} at 8^3" in told
    assert main(["info", "default", "--verify"]) == 0
    assert "sha256 as recorded" in capsys.readouterr().out


def test_a_folder_that_is_called_default_comes_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cells(2).save("default")
    assert len(vp.load_cells("default")) == 2
