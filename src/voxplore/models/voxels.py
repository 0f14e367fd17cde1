"""What generators of voxels share: random turned cells of the training set, batches of one size, chains of voxels."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from voxplore.errors import VoxploreError
from voxplore.geometry import CUBE_OPERATIONS, ORIENTATIONS, apply_operation
from voxplore.models.base import CellNoise
from voxplore.unitcells import UnitCells, pack, unpack

__all__ = [
    "OPERATIONS",
    "check_divisible",
    "checked_cells",
    "draw_cells",
    "fixed_batch",
    "no_condition",
    "random_cells",
    "signed",
    "training_facts",
    "turned_by_lot",
]

#: What each kind of augmentation turns cells by.
OPERATIONS = {"none": CUBE_OPERATIONS[:1], "six": ORIENTATIONS, "cube": CUBE_OPERATIONS}


def random_cells(packed: np.ndarray, resolution: int, n: int, augment: str, rng: np.random.Generator) -> np.ndarray:
    """n random cells in random orientations: Bool (n, d, d, d)."""
    operations = OPERATIONS[augment]
    rows = rng.integers(0, len(packed), n)
    turns = rng.integers(0, len(operations), n)
    voxels = unpack(packed[rows], resolution)
    return np.stack([apply_operation(cell, operations[k]) for cell, k in zip(voxels, turns, strict=True)])


def turned_by_lot(cells: np.ndarray, augment: str, noise: CellNoise) -> np.ndarray:
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


def signed(voxels: np.ndarray, device: str) -> Tensor:
    """Bool (n, d, d, d) -> float32 (n, 1, d, d, d): +1 solid, -1 void."""
    return 2 * torch.from_numpy(voxels.view(np.uint8)).to(device)[:, None].float() - 1


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
        with torch.no_grad(), torch.autocast("cuda", torch.bfloat16, enabled=device.startswith("cuda")):
            rows.append(pack((draw(noise, first)[:, 0] > 0).cpu().numpy()))
    return np.concatenate(rows)[:n]


def checked_cells(cells: UnitCells, resolution: int) -> np.ndarray:
    """The packed rows of training cells; VoxploreError where there are none or at another resolution."""
    if cells.resolution != resolution or not len(cells):
        came = f"{len(cells)} at {cells.resolution}^3"
        raise VoxploreError("training cells", expected=f"cells at {resolution}^3", came=came)
    return np.asarray(cells.packed)


def check_divisible(resolution: int, by: int) -> None:
    """Raise VoxploreError where a network that works on blocks of `by` voxels cannot fill a cell."""
    if resolution % by:
        raise VoxploreError("resolution", expected=f"a multiple of {by} for this network", came=str(resolution))


def no_condition(condition: Any) -> None:
    """Raise VoxploreError where a model without conditions is given one."""
    if condition is not None:
        raise VoxploreError("condition", expected="none for this recipe", came=repr(condition)[:80])


def training_facts(cells: UnitCells, stages: dict[str, dict[str, float]]) -> dict[str, Any]:
    """What a model keeps of its training: the data's name and sha256, and cells and seconds a stage."""
    return {
        "data": str(cells.about.get("name", "cells")),
        "data_sha256": cells.sha256(),
        "data_cells": len(cells),
        "stages": stages,
    }
