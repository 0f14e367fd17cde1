"""Configuration that all models share."""

from dataclasses import dataclass
from typing import Any, Literal

__all__ = ["MEDIUM_SECONDS", "SMALL_SECONDS", "Augment", "Precision", "Training", "budgeted"]

#: Processor seconds of one core that all stages of a baseline take together, at 48^3 (`small`) and at 24^3 (`medium`).
SMALL_SECONDS, MEDIUM_SECONDS = 600.0, 10_800.0
#: Cells of a stage that its budget ends.
_UNBOUNDED = 100_000_000

Precision = Literal["fp32", "bf16", "auto"]

#: How a cell of the training set is turned before it is shown: not at all; into one of the paper's six orientations;
#: into one of the 48 of the cube (our choice).
Augment = Literal["none", "six", "cube"]


@dataclass(frozen=True)
class Training:
    """Length and optimiser of one training stage; see `training.train`."""

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
    beta2: float = 0.99
    """Decay of AdamW's second moments; 0.99 is our choice for short trainings, most publish 0.999."""
    amsgrad: bool = False
    """The AMSGrad variant of AdamW."""
    clip_value: float | None = None
    """Largest size of one number of the gradient."""
    budget: float | None = None
    """Seconds after which the stage also ends, its learning rate fallen: processor seconds on a CPU, wall seconds on a
    GPU. None: `cells` alone says how long it is."""


def budgeted(seconds: float, batch: int, learning_rate: float, *, medium: bool = False, **changes: Any) -> Training:
    """A stage of so many processor seconds. medium: with the averaged weights and the beta2 that most publish."""
    usual = {"ema": 0.999, "beta2": 0.999} if medium else {}
    return Training(_UNBOUNDED, batch, learning_rate, **{"budget": seconds, **usual, **changes})
