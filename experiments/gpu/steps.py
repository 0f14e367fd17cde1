"""What the GPU kit does, in order: a step is a list of recipes, each with a share of the time."""

import dataclasses
from dataclasses import dataclass
from typing import Any

__all__ = ["BASELINES", "Job", "budgeted", "jobs"]

#: In the order of what they cost to learn.
BASELINES = ("yang2024", "trellis", "dit3d", "xcube", "cdm3d")
#: Minutes of one GPU that a recipe is worth beside the others.
_WORTH = {"published": 3.0, "tokens": 4.0, "baselines": 2.0}
#: Of the time of a recipe: what training gets; the rest draws cells.
TRAINING = 0.7
#: Shares of that by stage, where they are not equal.
_STAGES = {"autoencoder_training": 3.0, "denoiser_training": 1.0, "vae_training": 2.0, "flow_training": 3.0}


@dataclass(frozen=True)
class Job:
    """One recipe to train, draw from and score, on the set `cells`."""

    step: str
    recipe: str
    cells: str

    @property
    def worth(self) -> float:
        return _WORTH[self.step]


def jobs(steps: list[str], sets: list[str], tokens: list[str], size: str) -> list[Job]:
    """All jobs of the steps, in order. tokens: names of the recipes of the step "tokens"; their sets are in them."""
    found = []
    for step in steps:
        if step == "tokens":
            found += [Job(step, name, _set_of(name)) for name in tokens]
        models = {"published": ("voxplore-published",), "baselines": BASELINES}.get(step, ())
        found += [Job(step, f"{model}-{cells}-{size}", cells) for cells in sets for model in models]
    return found


def _set_of(recipe: str) -> str:
    """nets or shells, the last but one part of the name of a recipe."""
    return recipe.split("-")[-2]


def budgeted(config: Any, seconds: float, most: int | None = None) -> Any:
    """The recipe with every stage of training held to its share of so many seconds; its `cells` stay the most.

    most: another number of cells that no stage may exceed.
    """
    names = [field.name for field in dataclasses.fields(config) if field.name.endswith("training")]
    names = [name for name in names if getattr(config, name)]  # a closed form has no training
    shares = {name: _STAGES.get(name, 1.0) for name in names}
    whole = sum(shares.values())
    stages = {}
    for name, share in shares.items():
        stage = getattr(config, name)
        cells = stage.cells if most is None else min(stage.cells, most)
        stages[name] = dataclasses.replace(stage, cells=cells, budget=round(seconds * share / whole, 1))
    return dataclasses.replace(config, **stages)
