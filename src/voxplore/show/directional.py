"""A number that depends on the direction, such as Young's modulus, as a surface that lies as far out as it is large."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from voxplore import storage
from voxplore.errors import VoxploreError
from voxplore.ranges import Pixels, within

__all__ = ["render_directional"]


@within
def render_directional(
    value: Callable[[np.ndarray], np.ndarray],
    path: str | Path,
    label: str = "Young's modulus",
    size: Pixels = 600,
) -> None:
    """Write a PNG of the surface n -> value(n) n, coloured by the value.

    value: unit vectors float64 (m, 3) -> numbers (m,), none below 0 (`mechanics.directional_young` of one stiffness).
    size: width in pixels. Raises VoxploreError where the path is no PNG or a value is negative or not finite.
    """
    if Path(path).suffix.lower() != ".png":
        raise VoxploreError(path, expected="a path that ends in .png", got=Path(path).suffix or "no suffix")
    directions = _sphere()
    radius = np.asarray(value(directions.reshape(-1, 3)), np.float64).reshape(directions.shape[:2])
    if not np.isfinite(radius).all() or (radius < 0).any():
        raise VoxploreError(label, expected="finite numbers of 0 or more", got=f"{radius.min()}")
    with storage.atomic_file(path) as temporary:
        _draw(directions * radius[..., None], radius, label, size).savefig(temporary, format="png")


def _sphere(steps: int = 60) -> np.ndarray:
    """Unit vectors (steps + 1, 2 steps + 1, 3), poles along z."""
    polar, azimuth = np.linspace(0, np.pi, steps + 1)[:, None], np.linspace(0, 2 * np.pi, 2 * steps + 1)
    along_z = np.cos(polar) + 0 * azimuth
    return np.stack([np.sin(polar) * np.cos(azimuth), np.sin(polar) * np.sin(azimuth), along_z], axis=-1)


def _draw(surface: np.ndarray, radius: np.ndarray, label: str, size: int):
    from matplotlib import colormaps
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize
    from matplotlib.figure import Figure  # without pyplot: no window system, no global state

    largest = float(radius.max()) or 1.0
    figure = Figure(figsize=(size / 100, size / 100), dpi=100, layout="constrained")
    axes = figure.add_subplot(projection="3d")
    colours = colormaps["viridis"]
    axes.plot_surface(
        *np.moveaxis(surface, -1, 0), facecolors=colours(radius / largest), rstride=1, cstride=1, shade=True
    )
    for name in "xyz":
        getattr(axes, f"set_{name}lim")(-largest, largest)
        getattr(axes, f"set_{name}label")(name)
    axes.set_box_aspect((1, 1, 1))
    scale = ScalarMappable(Normalize(0, largest), colours)
    figure.colorbar(scale, ax=axes, label=label, shrink=0.6)
    return figure
