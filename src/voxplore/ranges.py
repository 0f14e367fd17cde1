"""What a number may be: ranges as part of types (`Annotated[int, Range(1, 100)]`), and those of configuration fields.

Options of the command line carry theirs in their types. Fields of recipes have theirs here, by name, since the same
names mean the same in all models; they are checked where a configuration is read, and where a model is made of one.
"""

import dataclasses
import functools
import inspect
import math
import numbers
import re
import typing
from collections.abc import Callable, Iterable, Iterator
from typing import Annotated, Any, TypeVar

from voxplore.errors import VoxploreError

__all__ = ["FIELDS", "Form", "Range", "check_config", "check_field", "check_options", "within"]
__all__ += [
    "Columns",
    "Count",
    "Device",
    "Edge",
    "Feature",
    "Length",
    "Millimetres",
    "Modulus",
    "Pairs",
    "Pixels",
    "Poisson",
    "Radius",
    "Resolution",
    "Seed",
]
__all__ += ["BandNumber", "Share", "Skin", "Smooth", "Soft", "Steps", "Threshold", "Tile", "Tolerance", "Workers"]

Function = TypeVar("Function", bound=Callable)


@dataclasses.dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, both included; `above`: `low` itself is excluded."""

    low: float
    high: float
    above: bool = False

    def __contains__(self, value: Any) -> bool:
        return (self.low < value if self.above else self.low <= value) and value <= self.high

    def __str__(self) -> str:
        return f"above {self.low:g} and up to {self.high:g}" if self.above else f"from {self.low:g} to {self.high:g}"

    def check(self, value: Any, where: str) -> None:
        """Raise VoxploreError naming `where` for a number outside, and for one that is none (NaN)."""
        if isinstance(value, numbers.Real) and not isinstance(value, bool) and value not in self:
            raise VoxploreError(where, expected=f"a number {self}", got=_shown(value))


@dataclasses.dataclass(frozen=True)
class Form:
    """Words that a pattern matches as a whole; `says`: which these are."""

    pattern: str
    says: str

    def check(self, value: Any, where: str) -> None:
        """Raise VoxploreError naming `where` for another text."""
        if isinstance(value, str) and not re.fullmatch(self.pattern, value):
            raise VoxploreError(where, expected=self.says, got=repr(value[:40]))


#: Options of verbs, and arguments of the functions behind them.
BandNumber = Annotated[int, Range(1, 1000)]
Columns = Annotated[int, Range(1, 1000)]
Count = Annotated[int, Range(1, 10**9)]
Device = Annotated[str, Form(r"auto|cpu|cuda(:\d+)?", "auto, cpu or cuda")]
Edge = Annotated[float, Range(1e-3, 1e3)]
Feature = Annotated[float, Range(0, 1e6)]
Length = Annotated[float, Range(0, 1e12, above=True)]
Millimetres = Annotated[float, Range(1e-6, 1e6)]
Pairs = Annotated[int, Range(0, 1_000_000)]
Modulus = Annotated[float, Range(0, 1e15, above=True)]
Pixels = Annotated[int, Range(16, 4096)]
Poisson = Annotated[float, Range(-0.999, 0.4999)]
Radius = Annotated[float, Range(0, 1, above=True)]
Resolution = Annotated[int, Range(2, 512)]
Seed = Annotated[int, Range(0, 2**63 - 1)]
Share = Annotated[float, Range(0, 1)]
Skin = Annotated[float, Range(0, 1e3)]
Smooth = Annotated[float, Range(0, 50)]
Steps = Annotated[int, Range(1, 100_000)]
Soft = Annotated[float, Range(0, 1e15)]
Threshold = Annotated[float, Range(-1e30, 1e30)]
Tile = Annotated[int, Range(1, 64)]
Tolerance = Annotated[float, Range(1e-12, 0.01)]
Workers = Annotated[int, Range(1, 1024)]

_SHARE = Range(0, 1)
_WEIGHT = Range(0, 1e6)
_LENGTH = Range(0, 10)
_LAYERS = Range(0, 64)
_WIDTH = Range(1, 4096)
_STEPS = Range(1, 100_000)

#: field -> what it may be, in every configuration of a model, of its sampling and of its training. Sizes are several
#: times the largest that any recipe has, so that no configuration asks for more than a machine can hold.
FIELDS: dict[str, Range] = {
    "adversarial": _WEIGHT,
    "basis": Range(1, 8192),
    "batch": Range(1, 1_000_000),
    "beta2": Range(0, 0.9999999),
    "beta_first": Range(0, 1, above=True),
    "beta_last": Range(0, 1, above=True),
    "block": Range(1, 16),
    "blocks": Range(0, 32),
    "blur": _LENGTH,
    "bottleneck": Range(0, 65_536),
    "budget": Range(0, 1e9),
    "cap": _WEIGHT,
    "cells": Range(0, 10**12),
    "clean": _SHARE,
    "clip": Range(0, 1e6, above=True),
    "clip_value": Range(0, 1e6, above=True),
    "clusters": Range(1, 100_000),
    "coarse_steps": _STEPS,
    "components": _WIDTH,
    "concentration": Range(0.5, 1e6),
    "copies": Range(0, 100),
    "corrections": Range(0, 1000),
    "decay": _SHARE,
    "decay_length": Range(0.1, 10),
    "decoder_layers": _LAYERS,
    "displacement": Range(0, 4),
    "dropout": Range(0, 0.95),
    "early": Range(0, 100_000),
    "edits": Range(0, 1000),
    "ema": Range(0, 0.9999999),
    "encoder_layers": _LAYERS,
    "every": Range(1, 1_000_000),
    "feed_forward": Range(1, 65_536),
    "fine_steps": _STEPS,
    "fold": Range(1, 16),
    "head": _WIDTH,
    "head_noise": Range(0, 1000),
    "head_width": Range(1, 1024),
    "heads": Range(1, 256),
    "inter": _WEIGHT,
    "intra": _WEIGHT,
    "keep_weight": _WEIGHT,
    "kl_weight": _WEIGHT,
    "late": Range(0, 100_000),
    "latent": _WIDTH,
    "layers": _LAYERS,
    "learning_rate": Range(0, 100, above=True),
    "levels": _SHARE,
    "longest": Range(0, 2, above=True),
    "lower": _SHARE,
    "margin": Range(0, 64),
    "middle": Range(0, 32),
    "move": _LENGTH,
    "negative_share": Range(0, 100),
    "negatives": _WEIGHT,
    "neighbours": Range(1, 64),
    "node_threshold": _SHARE,
    "noise": Range(0, 1000),
    "noise_levels": Range(-20, 20),
    "projected": Range(0, 1000),
    "patch": Range(1, 64),
    "points": Range(0, 10_000_000),
    "position_noise": _LENGTH,
    "position_scale": Range(0, 10, above=True),
    "radius": Range(0, 1000, above=True),
    "recalled": _WIDTH,
    "refined_below": Range(0, 1000),
    "repelled_above": Range(0, 1000),
    "rescale": Range(0, 1000, above=True),
    "repulsion": _WEIGHT,
    "resolution": Range(1, 512),
    "scale": Range(1, 2),
    "score_width": _WIDTH,
    "seed": Range(0, 2**63 - 1),
    "self_conditioning": _SHARE,
    "shortest": _LENGTH,
    "side": Range(1, 8),
    "sink": _WEIGHT,
    "snap_below": _SHARE,
    "softening": Range(0, 1e6),
    "spread": Range(0, 1000),
    "squeeze": Range(0, 4096),
    "stem": Range(1, 512),
    "stem_width": Range(0, 4096),
    "steps": _STEPS,
    "strength": Range(0, 1000),
    "strut_threshold": _SHARE,
    "temperature": Range(0, 2),
    "threshold": _SHARE,
    "time_deviation": Range(0, 1000, above=True),
    "time_mean": Range(-1000, 1000),
    "time_width": _WIDTH,
    "times": Range(0, 1000),
    "warmup": _SHARE,
    "weight": _WEIGHT,
    "weight_decay": Range(0, 1000),
    "whitening": _SHARE,
    "width": _WIDTH,
    "widths": _WIDTH,
    "window": Range(1, 64),
    "windowed_blocks": Range(0, 63),
}
#: Entries of a list such as `widths`, at most.
_LONGEST = 64


def check_options(command: Any) -> None:
    """Raise VoxploreError where a field of a dataclass is outside of the range in its type, as `--field`."""
    for name, hint in typing.get_type_hints(type(command), include_extras=True).items():
        _check_hint(hint, getattr(command, name, None), f"--{name.replace('_', '-')}")


def within(function: Function) -> Function:
    """A function that first compares its arguments with the ranges in their types."""
    hints = {name: hint for name, hint in function.__annotations__.items() if next(_ranges(hint), None) is not None}
    signature = inspect.signature(function)

    @functools.wraps(function)
    def checked(*arguments: Any, **named: Any) -> Any:
        given = signature.bind(*arguments, **named).arguments
        for name in hints.keys() & given.keys():
            _check_hint(hints[name], given[name], name)
        return function(*arguments, **named)

    return typing.cast(Function, checked)


def _check_hint(hint: Any, value: Any, where: str) -> None:
    for one in _ranges(hint):
        for number in _each(value):
            one.check(number, where)


def _each(value: Any) -> Iterable[Any]:
    """The numbers of a tuple, a list or a NumPy array, or the one number."""
    value = value.ravel().tolist() if getattr(value, "ndim", 0) else value
    return value if isinstance(value, tuple | list) else (value,)


def _ranges(hint: Any) -> Iterator[Range | Form]:
    """The ranges and forms in a type: in its annotation, and in those of the types that it is made of."""
    if typing.get_origin(hint) is Annotated:
        yield from (one for one in typing.get_args(hint)[1:] if isinstance(one, Range | Form))
        hint = typing.get_args(hint)[0]
    for part in typing.get_args(hint):
        yield from _ranges(part)


def check_field(name: str, value: Any, where: str) -> None:
    """Raise VoxploreError where a field of a configuration, or an entry of its list, is out of range."""
    if isinstance(value, tuple):
        if len(value) > _LONGEST:
            raise VoxploreError(where, expected=f"at most {_LONGEST} numbers", got=str(len(value)))
        for part in value:
            check_field(name, part, where)
    elif dataclasses.is_dataclass(value):
        check_config(value, where)
    elif name in FIELDS:
        FIELDS[name].check(value, where)
    elif isinstance(value, float) and not math.isfinite(value):
        raise VoxploreError(where, expected="a finite number", got=str(value))


def check_config(config: Any, where: str) -> None:
    """Raise VoxploreError where a field of a configuration (a dataclass, at any depth) is out of range."""
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        check_field(field.name, value, f"{where}.{field.name}")


def _shown(value: Any) -> str:
    """The number, or how long it is: Python writes out no whole number of more than 4,300 digits."""
    if isinstance(value, int) and value.bit_length() > 200:
        return f"one of {value.bit_length()} bits"
    return str(value)
