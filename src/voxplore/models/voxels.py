"""What generators of voxels share: random turned cells of the training set, batches of one size, chains of voxels."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from voxplore.errors import VoxploreError
from voxplore.geometry import CUBE_OPERATIONS, ORIENTATIONS, Operation, apply_operation
from voxplore.models.base import CellNoise, Generator
from voxplore.training import train
from voxplore.training.device import on_gpu
from voxplore.training.feed import Prepare
from voxplore.unitcells import UnitCells, pack, unpack

__all__ = [
    "OPERATIONS",
    "check_divisible",
    "checked_cells",
    "draw_cells",
    "distinct_orientations",
    "fit_one_stage",
    "fixed_batch",
    "half_precision",
    "no_condition",
    "preparation",
    "random_cells",
    "randomly_oriented",
    "signed",
    "training_facts",
]

Model = TypeVar("Model", bound=Generator)

#: What each kind of augmentation turns cells by.
OPERATIONS = {"none": CUBE_OPERATIONS[:1], "six": ORIENTATIONS, "cube": CUBE_OPERATIONS}


def random_cells(packed: np.ndarray, resolution: int, n: int, augment: str, rng: np.random.Generator) -> np.ndarray:
    """n random cells in random orientations: Bool (n, d, d, d)."""
    operations = OPERATIONS[augment]
    rows = rng.integers(0, len(packed), n)
    turns = rng.integers(0, len(operations), n)
    voxels = unpack(packed[rows], resolution)
    return np.stack([apply_operation(cell, operations[k]) for cell, k in zip(voxels, turns, strict=True)])


def distinct_orientations(cells: UnitCells, operations: Sequence[Operation]) -> np.ndarray:
    """Bool (m, n): whether cell j after operation i differs from itself after each of the operations before.

    A symmetric cell is the same in several orientations; counted each time it would be its own nearest neighbour.
    """
    found = [np.zeros((len(operations), 0), bool)]
    for voxels in cells.batches(512):
        oriented: list[np.ndarray] = []
        fresh = np.ones((len(operations), len(voxels)), bool)
        for row, operation in zip(fresh, operations, strict=True):
            oriented.append(pack(np.ascontiguousarray(apply_operation(voxels, operation))))
            for earlier in oriented[:-1]:
                row &= (earlier != oriented[-1]).any(axis=1)
        found.append(fresh)
    return np.concatenate(found, axis=1)


def preparation(packed: np.ndarray, resolution: int, augment: str, side: int | None = None) -> Prepare:
    """How a training batch is prepared: `random_cells`, of which the first side^3 voxels where one is given."""

    def prepare(rng: np.random.Generator, n: int) -> np.ndarray:
        voxels = random_cells(packed, resolution, n, augment, rng)
        return voxels if side is None else np.ascontiguousarray(voxels[:, :side, :side, :side])

    return prepare


def fit_one_stage(
    model: Model,
    stage: str,
    network: nn.Module,
    loss: Callable[[Tensor, int], tuple[Tensor, dict[str, Tensor]]],
    cells: UnitCells,
    run: str | Path | None,
    side: int | None = None,
) -> Model:
    """`fit` of a model with one network, whose loss is shown random cells, uint8 (n, d, d, d), or corners of them."""
    config = model.config
    packed = checked_cells(cells, config.resolution)
    options = {"run": model._run_folder(run), "seed": config.seed, "device": model.device, **vars(config.training)}
    options["prepare"] = preparation(packed, cells.resolution, config.augment, side)
    model.trained = training_facts(cells, {stage: train(stage, network, loss, **options)})
    return model


def randomly_oriented(cells: np.ndarray, augment: str, noise: CellNoise) -> np.ndarray:
    """Each of the cells (n, d, d, d) in an orientation of its own stream's choice."""
    operations = OPERATIONS[augment]
    if len(operations) == 1:
        return cells
    turns = noise.below(len(operations))
    return np.stack([apply_operation(cell, operations[k]) for cell, k in zip(cells, turns, strict=True)])


def fixed_batch(network: Callable[[Tensor], Tensor] | nn.Module, inputs: Tensor, size: int) -> Tensor:
    """Run a full-sized batch, filled up with zeros: the last digits of a matrix product can depend on its size."""
    filled = functional.pad(inputs, (*(0,) * (2 * inputs.ndim - 2), 0, size - len(inputs)))
    return network(filled)[: len(inputs)]


def signed(solid: Tensor) -> Tensor:
    """uint8 (n, d, d, d) of 0 and 1 -> float32 (n, 1, d, d, d): +1 solid, -1 void."""
    return 2 * solid[:, None].float() - 1


def draw_cells(
    draw: Callable[[CellNoise, int], Tensor],
    n: int,
    seed: int,
    side: int,
    batch: int,
    device: str,
    put: int | None = None,
    start: int = 0,
) -> np.ndarray:
    """Packed rows (n, d^3 / 8) of cells drawn in batches of one size; cell i depends on (seed, i) alone.

    draw: from the noise of a batch, (1, side, side, side) each, and the number of its first cell to volumes
    (n, 1, d, d, d), solid above 0; d is `put` where that is not `side`. start: the number of the first cell. bfloat16
    on CUDA.
    """
    rows = [np.zeros((0, (put or side) ** 3 // 8), np.uint8)]
    for first in range(start, start + n, batch):
        noise = CellNoise(seed, first, batch, (1, *3 * (side,)), device)
        with torch.no_grad(), half_precision(device):
            rows.append(pack((draw(noise, first)[:, 0] > 0).cpu().numpy()))
    return np.concatenate(rows)[:n]


def half_precision(device: str) -> torch.autocast:
    """Within it networks work in bfloat16 on a GPU, and as they are elsewhere."""
    return torch.autocast("cuda", torch.bfloat16, enabled=on_gpu(device))


def checked_cells(cells: UnitCells, resolution: int, what: str = "training cells") -> np.ndarray:
    """The packed rows of cells; VoxploreError about `what` where there are none or at another resolution."""
    if cells.resolution != resolution or not len(cells):
        got = f"{len(cells)} at {cells.resolution}^3"
        raise VoxploreError(what, expected=f"cells at {resolution}^3", got=got)
    return np.asarray(cells.packed)


def check_divisible(resolution: int, by: int, what: str = "resolution") -> None:
    """Raise VoxploreError where a network that works on blocks of `by` voxels cannot fill a cell."""
    if resolution % by:
        raise VoxploreError(what, expected=f"a multiple of {by} for this network", got=str(resolution))


def no_condition(condition: Any) -> None:
    """Raise VoxploreError where a model without conditions is given one."""
    if condition is not None:
        raise VoxploreError("condition", expected="none for this recipe", got=repr(condition)[:80])


def training_facts(cells: UnitCells, stages: dict[str, dict[str, float]]) -> dict[str, Any]:
    """What a model keeps of its training: the data's name and sha256, and cells and seconds a stage."""
    return {
        "data": str(cells.about.get("name", "cells")),
        "data_sha256": cells.sha256(),
        "data_cells": len(cells),
        "stages": stages,
    }
