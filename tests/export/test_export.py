import io
import re
import warnings
import zipfile

import numpy as np
import pytest
from scipy import ndimage

from voxplore.errors import VoxploreError
from voxplore.export import FORMATS, Material, cell_mesh, encode, export
from voxplore.unitcells import UnitCells


def gyroid(d: int, level: float = 0.4) -> np.ndarray:
    x, y, z = 2 * np.pi * (np.indices((d, d, d)) + 0.5) / d
    return np.sin(x) * np.cos(y) + np.sin(y) * np.cos(z) + np.sin(z) * np.cos(x) > level


def bars(d: int, half: int) -> np.ndarray:
    """Three bars along the axes, 2 half voxels wide."""
    x, y, z = np.abs(np.indices((d, d, d)) + 0.5 - d / 2) < half
    return (x & y) | (y & z) | (z & x)


CELLS = {"gyroid": gyroid(24), "bars": bars(16, 2), "full": np.ones((8, 8, 8), bool)}


def opened(content: bytes, format: str):
    trimesh = pytest.importorskip("trimesh", reason="trimesh is not installed (extra [export])")
    scene = trimesh.load_scene(io.BytesIO(content), file_type=format)
    return scene.to_mesh()


@pytest.mark.parametrize("format", ["stl", "ply", "obj", "3mf", "glb"])
@pytest.mark.parametrize("name", CELLS)
def test_another_library_opens_the_mesh_closed_and_at_the_voxels_volume(format, name):
    cell = CELLS[name]
    if format == "3mf":
        pytest.importorskip("lxml", reason="trimesh reads 3MF with lxml (extra [export])")
    mesh = opened(encode(cell, format, (10.0, 10.0, 10.0)), format)
    if format == "glb":
        mesh.apply_scale(1000)  # glTF measures in metres
    assert mesh.is_watertight
    assert mesh.is_winding_consistent
    assert mesh.volume == pytest.approx(1000 * cell.mean(), rel=0.01)


@pytest.mark.parametrize("smooth", [0.0, 0.8, 1.5])
def test_meshes_of_any_cell_are_closed_at_the_same_density(blobs, smooth):
    trimesh = pytest.importorskip("trimesh", reason="trimesh is not installed (extra [export])")
    for cell in blobs[1:]:
        mesh = cell_mesh(cell, (1.0, 1.0, 1.0), smooth=smooth)
        other = trimesh.Trimesh(mesh.vertices, mesh.faces, process=False)
        assert other.is_watertight
        assert other.is_winding_consistent
        labels, _ = ndimage.label(cell)
        assert other.volume == pytest.approx(np.bincount(labels.ravel())[1:].max() / cell.size, rel=0.01)
        whole = cell_mesh(cell, (1.0, 1.0, 1.0), smooth=smooth, keep_loose=True)
        assert whole.volume() == pytest.approx(cell.mean(), rel=0.01)


@pytest.mark.parametrize("tile", [(1, 1, 1), (3, 3, 3), (6, 1, 1)])
@pytest.mark.parametrize("smooth", [0.0, 0.8])
def test_a_tile_of_thin_struts_keeps_its_volume_or_says_so(tile, smooth):
    cell = np.roll(bars(12, 1), (6, 6, 6), (0, 1, 2))
    cell = cell & np.roll(cell, (1, 1, 1), (0, 1, 2)) | (np.indices(cell.shape) == 4).sum(0) >= 2  # one voxel thick
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        mesh = cell_mesh(cell, (12.0, 12.0, 12.0), tile, smooth)
    labels, _ = ndimage.label(np.tile(cell, tile))
    miss = abs(mesh.volume() / np.bincount(labels.ravel())[1:].max() - 1)
    assert miss < 0.01 or [f"{miss:.1%}" in str(one.message) for one in told] == [True]


def test_a_loose_body_is_dropped_and_said_to_be_and_kept_when_asked(tmp_path):
    cell = bars(16, 2)
    cell[1:3, 1:3, 1:3] = True
    with pytest.warns(RuntimeWarning, match=f"1 of 1 parts: loose bodies were dropped, at most {8 / cell.sum():.1%}"):
        (path,) = export(cell[None], tmp_path / "one", "stl", 16.0)
    assert opened(path.read_bytes(), "stl").volume == pytest.approx(cell.sum() - 8, rel=0.01)
    (path,) = export(cell[None], tmp_path / "all", "stl", 16.0, keep_loose=True)
    assert opened(path.read_bytes(), "stl").volume == pytest.approx(cell.sum(), rel=0.01)


