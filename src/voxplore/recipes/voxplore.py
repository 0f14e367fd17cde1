"""Configuration of VoxPlore; its named rows are in `voxplore_rows`."""

from dataclasses import dataclass, field
from typing import Any, Literal

from voxplore.errors import VoxploreError
from voxplore.recipes.autoencoders import PatchAutoencoder, PrincipalAutoencoder, UnitAutoencoder
from voxplore.recipes.common import Augment, Training
from voxplore.recipes.steps import DRAWING, Step

__all__ = ["RAS", "SRR", "ClosedForm", "Contrastive", "Loss", "Regularisation", "ResidualDenoiser", "Sampling", "Sink"]
__all__ += ["VoxPloreConfig", "checked_steps"]


@dataclass(frozen=True)
class RAS:
    """Weights of Eq. 8 and 9, potentials as means over pairs (defaults: published code)."""

    name: Literal["ras"] = field(default="ras", kw_only=True)
    inter: float = 4.0
    """lambda_RAS lambda_inter."""
    intra: float = 4e-4
    """lambda_RAS lambda_intra."""
    sink: float = 1e-3
    """lambda_RAS lambda_sink."""
    softening: float = 0.1
    """Added to each distance."""


@dataclass(frozen=True)
class Contrastive:
    """Contrastive regularisation, the rival of RAS in Table 2."""

    name: Literal["contrastive"] = field(default="contrastive", kw_only=True)
    weight: float = 0.1
    """Our choice."""
    sink: float = 0.0
    """Weight of the mean square of latents: noise on latents needs something to hold their scale."""


@dataclass(frozen=True)
class Sink:
    """No regularisation, but for what holds the scale of latents where there is noise on them."""

    name: Literal["sink"] = field(default="sink", kw_only=True)
    sink: float = 0.0
    """Weight of the mean square of the latents of valid cells."""


Regularisation = RAS | Contrastive | Sink


@dataclass(frozen=True)
class Loss:
    """What the autoencoder learns from beside valid cells (Eq. 9)."""

    negatives: float = 0.2
    """Weight of the reconstruction of degraded cells (published code)."""
    negative_share: float = 1.0
    """Degraded cells a valid one in each batch (published code: one)."""
    negative_mix: Literal["published", "scatter", "failures", "all"] = "published"
    """How cells are degraded (`data.prepare.negatives`): the published blocks and noise, or another (our choice)."""
    noise: float = 0.0
    """Deviation of the noise on latents before decoding, in the latent's own unit (our choice)."""


@dataclass(frozen=True)
class ResidualDenoiser:
    """The residual MLP (App. B.1), trained by the loss of Sec. 4.3."""

    name: Literal["residual"] = field(default="residual", kw_only=True)
    width: int = 512
    layers: int = 16
    """Hidden layers (App. B.1)."""
    time_width: int = 1
    """1 joins t / T itself to every layer (published code); more joins a sinusoidal embedding (our choice)."""
    norm: bool = False
    """LayerNorm before each layer (our choice)."""
    prediction: Literal["epsilon", "velocity"] = "epsilon"


@dataclass(frozen=True)
class ClosedForm:
    """The exact denoiser of points between known latents (`diffusion/empirical.py`; our choice); it is not trained."""

    name: Literal["closed_form"] = field(default="closed_form", kw_only=True)
    neighbours: int = 2
    """Known latents near each other that a point lies between; 1 takes the known latents themselves."""
    concentration: float = 2.0
    """Of the Dirichlet weights of such a point (rounded to a whole number)."""
    points: int = 30_000


@dataclass(frozen=True)
class SRR:
    """Short-range repulsion (Eq. 10); lengths are in the standardised latent space."""

    strength: float = 0.1
    """lambda_SRR, for each `every` training steps (published code)."""
    radius: float = 1.0
    """tau, as a multiple of the median distance from a known latent to its nearest other one (our choice)."""
    every: int = 5
    """Training steps between two applications (published code)."""
    cap: float = 10.0
    """Largest size of one known latent's term of the sum, before strength (our choice)."""
    search: Literal["list", "clusters", "all"] = "list"
    clusters: int = 40
    """For search "clusters" (published code)."""

    def at(self, spacing: float) -> dict[str, Any]:
        """Arguments of `diffusion.srr_guide` beside the known latents, whose distance to the nearest is `spacing`."""
        others = {name: value for name, value in vars(self).items() if name != "radius"}
        return {"tau": self.radius * spacing, **others}


@dataclass(frozen=True)
class Sampling:
    """How cells are drawn."""

    sampler: Literal["ancestral", "ddim", "dpm++"] = "ancestral"
    steps: int = 1000
    early: int = 0
    """Of these, steps from T to T / 5, where little is decided yet; 0 spaces all of them evenly (our choice)."""
    points: int = 0
    """How many points of a closed form to draw from, which are in random order; 0 takes all of them."""
    srr: SRR | None = field(default_factory=SRR)
    threshold: float = 0.5
    """Solid where the decoded value (its sigmoid, for logits) exceeds this."""
    temperature: float = 1.0
    """Factor on the random part of each ancestral step; below 1 likelier cells are drawn more often (our choice)."""
    after: tuple[Step, ...] = ()
    """Post-processing, step by step (`recipes/steps.py`); none is the plain drawing."""

    def __post_init__(self) -> None:
        checked_steps(self.after)


@dataclass(frozen=True)
class VoxPloreConfig:
    """All of VoxPlore; defaults are the published settings."""

    autoencoder: PatchAutoencoder | UnitAutoencoder | PrincipalAutoencoder = field(default_factory=PatchAutoencoder)
    regularisation: Regularisation = field(default_factory=RAS)
    loss: Loss = field(default_factory=Loss)
    augment: Augment = "six"
    autoencoder_training: Training = Training(1_000_000, 200, 1e-3, 0.0, 0.0, 0.0, None, None, "fp32")
    standardise: Literal["each", "all"] = "each"
    """Divide each latent dimension by its own deviation, or all by their common one (our choice), which keeps the order
    of the principal ones: the coarse ones emerge from the noise first."""
    denoiser: ResidualDenoiser | ClosedForm = field(default_factory=ResidualDenoiser)
    denoiser_training: Training | None = Training(10_000_000, 200, 1e-3, 0.0, 0.0, 0.0, None, None, "fp32")
    """None for a closed form."""
    sampling: Sampling = field(default_factory=Sampling)
    seed: int = 0

    def __post_init__(self) -> None:
        closed = isinstance(self.denoiser, ClosedForm)
        if closed != (self.denoiser_training is None):
            expected = "null for a closed form" if closed else "the training of a residual denoiser"
            raise VoxploreError("denoiser_training", expected=expected, got=str(self.denoiser_training))


def checked_steps(steps: tuple[Step, ...]) -> None:
    """Raise VoxploreError where a step on decoded values or voxels stands behind one on whole drawn cells."""
    late = [isinstance(step, DRAWING) for step in steps]
    if late != sorted(late):
        got = ", ".join(step.name for step in steps)
        raise VoxploreError("after", expected="redraw and orient behind all other steps", got=got)
