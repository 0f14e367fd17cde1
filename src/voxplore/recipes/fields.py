"""Configuration of VoxPlore with field latents, and its named rows (our choice throughout, but for RAS and SRR)."""

from dataclasses import dataclass, field, replace
from typing import Literal

from voxplore.errors import VoxploreError
from voxplore.recipes.autoencoders import FieldAutoencoder
from voxplore.recipes.common import Augment, Training
from voxplore.recipes.steps import LargestPiece, Levels, Redraw
from voxplore.recipes.voxplore import RAS, SRR, Contrastive, Loss, Regularisation, Sink, checked_steps
from voxplore.recipes.voxplore_rows import SETS

__all__ = ["FieldDenoiserShape", "FieldSampling", "FieldsConfig", "fields_recipes"]


@dataclass(frozen=True)
class FieldDenoiserShape:
    """The transformer over patches of fields (`networks/field_denoiser.py`) and its diffusion (Eq. 2)."""

    width: int = 128
    layers: int = 6
    heads: int = 4
    prediction: Literal["epsilon", "velocity"] = "velocity"
    noise_levels: tuple[float, ...] = (-0.7, 1.2)
    """Mean and deviation of the logarithm of the noise, relative to the signal, at which it is trained; none: times are
    drawn evenly (paper)."""

    def __post_init__(self) -> None:
        if len(self.noise_levels) not in (0, 2):
            raise VoxploreError("denoiser.noise_levels", expected="two numbers or none", got=str(self.noise_levels))


@dataclass(frozen=True)
class FieldSampling:
    """How cells are drawn."""

    sampler: Literal["ancestral", "ddim", "dpm++"] = "dpm++"
    steps: int = 50
    srr: SRR | None = field(default_factory=lambda: SRR(strength=1.2, radius=1.2, every=20))
    repelled_above: float = 0.4
    """SRR repels while noise, relative to the signal, is above this, so that what it moves is still projected."""
    projected: tuple[float, ...] = (0.05, 2.0)
    """At noise between these sizes, relative to the signal, each guess of x_0 is decoded, cut and encoded again
    (`models/voxplore/projection.py`); none: never."""
    refined_below: float = 0.2
    """The decoder's U-Net, if it has one, takes part in that at noise below this alone: it takes most of the time."""
    threshold: float = 0.5
    """Solid where the sigmoid of the decoded logit exceeds this."""
    after: tuple[Levels | LargestPiece | Redraw, ...] = ()
    """Post-processing, step by step (`recipes/steps.py`); none is the plain drawing."""
    batch: int = 8
    """Chains with the same flips that are drawn together; the last batch is filled up, of rare flips more than half."""

    def __post_init__(self) -> None:
        checked_steps(self.after)
        if len(self.projected) not in (0, 2):
            raise VoxploreError("sampling.projected", expected="two numbers or none", got=str(self.projected))


