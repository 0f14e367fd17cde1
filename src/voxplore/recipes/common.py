"""Configuration that all models share."""

from dataclasses import dataclass
from typing import Literal

__all__ = ["Augment", "Precision", "Training"]

Precision = Literal["fp32", "bf16", "auto"]

#: How a cell of the training set is turned before it is shown: not at all; into one of the paper's six orientations;
#: into one of the 48 of the cube (our choice).
Augment = Literal["none", "six", "cube"]


@dataclass(frozen=True)
class Training:
    """Length and optimiser of one training stage; the rest of AdamW is fixed in `training.train`."""

    cells: int
    """Cells seen, valid ones only; the length of the stage."""
    batch: int = 64
    """Cells a step."""
    learning_rate: float = 1e-3
    weight_decay: float = 0.0
    warmup: float = 0.02
    """Share of the stage over which the learning rate rises from 0 (our choice)."""
    decay: float = 0.3
    """Share of the stage over which the learning rate falls to 0 at its end (our choice)."""
    clip: float | None = 1.0
    """Largest gradient norm (our choice)."""
    ema: float | None = 0.999
    """Decay of the averaged weights that sampling uses (our choice)."""
    precision: Precision = "auto"
    """bf16: autocast to bfloat16. auto: that on CUDA alone; on a CPU that has it, it was no faster (our choice)."""
