"""One body, one story: stiffness, scores, checks, decks and meshes of a cell describe the same body.

Contact is by faces alone (`kernels.contact`). The deck is read back as a solver would read it and assembled with an
element written here, so that nothing is shared with the library but the deck's text.
"""

import itertools
import re

import numpy as np
import pytest
from scipy import ndimage, sparse
from scipy.sparse.linalg import spsolve

from voxplore.checks import check
from voxplore.errors import VoxploreError
from voxplore.export import cell_mesh, encode
from voxplore.mechanics import derived, effective_conductivity, effective_stiffness
from voxplore.metrics import connectivity

ABAQUS = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 0, 1], [1, 0, 1], [1, 1, 1], [0, 1, 1]])
VOIGT = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))


def checkerboard(d: int, thick: int) -> np.ndarray:
    x, y, z = np.indices((d, d, d)) // thick
    return (x + y + z) % 2 == 0


def rod_and_block() -> np.ndarray:
    cell = np.zeros((4, 4, 4), bool)
    cell[:2, :, :2] = cell[2:, :2, 2:] = True
    return cell


def diagonal_sheet(d: int) -> np.ndarray:
    """Voxels along a diagonal of the faces: a stair whose steps meet by edges alone."""
    x, y, _ = np.indices((d, d, d))
    return x == y


def frame(d: int, thick: int) -> np.ndarray:
    x, y, z = np.indices((d, d, d)) < thick
    return (x & y) | (y & z) | (z & x)


def pathological() -> list[np.ndarray]:
    layer, rods, island = np.zeros((3, 6, 6, 6), bool)
    layer[:, :, 2] = True
    rods[:, 1:3, 1:3] = rods[3:5, :, 4:] = True
    island[1:4, 1:4, 1:4] = True
    ring = frame(6, 2)
    ring[4, 4, 4] = True
    seam = np.zeros((4, 4, 4), bool)
    seam[0, :, 0] = seam[3, :, 3] = True  # meet by an edge, across two pairs of faces
    full, empty = np.ones((4, 4, 4), bool), np.zeros((4, 4, 4), bool)
    made = [layer, rods, island, ring, seam, full, empty, ~island, rod_and_block(), diagonal_sheet(4)]
    return [*made, checkerboard(2, 1), checkerboard(4, 1), checkerboard(4, 2), frame(6, 1), frame(5, 2)]


def random_cells(n: int) -> list[np.ndarray]:
    rng = np.random.default_rng(25)
    cells = []
    for row in range(n):
        d = (3, 4, 5)[row % 3]
        cells.append(rng.random((d, d, d)) < rng.uniform(0.15, 0.85))
    return cells


CELLS = [*pathological(), *random_cells(190)]


def element_matrix(young: float, poisson: float, edges: np.ndarray) -> np.ndarray:
    """C3D8I: trilinear displacements and nine incompatible modes, condensed, in Abaqus's order of the corners."""
    compliance = np.diag([1, 1, 1, *[2 * (1 + poisson)] * 3]) / young
    compliance[:3, :3] -= poisson / young * (1 - np.eye(3))
    material = np.linalg.inv(compliance)
    whole = np.zeros((33, 33))
    for point in itertools.product((-(3**-0.5), 3**-0.5), repeat=3):
        gradients = np.zeros((11, 3))
        for corner, place in enumerate(2 * ABAQUS - 1):
            factors = (1 + place * point) / 2
            for axis in range(3):
                gradients[corner, axis] = place[axis] * np.delete(factors, axis).prod() / edges[axis]
        gradients[8:] = np.diag(-4 * np.array(point) / edges)
        rows = np.zeros((6, 11, 3))
        for row, (i, j) in enumerate(VOIGT):
            rows[row, :, i] += gradients[:, j]
            if i != j:
                rows[row, :, j] += gradients[:, i]
        rows = rows.reshape(6, 33)
        whole += rows.T @ material @ rows * edges.prod() / 8
    return whole[:24, :24] - whole[:24, 24:] @ np.linalg.solve(whole[24:, 24:], whole[24:, :24])


