"""Verbs that are killed before every single file event, and in the middle of writes: the old result or the new one.

Enumerated are `build`, `generate`, `evaluate`, `train`, `properties`, `discover`, `refine` and `export`: every opening,
renaming, linking, making, removing and flush of a file below the work folder, once to a new place and, where the verb
has --overwrite, once over an older result; and writes that are torn at a few sizes. The default run takes a few windows
of two verbs; all are behind the marker `slow`, where VOXPLORE_WINDOWS sets at most so many of each verb, spread evenly,
and VOXPLORE_RECORD the file that says what was found.
"""

import os
import platform
import time
from pathlib import Path

import pytest
from fault_trials import Trials
from fault_verbs import Verb, verbs

from voxplore import __version__, storage

ENUMERATED = ("build", "generate", "evaluate", "train", "properties", "discover", "refine", "export")
MOST = int(os.environ.get("VOXPLORE_WINDOWS", "100000"))
RECORD = os.environ.get("VOXPLORE_RECORD")
#: Sizes past which no file grows: within headers, tables and voxels of the inputs here.
TORN = (0, 1, 100, 700, 3000)


def every_window(trials: Trials, most: int) -> int:
    """Kill before each file event, at most so many of them, spread evenly; the number of windows."""
    chosen = spread_evenly(trials.events, most)
    for replacing in [False, True] if trials.old is not None else [False]:
        for at in chosen:
            command = trials.begin(replacing)
            trials.kill(command, kill_at=at)
            trials.end(command)
    return len(chosen)


def spread_evenly(events: int, most: int) -> list[int]:
    """Numbers of `most` of the events, the first and the last among them, or of all."""
    count = min(most, events)
    return [round(k * (events - 1) / max(count - 1, 1)) for k in range(count)]


def torn_writes(trials: Trials, sizes: tuple[int, ...] = TORN) -> None:
    for size in sizes:
        command = trials.begin(trials.old is not None)
        trials.kill(command, tear_at=size)
        trials.end(command)


def check(verb: Verb) -> None:
    assert not verb.lost
    assert not verb.differing


def test_windows_are_all_file_events_or_as_many_as_asked_for():
    assert spread_evenly(5, 100_000) == [0, 1, 2, 3, 4]
    assert spread_evenly(9, 3) == [0, 4, 8]
    assert spread_evenly(9, 1) == [0]


@pytest.mark.parametrize("name", ["build", "export"])
def test_a_verb_that_is_killed_in_some_windows_leaves_the_old_or_the_new(server, name):
    verb = next(verb for verb in verbs() if verb.name == name)
    trials = Trials(server, verb)
    windows = every_window(trials, 4)
    torn_writes(trials, TORN[2:3])
    assert verb.kills >= 2 * windows
    check(verb)


@pytest.mark.slow
def test_every_verb_survives_a_kill_in_every_window(prepared_verbs, capsys):
    server, all_verbs = prepared_verbs
    found = {}
    for verb in (verb for verb in all_verbs if verb.name in ENUMERATED):
        started, trials = time.monotonic(), Trials(server, verb)
        windows = every_window(trials, MOST)
        torn_writes(trials)
        seconds = round(time.monotonic() - started)
        found[verb.name] = {"events": trials.events, "windows": windows, "kills": verb.kills, "seconds": seconds}
        found[verb.name] |= {"lost": verb.lost, "differing": verb.differing}
        with capsys.disabled():
            print(f"{verb.name}: {found[verb.name]}", flush=True)
        if RECORD:
            hardware = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
            about = {"kills": sum(one["kills"] for one in found.values()), "voxplore_version": __version__}
            storage.write_json(Path(RECORD), {"verbs": found, **about, "hardware": hardware})
        check(verb)
    assert set(found) == set(ENUMERATED)
