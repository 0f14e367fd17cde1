"""Values that an option excludes: one sentence and status 2 at once, for every option of every verb.

Most are compared with the ranges in this process, as the command line does once its words are parsed; one or two of
each option go through the whole command line, in one process of their own; and twenty are processes started as a person
does, with limits of time and memory. All go through the whole command line behind the marker `slow`.
"""

import dataclasses
import itertools
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from option_values import Option, commands, least, numbers, options, texts

from voxplore.cli import VERBS
from voxplore.cli.parsing import parsed
from voxplore.errors import VoxploreError
from voxplore.ranges import check_options

NUMBERS = list(numbers())
TEXTS = list(texts())


def test_the_tables_cover_every_verb_that_has_options():
    assert len(NUMBERS) >= 500
    assert {option.words[0] for option in options()} >= set(VERBS) - {"info", "recipes"}
    assert {words[0] for words, _ in commands()} == set(VERBS)


def test_every_number_outside_of_its_range_is_refused():
    """In this process, in the place that the command line checks them: `check_options` of the parsed command."""
    made = {words: parsed(command, words[0], least(words, "out")[len(words) :]) for words, command in commands()}
    for option, text in NUMBERS:
        hints = {
            field.name: getattr(made[option.words], field.name) for field in dataclasses.fields(made[option.words])
        }
        name = "continued" if option.name == "continue" else option.name
        number = float(text) if "float" in str(option.hint) else int(text)
        value = (number,) if isinstance(hints[name], tuple) else number
        with pytest.raises(VoxploreError, match=rf"^{option.flag}: expected a number .*, got ") as refused:
            check_options(dataclasses.replace(made[option.words], **{name: value}))
        assert "\n" not in str(refused.value)


#: Code of a process that tells its own largest memory in megabytes; `ru_maxrss` would be that of the process that
#: started it, where that is larger.
PEAK = """
from pathlib import Path
def peak():
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) // 1024
"""
RUNNER = (
    PEAK
    + """
import contextlib, io, json, sys, time
from voxplore.cli import main
results = []
for arguments in json.load(sys.stdin):
    told, said, started = io.StringIO(), io.StringIO(), time.process_time()
    with contextlib.redirect_stderr(told), contextlib.redirect_stdout(said):
        status = main(arguments)
    results.append([status, said.getvalue(), told.getvalue(), time.process_time() - started, peak()])
print(json.dumps(results))
"""
)


def run(runs: list[list[str]], out: Path) -> None:
    """All in one process, with files that do not exist: nothing is read before options are compared."""
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8"}
    asked = json.dumps(runs)
    command = [sys.executable, "-c", RUNNER]
    done = subprocess.run(command, input=asked, capture_output=True, text=True, env=environment, timeout=600)
    assert done.returncode == 0, done.stderr[-2000:]
    for arguments, (status, said, told, seconds, megabytes) in zip(runs, json.loads(done.stdout), strict=True):
        assert (status, said, told.count("\n")) == (2, "", 1), (arguments, told)
        assert told.startswith("voxplore: "), told
        assert len(told) < 1000, told
        assert "expected" in told, told
        assert seconds < 2, arguments
        assert megabytes < 300, arguments
    assert not out.exists()


def once(table: Sequence[tuple[Option, object]]) -> list[int]:
    """Rows of a table so that each kind of option of each verb comes once, another of its values each time."""
    groups: dict[tuple, list[int]] = {}
    for row, (option, _) in enumerate(table):
        groups.setdefault((option.words[0], option.name, str(option.hint)), []).append(row)
    return [rows[number % len(rows)] for number, rows in enumerate(groups.values())]


def all_runs(out: str) -> list[list[str]]:
    with_numbers = [[*least(option.words, out), *option.given(text)] for option, text in NUMBERS]
    return with_numbers + [[*least(option.words, out), *words] for option, words in TEXTS]


def test_one_value_of_every_option_through_the_whole_command_line(tmp_path):
    runs = all_runs(str(tmp_path / "out"))
    chosen = [*once(NUMBERS), *(len(NUMBERS) + row for row in once(TEXTS))]
    assert len(chosen) > 120
    run([runs[row] for row in chosen], tmp_path / "out")


@pytest.mark.slow
def test_all_values_of_every_option_through_the_whole_command_line(tmp_path):
    runs = all_runs(str(tmp_path / "out"))
    assert len(runs) >= 2000
    run(runs, tmp_path / "out")


#: A program that may take 2 s of a processor beyond what Python takes to start, and tells how large it became.
LIMITED = (
    PEAK
    + """
import os, resource, sys
resource.setrlimit(resource.RLIMIT_CPU, (int(sys.argv[2]), int(sys.argv[2])))
from voxplore.cli import main
status = main(sys.argv[3:])
Path(sys.argv[1]).write_text(str(peak()))
sys.exit(status)
"""
)


def test_twenty_as_processes_of_their_own_within_two_seconds_and_300_megabytes(tmp_path):
    """Beyond what the interpreter takes itself, measured here."""
    started = time.monotonic()
    bare = subprocess.run([sys.executable, "-c", PEAK + "print(peak())"], capture_output=True, text=True, check=True)
    start, size = time.monotonic() - started, int(bare.stdout)
    runs = all_runs(str(tmp_path / "out"))
    for arguments in itertools.islice(runs, 0, None, len(runs) // 20 + 1):
        peak = tmp_path / "peak"
        command = [sys.executable, "-c", LIMITED, str(peak), str(int(start) + 3), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), (arguments, done)
        assert int(peak.read_text()) - size < 300, arguments
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("render c", "render: expected --out PATH (`voxplore render --help` lists all), got c"),
        ("train", "train: expected CELLS, --recipe STR, --out PATH ("),
        ("render c --out x --siz 3", "render: expected options such as --size ("),
        ("render c d --out x", "render: expected options that it has ("),
        ("render c --out x --split foo", "--split: expected one of 'None', 'test', 'train', 'valid' ("),
        ("render c --out x --size", "--size: expected so many values after it: 1 ("),
        ("render c --out x --size abc", "--size: expected a whole number ("),
        ("discover --out x --minutes abc", "--minutes: expected a number ("),
        ("export c --out x --size 1 --tile 1 2", "--tile: expected so many values after it: 3 ("),
        ("build", "build: expected one of nets, shells, "),
        ("build nett --out x", "build: expected first a set, such as nets, "),
        ("build --out x", "build: expected first a set, such as nets, shells, "),
        (
            "build nets --out x --orientations 3",
            "--orientations: expected one of '1', '6' (`voxplore build nets --help`",
        ),
        ("push a", "push: expected --to hf://OWNER/NAME[@BRANCH] ("),
        ("compare --out x", "compare: expected one folder of scores or more, or --printed, got neither"),
        ("generate m --out x --overwrite yes", "generate: expected options that it has ("),
    ],
)
def test_words_that_do_not_parse_are_one_sentence(capsys, monkeypatch, tmp_path, arguments, sentence):
    from voxplore.cli import main

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    assert main(arguments.split()) == 2
    told = capsys.readouterr()
    assert (told.out, told.err.count("\n")) == ("", 1)
    assert told.err.startswith(f"voxplore: {sentence}")
    assert not list(tmp_path.iterdir())
