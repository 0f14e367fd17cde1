"""Figure 4: what each force of repel-and-sink does to two clusters of points in the plane."""

from pathlib import Path

import numpy as np

from voxplore import storage

__all__ = ["draw_figure4"]

_COLOURS = {"valid": "#1f77b4", "degraded": "#d62728"}


def draw_figure4(out: str | Path, points: int = 100, seed: int = 0, overwrite: bool = False) -> dict[str, dict]:
    """Write figure4.png and figure4.csv (panel, class, x, y) to the folder `out`; the measures of each panel.

    Measures: distance between the two centres, spread (root mean square distance to its own centre) of the valid
    points, and largest distance from the origin.
    """
    from voxplore.latent.toy import PANELS, relax, two_clusters

    storage.refuse_existing(Path(out), overwrite)
    start = two_clusters(points, seed)
    found = {
        name: [part.numpy() for part in relax(*start, forces)] if name != "start" else [part.numpy() for part in start]
        for name, forces in PANELS.items()
    }
    with storage.staged_folder(out, overwrite) as stage:
        _draw(found, stage / "figure4.png")
        storage.write_csv(stage / "figure4.csv", _columns(found))
    return {name: _measures(*panel) for name, panel in found.items()}


def _measures(valid: np.ndarray, degraded: np.ndarray) -> dict[str, float]:
    spread = np.sqrt(((valid - valid.mean(0)) ** 2).sum(1).mean())
    return {
        "apart": float(np.linalg.norm(valid.mean(0) - degraded.mean(0))),
        "spread": float(spread),
        "furthest": float(np.linalg.norm(np.concatenate([valid, degraded]), axis=1).max()),
    }


def _columns(found: dict[str, list[np.ndarray]]) -> dict[str, np.ndarray]:
    rows = [
        (name, kind, x, y)
        for name, panel in found.items()
        for kind, part in zip(_COLOURS, panel, strict=True)
        for x, y in part.tolist()
    ]
    columns = zip(("panel", "class", "x", "y"), zip(*rows, strict=True), strict=True)
    return {key: np.array(values) for key, values in columns}


def _draw(found: dict[str, list[np.ndarray]], path: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(3 * len(found), 3.2), layout="constrained")
    for axes, (name, panel) in zip(np.ravel(figure.subplots(1, len(found))), found.items(), strict=True):
        for (kind, colour), part in zip(_COLOURS.items(), panel, strict=True):
            axes.scatter(part[:, 0], part[:, 1], s=6, color=colour, label=kind)
        axes.set_title(name)
        axes.set(xlim=(-4, 4), ylim=(-4, 4), aspect="equal")
    figure.axes[0].legend(loc="upper left", fontsize="small")
    figure.savefig(path, dpi=120)
