import numpy as np
import pytest

from voxplore.kernels import blocks, stencil
from voxplore.kernels.runtime import JIT
from voxplore.kernels.stencil import Stencil, advance, lane_products, turn
from voxplore.mechanics import effective_conductivity, effective_stiffness
from voxplore.mechanics.coarse import gather
from voxplore.mechanics.element import conductive_element, elastic_element
from voxplore.mechanics.grid import block_table, number_nodes


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
    """The full matrix over all nodes of the grid, voxel by voxel."""
    d, k = voxels.shape[0], element.size
    matrix = np.zeros((d**3 * k, d**3 * k))
    corners = np.array(list(np.ndindex(2, 2, 2)))
    for voxel in np.argwhere(voxels):
        nodes = ((voxel + corners) % d) @ (d * d, d, 1)
        rows = (nodes[:, None] * k + np.arange(k)).ravel()
        np.add.at(matrix, (rows[:, None], rows[None, :]), element.matrix)
    return matrix


@pytest.mark.parametrize("element", [elastic_element(0.2), conductive_element((1.0, 0.5, 2.0))], ids=["3", "1"])
@pytest.mark.parametrize("d", [1, 2, 5])
def test_a_product_equals_that_with_the_assembled_matrix(path, element, d, rng):
    voxels = rng.random((d, d, d)) < 0.5
    voxels[0, 0, 0] = True
    places, pattern, neighbours = number_nodes(voxels)
    system = Stencil(pattern, neighbours, block_table(element))
    x, out = system.zeros(), system.zeros()
    x[...] = rng.normal(size=x.shape)
    system.multiply(x, out)
    rows = (places[:, None] * element.size + np.arange(element.size)).ravel()
    full = assembled(voxels, element)
    np.testing.assert_allclose(
        out.reshape(len(rows), -1), full[np.ix_(rows, rows)] @ x.reshape(len(rows), -1), atol=1e-12
    )
    rest = np.setdiff1d(np.arange(len(full)), rows)
    assert not full[rest].any()


def test_the_coarse_matrix_is_the_triple_product(path, rng):
    voxels = rng.random((9, 9, 9)) < 0.4
    places, pattern, neighbours = number_nodes(voxels)
    system = Stencil(pattern, neighbours, block_table(elastic_element(0.3)))
    space = gather(places, voxels.shape, np.ones(3))
    modes = np.zeros((len(pattern), 3, space.count, 6))
    modes[np.arange(len(pattern)), :, space.aggregate] = space.modes
    modes = modes.reshape(3 * len(pattern), -1)
    full = system.matrix.toarray()
    np.testing.assert_allclose(space.coarse_matrix(system), modes.T @ full @ modes, atol=1e-10)
    x, y = rng.normal(size=(len(pattern), 3, 8)), rng.normal(size=(space.count, 6, 8))
    np.testing.assert_allclose(space.restrict(x).reshape(-1, 8), modes.T @ x.reshape(-1, 8), atol=1e-11)
    out = x.copy()
    space.add_prolonged(y, out)
    np.testing.assert_allclose(out.reshape(-1, 8), x.reshape(-1, 8) + modes @ y.reshape(-1, 8), atol=1e-11)


def test_rigid_motions_of_the_whole_cost_no_energy():
    voxels = np.ones((8, 8, 8), bool)
    places, pattern, neighbours = number_nodes(voxels)
    system = Stencil(pattern, neighbours, block_table(elastic_element(0.3)))
    space = gather(places, voxels.shape, np.ones(3))
    together = np.tile(np.eye(6)[:, :3], (space.count, 1))
    assert abs(space.coarse_matrix(system) @ together).max() < 1e-10


def test_aggregates_are_connected_and_bounded(rng):
    crumbs = rng.random((32, 32, 32)) < 0.05
    places, *_ = number_nodes(crumbs)
    assert gather(places, crumbs.shape, np.ones(3)).count <= 300
    two = np.zeros((16, 16, 16), bool)
    two[1:3, 1:3], two[5:7, 5:7] = True, True
    places, *_ = number_nodes(two)
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
