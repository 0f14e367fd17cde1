import numpy as np
import pytest

from voxplore.export.fairing import faired
from voxplore.export.surface import Mesh, cell_mesh


def angles(vertices: np.ndarray, faces: np.ndarray, size: float) -> np.ndarray:
    """Degrees between the normals of neighbouring faces, away from the walls of the part."""
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    normal = np.cross(b - a, c - a)
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-30)
    edges = np.sort(faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
    order = np.lexsort(edges.T)
    pairs = np.repeat(np.arange(len(faces)), 3)[order].reshape(-1, 2)
    ends = vertices[edges[order][::2]]
    inside = ((ends > 0) & (ends < size)).all((1, 2))
    return np.degrees(np.arccos(np.clip((normal[pairs[:, 0]] * normal[pairs[:, 1]]).sum(1), -1, 1)))[inside]


def slanted(d: int) -> np.ndarray:
    x, y, z = (np.indices((d, d, d)) + 0.5) / d - 0.5
    return (x - y) ** 2 / 2 + (z - 0.3 * x) ** 2 < 0.18**2


def test_facets_are_flatter_and_bodies_walls_and_volume_are_kept(monkeypatch):
    d = 24
    after = cell_mesh(slanted(d), (d, d, d))
    monkeypatch.setattr("voxplore.export.surface.faired", lambda vertices, faces, size: vertices)
    before = cell_mesh(slanted(d), (d, d, d))
    np.testing.assert_array_equal(after.faces, before.faces)
    wall = ((before.vertices == 0) | (before.vertices == d)).any(1)
    np.testing.assert_array_equal(after.vertices[wall], before.vertices[wall])
    assert after.volume() == pytest.approx(before.volume(), rel=2e-3)
    rough, even = (np.percentile(angles(mesh.vertices, mesh.faces, d), 99) for mesh in (before, after))
    assert even < 0.9 * rough
    assert np.linalg.norm(after.vertices - before.vertices, axis=1).max() < 0.8


def test_a_body_that_would_lose_volume_stays_as_it_was():
    tetrahedron = np.array([[1.0, 1, 1], [2, 1, 1], [1, 2, 1], [1, 1, 2]])
    faces = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])
    moved = faired(tetrahedron, faces, np.full(3, 4.0))
    assert Mesh(moved, faces).volume() == pytest.approx(1 / 6, rel=2e-3)
