"""Dataclasses to JSON and back, strictly."""

import json
from dataclasses import dataclass, field
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voxplore.config import from_dict, to_dict
from voxplore.errors import VoxploreError
from voxplore.recipes import RECIPES


@dataclass(frozen=True)
class Inner:
    rate: float = 0.5
    names: tuple[str, ...] = ("a",)
    pair: tuple[int, float] = (1, 2.0)


@dataclass(frozen=True)
class Outer:
    steps: int
    kind: Literal["one", "two"] = "one"
    inner: Inner = field(default_factory=Inner)
    other: Inner | None = None
    clip: float | None = None
    flag: bool = False
    mixed: int | str = 3


@settings(max_examples=50)
@given(
    st.builds(
        Outer,
        steps=st.integers(1, 100_000),
        kind=st.sampled_from(["one", "two"]),
        inner=st.builds(
            Inner,
            rate=st.floats(allow_nan=False, allow_infinity=False),
            names=st.lists(st.text()).map(tuple),
            pair=st.tuples(st.integers(), st.floats(allow_nan=False, allow_infinity=False)),
        ),
        other=st.none() | st.builds(Inner),
        clip=st.none() | st.floats(0, 1, exclude_min=True),
        flag=st.booleans(),
        mixed=st.integers() | st.text(),
    )
)
def test_a_configuration_comes_back_from_json_as_it_was(config):
    assert from_dict(Outer, json.loads(json.dumps(to_dict(config))), "here") == config


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_comes_back_from_json_as_it_was(name):
    config = RECIPES[name]
    assert from_dict(type(config), json.loads(json.dumps(to_dict(config))), name) == config


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ({"steps": 1, "stpes": 2}, r"here: expected keys of Outer .*, got unknown 'stpes'"),
        ({}, "here: expected the key 'steps', got none"),
        ({"steps": "many"}, "here: steps: expected int, got 'many'"),
        ({"steps": True}, "here: steps: expected int, got True"),
        ({"steps": 1.5}, "here: steps: expected int, got 1.5"),
        ({"steps": 1, "kind": "three"}, "here: kind: expected 'one' or 'two', got 'three'"),
        ({"steps": 1, "inner": 3}, "here: inner: expected an object of Inner, got int"),
        ({"steps": 1, "inner": {"ratio": 3}}, "here: inner: expected keys of Inner .*, got unknown 'ratio'"),
        ({"steps": 1, "inner": {"names": "a"}}, "names: expected a list, got 'a'"),
        ({"steps": 1, "inner": {"pair": [1]}}, "pair: expected 2 items, got 1"),
        ({"steps": 1, "clip": "no"}, "clip: expected float, got 'no'"),
        ({"steps": 1, "flag": 1}, "flag: expected bool, got 1"),
        ({"steps": None}, "steps: expected int, got None"),
        ([], "here: expected an object of Outer, got list"),
        (None, "here: expected an object of Outer, got NoneType"),
    ],
)
def test_what_does_not_fit_is_named(data, sentence):
    with pytest.raises(VoxploreError, match=sentence):
        from_dict(Outer, data, "here")


def test_a_whole_number_serves_as_a_float():
    config = from_dict(Outer, {"steps": 1, "clip": 2}, "here")
    assert isinstance(config.clip, float)


def test_a_number_past_all_floats_is_no_number():
    @dataclass(frozen=True)
    class Rate:
        value: float

    with pytest.raises(VoxploreError, match="Rate: value"):
        from_dict(Rate, {"value": 10**400}, "Rate")


@dataclass(frozen=True)
class Cut:
    name: Literal["cut"] = field(default="cut", kw_only=True)
    level: float = 0.5


@dataclass(frozen=True)
class Turn:
    name: Literal["turn"] = field(default="turn", kw_only=True)
    by: int = 1


@dataclass(frozen=True)
class Chain:
    steps: tuple[Cut | Turn, ...] = ()


def test_classes_of_a_union_are_told_apart_by_their_names():
    chain = Chain((Turn(3), Cut(0.2), Turn()))
    data = json.loads(json.dumps(to_dict(chain)))
    assert [step["name"] for step in data["steps"]] == ["turn", "cut", "turn"]
    assert from_dict(Chain, data, "here") == chain


@pytest.mark.parametrize(
    ("step", "sentence"),
    [
        ({"name": "bend"}, "here: steps: expected an object whose name is 'cut', 'turn', (got|got) 'bend'"),
        ({"level": 0.5}, "expected an object whose name is 'cut', 'turn', (got|got) None"),
        ({"name": "cut", "by": 1}, r"here: steps: expected keys of Cut \(name, level\), (got|got) unknown 'by'"),
        ("cut", "expected an object whose name is 'cut', 'turn', (got|got) 'cut'"),
        ({"name": ["cut"]}, "expected an object whose name is"),
    ],
)
def test_what_is_of_no_class_of_a_union_is_refused(step, sentence):
    with pytest.raises(VoxploreError, match=sentence):
        from_dict(Chain, {"steps": [step]}, "here")
