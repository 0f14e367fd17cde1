"""Every option of every verb, read from the types of its dataclass, and values that the type or its range excludes.

A new verb or option joins by itself: of a number, all of `WILD` outside of its range; of a choice, words that are none
of it; of any, what cannot be read as its type, and too few words.
"""

import importlib
import typing
from collections.abc import Iterator
from dataclasses import MISSING, dataclass, fields
from typing import Annotated, Any, Literal

from voxplore.cli import VERBS
from voxplore.ranges import Range, _ranges

__all__ = ["Option", "commands", "least", "numbers", "options", "texts", "words_of"]

#: What a person or a program may give for any number.
WILD = (-1, 0, 1, -7, 10**12, 2**31, 2**63, 2**64, -(2**63), 10**30, 10**100)
WILD_REALS = ("nan", "inf", "-inf", "1e300", "-1e300", "1e-300", "0", "-1", "1e18", "-0.0", "1e19", "-1e-9")
#: Texts that are no whole number, and no number at all.
NO_INTEGERS = ("many", "", "1.5", "1e3", "0x10", "None", "--", "9" * 5000, "½", "1,000")
NO_REALS = ("many", "", "1,5", "0x10", "None", "½", "1e", "10 mm")
NO_CHOICES = ("nonsense", "", "ALL", "x" * 3000)


@dataclass(frozen=True)
class Option:
    """words: the verb, and the set for `build`. hint: its type with ranges."""

    words: tuple[str, ...]
    name: str
    hint: Any

    @property
    def flag(self) -> str:
        return f"--{self.name.replace('_', '-')}"

    def given(self, value: str) -> list[str]:
        """The option with this value, as often as its type asks for it."""
        return [self.flag, *[value] * _count(self.hint)]


def commands() -> Iterator[tuple[tuple[str, ...], type]]:
    """Every verb and every set of `build`, with the dataclass of its options."""
    for verb in VERBS:
        command = importlib.import_module(f"voxplore.cli.{verb}").Command
        for part in typing.get_args(command) if typing.get_origin(command) else [command]:
            found: Any = part
            name: list[str] = []
            while typing.get_origin(found) is Annotated:
                name = [one.name for one in typing.get_args(found)[1:] if getattr(one, "name", None)] or name
                found = typing.get_args(found)[0]
            yield (verb, *name), found


def options() -> Iterator[Option]:
    """Every option that has a value: neither flags nor positional arguments."""
    for words, command in commands():
        for name, hint in typing.get_type_hints(command, include_extras=True).items():
            if typing.get_origin(hint) is typing.ClassVar or hint is bool or _is_positional(hint) or _is_flag(hint):
                continue
            yield Option(words, _called(hint) or name, hint)


def least(words: tuple[str, ...], out: str) -> list[str]:
    """A command with all that its verb requires, with files that do not exist."""
    command = dict(commands())[words]
    hints = typing.get_type_hints(command, include_extras=True)
    found = [*words]
    for field in fields(command):
        hint = hints[field.name]
        if field.default is not MISSING or field.default_factory is not MISSING:
            continue
        value = {"out": out}.get(field.name, "1" if _kinds(hint) & {int, float} else "absent")
        found += [value] if _is_positional(hint) else [f"--{field.name.replace('_', '-')}", value]
    return found


def numbers() -> Iterator[tuple[Option, str]]:
    """Options that are numbers, with what lies outside of their range."""
    for option in options():
        kinds = _kinds(option.hint)
        if not kinds & {int, float} or _choices(option.hint):
            continue
        ranges = [one for one in _ranges(option.hint) if isinstance(one, Range)]
        assert ranges, f"{option.words} {option.name} has no range in its type"
        for value in WILD if int in kinds else WILD_REALS:
            if not all(float(value) in one for one in ranges):
                yield option, str(value)


def texts() -> Iterator[tuple[Option, list[str]]]:
    """Words for an option that its type excludes: what is no number, no choice, or too few."""
    for option in options():
        kinds = _kinds(option.hint)
        if choices := _choices(option.hint):
            yield from ((option, option.given(text)) for text in NO_CHOICES if text not in map(str, choices))
        elif kinds & {int, float}:
            for text in NO_INTEGERS if int in kinds else NO_REALS:
                if text != "None" or type(None) not in kinds:
                    yield option, option.given(text)
        if not _is_open(option.hint):
            yield option, option.given("1")[:-1]


def words_of(command: type) -> dict[str, Any]:
    """Options of a command whose values are words of no closed choice, by name."""
    hints = typing.get_type_hints(command, include_extras=True)
    return {name: hint for name, hint in hints.items() if str in _kinds(hint) and not _choices(hint)}


def _count(hint: Any) -> int:
    """Values that the option takes: those of a tuple of fixed length, else one."""
    plain = _bare(hint)
    parts = typing.get_args(plain)
    return len(parts) if typing.get_origin(plain) is tuple and Ellipsis not in parts else 1


def _is_open(hint: Any) -> bool:
    """Whether the option takes any number of values, none among them."""
    return Ellipsis in typing.get_args(_bare(hint))


def _bare(hint: Any) -> Any:
    while typing.get_origin(hint) is Annotated:
        hint = typing.get_args(hint)[0]
    return hint


def _kinds(hint: Any) -> set:
    parts = [part for part in typing.get_args(hint) if isinstance(part, type) or typing.get_args(part)]
    return {hint} if not parts else set().union(*map(_kinds, parts))


def _choices(hint: Any) -> tuple:
    """The words of the Literals in a type."""
    if typing.get_origin(hint) is Literal:
        return typing.get_args(hint)
    return tuple(word for part in typing.get_args(hint) if typing.get_args(part) for word in _choices(part))


def _marks(hint: Any) -> tuple:
    return typing.get_args(hint)[1:] if typing.get_origin(hint) is Annotated else ()


def _is_positional(hint: Any) -> bool:
    return any(str(mark).endswith("POSITIONAL") or "ositional" in str(mark) for mark in _marks(hint))


def _is_flag(hint: Any) -> bool:
    return _bare(hint) is bool


def _called(hint: Any) -> str | None:
    """Another name than that of the field, such as --continue."""
    return next((mark.name for mark in _marks(hint) if getattr(mark, "name", None)), None)