def test_fewer_triangles_stay_closed_at_the_same_volume():
    trimesh = pytest.importorskip("trimesh", reason="trimesh is not installed (extra [export])")
    pytest.importorskip("manifold3d", reason="manifold3d is not installed (extra [export])")
    cell = gyroid(24)
    many = cell_mesh(cell, (10.0, 10.0, 10.0))
    few = cell_mesh(cell, (10.0, 10.0, 10.0), triangles=len(many.faces) // 3)
    assert len(few.faces) <= len(many.faces) // 3
    assert trimesh.Trimesh(few.vertices, few.faces, process=False).is_watertight
    assert few.volume() == pytest.approx(many.volume(), rel=0.02)
    with pytest.raises(VoxploreError, match="triangles"):
        cell_mesh(cell, (10.0, 10.0, 10.0), triangles=2)


def test_a_deck_has_the_solid_and_the_cases_asked_for():
    cell = bars(8, 1)
    solid = Material(200e3, 0.28, 7850.0, 250.0)
    deck = encode(cell, "inp", material=solid).decode()
    found = sections(deck)
    assert np.array(found["ELASTIC"][0], float).tolist() == [200e3, 0.28]
    assert float(found["DENSITY"][0][0]) == pytest.approx(7.85e-9)
    assert np.array(found["PLASTIC"][0], float).tolist() == [250.0, 0.0]
    assert deck.count("*STEP") == deck.count("*END STEP") == 6
    one = sections(encode(cell, "inp", (8.0, 8.0, 8.0), case="xy").decode())
    assert len(one["STEP"]) == 1
    prescribed = np.array(one["BOUNDARY"][0], float).reshape(-1, 4)[-9:, 3]
    np.testing.assert_allclose(prescribed.reshape(3, 3), 8 * 5e-4 * np.array([[0, 1, 0], [1, 0, 0], [0, 0, 0]]))
    for wrong in ({"young": 0.0}, {"poisson": 0.5}, {"density": -1.0}):
        with pytest.raises(VoxploreError, match="material"):
            Material(**wrong)
    with pytest.raises(VoxploreError, match="case"):
        encode(cell, "inp", case="zx")


def test_a_full_cell_is_a_box():
    mesh = cell_mesh(np.ones((4, 4, 4), bool), (1.0, 2.0, 3.0), (2, 1, 1))
    assert mesh.vertices.min(0).tolist() == [0, 0, 0]
    assert mesh.vertices.max(0).tolist() == [2, 2, 3]
    assert mesh.volume() == pytest.approx(12)
    corners = mesh.vertices[mesh.faces]
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1).sum() / 2
    assert area == pytest.approx(2 * (2 * 2 + 2 * 3 + 2 * 3))


def test_cut_faces_are_flat_and_as_large_as_the_solid_there():
    mesh = cell_mesh(CELLS["bars"], (16.0, 16.0, 16.0), smooth=0.4)
    corners = mesh.vertices[mesh.faces]
    for axis in range(3):
        for place in (0.0, 16.0):
            cut = corners[(corners[:, :, axis] == place).all(1)]
            area = np.linalg.norm(np.cross(cut[:, 1] - cut[:, 0], cut[:, 2] - cut[:, 0]), axis=1).sum() / 2
            assert area == pytest.approx(16, rel=0.1)
    assert (mesh.vertices >= 0).all()
    assert (mesh.vertices <= 16).all()


def outline(mesh, axis: int, place: float) -> np.ndarray:
    """The points of a mesh in a plane, without the coordinate along its normal, in a fixed order."""
    points = np.delete(mesh.vertices[mesh.vertices[:, axis] == place], axis, axis=1)
    return points[np.lexsort(points.T)]


@pytest.mark.parametrize("tile", [(1, 1, 1), (2, 1, 1)])
def test_two_neighbouring_parts_share_their_face_exactly(blobs, tile):
    for cell in (CELLS["gyroid"], blobs[5]):
        mesh = cell_mesh(cell, (10.0, 10.0, 10.0), tile)
        for axis in range(3):
            low, high = outline(mesh, axis, 0.0), outline(mesh, axis, 10.0 * tile[axis])
            assert len(low) > 10
            assert low.shape == high.shape
            assert (low == high).all()


def test_a_lattice_has_the_volume_and_the_size_of_its_cells():
    mesh = cell_mesh(CELLS["gyroid"], (10.0, 5.0, 4.0), (1, 2, 3))
    assert mesh.volume() == pytest.approx(10 * 10 * 12 * CELLS["gyroid"].mean(), rel=0.01)
    assert mesh.vertices.max(0) == pytest.approx([10, 10, 12])


