import json

import numpy as np
import pytest
from scipy import ndimage

from voxplore.data.imported.graphs import read_graph
from voxplore.data.imported.meshes import read_mesh, voxelise_mesh
from voxplore.errors import VoxploreError
from voxplore.export import encode

trimesh = pytest.importorskip("trimesh", reason="trimesh is not installed (extra [export])")


def gyroid(d: int, level: float = 0.4) -> np.ndarray:
    x, y, z = 2 * np.pi * (np.indices((d, d, d)) + 0.5) / d
    return np.sin(x) * np.cos(y) + np.sin(y) * np.cos(z) + np.sin(z) * np.cos(x) > level


def saved(mesh, path):
    mesh.export(path)
    return path


@pytest.mark.parametrize("format", ["stl", "ply", "obj"])
def test_export_and_import_give_the_cell_back(tmp_path, blobs, format):
    for cell in [*blobs[3::4], gyroid(24)]:
        path = tmp_path / f"cell.{format}"
        path.write_bytes(encode(cell, format, (7.0, 7.0, 7.0), keep_loose=True))
        back = read_mesh(path, cell.shape[0], edge=7.0)
        assert trimesh.load_mesh(path).volume == pytest.approx(cell.mean() * 7.0**3, rel=0.01)
        assert (back != cell).mean() < 0.05
        deep = ndimage.uniform_filter(cell.astype(float), 3, mode="wrap")  # the surface is evened out by half a voxel
        assert np.array_equal(back[deep == 1], cell[deep == 1])
        assert np.array_equal(back[deep == 0], cell[deep == 0])


def test_a_ball_has_the_volume_of_a_ball(tmp_path):
    path = saved(trimesh.creation.icosphere(subdivisions=4, radius=3.0), tmp_path / "a.stl")
    voxels = read_mesh(path, 40, edge=None)
    assert voxels.mean() == pytest.approx(np.pi / 6, rel=0.01)
    assert (voxels == voxels[::-1, ::-1, ::-1]).mean() > 0.999


def test_voxels_agree_with_the_winding_numbers_of_another_library(tmp_path):
    mesh = trimesh.creation.torus(0.3, 0.12, 16, 12)
    mesh.apply_transform(trimesh.transformations.rotation_matrix(0.7, [1, 2, 3]))
    mesh.apply_translation([0.5, 0.5, 0.5])
    voxels = voxelise_mesh(mesh.triangles, 8)
    centres = (np.indices((8, 8, 8)).reshape(3, -1).T + 0.5) / 8
    a, b, c = (mesh.triangles[None, :, k] - centres[:, None] for k in range(3))
    la, lb, lc = (np.linalg.norm(v, axis=-1) for v in (a, b, c))
    dots = [np.einsum("...i,...i", p, q) for p, q in ((a, b), (b, c), (c, a))]
    solid_angle = 2 * np.arctan2(
        np.einsum("...i,...i", a, np.cross(b, c)), la * lb * lc + dots[0] * lc + dots[1] * la + dots[2] * lb
    )
    assert (voxels.ravel() == (solid_angle.sum(1) / (4 * np.pi) > 0.5)).all()


def test_a_periodic_mesh_comes_in_on_the_opposite_side():
    box = trimesh.creation.box(extents=[0.5, 0.5, 0.5])
    corner = voxelise_mesh(box.triangles, 8, periodic=True)
    middle = voxelise_mesh(box.triangles + 0.5, 8)
    assert (corner == np.roll(middle, (4, 4, 4), (0, 1, 2))).all()
    assert voxelise_mesh(box.triangles, 8).sum() == 8, "without it, only the part in the cell stays"


def test_overlapping_parts_unite_and_a_mesh_turned_inside_out_is_the_same():
    one = trimesh.creation.box(extents=[0.5, 0.25, 0.25]).triangles + 0.5
    two = trimesh.creation.box(extents=[0.25, 0.5, 0.25]).triangles + 0.5
    both = voxelise_mesh(np.concatenate([one, two]), 16)
    assert (both == (voxelise_mesh(one, 16) | voxelise_mesh(two, 16))).all()
    assert (voxelise_mesh(one[:, ::-1], 16) == voxelise_mesh(one, 16)).all()


def tube(axis: int) -> np.ndarray:
    """A square strut along an axis through the middle of the cell, without caps."""
    extents = [0.25, 0.25, 0.25]
    extents[axis] = 1.0
    box = trimesh.creation.box(extents=extents)
    box.apply_translation([0.5, 0.5, 0.5])
    box.update_faces(abs(box.face_normals[:, axis]) < 0.5)
    return box.triangles


def test_struts_without_caps_come_in_whole_whichever_way_they_run():
    cross = np.concatenate([tube(axis) for axis in range(3)])
    with pytest.warns(RuntimeWarning, match="rays along x, y and z disagree"):
        voxels = voxelise_mesh(cross, 16)
    x, y, z = abs(np.indices((16, 16, 16)) - 7.5) < 2
    assert (voxels == (x & y | y & z | z & x)).all()


