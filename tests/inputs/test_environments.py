"""Where and how commands are run: odd places for the result, odd inputs, homes and caches that are none."""

import contextlib
import os
import shutil
import signal
import stat
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from input_files import ONE, SOLID

import voxplore as vp
from voxplore import parallel
from voxplore.cli import main
from voxplore.errors import VoxploreError
from voxplore.mechanics import read_properties
from voxplore.metrics import Scores
from voxplore.storage import cache
from voxplore.workflows.targets import read_stiffness

#: A name that is not UTF-8.
ODD = os.fsdecode(b"m\xfcller")


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    """The working folder, with cells.npy in it."""
    monkeypatch.chdir(tmp_path)
    np.save("cells.npy", SOLID)
    return tmp_path


@contextlib.contextmanager
def ends_soon(seconds: int = 20) -> Iterator[None]:
    """Fail where the block does not end by itself."""

    def late(*_: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def empty_folder(name: str) -> str:
    os.mkdir(name)
    return name


def linked(name: str, to: str) -> str:
    Path(name).symlink_to(to)
    return name


#: How --out is given -> where the result must stand.
PLACES = {
    "a path with a space": (lambda: "my cells", "my cells"),
    "a path that is not UTF-8": (lambda: ODD, ODD),
    "folders that are not there": (lambda: "a/b/c", "a/b/c"),
    "a slash at its end": (lambda: "out/", "out"),
    "an empty folder": (lambda: empty_folder("out"), "out"),
    "a link to an empty folder": (lambda: linked("link", empty_folder("far")), "far"),
    "a link to nothing": (lambda: linked("link", "far"), "far"),
    "a way through another folder": (lambda: f"{empty_folder('b')}/../out", "out"),
    "a path from the root": (lambda: str(Path("out").absolute()), "out"),
    "letters of Greek": (lambda: "\N{GREEK SMALL LETTER ALPHA}", "\N{GREEK SMALL LETTER ALPHA}"),
    "a dash in front": (lambda: "./--out", "--out"),
    "a name of a format": (lambda: "cells.stl", "cells.stl"),
}


@pytest.mark.parametrize("how", PLACES)
def test_a_result_stands_where_it_was_asked_for_and_nothing_beside_it(here, capsys, how):
    given, place = PLACES[how][0](), PLACES[how][1]
    before = {path.name for path in here.iterdir()}
    assert main(["degrade", "cells.npy", "--out", given]) == 0
    assert capsys.readouterr().err == ""
    assert len(vp.load_cells(place)) == 2
    assert {path.name for path in here.iterdir()} == before | {Path(place).parts[0]}
    assert main(["degrade", "cells.npy", "--out", given]) == 2
    assert main(["degrade", "cells.npy", "--out", given, "--overwrite", "--seed", "1"]) == 0


def test_the_working_folder_takes_the_result_where_it_is_empty(here, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path / empty_folder("work"))
    assert main(["degrade", "../cells.npy", "--out", "."]) == 0
    assert sorted(os.listdir()) == [".voxplore", "cells.json", "index.csv", "voxels.npy"]


#: Where no result can be -> a text of the one sentence.
NO_PLACES = {
    "a file": (lambda: "cells.npy", "got an existing one"),
    "below a file": (lambda: "cells.npy/out", "expected to write it, got"),
    "a device": (lambda: "/dev/null", "got an existing one"),
    "where nobody writes": (lambda: "/proc/out", "expected to write it, got"),
    "a name of 300 letters": (lambda: "x" * 300, "file name too long"),
    "the working folder, not empty": (lambda: ".", "got an existing one"),
    "nothing": (lambda: "", "got an existing one"),
    "a folder above": (lambda: "..", "got an existing one"),
    "a link to itself": (lambda: linked("link", "link"), "expected"),
}


@pytest.mark.parametrize("how", NO_PLACES)
@pytest.mark.parametrize("more", [[], ["--overwrite"]], ids=["new", "overwrite"])
def test_where_no_result_can_be_is_one_sentence_and_nothing_changes(here, capsys, how, more):
    given, text = NO_PLACES[how][0](), NO_PLACES[how][1]
    before = {path.name: path.lstat().st_mtime_ns for path in here.iterdir()}
    assert main(["degrade", "cells.npy", "--out", given, *more]) == 2
    told = capsys.readouterr()
    assert (told.out, told.err.count("\n")) == ("", 1), told
    assert text in told.err or more
    assert {path.name: path.lstat().st_mtime_ns for path in here.iterdir()} == before


@pytest.mark.parametrize("name", ["my cells.npy", ODD + ".npy", "\N{GREEK SMALL LETTER ALPHA}.npy", "-.npy", "a.b.npy"])
def test_cells_are_read_from_a_file_of_any_name(here, capsys, name):
    shutil.move("cells.npy", name)
    assert main(["build", "own", "--source", name, "--out", "out"]) == 0
    assert (vp.load_cells("out").voxels() == SOLID).all()
    assert main(["info", name, "--quick", "--json"]) == 0
    assert "\udcfc" not in capsys.readouterr().out


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".vti", ".nrrd", ".tif"])
def test_a_pipe_for_a_file_of_voxels_is_refused_at_once(here, capsys, suffix):
    os.mkfifo(f"pipe{suffix}")
    with ends_soon():
        assert main(["build", "own", "--source", f"pipe{suffix}", "--out", "out"]) == 2
        assert main(["info", f"pipe{suffix}"]) == 2
    assert capsys.readouterr().err.count("expected a file, got a pipe or a device") == 2


