"""Cells for a target beside those plainly drawn: asked of the model, chosen by a surrogate, steered by the adjoint."""

import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from voxplore.errors import VoxploreError
from voxplore.geometry import flip_group
from voxplore.mechanics import stiffness_of
from voxplore.parallel import map_items
from voxplore.unitcells import UnitCells, pack, unpack
from voxplore.workflows.coarse import coarse_properties
from voxplore.workflows.decoders import latents_of, steerable
from voxplore.workflows.known import Known
from voxplore.workflows.ranking import Use, usable
from voxplore.workflows.steer import Steered, cut, steer
from voxplore.workflows.surrogate import Surrogate
from voxplore.workflows.survey import fine_properties
from voxplore.workflows.targets import PROPERTIES, Target

__all__ = ["Approach", "approach", "in_order", "search"]

#: Of n drawn: cells drawn more for the surrogate to choose from, cells that it chooses, cells asked of the model, as
#: shares of n; cells that are steered, and solved cells on the way of each (our choices).
_MORE, _CHOSEN, _CONDITIONED, _STEERED, _STEPS = 2.0, 0.25, 0.25, 8, 8
#: Cells that cubic ones are made of where isotropy is asked for.
_CUBIC = 64


@dataclass(frozen=True, eq=False)
class Approach:
    """Steered cells, Bool (n, d, d, d), the rows they began at, int64 (n,), and what they took.

    solves: cells solved at full resolution. slopes: softened cells solved at half of it for their derivatives.
    """

    voxels: np.ndarray
    rows: np.ndarray
    solves: int
    slopes: int


def search(
    model: Any,
    drawn: UnitCells,
    target: Target,
    *,
    seed: int,
    table: Known | None,
    until: float,
    use: Use = Use(),
    others: UnitCells | None = None,
    workers: int | None = None,
) -> tuple[UnitCells, np.ndarray]:
    """Further cells and by which means each was found: "conditioned", "surrogate" or "adjoint".

    until: `time.monotonic()` at which no cell is begun any more. seed: of what is drawn here. use: no cell is steered
    to where it would be of none. others: cells that steps may begin at too.
    """
    n = len(drawn)
    solved = coarse_properties(drawn, workers)
    parts = [_conditioned(model, target, round(_CONDITIONED * n), seed, table)]
    means = ["conditioned"]
    if _numbers(target) and n >= 16:
        pool = model.generate(max(1, round(_MORE * n)), seed=seed)
        misses = target.misses(_with_lengths(Surrogate.fit(drawn, solved, workers).predict(pool, workers)))
        parts.append(pool[np.argsort(misses, kind="stable")[: max(1, round(_CHOSEN * n))]])
        means.append("surrogate")
    found = [part for part in parts if part is not None and len(part)]
    labels = [np.full(len(part), name) for part, name in zip(parts, means, strict=True) if part is not None]
    every = UnitCells.concatenate([drawn, *found, *([] if others is None else [others])])
    if steerable(model) and _numbers(target):
        misses = target.misses(_with_lengths(coarse_properties(every, workers)))
        steered = approach(
            model,
            every,
            in_order(every, misses, target),
            target,
            use=use,
            starts=_STEERED,
            until=until,
            workers=workers,
        )
        if len(steered.rows):
            found.append(_named(every, drawn, steered))
            labels.append(np.full(len(steered.rows), "adjoint"))
    if not found:
        return drawn[:0], np.zeros(0, np.str_)
    return UnitCells.concatenate(found), np.concatenate(labels)


def approach(
    model: Any,
    cells: UnitCells,
    order: np.ndarray,
    target: Target,
    *,
    use: Use = Use(),
    starts: int = _STEERED,
    steps: int = _STEPS,
    until: float = np.inf,
    workers: int | None = None,
) -> Approach:
    """Steer the first `starts` usable cells in the given order towards the target.

    steps: solved cells on the way of each. until: `time.monotonic()` at which none is begun any more. Where isotropy is
    asked for, cells with three mirror planes are decoded alike along all axes (`_alike`).
    """
    packed, order = np.asarray(cells.packed), np.asarray(order)
    usable_rows = (k for k in order.tolist() if usable(unpack(packed[[k]], cells.resolution)[0], use))
    rows = list(itertools.islice(usable_rows, starts)) if time.monotonic() < until else []
    begin = partial(_from_one, model, target, use, steps, time.time() + until - time.monotonic())
    every = list(map_items(begin, [cells[[row]] for row in rows], workers=workers, sums=True))
    found = [(row, one) for row, one in zip(rows, every, strict=True) if one is not None]
    d = cells.resolution
    return Approach(
        np.array([one.voxels for _, one in found], bool).reshape(-1, d, d, d),
        np.array([row for row, _ in found], np.int64),
        sum(one.solves for _, one in found),
        sum(one.slopes for _, one in found),
    )


