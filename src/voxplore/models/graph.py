"""A graph VAE on strut graphs, whose nets are drawn as voxels by the project's own voxeliser.

Generators of trusses mostly work on graphs; this row puts one beside those that work on voxels. Cells hold no graphs,
but those of `build nets` say what they were made from, so their nets are made again (`data/graphs.py`); other cells are
refused. A net is encoded by messages along its struts and decoded in two steps: which nodes are there and where, then,
between nodes that are there, which struts. Nothing repairs what comes out: loose ends and islands are scored as they
are.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from voxplore.data.synthetic.net_provenance import nets_of, turned
from voxplore.data.synthetic.periodic import PeriodicNet
from voxplore.data.synthetic.truss import voxelise_segments
from voxplore.models.base import CellNoise, Generator
from voxplore.models.graph_slots import segments_of, slots_of
from voxplore.models.voxels import OPERATIONS, checked_cells, no_condition, training_facts
from voxplore.networks.gaussian import gaussian_divergence, gaussian_draw
from voxplore.networks.strutnet import Slots, StrutDecoder, StrutEncoder
from voxplore.recipes.graph import GraphConfig, GraphSampling
from voxplore.training import train
from voxplore.unitcells import UnitCells, pack

__all__ = ["GraphVAE"]


class GraphVAE(Generator):
    """Encode a net as a Gaussian, decode a draw of it; generate by decoding N(0, 1)."""

    name: ClassVar[str] = "graph"
    Config: ClassVar[type] = GraphConfig
    config: GraphConfig

    def __init__(self, config: GraphConfig, device: str = "auto"):
        super().__init__(config, device)
        torch.manual_seed(config.seed)
        shared = {"side": config.side, "width": config.width, "latent": config.latent}
        self.encoder = StrutEncoder(**shared, layers=config.encoder_layers, squeeze=config.squeeze)
        self.decoder = StrutDecoder(
            **shared,
            layers=config.decoder_layers,
            heads=config.heads,
            score_width=config.score_width,
            longest=config.longest,
        )
        self.networks = nn.ModuleList([self.encoder, self.decoder]).to(self.device)

    def parts(self) -> dict[str, nn.Module]:
        return {"encoder": self.encoder, "decoder": self.decoder}

    def fit(self, cells: UnitCells, run: str | Path | None = None) -> "GraphVAE":
        """Train on the nets of cells of `build nets`; VoxploreError where the cells have none."""
        checked_cells(cells, self.config.resolution)
        nets, radius = nets_of(cells)
        self.decoder.radius.fill_(radius)
        config, operations = self.config, OPERATIONS[self.config.augment]

        def prepare(rng: np.random.Generator, n: int) -> Slots:
            rows, turns = rng.integers(0, len(nets), n), rng.integers(0, len(operations), n)
            return slots_of([turned(nets[i], operations[k]) for i, k in zip(rows, turns, strict=True)], config.side)

        def loss(slots: Slots, n: int) -> tuple[Tensor, dict[str, Tensor]]:
            return self._loss(slots)

        options = {"run": self._run_folder(run), "seed": config.seed, "device": self.device, **vars(config.training)}
        stage = train("graph", self.networks, loss, prepare=prepare, **options)
        self.trained = training_facts(cells, {"graph": stage})
        return self

    def generate(
        self, n: int, *, seed: int, sampling: GraphSampling | None = None, condition: Any = None, first: int = 0
    ) -> UnitCells:
        """Draw n cells; cell i depends on (seed, i) alone."""
        no_condition(condition)
        sampling = sampling or self.config.sampling
        voxels = [np.zeros((0, *3 * (self.config.resolution,)), bool)]
        batch = self.together(sampling)
        for start in range(0, n, batch):
            noise = CellNoise(seed, first + start, batch, (self.config.latent,), self.device)
            voxels.append(self._voxels(self._decoded(sampling.spread * noise(), sampling))[: n - start])
        return self._drawn(pack(np.concatenate(voxels)), self.config.resolution, seed, first)

    @torch.no_grad()
    def reconstruct(self, cells: UnitCells) -> UnitCells:
        """Cells decoded from the mean of what their nets are encoded as."""
        nets, _ = nets_of(cells)
        latents = self.encoder(self._slots(nets))[0]
        return UnitCells.from_voxels(self._voxels(self._decoded(latents, self.config.sampling)))

    def _slots(self, nets: Sequence[PeriodicNet]) -> Slots:
        return Slots(*(part.to(self.device) for part in slots_of(nets, self.config.side)))

    def _loss(self, nets: Slots) -> tuple[Tensor, dict[str, Tensor]]:
        """The negative bound on the log-likelihood of nets, a slot."""
        n, config = len(nets.present), self.config
        mean, log_variance = self.encoder(nets)
        features, there, positions = self.decoder(gaussian_draw(mean, log_variance))
        nodes = functional.binary_cross_entropy_with_logits(there, nets.present.float(), reduction="sum") / n
        off = (positions - nets.positions)[nets.present]
        # Round at the bottom, so that it can settle: |off| from a tenth of the scale on.
        places = ((off / config.position_scale).square() + 0.01).sqrt().sum() / n
        moved = nets.positions + config.position_noise * torch.randn_like(nets.positions)
        rows, scores = self.decoder.struts(features, nets.present, moved)
        struts = functional.binary_cross_entropy_with_logits(scores, _among(rows, nets.struts), reduction="sum") / n
        divergence = gaussian_divergence(mean, log_variance).sum(1).mean()
        total = nodes + places + struts + config.kl_weight * divergence
        figures = {"nodes": nodes, "places": places, "struts": struts, "divergence": divergence}
        return total / nets.present.shape[1], figures

    @torch.no_grad()
    def _decoded(self, latents: Tensor, sampling: GraphSampling) -> Slots:
        features, there, positions = self.decoder(latents)
        chance = there.sigmoid()
        empty = torch.ones(len(latents), dtype=torch.bool, device=latents.device)
        thresholds = torch.zeros_like(chance)
        for threshold in (sampling.node_threshold, *sampling.lower):
            thresholds[empty] = threshold
            rows, scores = self.decoder.struts(features, chance > thresholds, positions)
            struts = rows[scores.sigmoid() > sampling.strut_threshold]
            empty = torch.ones_like(empty).index_fill(0, struts[:, 0], False)
            if not empty.any():
                break
        return Slots(chance > thresholds, positions, struts)

    def _voxels(self, nets: Slots) -> np.ndarray:
        """Cells Bool (n, d, d, d); a net without struts is an empty cell."""
        resolution, radius = self.config.resolution, float(self.decoder.radius)
        empty = np.zeros(3 * (resolution,), bool)
        drawn = [
            voxelise_segments(segments, resolution, radius, periodic=True) if len(segments) else empty
            for segments in segments_of(nets)
        ]
        return np.stack(drawn)


def _among(rows: Tensor, struts: Tensor) -> Tensor:
    """1 where a row (m, 6) is one of the struts (k, 6), else 0: float32 (m,)."""
    sizes = torch.tensor([1 << 40, 1 << 28, 1 << 16, 64, 8, 1], device=rows.device)
    shift = torch.tensor([0, 0, 0, 3, 3, 3], device=rows.device)
    return torch.isin(((rows + shift) * sizes).sum(1), ((struts + shift) * sizes).sum(1)).float()