@pytest.mark.parametrize(
    "command",
    [
        "build own --source folder --out out",
        "build meshes --files pipe.stl --out out",
        "build graphs --files pipe.json --out out",
        "build metatruss --catalogue pipe.txt --out out",
        "build metatruss --catalogue pipe.jsonl --out out",
        "discover --stiffness pipe.csv --out out",
        "generate pipe.d --out out",
        "compare pipe.d --out out",
    ],
)
def test_a_pipe_for_any_other_input_is_refused_at_once(here, capsys, command):
    for suffix in ("stl", "json", "txt", "jsonl", "csv"):
        os.mkfifo(f"pipe.{suffix}")
    os.mkdir("folder")
    os.mkfifo("folder/a.npy")
    os.mkdir("pipe.d")
    for name in ("config.json", "scores.json"):
        os.mkfifo(f"pipe.d/{name}")
    with ends_soon():
        assert main(command.split()) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "got a pipe or a device" in told


def test_a_file_that_may_not_be_read_is_one_sentence(here, capsys):
    os.chmod("cells.npy", 0)
    if os.access("cells.npy", os.R_OK):
        pytest.skip("this user may read everything")
    assert main(["info", "cells.npy"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.fixture
def no_home(monkeypatch):
    """No HOME, no cache, and a system that does not know the user."""

    def unknown() -> Path:
        raise RuntimeError("Could not determine home directory.")

    for name in ("HOME", "XDG_CACHE_HOME", "VOXPLORE_CACHE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", unknown)
    monkeypatch.setattr(cache, "_told", set())


def test_without_a_home_nothing_is_kept_and_the_work_is_done(here, no_home, capsys):
    for more in ([], ["--overwrite"]):
        assert main(["properties", "cells.npy", "--n", "1", "--workers", "1", "--out", "out", *more]) == 0
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "nothing is kept there" in told
    assert main(["info", "--cache"]) == 2
    assert "cache: expected a home folder, or VOXPLORE_CACHE, got neither" in capsys.readouterr().err


def test_a_home_that_cannot_be_written_is_told_of_once(here, monkeypatch, capsys):
    Path("home").write_text("")
    monkeypatch.delenv("VOXPLORE_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(here / "home"))
    monkeypatch.setattr(cache, "_told", set())
    assert main(["properties", "cells.npy", "--n", "1", "--workers", "1", "--out", "out"]) == 0
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert f"{here / 'home' / '.cache' / 'voxplore' / 'properties'}: nothing is kept there" in told


def test_a_damaged_cache_is_solved_anew(here, monkeypatch):
    monkeypatch.setenv("VOXPLORE_CACHE", str(here / "cache"))
    command = ["properties", "cells.npy", "--n", "1", "--workers", "1", "--out"]
    assert main([*command, "a"]) == 0
    kept = [path for path in (here / "cache").rglob("*") if path.is_file()]
    assert kept
    for path in kept:
        path.chmod(stat.S_IRUSR | stat.S_IWUSR)
        path.write_bytes(b"spoiled")
    assert main([*command, "b"]) == 0
    assert Path("b/properties.csv").read_bytes() == Path("a/properties.csv").read_bytes()


@pytest.mark.parametrize(
    ("given", "bound", "workers"), [("2", 5, 2), ("", 5, 5), ("9", 3, 3), ("0", 4, 4), ("x", 4, 4)]
)
def test_workers_are_as_many_as_slurm_and_the_system_allow(here, monkeypatch, given, bound, workers):
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", given)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(bound)))
    asked = []

    def one_by_one(function, items, workers):
        asked.append(workers)
        return map(function, items)

    monkeypatch.setattr(parallel, "_map_local", one_by_one)
    np.save("many.npy", np.ones((12, 4, 4, 4), bool))
    assert main(["export", "many.npy", "--size", "1", "--format", "vti", "--out", "out"]) == 0
    assert asked == [workers]


class TestTables:
    """Tables that went through a spreadsheet: a byte-order mark, other ends of lines."""

    @staticmethod
    def spoil(path: Path) -> None:
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))

    def test_properties_are_read(self, here):
        assert main(["build", "own", "--source", "cells.npy", "--out", "set"]) == 0
        assert main(["properties", "set", "--workers", "1", "--no-cache", "--out", "p"]) == 0
        self.spoil(here / "p" / "properties.csv")
        cells, columns = read_properties(here / "p", vp.load_cells("set"), ("relative_density",))
        assert np.allclose(columns["relative_density"], SOLID.mean((1, 2, 3)))
        assert len(cells) == 2

    def test_the_index_of_a_set_is_read(self, here):
        assert main(["build", "own", "--source", "cells.npy", "--out", "set"]) == 0
        before = vp.load_cells("set").index
        self.spoil(here / "set" / "index.csv")
        after = vp.load_cells("set").index
        assert {name: column.tolist() for name, column in after.items()} == {
            name: column.tolist() for name, column in before.items()
        }

    def test_scores_are_read(self, here):
        assert main(["evaluate", "cells.npy", "--reference", "cells.npy", "--five", "--out", "s"]) == 0
        before = Scores.load("s").columns
        self.spoil(here / "s" / "scores.csv")
        assert Scores.load("s").columns.keys() == before.keys()

    @pytest.mark.parametrize("between", [",", ";", " ", "\t", ", "])
    def test_a_stiffness_is_read(self, here, between):
        rows = np.eye(6)
        text = "# xx yy zz yz xz xy\n" + "\n".join(between.join(map(str, row)) for row in rows) + "\n\n"
        Path("c.csv").write_text(text)
        self.spoil(here / "c.csv")
        assert np.array_equal(np.reshape(read_stiffness("c.csv"), (6, 6)), rows)

    def test_a_field_without_end_is_one_sentence(self, here):
        Path("t.csv").write_text("id,young\na," + "1" * 200_000 + "\n")
        with pytest.raises(VoxploreError, match=r"t\.csv: expected a CSV table"):
            read_properties("t.csv", vp.UnitCells.from_voxels(ONE), ("young",))

    def test_a_table_without_an_id_is_one_sentence(self, here):
        Path("t.csv").write_text("name;young\na;1\n")
        with pytest.raises(VoxploreError, match=r"t\.csv: expected columns id, young"):
            read_properties("t.csv", vp.UnitCells.from_voxels(ONE), ("young",))


def test_the_table_of_places_is_large():
    assert len(PLACES) + 2 * len(NO_PLACES) >= 30
