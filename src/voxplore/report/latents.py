"""Latent maps (the pictures of the paper's Table 2): where cells, negatives and drawn cells lie in latent spaces.

Each model's own principal plane, taken over cells and negatives together; a row of drawn cells stands below each map.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from voxplore import storage
from voxplore.data.prepare.negatives import degrade_cells
from voxplore.errors import VoxploreError
from voxplore.show import render
from voxplore.unitcells import UnitCells

if TYPE_CHECKING:
    from voxplore.models import VoxPlore

__all__ = ["draw_latents", "nearest_of_own_class", "principal_plane"]

_COLOURS = {"training": "#1f77b4", "negative": "#d62728", "drawn": "#2ca02c"}
_SHOWN = 6
_TILE = 160


def draw_latents(
    models: Mapping[str, "VoxPlore"],
    cells: UnitCells,
    out: str | Path,
    *,
    n: int = 1000,
    seed: int = 0,
    overwrite: bool = False,
) -> dict[str, dict[str, float]]:
    """Write latents.png, latents.csv (model, class, x, y), latents.json and drawn-<number>.png to the folder `out`.

    models: by the name to show. cells: those of the training; n of them, drawn by `seed`, negatives (of each model's
    own mix) of n others, since a cell lies beside its own negative, and n / 4 drawn cells, encoded anew, are shown.

    Returns what latents.json holds, for each model: `plane`, the share of the variance that the plane shows; `apart`,
    see `nearest_of_own_class`, in all dimensions; `gap`, the distance between the centres of cells and negatives in
    their root mean square radius.
    """
    storage.refuse_existing(Path(out), overwrite)
    for name, model in models.items():
        if model.name != "voxplore":
            raise VoxploreError(name, expected="a VoxPlore", got=model.name)
    if len(cells) < 4:
        raise VoxploreError("cells", expected="four or more", got=str(len(cells)))
    n = min(n, len(cells) // 2)
    order = np.random.default_rng(seed).permutation(len(cells))
    panels, found = {}, {}
    with storage.staged_folder(out, overwrite) as stage:
        for number, (name, model) in enumerate(models.items()):
            sets = {
                "training": cells[order[:n]],
                "negative": degrade_cells(cells[order[n : 2 * n]], model.config.loss.negative_mix, seed),
                "drawn": model.generate(max(n // 4, _SHOWN), seed=seed),
            }
            latents = {kind: model.encode(part).cpu().numpy().astype(np.float64) for kind, part in sets.items()}
            panels[name], found[name] = _panel(latents)
            render(sets["drawn"][:_SHOWN], stage / f"drawn-{number}.png", columns=_SHOWN, size=_TILE)
        _draw(panels, found, stage)
        storage.write_csv(stage / "latents.csv", _columns(panels))
        storage.write_json(stage / "latents.json", found)
    return found


def principal_plane(points: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Centre (l,), axes (2, l) and share of the variance of the first two principal components of points (m, l)."""
    centre = points.mean(0)
    _, spread, axes = np.linalg.svd(points - centre, full_matrices=False)
    return centre, axes[:2], float((spread[:2] ** 2).sum() / max((spread**2).sum(), 1e-300))


def nearest_of_own_class(first: np.ndarray, second: np.ndarray) -> float:
    """Share of points (n, l) and (m, l) whose nearest other one is of their own class: 1/2 where equal classes mingle
    evenly, 1 where they stand apart."""
    from scipy.spatial import KDTree

    points = np.concatenate([first, second])
    label = np.repeat([0, 1], [len(first), len(second)])
    found = np.asarray(KDTree(points).query(points, k=2)[1])
    # Of two equal points either can come first: the nearest other one is the one that is not the point itself.
    other = np.where(found[:, 0] == np.arange(len(points)), found[:, 1], found[:, 0])
    return float((label[other] == label).mean())


def _panel(latents: dict[str, np.ndarray]) -> tuple[dict[str, np.ndarray], dict[str, float]]:
    """Points (n, 2) a class, and the measures."""
    valid, degraded = latents["training"], latents["negative"]
    centre, axes, share = principal_plane(np.concatenate([valid, degraded]))
    centres = valid.mean(0), degraded.mean(0)
    off = np.concatenate([valid - centres[0], degraded - centres[1]])
    radius = np.sqrt((off**2).sum(1).mean())
    measures = {
        "plane": share,
        "apart": nearest_of_own_class(valid, degraded),
        "gap": float(np.linalg.norm(centres[0] - centres[1]) / max(radius, 1e-300)),
    }
    return {kind: (points - centre) @ axes.T for kind, points in latents.items()}, measures


def _columns(panels: dict[str, dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    parts = [(name, kind, points) for name, panel in panels.items() for kind, points in panel.items()]
    counts = [len(points) for _, _, points in parts]
    together = np.concatenate([points for _, _, points in parts])
    return {
        "model": np.repeat([name for name, _, _ in parts], counts),
        "class": np.repeat([kind for _, kind, _ in parts], counts),
        "x": together[:, 0],
        "y": together[:, 1],
    }


def _draw(panels: dict[str, dict[str, np.ndarray]], found: dict[str, dict[str, float]], stage: Path) -> None:
    from matplotlib.figure import Figure
    from PIL import Image

    figure = Figure(figsize=(4.2 * len(panels), 5.0), layout="constrained")
    axes = figure.subplots(2, len(panels), squeeze=False, height_ratios=(5, 1))
    for number, ((name, panel), plot, strip) in enumerate(zip(panels.items(), *axes, strict=True)):
        for kind, colour in _COLOURS.items():
            plot.scatter(panel[kind][:, 0], panel[kind][:, 1], s=5, color=colour, label=kind, alpha=0.6, linewidths=0)
        plot.set_title(f"{name}: nearest of own class {found[name]['apart']:.2f}", fontsize="medium")
        plot.set(xticks=[], yticks=[])
        with Image.open(stage / f"drawn-{number}.png") as picture:
            strip.imshow(np.asarray(picture.convert("RGB")))
        strip.axis("off")
    axes[0, 0].legend(fontsize="small")
    figure.savefig(stage / "latents.png", dpi=120)