def test_smoothing_is_smooth():
    wobble = {}
    for smooth in (0.0, 0.8):
        mesh = cell_mesh(gyroid(24), (24.0, 24.0, 24.0), smooth=smooth)
        corners = mesh.vertices[mesh.faces]
        normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        wobble[smooth] = np.linalg.norm(normal, axis=1).sum() / 2
    assert wobble[0.8] < wobble[0.0], "steps have more area"


def test_vti_opens_with_the_same_voxels():
    import base64
    import struct
    import xml.etree.ElementTree as tree
    import zlib

    cell = bars(8, 1)
    cell[1, 2, 3] = True
    image = tree.fromstring(encode(cell, "vti", (4.0, 8.0, 16.0))).find("ImageData")
    assert image.get("WholeExtent") == "0 8 0 8 0 8"
    assert image.get("Spacing") == "0.5 1 2"
    text = image.find("Piece/CellData/DataArray").text
    header = struct.unpack("<4Q", base64.b64decode(text[:44]))
    values = np.frombuffer(zlib.decompress(base64.b64decode(text[44:])), np.uint8)
    assert header[0] == 1
    assert header[1] == cell.size
    assert (values.reshape(cell.shape, order="F") == cell).all()


@pytest.mark.parametrize("format", ["msh", "inp"])
def test_hexahedra_open_with_meshio_at_the_exact_volume(tmp_path, format):
    meshio = pytest.importorskip("meshio", reason="meshio is not installed (extra [export])")
    cell = gyroid(12)
    (tmp_path / f"cell.{format}").write_bytes(encode(cell, format, (6.0, 6.0, 12.0)))
    mesh = meshio.read(tmp_path / f"cell.{format}")
    (block,) = [block for block in mesh.cells if block.type == "hexahedron"]
    assert len(block.data) == cell.sum()
    a, b, _, d, e = (mesh.points[block.data[:, k]] for k in (0, 1, 2, 3, 4))
    volume = np.einsum("ij,ij->i", np.cross(b - a, d - a), e - a)
    assert volume == pytest.approx(np.full(cell.sum(), 0.5 * 0.5 * 1.0))
    centre = np.sort(np.round(mesh.points[block.data].mean(1) / [0.5, 0.5, 1.0] - 0.5).astype(int) @ [144, 12, 1])
    assert (centre == np.flatnonzero(cell)).all()


def test_npz_holds_the_lattice(tmp_path):
    with np.load(io.BytesIO(encode(gyroid(8), "npz", (1.0, 2.0, 3.0), (2, 1, 1)))) as archive:
        assert (archive["voxels"] == np.concatenate([gyroid(8)] * 2)).all()
        assert archive["size"].tolist() == [2, 2, 3]


def test_a_folder_holds_a_file_for_each_cell_named_by_its_id(tmp_path):
    cells = UnitCells.from_voxels(np.stack([gyroid(8), bars(8, 1)]), {"id": ["nets-1", "a/../b <x>"]})
    paths = export(cells, tmp_path / "out", "stl", size=(1, 2, 3))
    assert [path.name for path in paths] == ["nets-1.stl", "a_.._b_x.stl"]
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == sorted([".voxplore", *(p.name for p in paths)])
    with pytest.raises(VoxploreError, match="overwrite"):
        export(cells, tmp_path / "out", "stl")
    again = UnitCells.from_voxels(cells.voxels(), {"id": ["x", "X"]})
    assert len({path.name.lower() for path in export(again, tmp_path / "two", "npz")}) == 2


def test_workers_do_not_change_the_files(tmp_path):
    cells = UnitCells.from_voxels(np.stack([gyroid(8), bars(8, 1)]))
    one = export(cells, tmp_path / "one", "3mf")
    two = export(cells, tmp_path / "two", "3mf", workers=2)
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in two]


def test_a_cell_without_solid_leaves_nothing_behind(tmp_path):
    cells = UnitCells.from_voxels(np.stack([gyroid(8), np.zeros((8, 8, 8), bool)]), {"id": ["a", "b"]})
    for format in sorted(set(FORMATS) - {"vti", "npz"}):
        with pytest.raises(VoxploreError, match="cell b"):
            export(cells, tmp_path / "out", format)
    assert not list(tmp_path.iterdir())


def test_wrong_arguments_are_named(tmp_path):
    for wrong in ({"format": "step"}, {"size": 0.0}, {"size": (1, 2)}, {"size": float("nan")}, {"tile": (0, 1, 1)}):
        with pytest.raises(VoxploreError):
            export(gyroid(8), tmp_path / "out", **wrong)
    assert not list(tmp_path.iterdir())


