"""Training: one loop and its checkpoints."""

from voxplore.training.hardware import hardware
from voxplore.training.loop import pick_device, train

__all__ = ["hardware", "pick_device", "train"]
