"""Training: how soon the small recipe is as good as the published shape."""

import contextlib
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from voxplore.unitcells import UnitCells, load_cells

from .race import Row, Target, threads

__all__ = ["held_out_rows", "nets_split", "tiny_config"]

#: Thresholds that each autoencoder may choose from, for the best mean IoU.
_LEVELS = tuple(0.05 * k for k in range(1, 14))


def nets_split(folder: Path, held_out: int) -> tuple[UnitCells, UnitCells]:
    """The training split of a data set, and the first of its test split."""
    cells = load_cells(folder)
    return cells.split("train"), cells.split("test")[:held_out]


def tiny_config(config: Any) -> Any:
    """The same at 16^3 with little of everything."""
    small = {"resolution": 16, "patch": 4, "width": 32, "layers": 1, "decoder_layers": 1, "heads": 4}
    small |= {"feed_forward": 64, "bottleneck": 64, "latent": 8, "basis": 16}
    known = vars(config.autoencoder)
    shape = replace(config.autoencoder, **{name: size for name, size in small.items() if name in known})
    return replace(config, autoencoder=shape, autoencoder_training=replace(config.autoencoder_training, batch=8))


def _use_threads() -> None:
    import torch

    torch.set_num_threads(threads())


@dataclass
class Curve:
    """Held-out IoU of an autoencoder while it trains: seconds (without those of looking), IoU, cells seen."""

    points: list[tuple[float, float, int]] = field(default_factory=list)

    def reaches(self, iou: float) -> float:
        """Seconds until the IoU was first so high; infinite where it never was."""
        return next((seconds for seconds, found, _ in self.points if found >= iou), float("inf"))


class _TimeUpError(Exception):
    """Ends a training whose time is up."""


def held_out_rows(
    cells: UnitCells, held_out: UnitCells, published: Any, small: Any, seconds: float, looks: int = 6
) -> tuple[list[Row], list[Target]]:
    """Train the published shape for `seconds`; how many does the small recipe take to the same held-out IoU?

    Both run the library's own loop on the same cells, each with its own loss, augmentation and learning rates; the
    start of the small recipe at the principal components is in its time. An IoU is the mean over held-out cells, at
    the threshold that is best for it. The small recipe goes on to a quarter of `seconds` at least.
    """
    first = _curve(cells, held_out, published, seconds, seconds / looks, None)
    wanted = max(iou for _, iou, _ in first.points)
    second = _curve(cells, held_out, small, seconds, seconds / (8 * looks), wanted)
    operation = f"{len(cells):,} cells, held-out IoU after the same time"
    rows = [
        _curve_row(operation, name, curve, config)
        for name, curve, config in (("voxplore, small recipe", second, small), ("published shape", first, published))
    ]
    rows[1].ratio = rows[0].rate / rows[1].rate
    rows[1].note += f"; the mean cell, whatever is asked for, has IoU {_mean_cell_iou(cells, held_out):.3f}"
    spent = second.reaches(wanted) / first.points[-1][0]
    name = f"small recipe to the published shape's IoU of {wanted:.3f}, share of its {seconds:.0f} s"
    return rows, [Target(name, spent, 0.5, False, "")]


def _curve(
    cells: UnitCells, held_out: UnitCells, config: Any, seconds: float, every: float, wanted: float | None
) -> Curve:
    """Train for `seconds` of the processor, looking each `every`; with `wanted` only until that IoU, see above."""
    import torch

    from voxplore.models.voxplore.losses import autoencoder_loss, with_degraded
    from voxplore.models.voxplore.parts import autoencoder_of
    from voxplore.training import train

    _use_threads()
    torch.manual_seed(config.seed)
    clock, networks, curve = _Clock(), autoencoder_of(config.autoencoder), Curve()
    batches = networks.batches(cells, config.augment)
    networks.start(batches, min(len(cells), 3000), config.seed)
    seen = 0

    def loss(batch: tuple[Any, int], n: int) -> Any:
        nonlocal seen
        now = clock.seconds()
        if not curve.points or now >= curve.points[-1][0] + every or now >= seconds:
            with clock.stopped():
                curve.points.append((now, held_out_iou(networks, held_out, config), seen))
            done = wanted is not None and now >= seconds / 4 and curve.reaches(wanted) < float("inf")
            if seen and (now >= seconds or done):  # a rate needs one step at least, on the slowest machine
                raise _TimeUpError
        seen += n
        return autoencoder_loss(networks, *batch, n, config.loss, config.regularisation)

    with contextlib.suppress(_TimeUpError):
        prepare = with_degraded(batches, config.loss)
        train("autoencoder", networks, loss, prepare=prepare, **vars(config.autoencoder_training))
    return curve


def held_out_iou(networks: Any, cells: UnitCells, config: Any) -> float:
    """The mean IoU of cells with their reconstructions, at the best of the thresholds."""
    import torch

    parts = []
    networks.eval()
    with torch.no_grad():
        for voxels in cells.batches(16):
            values = networks.decoder(networks.encoder(torch.from_numpy(voxels.view(np.uint8))))
            values = values.sigmoid() if networks.logits else values
            parts.append(np.stack([_iou((values > level).numpy(), voxels) for level in _LEVELS]))
    networks.train()
    return float(np.concatenate(parts, axis=1).mean(axis=1).max())


def _mean_cell_iou(cells: UnitCells, held_out: UnitCells) -> float:
    """What an autoencoder reaches that always answers the mean of up to 1,000 training cells."""
    mean = np.mean([voxels.mean(0) for voxels in cells[:1000].batches(50)], axis=0)
    parts = [np.stack([_iou(mean[None] > k, voxels) for k in _LEVELS]) for voxels in held_out.batches(50)]
    return float(np.concatenate(parts, axis=1).mean(axis=1).max())


def _iou(drawn: np.ndarray, true: np.ndarray) -> np.ndarray:
    shared, either = (drawn & true).sum((1, 2, 3)), (drawn | true).sum((1, 2, 3))
    return shared / np.maximum(either, 1)


def _curve_row(operation: str, name: str, curve: Curve, config: Any) -> Row:
    used, iou, seen = curve.points[-1]
    # Without the start, which is no part of the pace.
    pace = seen / max(used - curve.points[0][0], 1e-9)
    whole = config.autoencoder_training.cells / max(pace, 1e-9) / 3600
    batch, start = config.autoencoder_training.batch, f"{curve.points[0][1]:.3f} after {curve.points[0][0]:.1f} s"
    note = f"valid cells, batch {batch}; IoU {start}, {iou:.3f} after {used:.0f} s; the whole training at this pace: "
    return Row(operation, name, "", "cells", seen, used, used, pace, note=f"{note}{whole:,.2g} h")


class _Clock:
    """Seconds of the processor with one thread, of the clock with more, without those it was stopped for."""

    def __init__(self) -> None:
        self.read = time.process_time if threads() == 1 else time.perf_counter
        self.begun = self.read()

    def seconds(self) -> float:
        return self.read() - self.begun

    def stopped(self) -> "_Stop":
        return _Stop(self)


class _Stop:
    def __init__(self, clock: _Clock):
        self.clock = clock

    def __enter__(self) -> None:
        self.at = self.clock.read()

    def __exit__(self, *_: Any) -> None:
        self.clock.begun += self.clock.read() - self.at
