"""A model's sampling with what the command line changes."""

import dataclasses
from typing import Any

from voxplore.errors import VoxploreError

__all__ = ["changed"]


def changed(sampling: Any, steps: int | None, no_srr: bool) -> Any:
    """The sampling dataclass with other steps or without SRR; VoxploreError for a model that has no such field."""
    changes: dict[str, Any] = {} if steps is None else {"steps": steps}
    changes |= {"srr": None} if no_srr else {}
    known = {field.name for field in dataclasses.fields(sampling)}
    for name in changes:
        if name not in known:
            raise VoxploreError(f"sampling option {name}", expected=f"one of {', '.join(sorted(known))}", came=name)
    return dataclasses.replace(sampling, **changes)
