"""Repair by a small network that was trained to undo the damage of `data.prepare.negatives.degrade` (our choice)."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from voxplore import __version__, config, storage
from voxplore.data.prepare.negatives import degrade
from voxplore.errors import VoxploreError
from voxplore.geometry import CUBE_OPERATIONS, apply_operation
from voxplore.networks.patches import PatchRefiner
from voxplore.ranges import check_config
from voxplore.training import train
from voxplore.training.checkpoint import compact, expand, read_tensors, write_tensors
from voxplore.training.guard import guarded
from voxplore.unitcells import UnitCells

__all__ = ["SHIPPED", "Refiner", "RefinerConfig", "load_refiner"]

#: The refiner in the package: trained on the training cells of the shipped model, nets and shells.
SHIPPED = Path(__file__).parents[1] / "shipped" / "refiner"
_FORMAT = "voxplore-refiner"


@dataclass(frozen=True)
class RefinerConfig:
    """Network and training of the learned refiner; about four minutes on one CPU core (our choice throughout).

    mix: of the damage (data.negatives.MIXES). clean: share of the cells that are shown undamaged, so that what is whole
    is left alone.
    """

    patch: int = 4
    width: int = 128
    layers: int = 2
    mix: str = "all"
    clean: float = 0.15
    cells: int = 2400
    batch: int = 4
    learning_rate: float = 2e-3
    warmup: float = 0.05
    decay: float = 0.5
    seed: int = 0


class Refiner:
    """The network with its settings. `fit` trains it, `repair` applies it, `save` and `load` keep it."""

    def __init__(self, settings: RefinerConfig | None = None):
        self.settings = settings or RefinerConfig()
        torch.manual_seed(self.settings.seed)
        self.network = PatchRefiner(self.settings.patch, self.settings.width, self.settings.layers).eval()
        self.trained: dict[str, Any] = {}

    def fit(self, cells: UnitCells, run: str | Path | None = None) -> "Refiner":
        """Train on whole cells, in all orientations and places. run: as in `training.train`; the same call resumes."""
        _check(self.settings.patch, cells.resolution)
        if len(cells) == 0:
            raise VoxploreError("cells", expected="at least one", got="none")
        s = self.settings

        def loss(rng: np.random.Generator, n: int) -> tuple[Tensor, dict[str, Tensor]]:
            whole = _turned(cells[rng.integers(0, len(cells), n)].voxels(), rng)
            damaged = degrade(whole, rng, mix=s.mix)
            shown = np.where((rng.random(n) < s.clean)[:, None, None, None], whole, damaged)
            target = _tensor(whole)
            logits = self.network(_tensor(shown))
            wrong = ((logits > 0) != (target > 0)).float().sum() / target.sum()
            before = _tensor(shown != whole).sum() / target.sum()
            return F.binary_cross_entropy_with_logits(logits, target), {"wrong": wrong, "wrong_before": before}

        facts = train(
            "refiner", self.network, loss,
            cells=s.cells, batch=s.batch, learning_rate=s.learning_rate, warmup=s.warmup, decay=s.decay, clip=1.0,
            seed=s.seed, run=Path(run) if run else None,
        )  # fmt: skip
        name = str(cells.about.get("name", "cells"))
        self.trained = {"data": name, "data_sha256": cells.sha256(), "data_cells": len(cells), **facts}
        return self

    @torch.no_grad()
    def repair(self, cell: np.ndarray) -> np.ndarray:
        """Bool (d, d, d) -> Bool (d, d, d): one cell at a time, so that others beside it change nothing."""
        _check(self.settings.patch, cell.shape[0])
        return (self.network(_tensor(cell[None])) > 0)[0].numpy()

    def save(self, folder: str | Path, overwrite: bool = False, small: bool = False) -> None:
        """Write config.json and network.safetensors in one step. small: matrices as int8, a quarter of the size."""
        header = {
            "format": _FORMAT, "format_version": 1, "voxplore_version": __version__,
            "trained": self.trained, "config": config.to_dict(self.settings),
        }  # fmt: skip
        with storage.staged_folder(folder, overwrite) as stage:
            tensors = self.network.state_dict()
            write_tensors(stage / "network.safetensors", compact(tensors) if small else tensors, {"part": "network"})
            header["sha256"] = {"network.safetensors": storage.sha256(stage / "network.safetensors")}
            storage.write_json(stage / "config.json", header)

    def checksum(self) -> str:
        """SHA-256 of the weights."""
        import hashlib

        digest = hashlib.sha256()
        for name, tensor in sorted(self.network.state_dict().items()):
            digest.update(name.encode() + tensor.numpy().tobytes())
        return digest.hexdigest()


def load_refiner(folder: str | Path = SHIPPED) -> Refiner:
    """Open a saved refiner; VoxploreError names the file that is missing or does not fit."""
    folder = Path(folder)
    header = storage.read_json(folder / "config.json")
    if not isinstance(header, dict) or header.get("format") != _FORMAT:
        raise VoxploreError(folder / "config.json", expected=f'"format": "{_FORMAT}"', got="something else")
    settings = config.from_dict(RefinerConfig, header.get("config"), str(folder / "config.json"))
    check_config(settings, str(folder / "config.json"))
    with guarded(folder, header.get("config")):
        refiner = Refiner(settings)
    path = folder / "network.safetensors"
    storage.check_sha256(folder, header.get("sha256"), [path.name])
    try:
        refiner.network.load_state_dict(expand(read_tensors(path)[0]))
    except RuntimeError as error:
        raise VoxploreError(path, expected="weights of this configuration", got="others") from error
    refiner.trained = header.get("trained", {})
    return refiner


def _check(patch: int, resolution: int) -> None:
    if resolution % patch:
        raise VoxploreError("cells", expected=f"a resolution that is a multiple of {patch}", got=str(resolution))


def _turned(voxels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Each cell in a random orientation of the cube, shifted at random: a cell is periodic."""
    out = np.empty_like(voxels)
    for row, cell in zip(out, voxels, strict=True):
        turned = apply_operation(cell, CUBE_OPERATIONS[rng.integers(48)])
        row[:] = np.roll(turned, tuple(rng.integers(0, cell.shape[0], 3)), (0, 1, 2))
    return out


def _tensor(voxels: np.ndarray) -> Tensor:
    return torch.from_numpy(voxels.astype(np.float32))
