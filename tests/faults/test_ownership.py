"""What `--overwrite` may replace: files that voxplore wrote, and no input; and where else a result is written."""

import contextlib
import os
from pathlib import Path

import numpy as np
import pytest

from voxplore import storage
from voxplore.cli import main
from voxplore.errors import VoxploreError
from voxplore.storage import ownership, placing
from voxplore.unitcells import UnitCells, load_cells


@pytest.fixture
def cells(tmp_path) -> Path:
    """Two cells at 8^3, in a folder of their own."""
    UnitCells.from_voxels(np.arange(1024).reshape(2, 8, 8, 8) % 3 == 0).save(tmp_path / "input" / "cells")
    return tmp_path / "input" / "cells"


def below(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def degrade(cells: object, out: object, *more: str) -> int:
    return main(["degrade", str(cells), "--out", str(out), *more])


def test_a_result_of_ours_is_replaced(cells, tmp_path):
    assert degrade(cells, tmp_path / "out") == 0
    before = below(tmp_path / "out")
    assert degrade(cells, tmp_path / "out", "--overwrite", "--seed", "1") == 0
    assert below(tmp_path / "out") != before


@pytest.mark.parametrize("where", ["notes.txt", "deep/er/notes.txt", ".hidden"])
def test_a_folder_with_a_foreign_file_is_not_replaced(cells, tmp_path, capsys, where):
    assert degrade(cells, tmp_path / "out") == 0
    (tmp_path / "out" / where).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / "out" / where).write_text("mine")
    before = below(tmp_path)
    assert degrade(cells, tmp_path / "out", "--overwrite", "--seed", "1") == 2
    assert f"one with {where} in it" in capsys.readouterr().err
    assert below(tmp_path) == before


def test_a_folder_that_holds_a_foreign_link_is_not_replaced(cells, tmp_path):
    assert degrade(cells, tmp_path / "out") == 0
    (tmp_path / "out" / "away").symlink_to(cells)
    assert degrade(cells, tmp_path / "out", "--overwrite") == 2
    assert (tmp_path / "out" / "away").is_symlink()


