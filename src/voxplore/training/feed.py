"""The batches of a training, one a step, each drawn by its step's own seed; for a GPU prepared ahead by processes.

On a CPU a batch is prepared when its step begins, so that all of the work counts as the step's. For a GPU worker
processes prepare the next batches meanwhile; cells travel as bits and are unpacked on the device. The batch of a step
is the same either way.
"""

import hashlib
import os
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils._pytree import tree_map_only
from torch.utils.data import DataLoader, Dataset

from voxplore.training.device import on_gpu

__all__ = ["Prepare", "batches", "step_generator"]

#: (random generator of a step, number of cells) -> NumPy arrays or CPU tensors, alone, in tuples or dictionaries.
Prepare = Callable[[np.random.Generator, int], Any]

#: Processes that prepare batches for a GPU, at most, and batches that each is ahead.
_WORKERS, _AHEAD = 12, 4


def step_generator(seed: int, stage: str, step: int, rank: int = 0) -> tuple[np.random.Generator, int]:
    """The random generator of a step of process `rank`, and the seed for torch that was drawn from it first."""
    key = [seed, int.from_bytes(hashlib.sha256(stage.encode()).digest()[:4]), step]
    rng = np.random.default_rng([*key, rank] if rank else key)
    return rng, int(rng.integers(2**63))


def batches(
    prepare: Prepare | None, stage: str, seed: int, steps: range, size: int, device: str, rank: int = 0
) -> Iterator[tuple[int, Any]]:
    """(seed for torch, batch) of each of the steps. The batch: what `prepare` gave, as tensors on the device.

    Without `prepare` the batch is the step's generator itself. Bool arrays become uint8 tensors of 0 and 1.
    """
    if prepare is None:
        for step in steps:
            rng, torch_seed = step_generator(seed, stage, step, rank)
            yield torch_seed, rng
        return
    work = _Batches(prepare, stage, seed, steps, size, rank)
    if not on_gpu(device):
        for index in range(len(steps)):
            torch_seed, batch = work.prepared(index)
            yield torch_seed, tree_map_only((np.ndarray, Tensor), lambda part: _bytes(part).to(device), batch)
        return
    for torch_seed, batch in _loader(work):
        moved = tree_map_only(Tensor, lambda tensor: tensor.to(device, non_blocking=True), batch)
        yield torch_seed, _unpacked(moved)


class _Batches(Dataset):
    """Item k is (seed for torch, batch) of the k-th of the steps, bool arrays as `_Bits`."""

    def __init__(self, prepare: Prepare, stage: str, seed: int, steps: range, size: int, rank: int = 0):
        self.prepare, self.stage, self.seed, self.steps, self.size = prepare, stage, seed, steps, size
        self.rank = rank

    def __len__(self) -> int:
        return len(self.steps)

    def prepared(self, index: int) -> tuple[int, Any]:
        rng, torch_seed = step_generator(self.seed, self.stage, self.steps[index], self.rank)
        return torch_seed, self.prepare(rng, self.size)

    def __getitem__(self, index: int) -> tuple[int, Any]:
        torch_seed, batch = self.prepared(index)
        return torch_seed, tree_map_only(np.ndarray, _packed, batch)


class _Bits(NamedTuple):
    """A bool array of `shape` as bits, uint8 (ceil(size / 8),)."""

    bits: Tensor
    shape: tuple[int, ...]


def _loader(work: _Batches) -> Any:
    workers = min(_WORKERS, max(1, (os.cpu_count() or 2) - 2))
    ahead = {"prefetch_factor": _AHEAD, "multiprocessing_context": "fork"}  # fork: what prepares need not be pickled
    return DataLoader(work, batch_size=None, num_workers=workers, pin_memory=torch.cuda.is_available(), **ahead)


def _bytes(array: np.ndarray | Tensor) -> Tensor:
    if isinstance(array, Tensor):
        return array
    array = np.ascontiguousarray(array)
    return torch.from_numpy(array.view(np.uint8) if array.dtype == bool else array)


def _packed(array: np.ndarray) -> Any:
    if array.dtype != bool:
        return _bytes(array)
    return _Bits(torch.from_numpy(np.packbits(array.reshape(-1))), array.shape)


def _unpacked(batch: Any) -> Any:
    if isinstance(batch, _Bits):
        return _from_bits(*batch)
    if isinstance(batch, dict):
        return {name: _unpacked(part) for name, part in batch.items()}
    if isinstance(batch, tuple | list):
        parts = [_unpacked(part) for part in batch]
        return type(batch)(*parts) if hasattr(batch, "_fields") else type(batch)(parts)
    return batch


def _from_bits(bits: Tensor, shape: tuple[int, ...]) -> Tensor:
    """uint8 of 0 and 1 of a shape, from bits whose first is the highest of its byte."""
    shifts = torch.arange(7, -1, -1, device=bits.device, dtype=torch.uint8)
    return ((bits[:, None] >> shifts) & 1).reshape(-1)[: torch.Size(shape).numel()].reshape(shape)
