"""Configuration of VoxPlore and its named rows."""

from dataclasses import dataclass, field, replace
from typing import Literal

from voxplore.recipes.common import Augment, Training

__all__ = ["RAS", "SRR", "Autoencoder", "Denoiser", "Sampling", "VoxPloreConfig", "voxplore_recipes"]


@dataclass(frozen=True)
class Autoencoder:
    """The patch transformer autoencoder (App. B.1); defaults are the published settings.

    kind "principal" is the fully connected one for CPUs (`networks/principal.py`, our choice); it reads resolution,
    width, layers, decoder_layers, latent, basis, voxel_share and loss alone.
    """

    kind: Literal["transformer", "principal"] = "transformer"
    resolution: int = 48
    patch: int = 8
    """Edge of a patch in voxels (App. B.1)."""
    width: int = 128
    """Model dimension (App. B.1)."""
    layers: int = 4
    """Layers of the encoder (App. B.1)."""
    decoder_layers: int = 4
    """Layers of the decoder (App. B.1: the same)."""
    heads: int = 8
    """Attention heads (published code)."""
    feed_forward: int = 2048
    """Hidden width of the feed-forward part (published code)."""
    bottleneck: int = 1024
    """Hidden width of the MLPs to and from the latent (published code)."""
    latent: int = 128
    """Dimensions of the latent space (App. B.1)."""
    squeeze: int = 0
    """Width of a token when it is flattened; 0 keeps it whole (published)."""
    channels: int = 0
    """Channels of the periodic convolutions that put voxels out; 0 is the published linear map."""
    basis: int = 512
    """Principal components of the encoder, and basis fields of the decoder; kind "principal"."""
    voxel_share: float = 0.25
    """Share of the half-resolution voxels that each step compares; kind "principal"."""
    dropout: float = 0.1
    norm: Literal["post", "pre"] = "post"
    positions_scale: float = 0.1
    """Factor on the encoder's sinusoidal positions (published code)."""
    loss: Literal["mse", "bce", "bce+dice"] = "mse"
    """Eq. 1 (published code: squared error), or cross-entropy on logits, with a Dice term a cell (our choice)."""


@dataclass(frozen=True)
class RAS:
    """Weights of Eq. 8 and 9, potentials as means over pairs (defaults: published code)."""

    inter: float = 4.0
    """lambda_RAS lambda_inter."""
    intra: float = 4e-4
    """lambda_RAS lambda_intra."""
    sink: float = 1e-3
    """lambda_RAS lambda_sink."""
    softening: float = 0.1
    """Added to each distance."""


@dataclass(frozen=True)
class Denoiser:
    """The residual MLP and its diffusion (App. B.1, Eq. 2); defaults are the published settings.

    kind "empirical" is the closed form over the known latents (`diffusion/empirical.py`, our choice), which needs no
    training; it reads standardise, neighbours, concentration, points, steps and the betas alone.
    """

    kind: Literal["mlp", "empirical"] = "mlp"
    neighbours: int = 1
    """Kind "empirical": known latents near each other that one of its points lies between; 1 takes them as they are."""
    concentration: float = 1.0
    """Kind "empirical": of the Dirichlet weights of such a point (rounded to a whole number)."""
    density_width: float = 0.01
    """Kind "empirical", asked for a relative density: deviation of its points' densities from it."""
    property_share: float = 0.02
    """Kind "empirical", asked for another property: share of its points within one deviation of it (our choice)."""
    points: int = 30_000
    """Kind "empirical" with two neighbours or more: number of its points."""
    width: int = 512
    layers: int = 16
    time_width: int = 1
    """1 joins t / T itself to every layer; more joins a sinusoidal embedding (our choice)."""
    norm: bool = False
    """LayerNorm before each layer (our choice)."""
    standardise: Literal["each", "all"] = "each"
    """Divide each latent dimension by its own deviation, or all by their common one (our choice), which keeps the order
    of the principal ones: the coarse ones emerge from the noise first."""
    steps: int = 1000
    """T."""
    beta_first: float = 1e-4
    beta_last: float = 0.02
    prediction: Literal["epsilon", "velocity"] = "epsilon"


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


