"""A saved configuration of any model that asks for more than a machine has is refused, soon and in little memory."""

import copy
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from voxplore import config
from voxplore.errors import VoxploreError
from voxplore.models import MODELS, load_model
from voxplore.ranges import FIELDS, check_config
from voxplore.recipes import RECIPES

#: A recipe for each model.
TINY = {name: next(r for r in RECIPES if r.startswith(f"{name}-") and r.endswith("-tiny")) for name in MODELS}
#: Sizes that no machine has.
HUGE = (2**20, 10**12, -1)


def numbers(value: Any, kinds: tuple[type, ...] = (int,), path: tuple = ()) -> Iterator[tuple]:
    """Where in nested dicts and lists a whole number stands, or a number of one of these kinds."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in items:
        if type(part) in kinds:
            yield (*path, key)
        yield from numbers(part, kinds, (*path, key))


def changed(header: dict, path: tuple, value: Any) -> dict:
    other = copy.deepcopy(header)
    place = other["config"]
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return other


def field_of(path: tuple) -> str:
    return next(key for key in reversed(path) if isinstance(key, str))


@pytest.mark.parametrize("name", RECIPES)
def test_every_number_of_every_recipe_has_a_range_and_is_in_it(name):
    check_config(RECIPES[name], name)
    data = config.to_dict(RECIPES[name])
    assert {field_of(path) for path in numbers(data, (int, float))} <= set(FIELDS)


@pytest.mark.parametrize("name", MODELS)
def test_a_number_out_of_its_range_is_refused_by_name_in_python_too(name):
    settings = RECIPES[TINY[name]]
    data = config.to_dict(settings)
    for path in numbers(data):
        field = field_of(path)
        for value in (int(FIELDS[field].high) + 1, int(FIELDS[field].low) - 1):
            other = changed({"config": data}, path, value)["config"]
            with pytest.raises(VoxploreError, match=rf"{field}: expected a number"):
                check_config(config.from_dict(type(settings), other, "x"), "x")
    sampling = replace(settings.sampling, **{numbers_of(settings.sampling): -5})
    with pytest.raises(VoxploreError, match=r"config\.sampling\.\w+: expected a number from"):
        MODELS[name](replace(settings, sampling=sampling), "cpu")


def numbers_of(sampling: Any) -> str:
    """A field of a sampling that may not be negative."""
    names = ("redraws", "early", "edits", "spread", "steps", "coarse_steps", "batch")
    return next(name for name in names if hasattr(sampling, name))


#: Code of a process that tells its own largest memory in megabytes; `ru_maxrss` would be that of the process that
#: started it, where that is larger.
PEAK = """
from pathlib import Path
def peak():
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) // 1024
"""
LOADER = (
    PEAK
    + """
import json, sys, time
from voxplore.errors import VoxploreError
from voxplore.models import load_model
for name, changes in json.load(sys.stdin).items():
    folder = Path(sys.argv[1]) / name
    Path("/proc/self/clear_refs").write_text("5")  # the largest memory is that from now on
    before = peak()
    for text in changes:
        (folder / "config.json").write_text(text)
        started = time.monotonic()
        try:
            load_model(folder, "cpu")
            told = "taken"
        except VoxploreError as error:
            told = str(error)
        print(json.dumps([name, told, peak() - before, time.monotonic() - started]))
"""
)


def changes_of(header: dict) -> list[dict]:
    """Each whole number made huge, then as large as its range allows; at last all layers and widths at once."""
    found = list(numbers(header["config"]))
    assert found
    headers = [changed(header, path, value) for path in found for value in (*HUGE, int(FIELDS[field_of(path)].high))]
    whole = copy.deepcopy(header)
    for path in found:
        if any(word in field_of(path) for word in ("layers", "width", "blocks", "feed_forward")):
            whole = changed(whole, path, int(FIELDS[field_of(path)].high))
    return [*headers, whole]


@pytest.fixture(scope="module")
def loaded(tmp_path_factory) -> dict[str, list]:
    """What is told of each change of each model, megabytes grown so far, and seconds; in a process of their own."""
    folder = tmp_path_factory.mktemp("models")
    changes = {}
    for name in MODELS:
        MODELS[name](RECIPES[TINY[name]], "cpu").save(folder / name)
        header = json.loads((folder / name / "config.json").read_text())
        changes[name] = [json.dumps(one) for one in (header, *changes_of(header))]
    command = [sys.executable, "-c", LOADER, str(folder)]
    done = subprocess.run(command, input=json.dumps(changes), capture_output=True, text=True, check=True, timeout=900)
    results = [json.loads(line) for line in done.stdout.splitlines()]
    return {name: [rest for of, *rest in results if of == name] for name in MODELS} | {"changes": changes}


@pytest.mark.parametrize("name", MODELS)
def test_a_model_of_any_kind_that_is_larger_than_its_files_takes_no_memory(name, loaded):
    results, changes = loaded[name], loaded["changes"][name]
    assert len(results) == len(changes)
    assert results[0][0] == "taken"
    assert max(grown for _, grown, _ in results) < 1500, name
    assert max(seconds for *_, seconds in results[1:]) < 30, name
    if changes[-1] != changes[0]:
        assert results[-1][0] != "taken"


def test_a_network_of_a_million_layers_is_refused_before_it_is_built(tmp_path):
    MODELS["graph"](RECIPES["graph-nets-tiny"], "cpu").save(tmp_path)
    header = json.loads((tmp_path / "config.json").read_text())
    header["config"]["decoder_layers"] = 2**20
    (tmp_path / "config.json").write_text(json.dumps(header))
    with pytest.raises(VoxploreError, match=r"decoder_layers: expected a number from 0 to 64, got 1048576"):
        load_model(tmp_path, "cpu")
