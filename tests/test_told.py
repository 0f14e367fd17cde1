"""What is told while work goes on and after it: a line a stage where no terminal is, --quiet, --json; the cache."""

import json
import os
import subprocess
import sys
import time

import numpy as np
import pytest

from voxplore import storage
from voxplore.cli import VERBS, main
from voxplore.cli.common import plain
from voxplore.data.published.sources import SOURCES
from voxplore.storage import cache, telling
from voxplore.unitcells import UnitCells


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A working folder with six cells, and a cache of its own; stages are told at once."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VOXPLORE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(telling, "DELAY", 0.0)
    monkeypatch.delenv("VOXPLORE_QUIET")
    solid = np.zeros((6, 8, 8, 8), bool)
    for i in range(6):
        solid[i, :, 2 : 5 + i % 3, 1 : 4 + i // 3] = solid[i, 2 : 5 + i % 3, :, 1 : 4 + i // 3] = True
    UnitCells.from_voxels(solid, name="mine").save("mine")
    return tmp_path


#: Verb -> a command of seconds; train, generate, discover and push have tests of their own.
COMMANDS = {
    "build": "build own --source mine --out own",
    "degrade": "degrade mine --out worse",
    "evaluate": "evaluate mine --reference mine --out scores --no-vun",
    "export": "export mine --size 5 --n 1 --workers 1 --out parts",
    "info": "info mine",
    "properties": "properties mine --n 2 --workers 1 --out solved",
    "recipes": "recipes graph",
    "refine": "refine mine --workers 1 --out better",
    "render": "render mine --n 1 --size 40 --out mine.png",
    "report": "report figure4 --out figure4",
}


@pytest.mark.parametrize("verb", COMMANDS)
def test_the_result_as_json_holds_what_the_text_says(here, capsys, verb):
    assert main([*COMMANDS[verb].split(), "--json", "--quiet"]) == 0
    told = capsys.readouterr()
    facts = json.loads(told.out)
    assert facts["verb"] == verb
    assert len(facts) > 1
    assert told.err == ""


def test_compare_and_info_tell_scores_as_json(here, capsys):
    assert main(COMMANDS["evaluate"].split()) == 0
    capsys.readouterr()
    for command in (["compare", "scores", "--out", "table", "--json"], ["info", "scores", "--json"]):
        assert main(command) == 0
        found = capsys.readouterr().out
        assert json.loads(found)
        assert "symmetry" in found


def test_numbers_that_json_has_no_word_for_are_null():
    facts = {"a": float("nan"), "b": np.float64("inf"), "c": np.arange(3), "d": (1, True, None), "e": os.sep}
    expected = {"a": None, "b": None, "c": [0, 1, 2], "d": [1, True, None], "e": os.sep}
    assert json.loads(json.dumps(plain(facts), allow_nan=False)) == expected


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_both_options(verb, capsys):
    arguments = [verb, "nets"] if verb == "build" else [verb]
    with pytest.raises(SystemExit):
        main([*arguments, "--help"])
    told = capsys.readouterr().out
    assert "--quiet" in told
    assert "--json" in told


def test_a_stage_is_told_where_no_terminal_is_and_not_where_it_is_to_be_quiet(here, capsys):
    assert main(COMMANDS["refine"].split()) == 0
    told = capsys.readouterr()
    assert "voxplore: repairing 6 cells\n" in told.err
    assert "voxplore:" not in told.out
    assert main([*COMMANDS["refine"].split(), "--quiet", "--overwrite"]) == 0
    assert capsys.readouterr().err == ""


def test_a_stage_of_a_moment_and_a_library_tell_nothing(capsys, monkeypatch):
    monkeypatch.setattr(telling, "DELAY", 0.2)
    with telling.telling():
        storage.stage("short")
        storage.stage("long")
        time.sleep(0.4)
        storage.stage("at the end")
    storage.stage("outside")
    time.sleep(0.4)
    assert capsys.readouterr().err == "voxplore: long\n"
    assert storage.no_bar() is None
    with telling.telling(quiet=True):
        assert storage.no_bar() is True


@pytest.mark.slow
def test_discover_says_what_it_is_at(tmp_path):
    command = [sys.executable, "-m", "voxplore", "discover", "--n", "4", "--workers", "1", "--out", "found"]
    loud = {name: value for name, value in os.environ.items() if name != "VOXPLORE_QUIET"}
    done = subprocess.run(command, cwd=tmp_path, env=loud, capture_output=True, text=True, timeout=600, check=True)
    assert done.stderr.count("\n") >= 3
    assert "voxplore: drawing 4 cells" in done.stderr


def test_the_cache_is_shown_and_cleared_and_nothing_else_in_its_folder(here, capsys):
    assert main(COMMANDS["properties"].split()) == 0
    (here / "cache" / "mine.txt").write_text("mine")
    (here / "cache" / "own").mkdir()
    capsys.readouterr()
    assert main(["info", "--cache", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    files = [path for path in (here / "cache" / "properties").rglob("*") if path.is_file()]
    assert facts["bytes"] == {"properties": sum(path.stat().st_size for path in files)}
    assert facts["bytes"]["properties"] > 0
    assert main(["info", "--cache"]) == 0
    told = capsys.readouterr().out
    assert str(here / "cache") in told
    assert "VOXPLORE_CACHE" in told
    assert main(["info", "--cache", "--clear"]) == 0
    assert "cleared" in capsys.readouterr().out
    assert sorted(path.name for path in (here / "cache").iterdir()) == ["mine.txt", "own"]
    assert main(["info", "--cache"]) == 0
    assert ": 0.0 MB kept" in capsys.readouterr().out


def test_a_linked_part_of_the_cache_is_not_emptied(here, capsys):
    (here / "cache").mkdir()
    (here / "precious").mkdir()
    (here / "precious" / "a").write_text("a")
    (here / "cache" / "properties").symlink_to(here / "precious")
    assert main(["info", "--cache", "--clear"]) == 2
    assert "got a link" in capsys.readouterr().err
    assert (here / "precious" / "a").exists()


@pytest.mark.parametrize("arguments", [["info"], ["info", "mine", "--cache"], ["info", "mine", "--clear"]])
def test_info_wants_a_path_or_the_cache(here, arguments, capsys):
    assert main(arguments) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_every_download_has_its_part_of_the_cache():
    assert set(SOURCES) < set(cache.PARTS)
