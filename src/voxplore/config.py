"""Strict conversion between frozen dataclasses and JSON values: every key known, every value of its type."""

import dataclasses
import types
import typing
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

from voxplore.errors import VoxploreError

__all__ = ["from_dict", "to_dict"]

Config = TypeVar("Config")


def to_dict(config: Any) -> dict[str, Any]:
    """The dataclass as nested dicts of JSON values; tuples become lists."""
    return {field.name: _plain(getattr(config, field.name)) for field in dataclasses.fields(config)}


def from_dict(cls: type[Config], data: Any, where: str) -> Config:
    """Build `cls` from JSON values.

    VoxploreError names `where` and the field that is unknown, missing, or mistyped; ranges are `ranges.check_config`'s.
    """
    if not isinstance(data, dict):
        raise VoxploreError(where, expected=f"an object of {cls.__name__}", got=type(data).__name__)
    hints = typing.get_type_hints(cls)
    known = {field.name: field for field in dataclasses.fields(cls)}  # pyright: ignore[reportArgumentType]
    for key in data:
        if key not in known:
            raise VoxploreError(where, expected=f"keys of {cls.__name__} ({', '.join(known)})", got=f"unknown {key!r}")
    for name, field in known.items():
        required = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        if required and name not in data:
            raise VoxploreError(where, expected=f"the key {name!r}", got="none")
    values = {key: _typed(hints[key], value, f"{where}: {key}") for key, value in data.items()}
    return cls(**values)


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return to_dict(value)
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return value


def _typed(hint: Any, value: Any, where: str) -> Any:
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        return _one_of(get_args(hint), value, where)
    if origin is Literal:
        if value not in get_args(hint):
            raise VoxploreError(where, expected=" or ".join(map(repr, get_args(hint))), got=repr(value))
        return value
    if origin is tuple:
        return _tuple(get_args(hint), value, where)
    if dataclasses.is_dataclass(hint):
        return from_dict(typing.cast(type, hint), value, where)
    if hint is float and isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1e300:
        return float(value)
    if type(value) is not hint:
        raise VoxploreError(where, expected=getattr(hint, "__name__", str(hint)), got=repr(value)[:80])
    return value


def _one_of(hints: tuple, value: Any, where: str) -> Any:
    if value is None and type(None) in hints:
        return None
    candidates = [hint for hint in hints if hint is not type(None)]
    named = {_name_of(hint): hint for hint in candidates}
    if len(named) > 1 and None not in named:
        given = value.get("name") if isinstance(value, dict) else value
        if not isinstance(value, dict) or not isinstance(given, str) or given not in named:
            expected = f"an object whose name is {', '.join(map(repr, named))}"
            raise VoxploreError(where, expected=expected, got=repr(given)[:80])
        return from_dict(named[given], value, where)
    for hint in candidates[:-1]:
        try:
            return _typed(hint, value, where)
        except VoxploreError:
            continue
    return _typed(candidates[-1], value, where)


def _name_of(hint: Any) -> str | None:
    """The one name that objects of a dataclass have, which tells unions of them apart; None without one."""
    fields = dataclasses.fields(hint) if dataclasses.is_dataclass(hint) else ()
    return next((str(field.default) for field in fields if field.name == "name"), None)


def _tuple(hints: tuple, value: Any, where: str) -> tuple:
    if not isinstance(value, list | tuple):
        raise VoxploreError(where, expected="a list", got=repr(value)[:80])
    if len(hints) == 2 and hints[1] is Ellipsis:
        return tuple(_typed(hints[0], item, where) for item in value)
    if len(hints) != len(value):
        raise VoxploreError(where, expected=f"{len(hints)} items", got=str(len(value)))
    return tuple(_typed(hint, item, where) for hint, item in zip(hints, value, strict=True))
