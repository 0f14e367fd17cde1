"""What the operating system refuses, as a VoxploreError that names the path."""

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

from voxplore.errors import VoxploreError

__all__ = ["named_os_errors", "reason_of"]


@contextlib.contextmanager
def named_os_errors(path: Path) -> Iterator[None]:
    """Raise VoxploreError about `path` for what the system refuses meanwhile."""
    try:
        yield
    except OSError as error:
        raise VoxploreError(path, expected="to write it", got=reason_of(error)) from error
    except Exception as error:
        # Writers in Rust (safetensors) hand on what the system said in a type of their own.
        number = re.search(r"\(os error (\d+)\)", str(error))
        if number is None:
            raise
        raise VoxploreError(path, expected="to write it", got=os.strerror(int(number[1])).lower()) from error


def reason_of(error: Exception) -> str:
    """What went wrong, in the system's own words where it has any."""
    if isinstance(error, OSError) and error.errno is None and "written" in str(error):
        return f"too little room on the disk ({error})"  # as NumPy tells it
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__).lower()