def test_a_part_turned_inside_out_is_refused_and_a_cavity_is_not():
    one = trimesh.creation.box(extents=[0.5, 0.25, 0.25]).triangles + 0.5
    two = trimesh.creation.box(extents=[0.25, 0.5, 0.25]).triangles + 0.5
    with pytest.raises(VoxploreError, match="inside out around"):
        voxelise_mesh(np.concatenate([one, two[:, ::-1]]), 16)
    outer = trimesh.creation.box(extents=[0.75, 0.75, 0.75]).triangles + 0.5
    hollow = voxelise_mesh(np.concatenate([outer, one[:, ::-1]]), 16)
    assert (hollow == voxelise_mesh(outer, 16) & ~voxelise_mesh(one, 16)).all()


def test_two_turned_facets_do_not_fill_the_gap_between_two_plates():
    low, high = (trimesh.creation.box(extents=[0.75, 0.75, 0.25]) for _ in range(2))
    low.apply_translation([0.5, 0.5, 0.25])
    high.apply_translation([0.5, 0.5, 0.75])
    plates = np.concatenate([low.triangles, high.triangles])
    facing = np.concatenate([low.face_normals[:, 2] > 0.5, high.face_normals[:, 2] < -0.5])
    turned = np.where(facing[:, None, None], plates[:, ::-1], plates)
    with pytest.warns(RuntimeWarning, match="disagree"):
        assert (voxelise_mesh(turned, 16) == voxelise_mesh(plates, 16)).all()


def test_walls_thinner_than_a_voxel_are_said():
    wall = trimesh.creation.box(extents=[0.5, 0.5, 0.02])
    wall.apply_translation([0.5, 0.5, 0.5])
    with pytest.warns(RuntimeWarning, match="volume of the voxels is off by -100%"):
        voxelise_mesh(wall.triangles, 16)


def test_a_mesh_that_is_no_cube_says_which_cell_it_was_put_in_and_where_it_lies_beside_one(tmp_path):
    bar = saved(trimesh.creation.box(extents=[1, 1, 2]), tmp_path / "bar.stl")
    with pytest.warns(RuntimeWarning, match=r"bar.stl: its box is 1 x 1 x 2, its cell a cube with an edge of 2"):
        read_mesh(bar, 8)
    with pytest.raises(VoxploreError, match=r"got one from \(-0.5, -0.5, -1\) to \(0.5, 0.5, 1\) in a cell from"):
        read_mesh(bar, 8, edge=1000.0)


def test_an_open_surface_is_refused(tmp_path):
    box = trimesh.creation.box()
    box.update_faces(np.arange(12) != np.abs(box.face_normals[:, 2]).argmax())
    with pytest.raises(VoxploreError, match="closed surface"):
        read_mesh(saved(box, tmp_path / "open.stl"), 8)


def test_damaged_and_unknown_files_are_named(tmp_path):
    (tmp_path / "a.stl").write_bytes(b"solid nothing" + bytes(range(100)))
    (tmp_path / "a.xyz").write_text("0 0 0")
    for name in ("a.stl", "a.xyz", "absent.stl"):
        with pytest.raises(VoxploreError, match=name):
            read_mesh(tmp_path / name, 8)


def test_a_graph_is_read_and_wrong_ones_are_named(tmp_path):
    path = tmp_path / "truss.json"
    path.write_text(json.dumps({"nodes": [[0, 0, 0], [1, 1, 1]], "bars": [[0, 1]]}))
    graph = read_graph(path)
    assert graph.name == "truss"
    assert graph.segments().tolist() == [[[0, 0, 0], [1, 1, 1]]]
    for wrong in (
        [],
        {"nodes": [[0, 0, 0]], "bars": [[0, 1]]},
        {"nodes": [[0, 0, 0]], "bars": []},
        {"nodes": [[0, 0]], "bars": [[0, 0]]},
        {"nodes": [[0, 0, None]], "bars": [[0, 0]]},
        {"nodes": [[0, 0, 0], [1, 1, 1]], "bars": [[0, 0.5]]},
        {"nodes": "abc", "bars": [[0, 1]]},
        {"nodes": [[0, 0], [0, 1], [1, 1]], "bars": [[0, 1]]},
        {"nodes": [0, 0, 0, 1, 1, 1], "bars": [[0, 1]]},
        {"nodes": [[0, 0, 0], [1, 1, 1]], "bars": [[0, 1]], "cell": []},
        {"nodes": [[0, 0, 0], [1, 1, 1]], "bars": [[0, 1]], "cell": [1, 1, 1]},
        {"nodes": [[0, 0, 0], [1, 1, 1]], "bars": [[0, 1]], "cell": [0, 1, 1, 90, 90, 90]},
        {"nodes": [[0, 0, 0], [1e7, 1, 1]], "bars": [[0, 1]]},
    ):
        path.write_text(json.dumps(wrong))
        with pytest.raises(VoxploreError, match=r"truss\.json"):
            read_graph(path)


def test_a_mesh_in_the_plane_is_named(tmp_path):
    (tmp_path / "flat.obj").write_text("v 0 0\nv 1 0\nv 0 1\nf 1 2 3\n")
    with pytest.raises(VoxploreError, match=r"flat\.obj: expected"):
        read_mesh(tmp_path / "flat.obj", 8)
