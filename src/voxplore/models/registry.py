"""Generators by name: those of the package, and those that users add (`register`).

Python programs call `register`. For the command line and for worker processes, a package names the module that calls
it as an entry point of the group `voxplore.models`, or the variable VOXPLORE_MODELS names modules, between commas.
What a saved model's folder says is never imported.
"""

import dataclasses
import importlib
import os
import re
from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import Any, TypeVar

from voxplore.errors import VoxploreError
from voxplore.models.base import Generator
from voxplore.ranges import check_config
from voxplore.recipes import RECIPES

__all__ = ["GROUP", "MODELS", "VARIABLE", "model_class", "model_of", "register", "registered"]

GROUP, VARIABLE = "voxplore.models", "VOXPLORE_MODELS"
#: name -> class of every generator that was registered.
MODELS: dict[str, type[Generator]] = {}
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_imported: set[str] = set()

Model = TypeVar("Model", bound=type[Generator])


def register(model: Model, recipes: Mapping[str, Any] | None = None) -> Model:
    """Make a generator known to `load_model`, `train`, `generate` and all else that takes a model; also a decorator.

    recipes: name -> configuration of this model, for `train --recipe`; names are <model>[-variant]-<set>-<size>.
    Registering the same name again replaces a class of the same module (a notebook's cell that is run again). Raises
    VoxploreError for what is no generator, for a name that another has, and for recipes of another model.
    """
    if not (isinstance(model, type) and issubclass(model, Generator)):
        raise VoxploreError("register", expected="a subclass of voxplore.models.Generator", got=repr(model)[:80])
    name = getattr(model, "name", None)
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        expected = "a name of small letters, digits and hyphens"
        raise VoxploreError(f"register {model.__name__}", expected=expected, got=repr(name)[:80])
    settings = getattr(model, "Config", None)
    if not dataclasses.is_dataclass(settings) or "sampling" not in {one.name for one in dataclasses.fields(settings)}:
        raise VoxploreError(
            f"register {name}", expected="Config, a dataclass with a field sampling", got=repr(settings)
        )
    if name in MODELS and MODELS[name].__module__ != model.__module__:
        raise VoxploreError(f"register {name}", expected="a name of its own", got=f"that of {MODELS[name].__module__}")
    for recipe, config in (recipes or {}).items():
        if not _NAME.fullmatch(recipe) or recipe.count("-") < 2 or type(config) is not settings:
            expected = f"a {model.Config.__name__} named <model>-<set>-<size>"
            raise VoxploreError(f"recipe {recipe}", expected=expected, got=type(config).__name__)
        check_config(config, f"recipe {recipe}")
        owner = RECIPES.get(recipe)
        if owner is not None and (name not in MODELS or type(owner) is not MODELS[name].Config):
            raise VoxploreError(f"recipe {recipe}", expected="a name that no other model's recipe has", got=recipe)
    RECIPES.update(recipes or {})
    MODELS[name] = model
    return model


def registered() -> dict[str, type[Generator]]:
    """All generators by name, once the modules of entry points and of VOXPLORE_MODELS are imported.

    Raises VoxploreError, naming the module, where one cannot be imported.
    """
    named = {f"entry point {one.name}": one.value.partition(":")[0] for one in entry_points(group=GROUP)}
    given = os.environ.get(VARIABLE, "").split(",")
    named |= {f"{VARIABLE}={name.strip()}": name.strip() for name in given if name.strip()}
    for where, module in named.items():
        if module not in _imported:
            _import(module, where)
    return MODELS


def model_class(name: Any, where: object) -> type[Generator]:
    """The class of this name; VoxploreError naming `where` for none."""
    if not isinstance(name, str) or (name not in MODELS and name not in registered()):
        own = f"or one of your own (vp.register, {VARIABLE}=module)"
        raise VoxploreError(where, expected=f"a model among {', '.join(MODELS)}, {own}", got=str(name)[:80])
    return MODELS[name]


def model_of(config: Any) -> type[Generator]:
    """The class whose configuration this is."""
    found = next((model for model in registered().values() if model.Config is type(config)), None)
    if found is None:
        raise VoxploreError("config", expected="the configuration of a registered model", got=type(config).__name__)
    return found


def _import(module: str, where: str) -> None:
    try:
        importlib.import_module(module)
    except Exception as error:  # somebody else's module may raise anything
        got = f"{type(error).__name__}: {str(error)[:100]}"
        raise VoxploreError(where, expected=f"a module {module} that can be imported", got=got) from error
    _imported.add(module)
