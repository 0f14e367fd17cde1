"""The substitute for a trained denoiser: the exact one of points between known latents (our choice); conditions."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor, nn

from voxplore.diffusion import Schedule, empirical_denoiser
from voxplore.diffusion.ddpm import Prediction
from voxplore.errors import VoxploreError
from voxplore.models.voxplore.conditioning import DENSITY, Points, log_chance, points_of, wanted_values
from voxplore.models.voxplore.known import KnownLatents
from voxplore.recipes import ClosedForm

__all__ = ["ClosedFormDenoiser"]

#: See `empirical_denoiser`; samplers of 100 even steps or fewer take longer ones and keep no guess (our choice).
_KEPT = 0.1


class ClosedFormDenoiser:
    """The interface of `TrainedDenoiser` without a network: nothing is trained, and it can be asked for properties."""

    prediction: Prediction = "epsilon"

    def __init__(self, options: ClosedForm, schedule: Schedule, seed: int):
        self.options, self.schedule, self.seed = options, schedule, seed
        self.labelled: Points | None = None
        """Cells of known properties, see `know`; not saved with the model."""
        self._points: Points | None = None

    def parts(self) -> dict[str, nn.Module]:
        """No networks: what it needs are the known latents."""
        return {}

    def fit(self, latents: KnownLatents, folder: Path) -> dict[str, dict[str, float]]:
        """Forget what was made from the latents of before; no stage of training."""
        self._points = self.labelled = None
        return {}

    def know(self, latents: Tensor, values: Mapping[str, Tensor]) -> None:
        """Standardised latents (m, l) of cells, and property -> (m,) of them."""
        there = {name: column.to(latents) for name, column in values.items()}
        self.labelled = points_of(latents, there, self.options, self.seed)

    def wanted(self, condition: Any, n: int, latents: KnownLatents) -> dict[str, np.ndarray]:
        """Property -> values (n,) asked for; VoxploreError for what no known cell has."""
        return wanted_values(condition, n, self.labelled.values if self.labelled else {DENSITY: latents.density})

    def denoise(self, latents: KnownLatents, wanted: dict[str, Tensor], points: int):
        """(x_t (n, l), t / T (n,)) -> epsilon (n, l), over the points of all cells, or of cells of known properties.

        points: how many of them to take, in random order; 0 takes all.
        """
        chosen = self.labelled if self.labelled and not set(wanted) <= {DENSITY} else self._all(latents)
        chosen = chosen.first(points) if points else chosen
        return empirical_denoiser(chosen.latents, self.schedule, log_chance(chosen, wanted), keep=_KEPT)

    def _all(self, latents: KnownLatents) -> Points:
        if not len(latents.known):
            raise VoxploreError("model", expected="a trained one", got="no known latents")
        if self._points is None:
            known, density = latents.standardised(), {DENSITY: latents.density}
            self._points = points_of(known, density, self.options, self.seed, latents.between)
        return self._points
