"""Cells for a target beside those plainly drawn: asked of the model, chosen by a surrogate, steered by the adjoint."""

import time
from typing import Any

import numpy as np

from voxplore.errors import VoxploreError
from voxplore.mechanics import stiffness_of
from voxplore.unitcells import UnitCells, pack
from voxplore.workflows.coarse import coarse_properties
from voxplore.workflows.decoders import latents_of, steerable
from voxplore.workflows.known import Known
from voxplore.workflows.steer import steer
from voxplore.workflows.surrogate import Surrogate
from voxplore.workflows.survey import fine_properties
from voxplore.workflows.targets import PROPERTIES, Target

__all__ = ["search"]

#: Of n drawn: cells drawn more for the surrogate to choose from, cells that it chooses, cells asked of the model, as
#: shares of n; and cells that are steered (our choices).
_MORE, _CHOSEN, _CONDITIONED, _STEERED = 2.0, 0.25, 0.25, 8


def search(
    model: Any,
    drawn: UnitCells,
    target: Target,
    *,
    seed: int,
    table: Known | None,
    until: float,
    workers: int | None = None,
) -> tuple[UnitCells, np.ndarray]:
    """Further cells and by which means each was found: "conditioned", "surrogate" or "adjoint".

    until: `time.monotonic()` at which no cell is begun any more. seed: of what is drawn here.
    """
    n = len(drawn)
    solved = coarse_properties(drawn, workers)
    parts = [_conditioned(model, target, round(_CONDITIONED * n), seed, table)]
    means = ["conditioned"]
    if _numbers(target) and n >= 16:
        pool = model.generate(max(1, round(_MORE * n)), seed=seed)
        misses = target.misses(_with_lengths(Surrogate.fit(drawn, solved).predict(pool)))
        parts.append(pool[np.argsort(misses, kind="stable")[: max(1, round(_CHOSEN * n))]])
        means.append("surrogate")
    found = [part for part in parts if part is not None and len(part)]
    labels = [np.full(len(part), name) for part, name in zip(parts, means, strict=True) if part is not None]
    every = UnitCells.concatenate([drawn, *found])
    steered = _steered(model, every, target, until, workers)
    if steered is not None:
        found.append(steered)
        labels.append(np.full(len(steered), "adjoint"))
    if not found:
        return drawn[:0], np.zeros(0, np.str_)
    return UnitCells.concatenate(found), np.concatenate(labels)


def _numbers(target: Target) -> bool:
    """Whether something is asked for that a surrogate predicts."""
    return target.stiffness is not None or any(PROPERTIES[name].unit != "mm" for name in target.columns)


def _with_lengths(columns: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Lengths count as reached where they are not known yet."""
    n = len(columns["relative_density"])
    return columns | {name: np.full(n, np.inf) for name in PROPERTIES if name not in columns}


def _conditioned(model: Any, target: Target, n: int, seed: int, table: Known | None) -> UnitCells | None:
    """Cells asked of the model itself, where it can be asked and everything is asked for by `=`."""
    wanted = {c.column: c.value for c in target.conditions if c.relation == "=" and not c.of_bound}
    if n == 0 or not wanted or not hasattr(model, "know"):
        return None
    if set(wanted) != {"relative_density"}:
        if table is None:
            return None
        columns = {name: table.columns[name] for name in wanted if name in table.columns and name != "relative_density"}
        model.know(table.cells, columns)
    try:
        return model.generate(n, seed=seed + 1, condition=wanted)
    except VoxploreError:  # outside the range of the known cells, which the report says
        return None


def _steered(model: Any, cells: UnitCells, target: Target, until: float, workers: int | None) -> UnitCells | None:
    """The cells nearest to the target, steered nearer by the adjoint."""
    if not steerable(model) or not _numbers(target):
        return None
    misses = target.misses(_with_lengths(coarse_properties(cells, workers)))
    nearest = cells[np.argsort(misses, kind="stable")[:_STEERED]]
    stiffness = stiffness_of(fine_properties(nearest, workers))
    voxels, names = [], []
    for row, latent, decode in latents_of(model, nearest):
        if time.monotonic() > until:
            break
        found = steer(decode, latent, target, stiffness[row])
        if found is not None and found.voxels.any():
            voxels.append(found.voxels)
            names.append(f"{nearest.index['id'][row]}-steered")
    if not voxels:
        return None
    model_names = np.full(len(voxels), nearest.index["model"][0]) if "model" in nearest.index else None
    index = {"id": np.array(names)} | (
        {} if model_names is None else {"model": model_names, "seed": np.full(len(voxels), -1)}
    )
    return UnitCells(pack(np.stack(voxels)), cells.resolution, index, dict(cells.about))