@dataclass(frozen=True)
class Sampling:
    """How cells are drawn."""

    sampler: Literal["ancestral", "ddim", "dpm++"] = "ancestral"
    steps: int = 1000
    early: int = 0
    """Of these, steps from T to T / 5, where little is decided yet; 0 spaces all of them evenly (our choice)."""
    points: int = 0
    """How many of the closed-form denoiser's points to draw from, which are in random order; 0 takes all of them."""
    srr: SRR | None = field(default_factory=SRR)
    threshold: float = 0.5
    """Solid where the decoded value (its sigmoid, for logits) exceeds this."""
    lower: tuple[float, ...] = ()
    """Thresholds to try in turn where a cell is not one periodic piece at `threshold` (our choice)."""
    spanning: bool = False
    """Try them also where that piece does not connect to its own image along each axis (our choice)."""
    redraws: int = 0
    """Times that a cell is drawn again while it is not one periodic piece that connects to its own image along every
    axis, as each cell of `nets` and `shells` is (our choice)."""
    largest_piece: bool = False
    """Keep each cell's largest periodic component alone; what floats beside it is not drawn (our choice)."""
    symmetrise: bool = False
    """Give each cell the flips that the known cell nearest in latent space has (our choice); a cell near one without
    any stays as it is decoded."""
    turn: Augment = "none"
    """Turn each cell by one of these, drawn by lot: a model of cells in one orientation then draws them in all that the
    reference has (our choice). Cells asked for a property other than relative density stay as they are."""
    density_corrections: int = 0
    """Newton steps of each latent towards where its cell has the relative density asked for, if one is (our choice)."""
    calibrate: bool = False
    """Cut each cell at the relative density asked for, where one is, instead of the threshold (our choice)."""


@dataclass(frozen=True)
class VoxPloreConfig:
    """All of VoxPlore; defaults are the published settings."""

    autoencoder: Autoencoder = field(default_factory=Autoencoder)
    regularisation: Literal["ras", "contrastive", "none"] = "ras"
    ras: RAS = field(default_factory=RAS)
    contrastive: float = 0.1
    """Weight of the contrastive loss (Table 2; our choice)."""
    negatives: float = 0.2
    """Weight of the reconstruction of degraded cells (published code)."""
    negative_share: float = 1.0
    """Degraded cells a valid one in each batch (published code: one)."""
    negative_mix: Literal["published", "scatter", "failures", "all"] = "published"
    """How cells are degraded (`data.negatives.MIXES`): the published blocks and noise, or another (our choice)."""
    latent_noise: float = 0.0
    """Deviation of the noise on latents before decoding, in the latent's own unit (our choice; RAS.sink holds it)."""
    augment: Augment = "six"
    autoencoder_training: Training = Training(1_000_000, 200, 1e-3, 0.0, 0.0, 0.0, None, None, "fp32")
    denoiser: Denoiser = field(default_factory=Denoiser)
    denoiser_training: Training = Training(10_000_000, 200, 1e-3, 0.0, 0.0, 0.0, None, None, "fp32")
    sampling: Sampling = field(default_factory=Sampling)
    seed: int = 0


#: Strength and radius of SRR on each set, for plain and for symmetrised decoding, which can pay for a longer one;
#: chosen on the valid split (`experiments/push.sh`, tables in results/<set>/push; plain on both sets as on shells).
_PUSH = {
    "nets": ((0.9, 1.3), (1.8, 1.2)),
    "shells": ((1.2, 1.1), (2.4, 1.1)),
    "both": ((1.2, 1.1), (1.8, 1.1)),
}


def _pushed(push: tuple[float, float]) -> SRR:
    """One push in 20 training steps, so that what the last one moved is decoded as it lies."""
    return SRR(*push, every=20)


def _few_steps(cells: str, threshold: float = 0.5) -> Sampling:
    """46 steps, six of them early; between two pushes a chain finds its way in four."""
    push = _pushed(_PUSH[cells][0])
    return Sampling("dpm++", 46, early=6, srr=push, threshold=threshold, turn="six", density_corrections=4)


_SMALL = VoxPloreConfig(
    autoencoder=Autoencoder(kind="principal", width=768, layers=1, decoder_layers=2, basis=480, loss="bce+dice"),
    negative_share=0.25,
    latent_noise=0.5,
    augment="none",
    autoencoder_training=Training(500_000, 256),
    denoiser=Denoiser(kind="empirical", standardise="all", neighbours=2, concentration=2.0),
    sampling=_few_steps("nets", threshold=0.45),
)

#: Shells lie further apart and keep together longer, so their points lie between three.
_SHELLS = replace(
    _SMALL,
    denoiser=replace(_SMALL.denoiser, neighbours=3),
    sampling=_few_steps("shells"),
)

_BOTH = replace(_SMALL, sampling=_few_steps("both", threshold=0.45))

