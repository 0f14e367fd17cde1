"""The named rows of VoxPlore: `<base>[-variant]-<set>-<size>`, see BASES and VARIANTS; each also in size `tiny`."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

from voxplore.recipes.autoencoders import PrincipalAutoencoder, UnitAutoencoder
from voxplore.recipes.common import Training
from voxplore.recipes.steps import LargestPiece, Levels, MatchDensity, Orient, Redraw, Step, Symmetrise
from voxplore.recipes.voxplore import SRR, ClosedForm, Contrastive, Loss, ResidualDenoiser, Sampling, Sink
from voxplore.recipes.voxplore import VoxPloreConfig as Config

__all__ = ["SETS", "voxplore_recipes"]

SETS = ("nets", "shells", "both", "families", "metatruss", "metashell")
#: Sets of the tables of ablations.
_TWO = ("nets", "shells")


# ------------------------------------------------------------------------------------------------ bases: set -> row


def published(cells: str) -> Config:
    """The published code's settings throughout; one GPU."""
    return Config()


def paper(cells: str) -> Config:
    """The paper's method with a network that a CPU trains in hours: feed-forward 512, on the asymmetric unit. Noise on
    the latents makes the decoder even between them; bfloat16 doubles the pace on chips that have it."""
    return Config(
        autoencoder=UnitAutoencoder(),
        loss=Loss(negative_share=0.25, noise=0.5),
        autoencoder_training=Training(600_000, 32, decay=0.4, precision="bf16"),
        denoiser_training=Training(12_000_000, 512, decay=0.4, precision="bf16"),
    )


def principal(cells: str) -> Config:
    """The principal autoencoder with a trained denoiser; two CPU cores."""
    denoiser = ResidualDenoiser(width=512, layers=8, time_width=64, norm=True, prediction="velocity")
    return replace(closed_form(cells), denoiser=denoiser, denoiser_training=Training(2_000_000, 512))


def closed_form(cells: str) -> Config:
    """The substitute for CPUs: principal autoencoder, closed-form denoiser. Points of shells lie between three known
    latents: they lie further apart and keep together longer."""
    shells = _TUNED_AS[cells] == "shells"
    return Config(
        autoencoder=PrincipalAutoencoder(),
        loss=Loss(negative_share=0.25, noise=0.5),
        augment="none",
        autoencoder_training=Training(500_000, 256),
        standardise="all",
        denoiser=ClosedForm(neighbours=3 if shells else 2),
        denoiser_training=None,
        sampling=_few_steps(_PUSH[_TUNED_AS[cells]][0], 0.5 if shells else 0.45, (MatchDensity(), Orient())),
    )


def symmetric(cells: str) -> Config:
    """The closed form with every step of post-processing, and a longer push, which such drawing can pay for."""
    redraw = () if cells == "families" else (Redraw(),)  # a sheet does not connect to its image across itself
    steps = (Symmetrise(), Levels(), MatchDensity(), LargestPiece(), *redraw, Orient())
    return replace(closed_form(cells), sampling=_few_steps(_PUSH[_TUNED_AS[cells]][1], 0.5, steps))


#: Strength and radius of SRR, for plain and for symmetrised decoding; chosen on the valid split (`experiments/push.sh`,
#: tables in results/<set>/push; plain on both sets as on shells).
_PUSH = {
    "nets": ((0.9, 1.3), (1.8, 1.2)),
    "shells": ((1.2, 1.1), (2.4, 1.1)),
    "both": ((1.2, 1.1), (1.8, 1.1)),
}
_TUNED_AS = {"nets": "nets", "shells": "shells", "both": "both"}
_TUNED_AS |= {"families": "both", "metatruss": "nets", "metashell": "shells"}


def _few_steps(push: tuple[float, float], threshold: float, after: tuple[Step, ...]) -> Sampling:
    """46 steps, six of them early; one push in 20 training steps, so that what the last one moved is decoded as it
    lies: between two a chain finds its way in four."""
    return Sampling("dpm++", 46, early=6, srr=SRR(*push, every=20), threshold=threshold, after=after)


# ------------------------------------------------------------------------------------------------ variants: row -> row


def _noreg(row: Config) -> Config:
    return replace(row, regularisation=Sink(_held(row)))


def _contrastive(row: Config) -> Config:
    return replace(row, regularisation=Contrastive(sink=_held(row)))


def _held(row: Config) -> float:
    """Noise on latents needs the sink, or the encoder outgrows the noise."""
    return row.regularisation.sink if row.loss.noise else 0.0


def _sampled(**changes: Any) -> Callable[[Config], Config]:
    return lambda row: replace(row, sampling=replace(row.sampling, **changes))


def _velocity(row: Config) -> Config:
    """A denoiser of the paper's size that predicts the velocity, has normalised layers, and learns longer: it still
    gets better after 12 million latents (our choice)."""
    network = replace(row.denoiser, prediction="velocity", norm=True, time_width=64)
    training = row.denoiser_training and replace(row.denoiser_training, cells=30_000_000)
    return replace(row, denoiser=network, denoiser_training=training)


