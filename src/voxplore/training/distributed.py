"""Training on several processes (torchrun): each trains on cells of its own, and their gradients are averaged.

Of a batch each process draws its share, by the seed of the step and its own rank. Where a loss is a mean over cells
this is the gradient of the whole batch. A loss that compares cells with each other (Eq. 6 to 8, means over pairs)
compares those of one process alone, which has the same expectation. torch's DistributedDataParallel does the same, but
wants one `forward`, where our losses call parts of a module (our choice).
"""

import atexit
import os

import torch
from torch import Tensor, distributed, nn

from voxplore.errors import VoxploreError
from voxplore.training.device import on_gpu

__all__ = ["Team", "rank", "team_of"]


def rank() -> int:
    """The number of this process among those that torchrun started; 0 where it did not."""
    return int(os.environ.get("RANK", "0")) if _world() > 1 else 0


def team_of(device: str) -> "Team | None":
    """What ties this process to the others; None where it is alone. NCCL on GPUs, gloo on CPUs."""
    if _world() == 1:
        return None
    if not distributed.is_initialized():
        if on_gpu(device):
            torch.cuda.set_device(device)  # NCCL works on the current one
        distributed.init_process_group("nccl" if on_gpu(device) else "gloo")
        atexit.register(distributed.destroy_process_group)
    return Team(distributed.get_rank(), distributed.get_world_size())


def _world() -> int:
    return int(os.environ.get("WORLD_SIZE", "1"))


class Team:
    """Process `rank` of `world`."""

    def __init__(self, rank: int, world: int):
        self.rank, self.world = rank, world

    def share(self, batch: int) -> int:
        """Cells of a batch that this process draws; VoxploreError where there is not one for each process."""
        if batch < self.world:
            raise VoxploreError("torchrun", expected=f"at most {batch} processes, a cell each", got=str(self.world))
        return batch * (self.rank + 1) // self.world - batch * self.rank // self.world

    def start_alike(self, module: nn.Module) -> None:
        """All processes begin with the weights of the first."""
        with torch.no_grad():
            for tensor in module.state_dict().values():
                distributed.broadcast(tensor, 0)

    def sum(self, module: nn.Module, value: Tensor) -> Tensor:
        """Add up the gradients of all processes, and their losses, in one message; returns the sum of the losses."""
        parameters = [parameter for parameter in module.parameters() if parameter.requires_grad]
        gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
        flat = torch.cat([value.detach().reshape(1).to(gradients[0].dtype), *(g.reshape(-1) for g in gradients)])
        distributed.all_reduce(flat)
        total, *pieces = flat.split([1, *(p.numel() for p in parameters)])
        for parameter, piece in zip(parameters, pieces, strict=True):
            parameter.grad = piece.view_as(parameter)
        return total[0]