#: The trained denoiser in the same latent space, for more than a few minutes of training.
_MLP = Denoiser(width=512, layers=10, time_width=64, norm=True, standardise="all", prediction="velocity")


def voxplore_recipes() -> dict[str, VoxPloreConfig]:
    """Name -> configuration of every VoxPlore row."""
    recipes = {}
    tuned = {"shells": _SHELLS, "metashell": _SHELLS, "both": _BOTH, "families": _BOTH}
    for cells in ("nets", "shells", "both", "families", "metatruss", "metashell"):
        small = tuned.get(cells, _SMALL)
        mlp = replace(small, denoiser=_MLP, denoiser_training=Training(2_000_000, 512))
        rows = {"voxplore": small, "voxplore-mlp": mlp, **_ablations("voxplore", small, mlp)}
        push = _PUSH[{_SHELLS: "shells", _BOTH: "both"}.get(small, "nets")][1]
        redraws = 0 if cells == "families" else 3  # a sheet does not connect to its image across itself
        rows["voxplore-sym"] = replace(small, sampling=_whole_and_symmetric(small.sampling, _pushed(push), redraws))
        for name, config in rows.items():
            recipes[f"{name}-{cells}-tiny"] = _tiny(config)
            recipes[f"{name}-{cells}-small"] = config
        published = VoxPloreConfig()
        recipes[f"voxplore-published-{cells}-tiny"] = _tiny(published)
        for name, config in {"voxplore-published": published, **_ablations("voxplore", published, published)}.items():
            recipes[f"{name}-{cells}-full"] = config
    return recipes


def _whole_and_symmetric(sampling: Sampling, srr: SRR, redraws: int) -> Sampling:
    """The same with symmetrised decoding, the largest piece at the first level where it spans, another draw where it
    spans at none; levels tuned on 256 nets."""
    levels = (0.45, 0.4, 0.35, 0.3, 0.25, 0.2, 0.15, 0.1)
    levelled = replace(sampling, threshold=0.5, lower=levels, spanning=True, redraws=redraws)
    return replace(levelled, largest_piece=True, symmetrise=True, srr=srr)


def _ablations(name: str, base: VoxPloreConfig, trained: VoxPloreConfig) -> dict[str, VoxPloreConfig]:
    """Rows of Tables 2 to 6 beside `base`; those on the denoiser are of `trained`, whose denoiser is a network.

    Of Tables 4 and 6: a layer more or less (+1, -1), and, of our choice, twice or half the width (x2, half).
    """
    rows = {
        "noreg": replace(base, regularisation="none"),
        "contrastive": replace(base, regularisation="contrastive"),
        "nosrr": replace(base, sampling=replace(base.sampling, srr=None)),
    }
    rows |= {f"neg-{mix}": replace(base, negative_mix=mix) for mix in ("scatter", "failures", "all")}
    rows["noreg-nosrr"] = replace(rows["noreg"], sampling=rows["nosrr"].sampling)
    ae, denoiser = base.autoencoder, trained.denoiser
    for label, more in (("+1", 1), ("-1", -1)):
        deeper = replace(ae, layers=ae.layers + more, decoder_layers=ae.decoder_layers + more)
        rows[f"ae{label}"] = replace(base, autoencoder=deeper)
        rows[f"diff{label}"] = replace(trained, denoiser=replace(denoiser, layers=denoiser.layers + more))
    for label, factor in (("x2", 2.0), ("half", 0.5)):
        rows[f"ae{label}"] = replace(base, autoencoder=replace(ae, width=round(factor * ae.width)))
        rows[f"diff{label}"] = replace(trained, denoiser=replace(denoiser, width=round(factor * denoiser.width)))
    return {f"{name}-{variant}": config for variant, config in rows.items()}


def _tiny(config: VoxPloreConfig) -> VoxPloreConfig:
    """The same at 16^3, a size for tests: seconds on one core."""
    small = replace(
        config.autoencoder, resolution=16, patch=4, width=32, layers=1, decoder_layers=1, heads=4, feed_forward=64
    )
    return replace(
        config,
        autoencoder=replace(small, bottleneck=64, latent=16, basis=32),
        autoencoder_training=replace(config.autoencoder_training, cells=6_400, batch=32),
        denoiser=replace(config.denoiser, width=64, layers=4),
        denoiser_training=replace(config.denoiser_training, cells=20_000, batch=64),
        sampling=replace(config.sampling, steps=20),
    )
