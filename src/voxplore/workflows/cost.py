"""What a training and a drawing took, as it stands beside the cells that were drawn."""

import dataclasses
from typing import TYPE_CHECKING, Any

from voxplore import config

if TYPE_CHECKING:
    from voxplore.models import Generator

__all__ = ["made", "training_seconds"]

#: Fields of a sampling that count a sampler's steps, those of XCube by stage.
_STEPS = ("steps", "coarse_steps", "fine_steps")


def made(model: "Generator", n: int, seconds: float, sampling: Any = None) -> dict[str, Any]:
    """What drawing n cells took; see `generate.draw`."""
    from voxplore.training import hardware

    sampling = sampling or model.config.sampling
    trained, here = model.trained, hardware(model.device)
    known = {
        "recipe": trained.get("recipe"),
        "parameters": model.parameters(),
        "training_seconds": trained.get("seconds", training_seconds(trained, 0.0) if "stages" in trained else None),
        "seconds_per_1000": round(1000 * seconds / max(n, 1), 2),
        "steps": _steps(sampling),
        "hardware": here if trained.get("hardware", here) == here else f"{trained['hardware']}; drawn on {here}",
        "config": config.to_dict(dataclasses.replace(model.config, sampling=sampling)),
    }
    return {key: value for key, value in known.items() if value is not None}


def training_seconds(trained: dict[str, Any], measured: float) -> float:
    """Seconds of the whole `fit` where it was not interrupted; the stages' own count goes on from call to call."""
    stages = trained.get("stages", {}).values()
    return round(max(measured, sum(float(stage.get("seconds", 0.0)) for stage in stages)), 1)


def _steps(sampling: Any) -> int | None:
    steps = [getattr(sampling, name) for name in _STEPS if hasattr(sampling, name)]
    return sum(steps) if steps else None