def deck_stiffness(deck: str, volume: float) -> np.ndarray:
    """The stiffness that a solver finds from a deck: all six steps, energies of pairs of solutions."""
    blocks = [
        part.split("\n", 1)
        for part in re.split(r"^\*(?!\*)", re.sub(r"^\*\*.*\n", "", deck, flags=re.M), flags=re.M)[1:]
    ]
    fields = [
        (head, [float(x) for x in body.replace("\n", ",").split(",") if x.strip()])
        for head, body in blocks
        if head.split(",")[0] != "HEADING" and "PRINT" not in head and "FILE" not in head
    ]
    nodes = np.array(next(body for head, body in fields if head == "NODE")).reshape(-1, 4)[:, 1:]
    elements = (
        np.array(next(body for head, body in fields if head.startswith("ELEMENT")), int).reshape(-1, 9)[:, 1:] - 1
    )
    assert next(head for head, _ in fields if head.startswith("ELEMENT")).split("TYPE=")[1].startswith("C3D8I,")
    young, poisson = next(body for head, body in fields if head == "ELASTIC")
    edges = nodes[elements[0, 6]] - nodes[elements[0, 0]]
    matrix = element_matrix(young, poisson, edges)
    unknowns = (3 * elements[:, :, None] + np.arange(3)).reshape(len(elements), 24)
    rows, columns = np.repeat(unknowns, 24, axis=1).ravel(), np.tile(unknowns, (1, 24)).ravel()
    size = 3 * len(nodes)
    stiffness = sparse.coo_matrix((np.tile(matrix.ravel(), len(elements)), (rows, columns)), (size, size)).tocsr()
    # u = ties @ u of the rest; the first term of an equation is eliminated.
    tie = sparse.eye(size).tolil()
    for _, body in (one for one in fields if one[0] == "EQUATION"):
        terms = np.array(body[1:]).reshape(-1, 3)
        first, *others = [(int(3 * (n - 1) + axis - 1), factor) for n, axis, factor in terms]
        tie[first[0], first[0]] = 0
        for place, factor in others:
            tie[first[0], place] = -factor / first[1]
    tie = tie.tocsr()
    assert abs(tie @ tie - tie).max() < 1e-12, "no eliminated unknown is used"
    steps = [np.array(body).reshape(-1, 4) for head, body in fields if head == "BOUNDARY"]
    held = np.zeros(size, bool)
    solutions = []
    for step in steps:
        given = np.zeros(size)
        places = (3 * (step[:, 0] - 1) + step[:, 1] - 1).astype(int)
        given[places] = step[:, 3]
        held[places] = True
        reduced = tie.T @ stiffness @ tie
        free = np.flatnonzero(~held & (np.asarray(tie.diagonal()) == 1))
        solution = given.copy()
        if len(free):
            solution[free] = spsolve(reduced[free][:, free].tocsc(), -(reduced @ given)[free])
        solutions.append(tie @ solution)
    u = np.array(solutions).T
    return (u.T @ (stiffness @ u)) / volume / 1e-6


@pytest.mark.parametrize("start", range(0, len(CELLS), 41))
def test_a_solver_finds_from_the_deck_what_properties_says(start):
    for cell in CELLS[start : start + 41]:
        ours = effective_stiffness(cell, 2.0, 0.35, tolerance=1e-9, edges=(3, 4, 5))
        try:
            deck = encode(cell, "inp", (3.0, 4.0, 5.0), material=material(2.0, 0.35)).decode()
        except VoxploreError:
            assert not ours.any(), "solid that spans nothing carries nothing"
            continue
        np.testing.assert_allclose(deck_stiffness(deck, 60.0), ours, rtol=0, atol=1e-6 * max(abs(ours).max(), 1e-3))


def material(young: float, poisson: float):
    from voxplore.export import Material

    return Material(young, poisson)


