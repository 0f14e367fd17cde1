"""kill -9 at any moment leaves the old artefact or the new one; the same command again ends in the same bytes.

Each trial kills a verb at a random file event or at a random moment, up to three times in a row, looks at what stands
at --out each time, and then lets the same command end. Timings in JSON are not compared; everything else is, to the
last byte.
"""

import json
import os
import platform
import random
import time
from pathlib import Path

import pytest
from fault_trials import Trials
from fault_verbs import Verb, verbs

from voxplore import __version__, storage

#: Kills of the slow test; VOXPLORE_KILLS sets another number. VOXPLORE_RECORD: where to write what was found, as JSON.
KILLS = int(os.environ.get("VOXPLORE_KILLS", "208"))
RECORD = os.environ.get("VOXPLORE_RECORD")


@pytest.fixture(scope="module")
def small(server):
    """What the fast test needs: a set and its scores."""
    w = server.work
    if not (w / "few").exists():
        server.done("build", "spinodoid", "--n", 6, "--resolution", 16, "--workers", 1, "--out", w / "few")
        server.done("evaluate", w / "cells.npy", "--reference", w / "few", "--no-vun", "--out", w / "few-scores")
    return server


def killed(server, chosen: list[Verb], kills: int, seed: int) -> str:
    """Kill the verbs in turn until there were so many kills; returns the table of what was found."""
    rng = random.Random(seed)
    for verb in chosen:
        started, trials = time.monotonic(), Trials(server, verb)
        while verb.kills < kills / len(chosen):
            trials.once(rng)
        verb.seconds = time.monotonic() - started
    lines = [f"{'verb':<12}{'kills':>6}{'lost':>6}{'differing':>11}{'seconds':>9}"]
    lines += [f"{v.name:<12}{v.kills:>6}{len(v.lost):>6}{len(v.differing):>11}{v.seconds:>9.0f}" for v in chosen]
    total = sum(verb.kills for verb in chosen)
    return "\n".join([*lines, f"{'all':<12}{total:>6}"])


def record(path: Path, chosen: list[Verb], seed: int) -> None:
    """What was found, a verb each: kills, what was lost, what ended in other bytes, and the seconds of all its runs."""
    found = {
        verb.name: {"kills": verb.kills, "lost": verb.lost, "differing": verb.differing, "seconds": round(verb.seconds)}
        for verb in chosen
    }
    total = {key: sum(len(each[key]) for each in found.values()) for key in ("lost", "differing")}
    total = {"kills": sum(verb.kills for verb in chosen), **total}
    hardware = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    about = {"seed": seed, "voxplore_version": __version__, "hardware": hardware}
    storage.write_json(path, {"verbs": found, **total, **about})


def check(chosen: list[Verb]) -> None:
    assert not [text for verb in chosen for text in verb.lost]
    assert not [text for verb in chosen for text in verb.differing]


def test_a_killed_build_or_compare_leaves_the_old_or_the_new(small, tmp_path):
    chosen = [verb for verb in verbs("few-scores") if verb.name in ("build", "compare")]
    killed(small, chosen, 12, seed=1)
    record(tmp_path / "kills.json", chosen, seed=1)
    found = json.loads((tmp_path / "kills.json").read_text())
    assert found["kills"] == sum(each["kills"] for each in found["verbs"].values()) >= 12
    check(chosen)


@pytest.mark.slow
def test_every_verb_survives_kills_at_random_moments(prepared_verbs, capsys):
    server, chosen = prepared_verbs
    table = killed(server, chosen, KILLS, seed=0)
    with capsys.disabled():
        print("\n" + table)
    if RECORD:
        record(Path(RECORD), chosen, seed=0)
    assert sum(verb.kills for verb in chosen) >= KILLS
    check(chosen)
