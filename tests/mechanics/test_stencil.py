import numpy as np
import pytest
from scipy.sparse.csgraph import connected_components

from voxplore.kernels import blocks, periodic_components, stencil
from voxplore.kernels.runtime import JIT
from voxplore.kernels.stencil import advance, lane_products, turn
from voxplore.mechanics import effective_conductivity, effective_stiffness
from voxplore.mechanics.coarse import gather
from voxplore.mechanics.element import conductive_element, elastic_element
from voxplore.mechanics.grid import Grid


@pytest.fixture(params=["compiled", "numpy"])
def path(request, monkeypatch) -> str:
    if request.param == "numpy":
        monkeypatch.setattr(stencil, "JIT", False)
        monkeypatch.setattr(stencil, "HAVE_NUMBA", False)
        monkeypatch.setattr(blocks, "JIT", False)
    elif not JIT:
        pytest.skip("numba does not compile here")
    return request.param


def assembled(voxels: np.ndarray, element) -> np.ndarray:
    """The matrix, voxel by voxel, over the nodes that contact by faces alone leaves.

    Rows by grid point in C order, and at a point by the lowest place of a part's voxels around it.
    """
    d, k = voxels.shape[0], element.size
    solid = np.argwhere(voxels)
    number = {tuple(voxel): row for row, voxel in enumerate(solid.tolist())}
    corners = [tuple(corner) for corner in np.ndindex(2, 2, 2)]
    root = {(row, corner): (row, corner) for row in range(len(solid)) for corner in corners}

    def find(one):
        while root[one] != one:
            one = root[one]
        return one

    for voxel, row in number.items():
        for axis in range(3):
            beyond = tuple((place + (a == axis)) % d for a, place in enumerate(voxel))
            for corner in corners:
                if beyond in number and corner[axis] == 1:
                    near = tuple(0 if a == axis else c for a, c in enumerate(corner))
                    root[find((row, corner))] = find((number[beyond], near))
    order = {}
    for (row, corner), _ in root.items():
        point = np.ravel_multi_index((solid[row] + corner) % d, voxels.shape)
        place = 7 - int(np.dot(corner, (4, 2, 1)))
        key = find((row, corner))
        order[key] = min(order.get(key, (point, 8)), (point, place))
    rank = {key: n for n, (key, _) in enumerate(sorted(order.items(), key=lambda item: item[1]))}
    matrix = np.zeros((len(rank) * k,) * 2)
    for row in range(len(solid)):
        nodes = np.array([rank[find((row, corner))] for corner in corners])
        rows = (nodes[:, None] * k + np.arange(k)).ravel()
        np.add.at(matrix, (rows[:, None], rows[None, :]), element.matrix)
    return matrix


@pytest.mark.parametrize("element", [elastic_element(0.2), conductive_element((1.0, 0.5, 2.0))], ids=["3", "1"])
@pytest.mark.parametrize("d", [1, 2, 3, 5])
def test_a_product_equals_that_with_the_assembled_matrix(path, element, d, rng):
    voxels = rng.random((d, d, d)) < 0.5
    voxels[0, 0, 0] = True
    system = Grid.of(voxels).stencil(element)
    x, out = system.zeros(), system.zeros()
    x[...] = rng.normal(size=x.shape)
    system.multiply(x, out)
    full = assembled(voxels, element)
    np.testing.assert_allclose(out.reshape(len(full), -1), full @ x.reshape(len(full), -1), atol=1e-12)


def test_voxels_that_share_an_edge_or_a_corner_only_are_not_joined():
    rng = np.random.default_rng(1)
    for _ in range(40):
        voxels = rng.random((4, 4, 4)) < rng.uniform(0.2, 0.6)
        grid = Grid.of(voxels)
        system = grid.stencil(conductive_element())
        parts = connected_components(abs(system.matrix) > 1e-12, directed=False)[0]
        assert parts == len(periodic_components(voxels))


def test_the_coarse_matrix_is_the_triple_product(path, rng):
    voxels = rng.random((9, 9, 9)) < 0.4
    grid = Grid.of(voxels)
    system = grid.stencil(elastic_element(0.3))
    space = gather(grid.places, voxels.shape, np.ones(3))
    modes = np.zeros((len(system), 3, space.count, 6))
    modes[np.arange(len(system)), :, space.aggregate] = space.modes
    modes = modes.reshape(3 * len(system), -1)
    full = system.matrix.toarray()
    np.testing.assert_allclose(space.coarse_matrix(system), modes.T @ full @ modes, atol=1e-10)
    x, y = rng.normal(size=(len(system), 3, 8)), rng.normal(size=(space.count, 6, 8))
    np.testing.assert_allclose(space.restrict(x).reshape(-1, 8), modes.T @ x.reshape(-1, 8), atol=1e-11)
    out = x.copy()
    space.add_prolonged(y, out)
    np.testing.assert_allclose(out.reshape(-1, 8), x.reshape(-1, 8) + modes @ y.reshape(-1, 8), atol=1e-11)


def test_rigid_motions_of_the_whole_cost_no_energy():
    voxels = np.ones((8, 8, 8), bool)
    grid = Grid.of(voxels)
    system = grid.stencil(elastic_element(0.3))
    space = gather(grid.places, voxels.shape, np.ones(3))
    together = np.tile(np.eye(6)[:, :3], (space.count, 1))
    assert abs(space.coarse_matrix(system) @ together).max() < 1e-10


def test_aggregates_are_connected_and_bounded(rng):
    crumbs = rng.random((32, 32, 32)) < 0.05
    places = Grid.of(crumbs).places
    assert gather(places, crumbs.shape, np.ones(3)).count <= 300
    two = np.zeros((16, 16, 16), bool)
    two[1:3, 1:3], two[5:7, 5:7] = True, True
    places = Grid.of(two).places
    space = gather(places, two.shape, np.ones(3))
    x, y, _ = np.unravel_index(places, two.shape)
    for one in range(space.count):
        assert len(set((x[space.aggregate == one] + y[space.aggregate == one]) >= 9)) == 1


@pytest.mark.parametrize("n", [1, 5, 32, 97])
def test_vector_steps_equal_their_formulas(path, n, rng):
    p, q, x, r = rng.normal(size=(4, n, 3, 8))
    weights = rng.random((n, 3, 8))
    alpha = rng.normal(size=8)
    new_x, new_r = x.copy(), r.copy()
    rr, rz = advance(alpha, p, q, weights, new_x, new_r)
    np.testing.assert_allclose(new_x, x + alpha * p)
    np.testing.assert_allclose(new_r, r - alpha * q)
    np.testing.assert_allclose(rr, (new_r**2).sum((0, 1)))
    np.testing.assert_allclose(rz, (weights * new_r**2).sum((0, 1)))
    np.testing.assert_allclose(lane_products(p, q), (p * q).sum((0, 1)), atol=1e-12)
    expected = weights * r + alpha * p
    turn(alpha, r, weights, p)
    np.testing.assert_allclose(p, expected)


def test_the_numpy_path_gives_the_same_stiffness(monkeypatch, blobs):
    stiffness, conductivity = effective_stiffness(blobs[6]), effective_conductivity(blobs[6])
    for module in (stencil, blocks):
        monkeypatch.setattr(module, "JIT", False)
    monkeypatch.setattr(stencil, "HAVE_NUMBA", False)
    np.testing.assert_allclose(effective_stiffness(blobs[6]), stiffness, atol=1e-8)
    np.testing.assert_allclose(effective_conductivity(blobs[6]), conductivity, atol=1e-8)
