"""The floor: training cells with random edits. No network and no training; what a generator has to beat."""

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from voxplore.data.synthetic.net_provenance import nets_of, turned
from voxplore.data.synthetic.periodic import PeriodicNet
from voxplore.data.synthetic.truss import voxelise_segments
from voxplore.geometry import apply_operation
from voxplore.models.base import Generator
from voxplore.models.edits_made import edited_net, edited_voxels
from voxplore.models.voxels import OPERATIONS, checked_cells, no_condition, training_facts
from voxplore.recipes.edits import EditsConfig, EditsSampling
from voxplore.unitcells import UnitCells, pack, unpack

__all__ = ["Edits"]


class KnownCells(nn.Module):
    """The training cells: packed, or as nets of struts, one after the other."""

    free_sized = ("packed", "nodes", "node_counts", "struts", "strut_counts")

    packed: Tensor
    nodes: Tensor
    node_counts: Tensor
    struts: Tensor
    strut_counts: Tensor
    radius: Tensor

    def __init__(self):
        super().__init__()
        self.register_buffer("packed", torch.zeros(0, 0, dtype=torch.uint8))
        self.register_buffer("nodes", torch.zeros(0, 3, dtype=torch.float64))
        self.register_buffer("node_counts", torch.zeros(0, dtype=torch.int64))
        # start, end, and period along x, y, z
        self.register_buffer("struts", torch.zeros(0, 5, dtype=torch.int16))
        self.register_buffer("strut_counts", torch.zeros(0, dtype=torch.int64))
        self.register_buffer("radius", torch.zeros(()))

    def keep_cells(self, packed: np.ndarray) -> None:
        """Keep packed cells (n, d^3 / 8)."""
        self.packed = torch.from_numpy(np.array(packed))

    def keep_nets(self, nets: list[PeriodicNet], radius: float) -> None:
        """Keep nets, and the radius of their struts in cell edges."""
        struts = [np.concatenate([net.start[:, None], net.end[:, None], net.period], axis=1) for net in nets]
        self.nodes = torch.from_numpy(np.concatenate([net.nodes for net in nets]))
        self.node_counts = torch.tensor([len(net.nodes) for net in nets])
        self.struts = torch.from_numpy(np.concatenate(struts).astype(np.int16))
        self.strut_counts = torch.tensor([len(net.start) for net in nets])
        self.radius.fill_(radius)

    def nets(self) -> list[PeriodicNet]:
        """The nets as they were kept."""
        nodes = torch.split(self.nodes.cpu(), self.node_counts.tolist())
        struts = torch.split(self.struts.cpu().long(), self.strut_counts.tolist())
        pairs = zip((part.numpy() for part in nodes), (part.numpy() for part in struts), strict=True)
        return [PeriodicNet(places, rows[:, 0], rows[:, 1], rows[:, 2:]) for places, rows in pairs]


class Edits(Generator):
    """A training cell chosen at random, rotated, edited a few times."""

    name: ClassVar[str] = "edits"
    Config: ClassVar[type] = EditsConfig
    config: EditsConfig

    def __init__(self, config: EditsConfig, device: str = "auto"):
        super().__init__(config, device)
        self.known = KnownCells()

    def parts(self) -> dict[str, nn.Module]:
        return {"known": self.known}

    def fit(self, cells: UnitCells, run: str | Path | None = None) -> "Edits":
        """Keep the cells; for kind "struts" VoxploreError where they have none."""
        packed = checked_cells(cells, self.config.resolution)
        if self.config.kind == "struts":
            self.known.keep_nets(*nets_of(cells))
        else:
            self.known.keep_cells(packed)
        self.trained = training_facts(cells, {})
        return self

    def generate(
        self, n: int, *, seed: int, sampling: EditsSampling | None = None, condition: Any = None, first: int = 0
    ) -> UnitCells:
        """Draw n cells; cell i depends on (seed, i) alone."""
        no_condition(condition)
        sampling = sampling or self.config.sampling
        draw = self._from_struts(sampling) if self.config.kind == "struts" else self._from_voxels(sampling)
        streams = (np.random.Generator(np.random.Philox(key=[seed, i])) for i in range(first, first + n))
        rows = [np.zeros((0, self.config.resolution**3 // 8), np.uint8), *(pack(draw(rng)[None]) for rng in streams)]
        return self._drawn(np.concatenate(rows), self.config.resolution, seed, first)

    def _from_struts(self, sampling: EditsSampling):
        nets, radius = self.known.nets(), float(self.known.radius)

        def draw(rng: np.random.Generator) -> np.ndarray:
            net = turned(nets[rng.integers(len(nets))], self._operation(rng))
            segments = edited_net(net, sampling, rng).segments()
            return voxelise_segments(segments, self.config.resolution, radius, periodic=True)

        return draw

    def _from_voxels(self, sampling: EditsSampling):
        packed = self.known.packed.cpu().numpy()

        def pick(rng: np.random.Generator) -> np.ndarray:
            row = int(rng.integers(len(packed)))
            cell = unpack(packed[row : row + 1], self.config.resolution)[0]
            return np.ascontiguousarray(apply_operation(cell, self._operation(rng)))

        return lambda rng: edited_voxels(pick(rng), lambda: pick(rng), sampling, rng)

    def _operation(self, rng: np.random.Generator):
        operations = OPERATIONS[self.config.augment]
        return operations[rng.integers(len(operations))]