@pytest.mark.parametrize("command", ["degrade", "build", "properties", "export", "refine", "evaluate", "generate"])
def test_a_folder_that_voxplore_did_not_write_is_not_replaced_by_any_verb(cells, tmp_path, command):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "one.jpg").write_bytes(b"jpg")
    rest = {
        "build": ["own", "--source", str(cells)],
        "evaluate": [str(cells), "--reference", str(cells)],
        "export": [str(cells), "--size", "1"],
        "generate": ["default", "--n", "1"],
    }.get(command, [str(cells)])
    assert main([command, *rest, "--out", str(tmp_path / "photos"), "--overwrite"]) == 2
    assert below(tmp_path / "photos") == {"one.jpg": b"jpg"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["input", "photos"]


def test_a_foreign_picture_or_page_is_not_replaced_and_our_own_is(cells, tmp_path):
    for name in ("x.png", "x.html"):
        (tmp_path / name).write_bytes(b"mine")
        assert main(["render", str(cells), "--out", str(tmp_path / name), "--overwrite"]) == 2
        assert (tmp_path / name).read_bytes() == b"mine"
        (tmp_path / name).unlink()
        for more in ([], ["--overwrite"]):
            assert main(["render", str(cells), "--out", str(tmp_path / name), *more]) == 0


def test_a_file_is_not_replaced_by_a_folder(cells, tmp_path):
    (tmp_path / "x.html").write_text("voxplore")
    assert degrade(cells, tmp_path / "x.html", "--overwrite") == 2
    assert (tmp_path / "x.html").read_text() == "voxplore"


def test_an_input_or_a_folder_above_one_is_not_replaced(cells, tmp_path, capsys):
    """Also where voxplore wrote all that is there: a folder of cells inside another result."""
    with storage.staged_folder(tmp_path / "whole") as stage:
        load_cells(cells).save(stage / "cells")
    (tmp_path / "link").symlink_to(tmp_path / "whole")
    for source, out in (("whole/cells", "whole"), ("whole/cells", "whole/cells"), ("link/cells", "whole")):
        before = below(tmp_path)
        assert degrade(tmp_path / source, tmp_path / out, "--overwrite") == 2
        assert "expected an --out that holds no input of the command" in capsys.readouterr().err
        assert below(tmp_path) == before


def test_a_persons_own_folder_named_unfinished_is_kept(cells, tmp_path, capsys):
    own = tmp_path / "a.unfinished"
    own.mkdir()
    (own / "thesis.tex").write_text("mine")
    assert main(["evaluate", str(cells), "--reference", str(cells), "--out", str(tmp_path / "a")]) == 2
    assert "expected a folder of unfinished work, or none" in capsys.readouterr().err
    assert below(own) == {"thesis.tex": b"mine"}


def test_a_link_to_a_folder_is_written_through(cells, tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "disk")
    assert degrade(cells, tmp_path / "link") == 0
    assert (tmp_path / "link").is_symlink()
    assert len(load_cells(tmp_path / "disk")) == 2
    assert degrade(cells, tmp_path / "link", "--overwrite", "--seed", "1") == 0
    assert (tmp_path / "link").is_symlink()


def test_a_link_to_a_file_is_written_through(cells, tmp_path):
    (tmp_path / "link.png").symlink_to(tmp_path / "real.png")
    assert main(["render", str(cells), "--out", str(tmp_path / "link.png"), "--n", "1"]) == 0
    assert (tmp_path / "link.png").is_symlink()
    assert (tmp_path / "real.png").read_bytes().startswith(b"\x89PNG")


def test_the_working_folder_is_written_inside(cells, tmp_path, monkeypatch, capsys):
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    before = work.stat().st_ino
    assert degrade(cells, ".") == 0
    assert degrade(cells, ".") == 2
    old = below(work)
    assert degrade(cells, ".", "--overwrite", "--seed", "1") == 0
    assert below(work) != old
    assert sorted(below(work)) == [".voxplore", "cells.json", "index.csv", "voxels.npy"]
    assert work.stat().st_ino == before
    (work / "notes").write_text("mine")
    capsys.readouterr()
    assert degrade(cells, ".", "--overwrite") == 2
    assert "one with notes in it" in capsys.readouterr().err


def test_unfinished_work_for_the_working_folder_stands_inside_it(cells, tmp_path, monkeypatch):
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    assert main(["evaluate", str(cells), "--reference", str(cells), "--out", "."]) == 0
    assert sorted(os.listdir(".")) == [".voxplore", "scores.csv", "scores.json"]
    assert sorted(os.listdir("..")) == ["input", "work"]


def test_a_folder_above_the_working_folder_is_not_replaced(cells, tmp_path, monkeypatch):
    with storage.staged_folder(tmp_path / "out") as stage:
        load_cells(cells).save(stage / "cells")
    monkeypatch.chdir(tmp_path / "out" / "cells")
    assert degrade(cells, "..", "--overwrite") == 2
    assert Path("cells.json").exists()


def test_a_mount_point_is_written_inside(cells, tmp_path, monkeypatch):
    """As a container sees the folder that it is given: it cannot be renamed."""
    mount = tmp_path / "mount"
    mount.mkdir()
    monkeypatch.setattr(os.path, "ismount", lambda path: Path(path) == mount)
    before = mount.stat().st_ino
    for more in ([], ["--overwrite", "--seed", "1"]):
        assert degrade(cells, mount, *more) == 0
        assert len(load_cells(mount)) == 2
    assert mount.stat().st_ino == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["input", "mount"]


class Killed(BaseException):
    """Nothing after it runs, as after kill -9."""


@pytest.mark.parametrize("at", range(12))
def test_a_kill_while_files_are_moved_inside_leaves_the_old_or_ends_in_the_new(tmp_path, monkeypatch, at):
    """Killed before the at-th step of putting it in place; the next command with the same --out ends what was begun."""
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    with storage.staged_folder(".") as stage:
        (stage / "shared").write_text("old")
        (stage / "gone").write_text("old")
    new_stage = placing.new_stage(work)
    (new_stage / "shared").write_text("new")
    (new_stage / "more").mkdir()
    (new_stage / "more" / "x").write_text("new")
    ownership.mark(new_stage)
    count = [0]

    def step(function):
        def killed(*arguments, **named):
            count[0] += 1
            if count[0] > at:
                raise Killed
            return function(*arguments, **named)

        return killed

    with monkeypatch.context() as kill:
        for name in ("replace", "fsync"):
            kill.setattr(os, name, step(getattr(os, name)))
        kill.setattr(placing, "remove", step(placing.remove))
        with contextlib.suppress(Killed):
            placing.put_in_place(new_stage, work)
    with storage.lock("."):
        found = {name: text for name, text in below(work).items() if not name.startswith(".voxplore")}
    old, new = {"shared": b"old", "gone": b"old"}, {"shared": b"new", "more/x": b"new"}
    assert found in ((old, new) if at < 4 else (new,))
    assert sorted(path.name for path in work.iterdir()) == sorted(
        {".voxplore", *(name.split("/")[0] for name in found)}
    )
    storage.refuse_existing(Path("."), True)


def test_what_somebody_puts_there_meanwhile_is_not_replaced(tmp_path):
    with storage.staged_folder(tmp_path / "out") as stage:
        (stage / "a").write_text("old")

    def late() -> None:
        with storage.staged_folder(tmp_path / "out", overwrite=True) as stage:
            (stage / "a").write_text("new")
            (tmp_path / "out" / "theirs").write_text("x")

    with pytest.raises(VoxploreError, match="one with theirs in it"):
        late()
    assert (tmp_path / "out" / "theirs").read_text() == "x"
