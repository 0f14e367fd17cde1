"""A training from a recipe, and a drawing from its model, with what each took.

What a training was asked for is written down first, so that the same call again resumes it.
"""

import contextlib
import dataclasses
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from voxplore import config, files
from voxplore.errors import VoxploreError
from voxplore.recipes import RECIPES
from voxplore.unitcells import UnitCells

if TYPE_CHECKING:
    from voxplore.models import Generator

__all__ = ["changed", "draw", "made", "recipe_with", "shown", "train"]

#: Fields of a sampling that count a sampler's steps, those of XCube by stage.
_STEPS = ("steps", "coarse_steps", "fine_steps")


def recipe_with(name: str, changes: Sequence[str] = ()) -> Any:
    """The recipe's configuration with fields `changed`; raises VoxploreError for an unknown recipe too."""
    if name not in RECIPES:
        raise VoxploreError("recipe", expected=f"one of {', '.join(RECIPES)}", came=repr(name))
    return changed(RECIPES[name], changes, f"recipe {name}")


def changed(settings: Any, changes: Sequence[str], where: str) -> Any:
    """A frozen dataclass with fields changed by texts such as "denoiser_training.cells=2000000".

    Values are JSON (true, null, 0.5, [1, 2]); what is no JSON is text. Raises VoxploreError, naming `where`, for an
    unknown field and for a value of the wrong type.
    """
    data = config.to_dict(settings)
    for change in changes:
        path, sign, text = change.partition("=")
        if not sign:
            raise VoxploreError(where, expected="FIELD=VALUE", came=repr(change))
        *parents, last = path.split(".")
        place: Any = data
        for parent in parents:
            place = place.get(parent) if isinstance(place, dict) else None
        if not isinstance(place, dict) or last not in place:
            known = ", ".join(place) if isinstance(place, dict) else "a field of the recipe"
            raise VoxploreError(where, expected=f"a field ({known})", came=repr(path))
        place[last] = _value(text)
    return config.from_dict(type(settings), data, where)


def shown(name: str, changes: Sequence[str] = ()) -> str:
    """The whole configuration as JSON text."""
    return json.dumps({"recipe": name, "config": config.to_dict(recipe_with(name, changes))}, indent=2)


def train(cells: UnitCells, name: str, out: str | Path, changes: Sequence[str] = (), device: str = "auto") -> Path:
    """Train the recipe on the cells' training split (all of them, where there is none); returns `out`/model.

    Under torchrun the processes share the work and the first alone writes; see `training.distributed`.
    `out`/train.json says what was asked for, `out`/run holds checkpoints and log.jsonl. A finished training is not done
    again; one that was asked for something else is refused with VoxploreError.
    """
    from voxplore.models import MODELS
    from voxplore.training import hardware
    from voxplore.training.distributed import rank

    out = Path(out)
    settings = recipe_with(name, changes)
    cells = cells.split("train") if "split" in cells.index else cells
    asked = {
        "recipe": name,
        "model": name.split("-")[0],
        "config": config.to_dict(settings),
        "data": {"name": str(cells.about.get("name", "cells")), "n": len(cells), "sha256": cells.sha256()},
    }
    first = rank() == 0
    with files.lock(out / "run") if first else contextlib.nullcontext():
        for folder in (out, out / "run") if first else ():
            files.sweep(folder)
        _compare(out / "train.json", asked, type(settings))
        if (out / "model" / "config.json").exists():
            return out / "model"
        model = MODELS[asked["model"]](settings, device)
        if first:
            files.write_json(out / "train.json", asked)
        started = time.monotonic()
        model.fit(cells, run=out / "run")
        model.trained |= {
            "recipe": name,
            "seconds": _seconds(model.trained, time.monotonic() - started),
            "hardware": hardware(model.device),
        }
        if first:
            model.save(out / "model")
    return out / "model"


def draw(model: "Generator", n: int, *, seed: int = 0, sampling: Any = None, condition: Any = None) -> UnitCells:
    """n cells of a model, and under `about["made"]` what they took.

    made: recipe, parameters, training_seconds, seconds_per_1000 (of this drawing), steps (of the sampler, all of its
    stages; None where it has none), hardware, and config (the whole one, with the sampling of this drawing); what is
    not known is left out.
    """
    started = time.monotonic()
    cells = model.generate(n, seed=seed, sampling=sampling, condition=condition)
    seconds = time.monotonic() - started
    return dataclasses.replace(cells, about={**cells.about, "made": made(model, n, seconds, sampling)})


def made(model: "Generator", n: int, seconds: float, sampling: Any = None) -> dict[str, Any]:
    """What drawing n cells took; see `draw`."""
    from voxplore.training import hardware

    sampling = sampling or model.config.sampling
    trained, here = model.trained, hardware(model.device)
    known = {
        "recipe": trained.get("recipe"),
        "parameters": model.parameters(),
        "training_seconds": trained.get("seconds", _seconds(trained, 0.0) if "stages" in trained else None),
        "seconds_per_1000": round(1000 * seconds / max(n, 1), 2),
        "steps": _steps(sampling),
        "hardware": here if trained.get("hardware", here) == here else f"{trained['hardware']}; drawn on {here}",
        "config": config.to_dict(dataclasses.replace(model.config, sampling=sampling)),
    }
    return {key: value for key, value in known.items() if value is not None}


def _seconds(trained: dict[str, Any], measured: float) -> float:
    """Of the whole `fit` where it was not interrupted; the stages' own count goes on from call to call."""
    stages = trained.get("stages", {}).values()
    return round(max(measured, sum(float(stage.get("seconds", 0.0)) for stage in stages)), 1)


def _steps(sampling: Any) -> int | None:
    steps = [getattr(sampling, name) for name in _STEPS if hasattr(sampling, name)]
    return sum(steps) if steps else None


def _compare(path: Path, asked: dict[str, Any], kind: type) -> None:
    """Refuse to go on with a run that was begun as another; `kind`: the configuration's class.

    Fields that the version of then did not know count as their defaults.
    """
    before = files.read_json(path) if path.exists() else asked
    if not isinstance(before, dict):
        raise VoxploreError(path, expected="what the run was asked for", came="something else")
    if before.get("model") == asked["model"]:
        before["config"] = config.to_dict(config.from_dict(kind, before.get("config"), str(path)))
    for key, value in asked.items():
        if before.get(key) != value:
            differs = f"another {key} than it was begun with (choose another --out)"
            raise VoxploreError(path, expected=f"the run's own {key}", came=differs)


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