def test_3mf_says_millimetres_and_the_stl_header_is_not_taken_for_text():
    with zipfile.ZipFile(io.BytesIO(encode(gyroid(8), "3mf"))) as archive:
        assert b'name="a &amp; b"' in zipfile.ZipFile(io.BytesIO(encode(gyroid(8), "3mf", name="a & b"))).read(
            "3D/3dmodel.model"
        )
        assert b'unit="millimeter"' in archive.read("3D/3dmodel.model")
    assert not encode(gyroid(8), "stl").startswith(b"solid")


def sections(deck: str) -> dict[str, list[list[str]]]:
    """Keyword line -> its data blocks, each a list of fields."""
    found: dict[str, list[list[str]]] = {}
    for part in re.split(r"^\*(?!\*)", deck, flags=re.M)[1:]:
        head, *lines = [line for line in part.splitlines() if not line.startswith("**")]
        found.setdefault(head, []).append([field.strip() for field in ",".join(lines).split(",") if field.strip()])
    return found


def test_every_linear_displacement_satisfies_the_periodic_equations():
    size = np.array([2.0, 3.0, 4.0])
    found = sections(encode(gyroid(10), "inp", tuple(size)).decode())
    rows = np.array(found["NODE"][0], float).reshape(-1, 4)
    reference = found["NSET, NSET=REFERENCE"][0]
    gradient = np.random.default_rng(0).normal(size=(3, 3))
    u = {int(row[0]): gradient @ row[1:] for row in rows}
    u |= {int(node): gradient[:, j] * size[j] for j, node in enumerate(reference)}
    seen = set()
    for block in found["EQUATION"]:
        terms = np.array(block[1:], float).reshape(-1, 3)
        assert len(terms) == int(block[0])
        assert sum(c * u[int(n)][int(axis) - 1] for n, axis, c in terms) == pytest.approx(0, abs=1e-9)
        seen.add((int(terms[0, 0]), int(terms[0, 1])))
    assert len(seen) == len(found["EQUATION"]), "no unknown is eliminated twice"
    for block in found["EQUATION"]:
        assert all((int(n), int(a)) not in seen for n, a, _ in np.array(block[1:], float).reshape(-1, 3)[1:])
    held = np.array(found["BOUNDARY"][0], float).reshape(-1, 4)
    assert not seen & {(int(n), int(axis)) for n, axis, _, _ in held}


def test_nodes_on_opposite_faces_are_one_node_once_tied():
    cell = gyroid(10)
    found = sections(encode(cell, "inp").decode())
    corners = np.argwhere(cell)[:, None] + np.indices((2, 2, 2)).reshape(3, -1).T
    everywhere = len(np.unique(corners.reshape(-1, 3), axis=0))
    wrapped = len(np.unique(corners.reshape(-1, 3) % 10, axis=0))
    assert len(found["EQUATION"]) == 3 * (everywhere - wrapped)
    faces = {name: set(map(int, found[f"NSET, NSET={name}"][0])) for name in ("X0", "X1")}
    places = corners.reshape(-1, 3)
    assert len(faces["X0"]) == len(np.unique(places[places[:, 0] == 0], axis=0))
    assert len(faces["X1"]) == len(np.unique(places[places[:, 0] == 10], axis=0))


def test_loose_solid_is_left_out_of_the_deck_and_counted():
    cell = bars(12, 1)
    cell[0:2, 0:2, 0:2] = True
    deck = encode(cell, "inp").decode()
    assert "8 solid voxels left out" in deck
    assert len(sections(deck)["ELEMENT, TYPE=C3D8I, ELSET=SOLID"][0]) == 9 * (cell.sum() - 8)
    with pytest.raises(VoxploreError, match="spans"):
        encode(np.pad(np.ones((2, 2, 2), bool), 3), "inp")


def test_separate_parts_are_each_held_and_a_chain_cannot_turn():
    cell = np.zeros((8, 8, 8), bool)
    cell[:, 1:3, 1:3] = True
    cell[:, 5:7, 5:7] = True
    held = np.array(sections(encode(cell, "inp").decode())["BOUNDARY"][0], float).reshape(-1, 4)
    assert len(held) - 9 == 2 * (3 + 1)


@pytest.mark.filterwarnings("error")
def test_a_chain_on_the_edge_of_the_cell_cannot_turn_either():
    """Its four quarters meet across two pairs of faces: one of the closed paths through them leads nowhere."""
    cell = np.zeros((8, 8, 8), bool)
    cell[np.ix_([0, 1, 6, 7], [0, 1, 6, 7], range(8))] = True
    held = np.array(sections(encode(cell, "inp").decode())["BOUNDARY"][0], float).reshape(-1, 4)
    assert len({(node, axis) for node, axis, _, _ in held}) == len(held) == 9 + 3 + 1
    assert held[3][1] in (1, 2), "across the chain"
