"""A training from a recipe.

What a training was asked for is written down first, so that the same call again resumes it.
"""

import contextlib
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from voxplore import config, storage
from voxplore.errors import VoxploreError, nearest
from voxplore.ranges import check_config
from voxplore.recipes import RECIPES
from voxplore.unitcells import UnitCells
from voxplore.workflows.cost import training_seconds

__all__ = ["recipe_with", "settings_with", "shown", "train"]


def recipe_with(name: str, changes: Sequence[str] = ()) -> Any:
    """The recipe's configuration with fields `changed`; raises VoxploreError for an unknown recipe too."""
    if name not in RECIPES:
        from voxplore.models import registered

        registered()  # brings the recipes of users' models
    if name not in RECIPES:
        expected = f"the name of a recipe, such as {nearest(name, RECIPES)} (`voxplore recipes` lists all)"
        raise VoxploreError("recipe", expected=expected, got=repr(name))
    return settings_with(RECIPES[name], changes, f"recipe {name}")


def settings_with(settings: Any, changes: Sequence[str], where: str) -> Any:
    """A frozen dataclass with fields changed by texts such as "denoiser_training.cells=2000000".

    Values are JSON (true, null, 0.5, [1, 2]); what is no JSON is text. An item of a list is found by its name, such as
    "sampling.after.redraw.times=0". Raises VoxploreError, naming `where`, for an unknown field and for a value of the
    wrong type.
    """
    data = config.to_dict(settings)
    for change in changes:
        path, sign, text = change.partition("=")
        if not sign:
            raise VoxploreError(where, expected="FIELD=VALUE", got=repr(change))
        *parents, last = path.split(".")
        place: Any = data
        for parent in parents:
            place = _inside(place, parent)
        if not isinstance(place, dict) or last not in place:
            known = ", ".join(place) if isinstance(place, dict) else "a field of the recipe"
            raise VoxploreError(where, expected=f"a field ({known})", got=repr(path))
        place[last] = _value(text)
    found = config.from_dict(type(settings), data, where)
    check_config(found, where)
    return found


def shown(name: str, changes: Sequence[str] = ()) -> str:
    """The whole configuration as JSON text."""
    return json.dumps({"recipe": name, "config": config.to_dict(recipe_with(name, changes))}, indent=2)


def train(cells: UnitCells, name: str, out: str | Path, changes: Sequence[str] = (), device: str = "auto") -> Path:
    """Train the recipe on the cells' training split (all of them, where there is none); returns `out`/model.

    Under torchrun the processes share the work and the first alone writes; see `training.distributed`.
    `out`/train.json says what was asked for, `out`/run holds checkpoints and log.jsonl. A finished training is not done
    again; one that was asked for something else is refused with VoxploreError.
    """
    from voxplore.models import model_of
    from voxplore.training import hardware
    from voxplore.training.distributed import rank

    out = Path(out)
    settings = recipe_with(name, changes)
    cells = cells.split("train") if "split" in cells.index else cells
    model_class = model_of(settings)
    request = {
        "recipe": name,
        "model": model_class.name,
        "config": config.to_dict(settings),
        "data": {"name": str(cells.about.get("name", "cells")), "n": len(cells), "sha256": cells.sha256()},
    }
    first = rank() == 0
    with storage.lock(out / "run") if first else contextlib.nullcontext():
        for folder in (out, out / "run") if first else ():
            storage.sweep(folder)
        _compare(
            out / "train.json",
            request,
            lambda data, where: config.from_dict(type(settings), model_class.upgraded(data), where),
        )
        if (out / "model" / "config.json").exists():
            return out / "model"
        model = model_class(settings, device)
        begun = (out / "train.json").exists()
        if first:
            storage.write_json(out / "train.json", request)
        started = time.monotonic()
        try:
            model.fit(cells, run=out / "run")
        except VoxploreError:
            if first and not begun:
                _forget(out)
            raise
        model.trained |= {
            "recipe": name,
            "seconds": training_seconds(model.trained, time.monotonic() - started),
            "hardware": hardware(model.device),
        }
        if first:
            model.save(out / "model")
    return out / "model"


def _forget(out: Path) -> None:
    """Remove what was written for a training that its model refuses before the first checkpoint."""
    run = out / "run"
    if not any(run.glob("*.safetensors")):
        for path in (out / "train.json", run / "log.jsonl"):
            path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # absent, or somebody else's files are in it
            run.rmdir()


def _compare(path: Path, request: dict[str, Any], read: Callable[[Any, str], Any]) -> None:
    """Refuse to go on with a run that was begun as another; `read`: (JSON values, where) -> configuration.

    Fields that the version of then did not know count as their defaults.
    """
    before = storage.read_json(path) if path.exists() else request
    if not isinstance(before, dict):
        raise VoxploreError(path, expected="what the run was asked for", got="something else")
    if before.get("model") == request["model"]:
        before["config"] = config.to_dict(read(before.get("config"), str(path)))
    for key, value in request.items():
        if before.get(key) != value:
            differs = f"another {key} than it was begun with (choose another --out)"
            raise VoxploreError(path, expected=f"the run's own {key}", got=differs)


def _inside(place: Any, name: str) -> Any:
    """The value of a key, or the item of a list that has this name; None where there is none."""
    if isinstance(place, list):
        return next((item for item in place if isinstance(item, dict) and item.get("name") == name), None)
    return place.get(name) if isinstance(place, dict) else None


def _value(text: str) -> Any:
    try:
        return storage.json_value(text)
    except (ValueError, RecursionError):
        return text
