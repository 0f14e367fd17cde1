"""Training: one loop and its checkpoints."""

from voxplore.training.device import pick_device, placed
from voxplore.training.hardware import hardware
from voxplore.training.loop import train

__all__ = ["hardware", "pick_device", "placed", "train"]
