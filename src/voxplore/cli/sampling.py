"""A model's sampling with what the command line changes."""

import dataclasses
from typing import Any

from voxplore.errors import VoxploreError

__all__ = ["changed"]


def changed(sampling: Any, changes: dict[str, Any]) -> Any:
    """The sampling dataclass with other values; VoxploreError for a field that this model's sampling does not have."""
    known = {field.name for field in dataclasses.fields(sampling)}
    for name in changes:
        if name not in known:
            raise VoxploreError(f"sampling option {name}", expected=f"one of {', '.join(sorted(known))}", came=name)
    return dataclasses.replace(sampling, **changes)
