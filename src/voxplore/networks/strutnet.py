"""Networks between strut graphs and latents, on slots.

A slot is a place on a regular grid of side^3 anchors in the periodic cell. Each node of a net has a slot of its own and
an offset from its anchor, so that a set of nodes in any order becomes a fixed array, and what is put out needs no
matching. A strut joins slot a to slot b, moved by a whole period.
"""

import itertools
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["Slots", "StrutDecoder", "StrutEncoder", "anchors"]


class Slots(NamedTuple):
    """n nets as arrays. Positions are in cell edges, anchor plus offset, and may lie outside the cell.

    present: Bool (n, slots). positions: (n, slots, 3), of absent nodes their anchor. struts: int64 (m, 6): net, slot a,
    slot b, period x, y, z; the strut runs from positions[a] to positions[b] + period, and a <= b.
    """

    present: Tensor
    positions: Tensor
    struts: Tensor


def anchors(side: int) -> Tensor:
    """(side^3, 3): the anchors, from 0 on."""
    steps = torch.arange(side) / side
    return torch.cartesian_prod(steps, steps, steps)


class StrutEncoder(nn.Module):
    """Slots of n nets -> mean and log variance of a Gaussian, each (n, latent).

    layers: rounds in which every node hears from the struts at it. squeeze: numbers of a slot that the latent sees.
    """

    anchors: Tensor

    def __init__(self, *, side: int, width: int, layers: int, squeeze: int, latent: int):
        super().__init__()
        slots = side**3
        self.register_buffer("anchors", anchors(side), persistent=False)
        self.scale = side
        self.enter = nn.Linear(4, width)
        self.places = nn.Parameter(0.1 * torch.randn(slots, width))
        self.near, self.far, self.along, self.hear = (
            nn.ModuleList(nn.Linear(inputs, width) for _ in range(layers)) for inputs in (width, width, 4, width)
        )
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(layers + 1))
        self.squeeze = nn.Linear(width, squeeze)
        self.leave = nn.Sequential(nn.Linear(slots * squeeze, 4 * width), nn.SiLU(), nn.Linear(4 * width, 2 * latent))

    def forward(self, nets: Slots) -> tuple[Tensor, Tensor]:
        n, slots = nets.present.shape
        here = nets.present[..., None].to(self.places.dtype)
        offsets = self.scale * (nets.positions - self.anchors) * here
        hidden = ((self.enter(torch.cat([here, offsets], dim=2)) + self.places) * here).flatten(0, 1)
        a, b = nets.struts[:, 0] * slots + nets.struts[:, 1], nets.struts[:, 0] * slots + nets.struts[:, 2]
        places = nets.positions.flatten(0, 1)
        vector = places[b] + nets.struts[:, 3:] - places[a]
        length = vector.norm(dim=1, keepdim=True)
        starts, ends = torch.cat([a, b]), torch.cat([b, a])
        edge = torch.cat([torch.cat([vector, length], 1), torch.cat([-vector, length], 1)])
        for near, far, along, hear, norm in zip(
            self.near, self.far, self.along, self.hear, self.norms[1:], strict=True
        ):
            seen = norm(hidden)
            # index_select: the gradient of an indexing adds in whatever order threads come.
            told = near(seen).index_select(0, ends) + far(seen).index_select(0, starts) + along(edge)
            told = functional.silu(told)
            hidden = hidden + hear(torch.zeros_like(hidden).index_add(0, ends, told))
        found = self.squeeze(self.norms[0](hidden)) * here.flatten(0, 1)
        mean, log_variance = self.leave(found.reshape(n, -1)).chunk(2, dim=1)
        return mean, log_variance.clamp(-12.0, 6.0)


