import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from voxplore.errors import VoxploreError
from voxplore.show import render, render_graph, render_lattice
from voxplore.show.lighting import transmission
from voxplore.show.raymarch import Camera, march, rays, surface_field
from voxplore.unitcells import UnitCells


def ball(d: int, radius: float) -> np.ndarray:
    x, y, z = np.indices((d, d, d)) + 0.5 - d / 2
    return x * x + y * y + z * z < radius * radius


def pixels(path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB")).astype(int)


@settings(max_examples=30, deadline=None)
@given(arrays(bool, (6, 6, 6), elements=st.booleans()))
def test_the_drawn_surface_separates_every_solid_voxel_from_every_void_one(voxels):
    assert ((surface_field(voxels) > 0.5) == voxels).all()


def test_rays_meet_a_ball_where_geometry_says():
    x, y, z = np.indices((32, 32, 32)) + 0.5 - 16
    field = (0.5 + (10 - np.sqrt(x * x + y * y + z * z)) / 8).astype(np.float32)
    bundle = rays((32, 32, 32), Camera(120))
    hits = march(field, bundle)
    assert np.abs(np.linalg.norm(hits.point - 16, axis=0) - 10).max() < 0.1
    offset = bundle.origin - 16
    closest = np.sqrt((offset**2).sum(0) - (bundle.toward @ offset) ** 2)
    assert set(np.flatnonzero(closest < 9.9)) <= set(hits.ray)
    assert (closest[hits.ray] < 10.1).all()
    assert not hits.cut.any()


def test_each_ray_meets_the_surface_at_its_first_crossing():
    wall = np.zeros((24, 24, 24), bool)
    wall[:, 11:13] = True
    bundle = rays((24, 24, 24), Camera(64))
    hits = march(surface_field(wall), bundle)
    inner = ~hits.cut
    assert np.abs(hits.point[1, inner] - 11).max() < 0.2  # the viewer stands at negative y


def test_light_from_above_stops_at_a_slab():
    solid = np.zeros((5, 5, 8), np.float32)
    solid[:, :, 4] = 1
    lit = transmission(solid, np.array([0.0, 0.0, 1.0]))
    assert (lit[:, :, 4:] == 1).all()
    assert (lit[:, :, :4] == 0).all()


@pytest.mark.parametrize("direction", [(0.3, -0.2, 1), (-1, 0.4, 0.1), (0.2, 1, -0.9), (0.0, 0.0, -1), (1, 1, 1)])
def test_shadow_falls_where_the_line_to_the_lamp_is_blocked(direction):
    solid = np.zeros((15, 15, 15), np.float32)
    solid[6:9, 6:9, 6:9] = 1
    lit = transmission(solid, np.array(direction, float))
    unit = np.array(direction) / np.linalg.norm(direction)
    shaded, open_side = np.round(7 - 4.5 * unit).astype(int), np.round(7 + 4.5 * unit).astype(int)
    assert lit[tuple(shaded)] < 0.2
    assert lit[tuple(open_side)] == 1


def test_a_picture_has_a_tile_for_each_cell_on_white(tmp_path):
    cells = np.stack([ball(16, 6), np.zeros((16, 16, 16), bool), ball(16, 3)])
    render(cells, tmp_path / "a.png", columns=2, size=60)
    image = pixels(tmp_path / "a.png")
    assert image.shape == (120, 120, 3)
    assert (image[:60, 60:] == 255).all(), "an empty cell shows nothing"
    assert (image[60:, 60:] == 255).all(), "the last row is not full"
    blue = (image[..., 2] - image[..., 0]) > 30
    assert blue[:60, :60].sum() > 3 * blue[60:, :60].sum() > 0


def test_the_cut_faces_of_a_full_cell_are_orange_and_fill_its_outline(tmp_path):
    render(np.ones((8, 8, 8), bool), tmp_path / "a.png", size=100)
    image = pixels(tmp_path / "a.png")
    assert (image[50, 50] - image[50, 50, 2])[0] > 40
    right, up, _ = Camera(100).axes()
    outline = sum(abs(a[0] * b[1] - a[1] * b[0]) for a, b in _pairs(np.stack([right, up], 1)))
    widest = max(np.abs(right).sum(), np.abs(up).sum())
    expected = outline / widest**2 * (1 - 2 * Camera().margin) ** 2
    assert ((image[..., 0] - image[..., 2]) > 20).mean() == pytest.approx(expected, abs=0.02)


def _pairs(projected):
    return [(projected[0], projected[1]), (projected[1], projected[2]), (projected[0], projected[2])]


def test_a_lone_voxel_is_not_hidden(tmp_path):
    cell = np.zeros((16, 16, 16), bool)
    cell[8, 8, 8] = True
    render(cell, tmp_path / "a.png", size=100)
    assert (pixels(tmp_path / "a.png").min(2) < 160).sum() > 4


def test_unit_cells_and_their_voxels_make_the_same_picture(tmp_path):
    cells = UnitCells.from_voxels(ball(16, 6)[None])
    render(cells, tmp_path / "a.png", size=40)
    render(cells.voxels(), tmp_path / "b.png", size=40)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_captions_stand_under_the_cells_and_long_ones_are_shortened(tmp_path):
    render(ball(8, 3), tmp_path / "a.png", size=80, captions=["novelty 0.9\n" + "long " * 100])
    image = pixels(tmp_path / "a.png")
    assert image.shape[0] > 80
    assert (image[80:].min(2) < 128).any()
    assert (image[80:, 0] == 255).all()
    assert (image[80:, -1] == 255).all()


def test_wrong_input_is_named_and_writes_nothing(tmp_path):
    cell = ball(8, 3)
    with pytest.raises(VoxploreError, match="captions"):
        render(cell, tmp_path / "a.png", captions=["a", "b"])
    with pytest.raises(VoxploreError, match="at least one cell"):
        render(np.zeros((0, 8, 8, 8), bool), tmp_path / "a.png")
    with pytest.raises(VoxploreError, match="png"):
        render(cell, tmp_path / "a.jpg")
    with pytest.raises(VoxploreError, match="columns"):
        render(cell, tmp_path / "a.png", columns=0)
    with pytest.raises(VoxploreError, match="tile"):
        render_lattice(cell, tmp_path / "a.png", tile=(0, 1, 1))
    assert not list(tmp_path.iterdir())


def test_a_cell_stands_beside_its_lattice(tmp_path):
    render_lattice(ball(8, 3), tmp_path / "a.png", tile=(2, 1, 3), size=64)
    image = pixels(tmp_path / "a.png")
    assert image.shape == (64, 128, 3)
    assert (image[:, 64:].min(2) < 200).any()


def test_a_strut_graph_stands_beside_its_voxels_with_its_nodes_marked(tmp_path):
    nodes = np.array([[0, 0, 0], [1, 1, 1], [0.5, 0.5, 0.5]])
    render_graph(nodes, np.array([[0, 2], [2, 1]]), ball(8, 3), tmp_path / "a.png", size=80)
    left = pixels(tmp_path / "a.png")[:, :80]
    assert (left[..., 2] - left[..., 0] > 30).any(), "blue struts"
    assert (left[..., 0] - left[..., 2] > 30).any(), "orange nodes"
    with pytest.raises(VoxploreError, match="edges"):
        render_graph(nodes, np.array([[0, 3]]), ball(8, 3), tmp_path / "b.png")
