"""Numbers out of range: one sentence and status 2 at once, from the command line and from Python alike."""

import itertools
import json
import subprocess
import sys
import typing
from collections.abc import Iterator
from typing import Annotated, Any

import numpy as np
import pytest

from voxplore.cli import VERBS
from voxplore.errors import VoxploreError
from voxplore.ranges import Count, Range, Seed, Share, _ranges, check_options, within

#: What a person or a program may give for any number.
WILD = (-1, 0, 1, -7, 10**12, 2**31, 2**63, 2**64, -(2**63), 10**30, 10**100)
WILD_REALS = ("nan", "inf", "-inf", "1e300", "-1e300", "1e-300", "0", "-1", "1e18", "-0.0", "1e19", "-1e-9")


def commands() -> Iterator[tuple[list[str], type]]:
    """Every verb and every set of `build`, with the dataclass of its options."""
    import importlib

    for verb in VERBS:
        command = importlib.import_module(f"voxplore.cli.{verb}").Command
        for part in typing.get_args(command) if typing.get_origin(command) else [command]:
            found: Any = part
            name = []
            while typing.get_origin(found) is Annotated:
                name = [one.name for one in typing.get_args(found)[1:] if hasattr(one, "name")] or name
                found = typing.get_args(found)[0]
            yield [verb, *name], found


def numbers_of(options: type) -> Iterator[tuple[str, Any]]:
    for name, hint in typing.get_type_hints(options, include_extras=True).items():
        if any(kind in _kinds(hint) for kind in (int, float)):
            yield name, hint


def _kinds(hint: Any) -> set:
    parts = [part for part in typing.get_args(hint) if isinstance(part, type) or typing.get_args(part)]
    return {hint} if not parts else set().union(*map(_kinds, parts))


def outside() -> Iterator[tuple[list[str], str, str]]:
    """Every option of every verb with values that its range excludes."""
    for words, options in commands():
        for name, hint in numbers_of(options):
            if typing.get_origin(hint) is typing.ClassVar or "Literal" in str(hint):
                continue
            ranges = list(_ranges(hint))
            assert ranges, (words, name)
            values = WILD if int in _kinds(hint) else WILD_REALS
            for value in values:
                if not all(float(value) in one for one in ranges):
                    yield words, name, str(value)


CASES = list(outside())


def test_every_number_of_every_verb_has_a_range_in_its_type():
    assert len(CASES) >= 500
    assert {words[0] for words, *_ in CASES} >= {"build", "generate", "evaluate", "properties", "render", "export"}


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
    told, started = io.StringIO(), time.process_time()
    with contextlib.redirect_stderr(told), contextlib.redirect_stdout(told):
        try:
            status = main(arguments)
        except SystemExit as error:
            status = error.code
    grown = peak()
    results.append([status, told.getvalue(), time.process_time() - started, grown])
print(json.dumps(results))
"""
)


def test_values_out_of_range_end_with_one_sentence_at_once_in_little_memory(tmp_path):
    """All of them in one process, with positional arguments that do not exist: nothing is read before."""
    runs = []
    for words, name, value in CASES:
        needed = {"metashell": ["--folder", "f"], "meshes": ["--files", "f"], "graphs": ["--files", "f"]}
        needed |= {"own": ["--source", "f"], "joined": ["--sets", "f", "f"]}
        rest = {"build": needed.get(words[-1], []), "evaluate": ["c", "--reference", "r"], "discover": []}
        rest |= {"latents": ["m", "--cells", "c"], "export": ["c", "--size", "1"]}
        count = 3 if name == "tile" else 1
        option = [f"--{name.replace('_', '-')}", *[value] * count]
        runs.append([*words, *rest.get(words[0], ["c"]), "--out", str(tmp_path / "out"), *option])
    done = subprocess.run([sys.executable, "-c", RUNNER], input=json.dumps(runs), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    for arguments, (status, told, seconds, grown) in zip(runs, json.loads(done.stdout), strict=True):
        assert status == 2, (arguments, told)
        assert "Traceback" not in told
        assert seconds < 2, arguments
        assert grown < 300, arguments
    assert not list(tmp_path.iterdir())


def test_fields_of_recipes_out_of_range_are_refused_by_name():
    from voxplore.workflows.train import recipe_with

    name = "voxplore-principal-nets-small"
    for change in itertools.chain(
        (f"sampling.srr.every={value}" for value in (0, -1)),
        (f"sampling.points={value}" for value in (-1, 10**11)),
        (f"sampling.threshold={value}" for value in (-1, "1e300", "NaN", "Infinity")),
        (f"autoencoder.layers={value}" for value in (-1, 2**20)),
        (f"denoiser.time_width={value}" for value in (0, 10**12)),
    ):
        with pytest.raises(VoxploreError, match=r"recipe .*: expected a number"):
            recipe_with(name, [change])


def test_arguments_of_python_have_the_ranges_of_options():
    import voxplore as vp
    from voxplore.parallel import map_items
    from voxplore.workflows.evaluate import Options

    cells = vp.UnitCells.from_voxels(np.ones((1, 4, 4, 4), bool))
    refused = [
        lambda: map_items(abs, [1], workers=0),
        lambda: vp.mechanics.properties_of(cells, tolerance=float("inf")),
        lambda: vp.mechanics.properties_of(cells, young=float("nan")),
        lambda: vp.data.build_family("plates", 1, seed=-1),
        lambda: vp.data.build_family("plates", 1, resolution=0),
        lambda: Options(row_size=-1),
        lambda: vp.discover("/nowhere/at/all", n=0),
    ]
    for call in refused:
        with pytest.raises(VoxploreError, match="expected a number"):
            call()


def test_a_range_says_what_it_takes_and_takes_it():
    assert 0 in Range(0, 1)
    assert 0 not in Range(0, 1, above=True)
    assert float("nan") not in Range(0, 1)
    assert str(Range(0, 1, above=True)) == "above 0 and up to 1"

    @within
    def shares(n: Count, *, of: tuple[Share, ...] = (), seed: Seed = 0) -> int:
        return n

    assert shares(3, of=(0.5, 1)) == 3
    for call in (lambda: shares(0), lambda: shares(1, of=(0.5, 2)), lambda: shares(1, seed=10**5000)):
        with pytest.raises(VoxploreError, match="expected a number"):
            call()
    check_options(Range(0, 1))
