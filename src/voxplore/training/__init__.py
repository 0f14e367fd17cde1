"""Training: one loop and its checkpoints."""

from voxplore.training.loop import pick_device, train

__all__ = ["pick_device", "train"]
