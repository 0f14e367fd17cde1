import numpy as np
import pytest
from PIL import Image

from voxplore.errors import VoxploreError
from voxplore.mechanics import directional_young
from voxplore.show import render_directional
from voxplore.show.directional import _draw, _sphere


def cubic(c11: float, c12: float, c44: float) -> np.ndarray:
    stiffness = np.diag([c11 - c12] * 3 + [c44] * 3)
    stiffness[:3, :3] += c12
    return stiffness


def test_directions_cover_the_sphere():
    directions = _sphere(30)
    assert np.linalg.norm(directions, axis=-1) == pytest.approx(1)
    nearest = directions.reshape(-1, 3) @ np.random.default_rng(0).normal(size=(3, 100))
    assert (nearest.max(0) > 0).all()


def test_the_surface_lies_as_far_out_as_the_modulus(tmp_path):
    stiffness = cubic(1.0, 0.2, 0.1)
    directions = _sphere(20)
    radius = directional_young(stiffness, directions.reshape(-1, 3)).reshape(directions.shape[:2])
    figure = _draw(directions * radius[..., None], radius, "E", 300)
    limits = figure.axes[0].get_xlim()
    assert limits == pytest.approx((-radius.max(), radius.max()), rel=1e-6)
    assert radius.max() == pytest.approx(directional_young(stiffness, np.eye(3)).max())


def test_a_picture_is_written_and_differs_between_cells(tmp_path):
    for name, c44 in (("a", 0.4), ("b", 0.05)):
        stiffness = cubic(1.0, 0.2, c44)
        render_directional(lambda n, c=stiffness: directional_young(c, n), tmp_path / f"{name}.png", size=200)
    images = [np.asarray(Image.open(tmp_path / f"{name}.png").convert("RGB")).astype(int) for name in "ab"]
    assert images[0].shape == (200, 200, 3)
    assert np.abs(images[0] - images[1]).mean() > 1


def test_a_cell_that_carries_nothing_is_drawn_too(tmp_path):
    render_directional(lambda n: np.zeros(len(n)), tmp_path / "a.png", size=150)
    assert (tmp_path / "a.png").exists()


def test_wrong_input_is_named_and_writes_nothing(tmp_path):
    with pytest.raises(VoxploreError, match="png"):
        render_directional(lambda n: np.ones(len(n)), tmp_path / "a.jpg")
    with pytest.raises(VoxploreError, match="finite"):
        render_directional(lambda n: n[:, 0], tmp_path / "a.png")
    assert not list(tmp_path.iterdir())