def test_scores_checks_and_stiffness_know_the_same_bodies():
    for cell in CELLS:
        found = check(cell)
        assert connectivity(cell[None])[0] == pytest.approx(1 - found.loose if cell.any() else 0.0, abs=1e-12)
        stiffness, heat = effective_stiffness(cell), effective_conductivity(cell)
        assert (np.trace(heat) > 1e-9) == (found.most_spanned > 0)
        assert (np.trace(stiffness) > 1e-9) == (found.most_spanned > 0)
        for axis, spans in enumerate(found.spans):
            if found.parts == 1:
                assert (heat[axis, axis] > 1e-9) == spans or found.rank not in (0, 3)


def test_no_share_of_the_bound_is_above_one():
    stiffness = np.array([effective_stiffness(cell) for cell in CELLS])
    found = derived(stiffness, np.array([cell.mean() for cell in CELLS]))
    for name in ("bulk_share", "shear_share", "young_share"):
        share = found[name]
        assert np.nanmax(share) <= 1 + 1e-6
        assert found["above_bound"][np.isnan(share)].all(), "an excess is said and not given as a share"
    sizes = np.array([len(cell) for cell in CELLS])
    assert found["above_bound"][sizes == 5].mean() < 0.25, "noise on a mesh of one voxel a feature"


def bodies_of_mesh(mesh) -> tuple[int, int]:
    """Closed surfaces that enclose solid, and those that enclose a void."""
    edges = np.sort(mesh.faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
    assert (np.unique(edges, axis=0, return_counts=True)[1] == 2).all(), "watertight"
    size = len(mesh.vertices)
    graph = sparse.coo_matrix((np.ones(len(edges)), edges.T), (size, size))
    label = sparse.csgraph.connected_components(graph, directed=False)[1][mesh.faces[:, 0]]
    a, b, c = (mesh.vertices[mesh.faces[:, k]] for k in range(3))
    volume = np.bincount(label, np.einsum("ij,ij->i", a, np.cross(b, c)))
    return int((volume > 0).sum()), int((volume < 0).sum())


@pytest.mark.filterwarnings("ignore:the mesh misses")
@pytest.mark.parametrize("tile", [(1, 1, 1), (2, 1, 2)])
def test_a_mesh_has_the_bodies_of_the_voxels(tile):
    for cell in CELLS[:60]:
        if not cell.any():
            continue
        solid = np.tile(cell, tile)
        bodies = ndimage.label(solid)[1]
        for keep, expected in ((True, bodies), (False, 1)):
            mesh = cell_mesh(cell, (1.0, 1.0, 1.0), tile, keep_loose=keep)
            assert bodies_of_mesh(mesh)[0] == expected


@pytest.fixture(scope="module")
def drawn(tmp_path_factory) -> np.ndarray:
    from voxplore.models import load_model

    return load_model("default").generate(8, seed=0).voxels()


@pytest.mark.slow
def test_a_solver_finds_from_the_deck_of_a_drawn_cell_what_properties_says(drawn):
    for cell in drawn[:2, ::3, ::3, ::3]:
        ours = effective_stiffness(cell, 2.0, 0.35, tolerance=1e-9, edges=(3, 4, 5))
        deck = encode(cell, "inp", (3.0, 4.0, 5.0), material=material(2.0, 0.35)).decode()
        np.testing.assert_allclose(deck_stiffness(deck, 60.0), ours, rtol=0, atol=1e-6 * abs(ours).max())


@pytest.mark.slow
def test_drawn_cells_tell_one_story(drawn):
    for cell in drawn:
        found = check(cell)
        assert connectivity(cell[None])[0] == pytest.approx(1 - found.loose)
        constants = derived(effective_stiffness(cell, tolerance=1e-3), cell.mean())
        assert not constants["above_bound"]
        for tile in ((1, 1, 1), (2, 2, 2)):
            mesh = cell_mesh(cell, (1.0, 1.0, 1.0), tile)
            assert bodies_of_mesh(mesh)[0] == 1
            labels, count = ndimage.label(np.tile(cell, tile))
            largest = np.bincount(labels.ravel())[1:].max() / cell.size
            assert mesh.volume() == pytest.approx(largest, rel=0.01)
            assert count == 1 or tile != (1, 1, 1) or found.bodies_alone == count
