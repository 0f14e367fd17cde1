"""`voxplore info`: what a folder or file holds, and the user's cache."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from voxplore.cli.common import Result, Verb

__all__ = ["Command"]


@dataclass(frozen=True)
class Command(Verb):
    """Say what cells, scores or a model hold. Of cells: densities, symmetry, components, near duplicates, and how
    novel the held-out ones are against the training ones."""

    path: Annotated[Path | None, tyro.conf.Positional, tyro.conf.arg(metavar="ANY")] = None
    """Folder of cells, scores or a model; a file of cells; or "default", the shipped model and its known cells."""
    verify: bool = False
    """Check the files against their checksums instead."""
    quick: bool = False
    """Leave out what compares cells with each other."""
    cache: bool = False
    """Say what voxplore keeps in the user's cache, and where."""
    clear: bool = False
    """With --cache: remove it; nothing in it is lost but time."""

    def run(self) -> Result:
        from voxplore.errors import VoxploreError
        from voxplore.workflows import info

        if self.clear and not self.cache:
            raise VoxploreError("--clear", expected="--cache with it", got="it alone")
        if self.cache == (self.path is not None):
            got = "both" if self.cache else "neither"
            raise VoxploreError("info", expected="a path, or --cache", got=got)
        if self.path is None:
            return _cache(self.clear)
        if self.verify:
            checked = info.verify(self.path)
            return Result("\n".join(f"{name}: {result}" for name, result in checked), verified=dict(checked))
        found = info.facts(self.path, self.quick)
        if isinstance(found, list):
            return Result(info.table(found), **dict(found))
        return Result(str(found), **found.to_json())


def _cache(clear: bool) -> Result:
    from voxplore.storage.cache import cache_folder, cached, clear_cache

    parts = clear_cache() if clear else cached()
    total = sum(parts.values())
    word = "cleared" if clear else "kept"
    lines = [f"{cache_folder()}: {total / 1e6:.1f} MB {word} (VOXPLORE_CACHE names another folder)"]
    lines += [f"  {name:<12}{size / 1e6:10.1f} MB" for name, size in parts.items()]
    return Result("\n".join(lines), folder=cache_folder(), bytes=parts, cleared=clear)