def _negatives(mix: Any) -> Callable[[Config], Config]:
    return lambda row: replace(row, loss=replace(row.loss, negative_mix=mix))


def _ae_layers(more: int) -> Callable[[Config], Config]:
    def changed(row: Config) -> Config:
        ae = row.autoencoder
        return replace(row, autoencoder=replace(ae, layers=ae.layers + more, decoder_layers=ae.decoder_layers + more))

    return changed


def _ae_width(factor: float) -> Callable[[Config], Config]:
    return lambda row: replace(row, autoencoder=replace(row.autoencoder, width=round(factor * row.autoencoder.width)))


def _denoiser(layers: int = 0, factor: float = 1.0) -> Callable[[Config], Config]:
    def changed(row: Config) -> Config:
        network: Any = row.denoiser
        wider = replace(network, layers=network.layers + layers, width=round(factor * network.width))
        return replace(row, denoiser=wider)

    return changed


#: What differs from the base: Tables 2 and 3 (no regularisation, contrastive, no SRR), Tables 4 and 6 (a layer more or
#: less, of our choice also half and twice the width), other negatives, and the largest piece alone.
VARIANTS: dict[str, tuple[Callable[[Config], Config], ...]] = {
    "noreg": (_noreg,),
    "contrastive": (_contrastive,),
    "nosrr": (_sampled(srr=None),),
    "noreg-nosrr": (_noreg, _sampled(srr=None)),
    "velocity": (_velocity,),
    "velocity-nosrr": (_velocity, _sampled(srr=None)),
    "largest": (_sampled(after=(LargestPiece(),)),),
    "neg-scatter": (_negatives("scatter"),),
    "neg-failures": (_negatives("failures"),),
    "neg-all": (_negatives("all"),),
    "ae+1": (_ae_layers(1),),
    "ae-1": (_ae_layers(-1),),
    "aehalf": (_ae_width(0.5),),
    "aex2": (_ae_width(2.0),),
    "diff+1": (_denoiser(1),),
    "diff-1": (_denoiser(-1),),
    "diffhalf": (_denoiser(factor=0.5),),
    "diffx2": (_denoiser(factor=2.0),),
}
_FOUR = ("noreg", "contrastive", "nosrr", "noreg-nosrr")
_AE, _DIFF = ("ae+1", "ae-1", "aehalf", "aex2"), ("diff+1", "diff-1", "diffhalf", "diffx2")


class Base(NamedTuple):
    """A row for each of its sets, and its variants for nets and shells."""

    row: Callable[[str], Config]
    size: str
    sets: tuple[str, ...]
    variants: tuple[str, ...] = ()


BASES = {
    "voxplore-published": Base(published, "full", SETS, (*_FOUR, *_AE, *_DIFF)),
    "voxplore-paper": Base(paper, "medium", SETS, (*_FOUR, "velocity", "velocity-nosrr", "largest")),
    "voxplore-principal": Base(principal, "small", _TWO, _DIFF),
    "closed-form": Base(closed_form, "small", SETS, (*_FOUR, *_AE, "neg-scatter", "neg-failures", "neg-all")),
    "closed-form-sym": Base(symmetric, "small", SETS),
}


def voxplore_recipes() -> dict[str, Config]:
    """Name -> configuration of every VoxPlore row."""
    recipes = {}
    for name, base in BASES.items():
        for cells in base.sets:
            rows = {name: base.row(cells)}
            for variant in base.variants if cells in _TWO else ():
                row = rows[name]
                for change in VARIANTS[variant]:
                    row = change(row)
                rows[f"{name}-{variant}"] = row
            recipes |= {f"{row_name}-{cells}-{base.size}": row for row_name, row in rows.items()}
            if not cells.startswith("meta"):  # their tiny twins are those of nets and shells
                recipes |= {f"{row_name}-{cells}-tiny": _tiny(row) for row_name, row in rows.items()}
    return recipes


def _tiny(row: Config) -> Config:
    """The same at 16^3, a size for tests: seconds on one core."""
    sizes = {"resolution": 16, "patch": 4, "margin": 1, "width": 32, "layers": 1, "decoder_layers": 1, "heads": 4}
    sizes |= {"feed_forward": 64, "bottleneck": 64, "latent": 16, "squeeze": 4, "basis": 32}
    known = vars(row.autoencoder)
    residual = isinstance(row.denoiser, ResidualDenoiser)
    return replace(
        row,
        autoencoder=replace(row.autoencoder, **{name: size for name, size in sizes.items() if name in known}),
        autoencoder_training=replace(row.autoencoder_training, cells=6_400, batch=32),
        denoiser=replace(row.denoiser, width=64, layers=4) if residual else row.denoiser,
        denoiser_training=row.denoiser_training and replace(row.denoiser_training, cells=20_000, batch=64),
        sampling=replace(row.sampling, steps=20),
    )