def in_order(cells: UnitCells, misses: np.ndarray, target: Target, workers: int | None = None) -> np.ndarray:
    """Numbers of cells, those to begin at first: the smallest miss (n,) first.

    Where isotropy is asked for, cells with three mirror planes come before all others, the nearest in density first. Of
    the first 64 of them cubic cells are made and solved at half resolution; those of the least anisotropy come first
    (our choice).
    """
    order = np.argsort(misses, kind="stable")
    if not _isotropic(target):
        return order
    mirrored = np.concatenate([flip_group(voxels) == 255 for voxels in cells.batches(64)])
    wanted = [one.value for one in target.conditions if one.column == "relative_density" and one.relation == "="]
    density = wanted[-1] if wanted else None
    off = misses if density is None else abs(cells.relative_density() - density)
    first = order[mirrored[order]]
    first = first[np.argsort(off[first], kind="stable")][:_CUBIC]
    if len(first):
        made = np.stack([_cubic(voxels, density) for voxels in cells[first].voxels()])
        found = coarse_properties(UnitCells.from_voxels(made), workers)["universal_anisotropy"]
        first = first[np.argsort(np.where(np.isfinite(found), found, np.inf), kind="stable")]
    return np.concatenate([first, order[~np.isin(order, first)]])


def _cubic(voxels: np.ndarray, density: float | None) -> np.ndarray:
    """Bool (d, d, d) averaged over all orders of the axes and cut at a density, its own where none is given."""
    mean = np.mean([voxels.transpose(order) for order in itertools.permutations(range(3))], axis=0)
    return cut(mean, float(voxels.mean()) if density is None else density)[0]


def _from_one(model: Any, target: Target, use: Use, steps: int, until: float, cell: UnitCells) -> Steered | None:
    """One cell steered, unless it is later than `until` (seconds since 1970, which other machines know too)."""
    if time.time() > until:
        return None
    (start,) = latents_of(model, cell)
    decode = _alike(start.decode) if _isotropic(target) and _mirrored(cell) else start.decode
    return steer(decode, start.latent, target, _solved, steps=steps, usable=lambda voxels: usable(voxels, use))


def _isotropic(target: Target) -> bool:
    """Whether the target bounds the anisotropy from above."""
    return any(one.column == "universal_anisotropy" and one.relation in ("<", "<=") for one in target.conditions)


def _mirrored(cell: UnitCells) -> bool:
    """Whether one cell equals itself after a flip along each axis."""
    return int(flip_group(cell.voxels())[0]) == 255


def _alike(decode: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The decoder averaged over all orders of the axes: a cell with three mirror planes becomes cubic, so that of its
    anisotropy one number is left to steer (our choice)."""

    import torch

    def averaged(latent: Any) -> Any:
        values = decode(latent)
        return torch.stack([values.permute(0, *order) for order in itertools.permutations((1, 2, 3))]).mean(0)

    return averaged


def _solved(voxels: np.ndarray) -> np.ndarray:
    """Stiffness (6, 6) of Bool (d, d, d) at full resolution; kept in the cache."""
    return stiffness_of(fine_properties(UnitCells.from_voxels(voxels[None]), 1))[0]


def _named(cells: UnitCells, drawn: UnitCells, steered: Approach) -> UnitCells:
    """Steered cells with an index like that of drawn ones."""
    index = {"id": np.array([f"{cells.index['id'][row]}-steered" for row in steered.rows])}
    if "model" in drawn.index:
        count = len(steered.rows)
        index |= {"model": np.full(count, drawn.index["model"][0]), "seed": np.full(count, -1)}
    return UnitCells(pack(steered.voxels), cells.resolution, index, dict(drawn.about))


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
    if n == 0 or not wanted:
        return None
    if set(wanted) != {"relative_density"}:
        if table is None or not hasattr(model, "know"):
            return None
        columns = {name: table.columns[name] for name in wanted if name in table.columns and name != "relative_density"}
        model.know(table.cells, columns)
    try:
        return model.generate(n, seed=seed + 1, condition=wanted)
    except VoxploreError:  # outside the range of the known cells, which the report says
        return None