@dataclass(frozen=True)
class FieldsConfig:
    """All of VoxPlore with field latents."""

    autoencoder: FieldAutoencoder = field(default_factory=FieldAutoencoder)
    regularisation: Regularisation = field(default_factory=lambda: RAS(sink=1.0))
    """In latents of another length than 128 distances are scaled to those of 128 numbers, so that weights keep their
    meaning. The sink pulls what RAS adds to a latent, not the latent, to zero (`models/voxplore/field_networks.py`)."""
    loss: Loss = field(default_factory=lambda: Loss(negative_share=0.25, noise=0.1))
    augment: Augment = "six"
    autoencoder_training: Training = Training(300_000, 32, decay=0.4, precision="bf16")
    denoiser: FieldDenoiserShape = field(default_factory=FieldDenoiserShape)
    denoiser_training: Training = Training(1_000_000, 16, decay=0.4, precision="bf16")
    copies: int = 3
    """Displaced copies of each training cell that the denoiser is trained on, too (`data/prepare/displaced.py`): cells
    are few, and struts that lie elsewhere are what tells most held-out cells from training cells."""
    displacement: float = 1.2
    """Deviation of the displacement of those copies, in voxels at 48^3."""
    head_training: Training = Training(24_000, 16, 2e-3, decay=0.5, precision="bf16")
    head_noise: float = 0.3
    """Deviation of the noise on latents whose decoded logits the head corrects: at most this, evenly down to none."""
    adversarial_training: Training | None = Training(14_000, 16, 2e-3, decay=0.4, ema=0.99, precision="bf16")
    """Of the head beside a discriminator that tells cells from reconstructed ones (`models/voxplore/head_training.py`),
    after that; None: no such stage."""
    adversarial: float = 3.0
    """Size of the discriminator's gradient, relative to that of the error, if it is always right; less if it errs."""
    recalled: int = 96
    """Numbers of each known latent that are kept, those of largest spread: the denoiser is shown them, and SRR measures
    distances in them."""
    sampling: FieldSampling = field(default_factory=FieldSampling)
    seed: int = 0


#: Strength of SRR of nets.
SRR_OF_NETS = 0.5


def fields_recipes() -> dict[str, FieldsConfig]:
    """Name -> configuration of every row with field latents."""
    base = FieldsConfig(FieldAutoencoder(head=(16, 48, 96)))
    variants = {
        "voxplore-field-noreg": replace(base, regularisation=Sink(1.0)),
        "voxplore-field-contrastive": replace(base, regularisation=Contrastive(sink=1.0)),
        "voxplore-field-nohead": replace(base, autoencoder=FieldAutoencoder()),
        "voxplore-field-nodiscriminator": replace(base, adversarial_training=None),
        "voxplore-field-nosrr": replace(base, sampling=replace(base.sampling, srr=None)),
        "voxplore-field-unprojected": replace(base, sampling=replace(base.sampling, projected=())),
        "voxplore-field-largest": replace(base, sampling=replace(base.sampling, after=(LargestPiece(),))),
    }
    recipes = {}
    for cells in SETS:
        for name, config in {"voxplore-field": base, **(variants if cells in ("nets", "shells") else {})}.items():
            config = _of_nets(config) if cells == "nets" else config
            recipes[f"{name}-{cells}-medium"], recipes[f"{name}-{cells}-tiny"] = config, _tiny(config)
    return recipes


def _of_nets(config: FieldsConfig) -> FieldsConfig:
    """With a weaker SRR, chosen on the valid split: it breaks struts sooner than sheets."""
    srr = config.sampling.srr
    return replace(config, sampling=replace(config.sampling, srr=srr and replace(srr, strength=SRR_OF_NETS)))


def _tiny(config: FieldsConfig) -> FieldsConfig:
    """The same at 16^3, a size for tests: seconds on one core."""
    autoencoder = replace(
        config.autoencoder,
        resolution=16,
        scale=1,
        components=64,
        patch=4,
        margin=1,
        width=32,
        layers=1,
        decoder_layers=1,
        heads=4,
        feed_forward=64,
        head=(4, 8) if config.autoencoder.head else (),
    )
    last = config.adversarial_training
    return replace(
        config,
        autoencoder=autoencoder,
        autoencoder_training=replace(config.autoencoder_training, cells=6_400, precision="auto"),
        head_training=replace(config.head_training, cells=640, precision="auto"),
        adversarial_training=last and replace(last, cells=160, learning_rate=2e-4, precision="auto"),
        denoiser=replace(config.denoiser, width=48, layers=2, heads=4),
        denoiser_training=replace(
            config.denoiser_training, cells=12_800, batch=64, learning_rate=2e-3, precision="auto"
        ),
        recalled=16,
        copies=1,
        # An autoencoder of seconds would project cells to no cells.
        sampling=replace(config.sampling, steps=10, batch=8, projected=()),
    )