class StrutDecoder(nn.Module):
    """Latents (n, latent) -> nodes; then, between nodes at given places, struts.

    longest: struts beyond this (in cell edges) are not considered. `radius` is kept with the weights: the radius of the
    struts of the training cells, in cell edges.
    """

    anchors: Tensor
    candidates: Tensor
    radius: Tensor

    def __init__(
        self, *, side: int, width: int, layers: int, heads: int, score_width: int, latent: int, longest: float
    ):
        super().__init__()
        self.side, self.longest = side, longest
        self.register_buffer("anchors", anchors(side), persistent=False)
        self.register_buffer("candidates", _candidates(side, longest), persistent=False)
        self.register_buffer("radius", torch.zeros(()))
        slots = side**3
        self.enter = nn.Sequential(nn.Linear(latent, 4 * width), nn.SiLU(), nn.Linear(4 * width, slots * width))
        self.places = nn.Parameter(0.1 * torch.randn(slots, width))
        layer = nn.TransformerEncoderLayer(
            width, heads, 2 * width, 0.0, activation="gelu", batch_first=True, norm_first=True
        )
        self.body = nn.TransformerEncoder(layer, layers, norm=nn.LayerNorm(width), enable_nested_tensor=False)
        self.node = nn.Linear(width, 4)
        self.start, self.end = nn.Linear(width, score_width), nn.Linear(width, score_width)
        self.along = nn.Linear(10, score_width)
        self.score = nn.Sequential(nn.SiLU(), nn.Linear(score_width, score_width), nn.SiLU(), nn.Linear(score_width, 1))

    def forward(self, latents: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Features (n, slots, width), logits that a node is there (n, slots), and positions (n, slots, 3)."""
        slots = len(self.anchors)
        features = self.body(self.enter(latents).reshape(len(latents), slots, -1) + self.places)
        node = self.node(features)
        return features, node[..., 0], self.anchors + node[..., 1:] / self.side

    def struts(self, features: Tensor, present: Tensor, positions: Tensor) -> tuple[Tensor, Tensor]:
        """All struts that could be between nodes that are there, as rows of `Slots.struts` (m, 6), and logits (m,)."""
        a, b = self.candidates[:, 0], self.candidates[:, 1]
        net, row = torch.nonzero(present[:, a] & present[:, b], as_tuple=True)
        a, b, period = self.candidates[row, 0], self.candidates[row, 1], self.candidates[row, 2:]
        vector = positions[net, b] + period - positions[net, a]
        near = vector.square().sum(1) <= self.longest**2
        net, a, b, period, vector = net[near], a[near], b[near], period[near], vector[near]
        first, second = (end(features).flatten(0, 1) for end in (self.start, self.end))
        slot = net * present.shape[1]
        ends = first.index_select(0, slot + a) + second.index_select(0, slot + b)
        scores = self.score(ends + self.along(_direction(vector)))[:, 0]
        return torch.cat([torch.stack([net, a, b], dim=1), period], dim=1), scores


def _direction(vector: Tensor) -> Tensor:
    """Vectors (m, 3) -> (m, 10): themselves, their products, and their length."""
    x, y, z = vector.unbind(1)
    products = torch.stack([x * x, y * y, z * z, x * y, y * z, z * x], dim=1)
    return torch.cat([vector, products, vector.norm(dim=1, keepdim=True)], dim=1)


def _candidates(side: int, longest: float) -> Tensor:
    """Rows (slot a, slot b, period) with a <= b that a strut could join, each once: int64 (k, 5)."""
    places = anchors(side)
    # Offsets rarely exceed a step of the grid's half diagonal, at either end.
    reach = longest + 3**0.5 / side
    rows = []
    for period in itertools.product((-2, -1, 0, 1, 2), repeat=3):
        apart = (places[None] + torch.tensor(period) - places[:, None]).norm(dim=2) <= reach
        upper = torch.triu(apart, diagonal=0 if period > (0, 0, 0) else 1)
        a, b = torch.nonzero(upper, as_tuple=True)
        rows.append(torch.cat([a[:, None], b[:, None], torch.tensor(period).expand(len(a), 3)], dim=1))
    return torch.cat(rows)
