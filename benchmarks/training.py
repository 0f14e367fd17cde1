"""Training: the published shape beside a plain torch module, and how soon the small recipe is as good as that shape."""

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from voxplore.unitcells import UnitCells, load_cells

from .race import Contestant, Row, Target, race, threads

__all__ = ["held_out_rows", "nets_split", "plain_autoencoder", "plain_differs", "tiny_config", "training_rows"]

#: Thresholds that each autoencoder may choose from, for the best mean IoU.
_LEVELS = tuple(0.05 * k for k in range(1, 14))


def nets_split(folder: Path, held_out: int) -> tuple[UnitCells, UnitCells]:
    """The training split of a data set, and the first of its test split."""
    cells = load_cells(folder)
    return cells.split("train"), cells.split("test")[:held_out]


def tiny_config(config: Any) -> Any:
    """The same at 16^3 with little of everything."""
    shape = replace(config.autoencoder, resolution=16, patch=4, width=32, layers=1, decoder_layers=1, heads=4)
    shape = replace(shape, feed_forward=64, bottleneck=64, latent=8, basis=16)
    return replace(config, autoencoder=shape, autoencoder_training=replace(config.autoencoder_training, batch=8))


# ------------------------------------------------------------------------------------------------ beside plain torch


def training_rows(cells: UnitCells, config: Any, batches: list[int], turns: int) -> tuple[list[Row], list[Target]]:
    """Cells trained a second, valid and degraded ones counted: `train` at the first batch, plain torch at each.

    A batch of n is n valid cells and n degraded ones; a run is as many steps as show two of the first batch at least.
    The plain module is nn.TransformerEncoderLayer with torch.optim.Adam; layers, weights, loss and dropout rate are the
    same. Both make their optimiser anew in every run, as each call of `train` does.
    """
    ours = f"voxplore, batch {batches[0]} + {batches[0]}"
    shown = 2 * batches[0]
    contestants = [Contestant(ours, lambda: _by_train(cells, config, batches[0], shown), 2 * shown)]
    for n in batches:
        steps = -(-shown // n)
        name = f"plain torch, batch {n} + {n}"
        contestants.append(Contestant(name, lambda n=n, s=steps: _plainly(cells, config, n, s), 2 * n * steps, "torch"))
    rows = race("training the published shape, float32, dropout on", "cells", contestants, turns)
    best = max(row.rate for row in rows[1:])
    asked = Target("training the published shape, beside plain torch at its best batch", rows[0].rate / best, 1.4, True,
                   "times")  # fmt: skip
    return rows, [asked]


def _by_train(cells: UnitCells, config: Any, batch: int, shown: int) -> Callable[[], Any]:
    from voxplore.models.voxplore_parts import LatentAutoencoder
    from voxplore.training import train

    _use_threads()
    networks = LatentAutoencoder(config.autoencoder)
    loss = _loss(networks, _fixed(cells, config, batch), config)
    options = vars(replace(config.autoencoder_training, cells=shown, batch=batch))
    return lambda: train("autoencoder", networks, lambda rng, n: loss(), **options)


def _plainly(cells: UnitCells, config: Any, batch: int, steps: int) -> Callable[[], Any]:
    import torch

    _use_threads()
    networks = plain_autoencoder(config.autoencoder).train()
    loss = _loss(networks, _fixed(cells, config, batch), config)

    def run() -> None:
        optimiser = torch.optim.Adam(networks.parameters(), lr=config.autoencoder_training.learning_rate)
        for _ in range(steps):
            optimiser.zero_grad()
            loss()[0].backward()
            optimiser.step()

    return run


def plain_autoencoder(shape: Any) -> Any:
    """The same autoencoder with torch's own transformer layers in place of ours, as a script would write it."""
    from torch import nn

    from voxplore.models.voxplore_parts import LatentAutoencoder

    networks = LatentAutoencoder(shape)
    for part, layers in ((networks.encoder, shape.layers), (networks.decoder, shape.decoder_layers)):
        layer = nn.TransformerEncoderLayer(
            shape.width, shape.heads, shape.feed_forward, shape.dropout, activation="gelu", batch_first=True
        )
        part.blocks = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
    return networks


def plain_differs(cells: UnitCells, config: Any) -> str:
    """ "equal" where plain torch of the same weights gives the same decoded values and gradients, else how far off.

    Gradients are compared on our training path, at a dropout rate so small that no element is dropped.
    """
    import torch

    from voxplore.models.voxplore_parts import LatentAutoencoder

    rarely = replace(config, autoencoder=replace(config.autoencoder, dropout=1e-9))
    batch, plain = _fixed(cells, rarely, 4), plain_autoencoder(rarely.autoencoder)
    ours = LatentAutoencoder(rarely.autoencoder)
    plain.load_state_dict(ours.state_dict())
    with torch.no_grad():
        decoded = [networks.eval().decoder(networks.encoder(batch[0])) for networks in (ours, plain)]
    worst = [float((decoded[0] - decoded[1]).abs().max())]
    for networks in (ours, plain):
        _loss(networks.train(), batch, rarely)()[0].backward()
    pairs = [(one.grad, other.grad) for one, other in zip(ours.parameters(), plain.parameters(), strict=True)]
    largest = max(float(right.abs().max()) for _, right in pairs)
    worst += [float((left - right).abs().max()) / largest for left, right in pairs]
    return "equal" if max(worst) < 1e-4 else f"differ by {max(worst):.2g}"


def _fixed(cells: UnitCells, config: Any, batch: int) -> list[Any]:
    """A batch of valid cells and one of degraded ones, uint8 (n, d, d, d): drawing them is not what is timed."""
    import torch

    from voxplore.data.negatives import degrade
    from voxplore.models.voxels import random_cells

    rng = np.random.default_rng(config.seed)
    valid = random_cells(np.asarray(cells.packed), cells.resolution, batch, config.augment, rng)
    degraded = degrade(valid, rng, valid, config.negative_mix)
    return [torch.from_numpy(np.ascontiguousarray(one).view(np.uint8)) for one in (valid, degraded)]


def _loss(networks: Any, batch: list[Any], config: Any) -> Callable[[], Any]:
    from voxplore.models.voxplore_parts import autoencoder_loss

    return lambda: autoencoder_loss(networks, batch[0], batch[1], config)


def _use_threads() -> None:
    import torch

    torch.set_num_threads(threads())


# ------------------------------------------------------------------------------------------------ held-out IoU


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

    from voxplore.models.voxplore_parts import LatentAutoencoder, autoencoder_loss
    from voxplore.training import train

    _use_threads()
    torch.manual_seed(config.seed)
    clock, networks, curve = _Clock(), LatentAutoencoder(config.autoencoder), Curve()
    draw = _batches(cells, config)
    networks.start(draw(np.random.default_rng(config.seed), min(len(cells), 3000))[0])
    seen = 0

    def loss(rng: np.random.Generator, n: int) -> Any:
        nonlocal seen
        now = clock.seconds()
        if not curve.points or now >= curve.points[-1][0] + every or now >= seconds:
            with clock.stopped():
                curve.points.append((now, held_out_iou(networks, held_out, config), seen))
            done = wanted is not None and now >= seconds / 4 and curve.reaches(wanted) < float("inf")
            if now >= seconds or done:
                raise _TimeUpError
        seen += n
        valid, degraded = draw(rng, n)
        return autoencoder_loss(networks, valid, degraded, config)

    with contextlib.suppress(_TimeUpError):
        train("autoencoder", networks, loss, **vars(config.autoencoder_training))
    return curve


def _batches(cells: UnitCells, config: Any) -> Callable[[np.random.Generator, int], list[Any]]:
    """(random generator, n) -> valid cells and their share of degraded ones, as `VoxPlore.fit` draws them."""
    import torch

    from voxplore.data.negatives import degrade
    from voxplore.models.voxels import random_cells

    packed = np.asarray(cells.packed)

    def draw(rng: np.random.Generator, n: int) -> list[Any]:
        valid = random_cells(packed, cells.resolution, n, config.augment, rng)
        degraded = degrade(valid[: int(np.ceil(n * config.negative_share))], rng, valid, config.negative_mix)
        return [torch.from_numpy(one.view(np.uint8)) for one in (valid, degraded)]

    return draw


def held_out_iou(networks: Any, cells: UnitCells, config: Any) -> float:
    """The mean IoU of cells with their reconstructions, at the best of the thresholds."""
    import torch

    parts = []
    networks.eval()
    with torch.no_grad():
        for voxels in cells.batches(16):
            values = networks.decoder(networks.encoder(torch.from_numpy(voxels.view(np.uint8))))
            values = values if config.autoencoder.loss == "mse" else values.sigmoid()
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
