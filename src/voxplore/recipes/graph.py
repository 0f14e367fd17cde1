"""Configuration of the graph VAE and its named rows; trusses alone have struts."""

from dataclasses import dataclass, field, replace

from voxplore.recipes.common import MEDIUM_SECONDS, SMALL_SECONDS, Augment, Training, budgeted

__all__ = ["GraphConfig", "GraphSampling", "graph_recipes"]


@dataclass(frozen=True)
class GraphSampling:
    """How nets are drawn: one latent, decoded once."""

    node_threshold: float = 0.5
    """A node is there where the chance of it exceeds this."""
    lower: tuple[float, ...] = ()
    """Thresholds tried in turn while a net has no strut."""
    strut_threshold: float = 0.5
    """The same of a strut between two nodes that are there."""
    spread: float = 1.0
    """Deviation of the drawn latents; 1 is the prior."""


@dataclass(frozen=True)
class GraphConfig:
    """The graph VAE on strut graphs; all of it is our choice."""

    resolution: int = 48
    """Of the voxels that its nets are drawn as; the network itself has none."""
    side: int = 4
    """Anchors along an edge of the cell: side^3 slots, the most nodes of a net."""
    width: int = 192
    encoder_layers: int = 4
    """Rounds of messages along the struts."""
    decoder_layers: int = 4
    """Self-attention layers over the slots."""
    heads: int = 4
    squeeze: int = 16
    """Numbers of a slot that the latent sees."""
    score_width: int = 64
    """Hidden width of the network that judges a strut."""
    latent: int = 128
    """VoxPlore's own number (App. B.1)."""
    longest: float = 1.05
    """Longest strut that is considered, in cell edges; those of `nets` reach 1."""
    position_scale: float = 0.01
    """Scale of the Laplace distribution of coordinates about the decoded ones, in cell edges: half a voxel at 48^3."""
    position_noise: float = 0.01
    """Deviation of the noise on node positions while struts are trained, in cell edges: decoded ones are off, too."""
    kl_weight: float = 1.0
    """Weight of the KL divergence to N(0, 1) against the other terms, all in nats of a net; 1 is the bound on the
    likelihood."""
    augment: Augment = "six"
    training: Training = Training(4_000_000, 256, 1e-3)
    sampling: GraphSampling = field(default_factory=GraphSampling)
    seed: int = 0


#: Five minutes on two cores. After so few a drawn latent is seldom sure of a node: at 0.5 two cells of three are empty,
#: at 0.25 one of eight. Of 0.2, 0.25, 0.3 and 0.5 the rule of experiments/push.py takes 0.25, on the valid split; the
#: lower ones are for nets that would be empty.
_SMALL = GraphConfig(
    width=96,
    encoder_layers=3,
    decoder_layers=2,
    score_width=32,
    training=budgeted(SMALL_SECONDS, 64, 1e-3),
    sampling=GraphSampling(node_threshold=0.25, lower=(0.2, 0.15, 0.1, 0.05, 0.0)),
)
#: Voxels of 24^3 on one core; the network has no resolution.
_MEDIUM = replace(
    _SMALL,
    resolution=24,
    width=GraphConfig.width,
    encoder_layers=GraphConfig.encoder_layers,
    decoder_layers=GraphConfig.decoder_layers,
    score_width=GraphConfig.score_width,
    training=budgeted(MEDIUM_SECONDS, 64, 1e-3, medium=True),
)
_TINY = replace(
    _SMALL,
    resolution=16,
    width=48,
    encoder_layers=2,
    decoder_layers=1,
    latent=32,
    training=Training(1_600, 16, 2e-3),
    sampling=GraphSampling(),
)


def graph_recipes() -> dict[str, GraphConfig]:
    """Name -> configuration of every row of the graph VAE."""
    sizes = {"tiny": _TINY, "small": _SMALL, "medium": _MEDIUM, "full": GraphConfig()}
    return {f"graph-nets-{size}": config for size, config in sizes.items()}
