"""A model's sampling with what the command line changes."""

import dataclasses
from typing import Any

from voxplore.errors import VoxploreError

__all__ = ["calibrated", "sampling_with"]


def sampling_with(sampling: Any, changes: dict[str, Any]) -> Any:
    """The sampling dataclass with other values; VoxploreError for a field that this model's sampling does not have."""
    known = {field.name for field in dataclasses.fields(sampling)}
    for name in changes:
        if name not in known:
            raise VoxploreError(f"sampling option {name}", expected=f"one of {', '.join(sorted(known))}", got=name)
    return dataclasses.replace(sampling, **changes)


def calibrated(sampling: Any) -> Any:
    """The same, each cell cut at the density asked for; VoxploreError for a model without such a step."""
    from voxplore.recipes import Sampling
    from voxplore.recipes.steps import calibrated_steps

    if not isinstance(sampling, Sampling):
        raise VoxploreError("calibrate", expected="a model that cuts cells at a density", got=type(sampling).__name__)
    return dataclasses.replace(sampling, after=calibrated_steps(sampling.after))
