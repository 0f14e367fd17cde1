"""Training on several processes (torchrun): each passes its rows of the batch through the networks.

Every process draws the whole batch, by the seed of the step, and computes the whole loss, but puts only its own rows
through the networks; their outputs are gathered. So any loss sees the batch that one process would show it, also one
that compares cells with each other (Eq. 6 to 8), and the curve is that of one process up to rounding (our choice; the
usual way, a loss for each part of the batch, is another loss). Gradients are summed over processes before each step.
Dropout is the exception: each process draws the masks of its own rows, so that such a curve agrees in the mean alone.
"""

import atexit
import contextlib
import os
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, distributed, nn

from voxplore.errors import VoxploreError

__all__ = ["Team", "rank", "team_of"]


def rank() -> int:
    """The number of this process among those that torchrun started; 0 where it did not."""
    return int(os.environ.get("RANK", "0")) if _world() > 1 else 0


def team_of(device: str) -> "Team | None":
    """What ties this process to the others; None where it is alone. NCCL on GPUs, gloo on CPUs."""
    if _world() == 1:
        return None
    if not distributed.is_initialized():
        distributed.init_process_group("nccl" if device.startswith("cuda") else "gloo")
        atexit.register(distributed.destroy_process_group)
    return Team(distributed.get_rank(), distributed.get_world_size())


def _world() -> int:
    return int(os.environ.get("WORLD_SIZE", "1"))


class Team:
    """Process `rank` of `world`."""

    def __init__(self, rank: int, world: int):
        self.rank, self.world = rank, world

    @contextlib.contextmanager
    def sharing(self, module: nn.Module) -> Iterator[None]:
        """Within it, calls of `module` or of its parts with n rows each pass n / world of them and return all n."""
        with torch.no_grad():
            for tensor in module.state_dict().values():
                distributed.broadcast(tensor, 0)
        depth, rows = [0], [0]
        drops = any(isinstance(part, nn.Dropout) and part.p > 0 for part in module.modules())
        states: list[Tensor] = []

        def before(part: nn.Module, positional: tuple, named: dict) -> tuple[tuple, dict] | None:
            depth[0] += 1
            if depth[0] > 1:
                return None
            rows[0] = _rows(positional, named)
            if rows[0] < self.world:  # too few to share: every process computes them
                return None
            if drops:
                seed = int(torch.randint(1 << 62, ()))
                states.append(torch.get_rng_state())
                torch.manual_seed(seed + self.rank)
            return self._mine(positional, rows[0]), self._mine(named, rows[0])

        def after(part: nn.Module, positional: tuple, named: dict, output: Any) -> Any:
            depth[0] -= 1
            if depth[0] or rows[0] < self.world:
                return None
            if states:  # what all processes draw stays the same
                torch.set_rng_state(states.pop())
            return self._gathered(output, rows[0])

        hooks = []
        for part in module.modules():
            hooks.append(part.register_forward_pre_hook(before, with_kwargs=True))
            hooks.append(part.register_forward_hook(after, with_kwargs=True))
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()

    def sum_gradients(self, module: nn.Module) -> None:
        """Add up the gradients of all processes, in one message."""
        parameters = [parameter for parameter in module.parameters() if parameter.requires_grad]
        gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
        flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
        distributed.all_reduce(flat)
        for parameter, piece in zip(parameters, flat.split([p.numel() for p in parameters]), strict=True):
            parameter.grad = piece.view_as(parameter)

    def _mine(self, value: Any, rows: int) -> Any:
        """This process's rows of every tensor that has so many."""
        if isinstance(value, Tensor):
            first, last = self._bounds(rows, self.rank)
            return value[first:last] if value.ndim and len(value) == rows else value
        if isinstance(value, tuple | list):
            parts = [self._mine(part, rows) for part in value]
            return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
        return {key: self._mine(part, rows) for key, part in value.items()} if isinstance(value, dict) else value

    def _gathered(self, value: Any, rows: int) -> Any:
        if isinstance(value, Tensor):
            sizes = [last - first for first, last in (self._bounds(rows, k) for k in range(self.world))]
            if not value.ndim or len(value) != sizes[self.rank]:
                came = f"a tensor {tuple(value.shape)} for {sizes[self.rank]} of {rows} rows"
                raise VoxploreError("torchrun", expected="networks that put out a row for a row", came=came)
            return _Gather.apply(value, sizes, self.rank)
        if isinstance(value, tuple | list):
            parts = [self._gathered(part, rows) for part in value]
            return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
        return {key: self._gathered(part, rows) for key, part in value.items()} if isinstance(value, dict) else value

    def _bounds(self, rows: int, rank: int) -> tuple[int, int]:
        return rows * rank // self.world, rows * (rank + 1) // self.world


def _rows(positional: tuple, named: dict) -> int:
    """Rows of the first tensor among the arguments."""
    tensors = [value for value in (*positional, *named.values()) if isinstance(value, Tensor) and value.ndim]
    return len(tensors[0]) if tensors else 0


class _Gather(torch.autograd.Function):
    """Rows of all processes, one after the other.

    Each process computes the whole loss divided by their number, so that what all of them compute counts once when
    gradients are summed. What follows may be shared again, so that each knows a part of the gradient: these are summed.
    """

    @staticmethod
    def forward(ctx: Any, mine: Tensor, sizes: list[int], rank: int) -> Tensor:
        ctx.sizes, ctx.rank = sizes, rank
        # gloo gathers equal sizes only
        filled = torch.zeros((max(sizes), *mine.shape[1:]), dtype=mine.dtype, device=mine.device)
        filled[: len(mine)] = mine
        parts = [torch.empty_like(filled) for _ in sizes]
        distributed.all_gather(parts, filled)
        whole = torch.cat([part[:size] for part, size in zip(parts, sizes, strict=True)])
        # Axes lie in memory as they did: what is drawn "like" a tensor is drawn in that order.
        order = sorted(range(mine.ndim), key=lambda axis: -mine.stride(axis))
        return whole.permute(order).contiguous().permute([order.index(axis) for axis in range(mine.ndim)])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        whole = gradients[0].clone(memory_format=torch.contiguous_format)  # others hold it too
        distributed.all_reduce(whole)
        first = sum(ctx.sizes[: ctx.rank])
        return whole[first : first + ctx.sizes[ctx.rank]], None, None
