import numpy as np
import pytest

from voxplore.errors import VoxploreError
from voxplore.geometry import apply_operation
from voxplore.mechanics import effective_conductivity


def test_a_full_cell_conducts_as_the_solid():
    np.testing.assert_allclose(effective_conductivity(np.ones((5, 5, 5), bool), 3.0), 3 * np.eye(3), atol=1e-12)


@pytest.mark.parametrize("edges", [(1, 1, 1), (1, 2, 4)])
@pytest.mark.parametrize("filling", [0.0, 0.1, 1.0, 5.0])
def test_layers_conduct_in_parallel_along_and_in_series_across(filling, edges):
    layers = np.zeros((12, 12, 12), bool)
    layers[:5] = True
    along = (5 + 7 * filling) / 12
    across = 12 / (5 + 7 / filling) if filling else 0.0
    got = effective_conductivity(layers, void_conductivity=filling, edges=edges)
    np.testing.assert_allclose(got, np.diag([across, along, along]), atol=1e-9)


def test_the_checkerboard_of_columns_conducts_by_the_geometric_mean():
    # Keller 1964: a two-dimensional checkerboard of phases a and b conducts as sqrt(a b).
    values = []
    for d in (8, 16, 32):
        x, y, _ = np.indices((d, d, d)) * 2 // d
        values.append(effective_conductivity((x + y) % 2 == 0, void_conductivity=0.25)[0, 0])
    assert values[-1] == pytest.approx(0.5, rel=0.03)
    assert values[0] > values[1] > values[2] > 0.5


def test_no_cell_beats_the_hashin_shtrikman_bound(blobs):
    for cell in blobs[2:]:
        tensor, density = effective_conductivity(cell), cell.mean()
        np.testing.assert_allclose(tensor, tensor.T, atol=1e-12)
        values = np.linalg.eigvalsh(tensor)
        assert values.min() > -1e-9
        assert values.max() <= density + 1e-9
        assert values.mean() <= 2 * density / (3 - density) + 0.02


def test_turning_a_cell_turns_its_conductivity(blobs):
    tensor = effective_conductivity(blobs[6])
    turned = effective_conductivity(np.ascontiguousarray(apply_operation(blobs[6], ((1, 2, 0), (False, True, False)))))
    matrix = np.array([[0, 1, 0], [0, 0, -1], [1, 0, 0]])
    np.testing.assert_allclose(turned, matrix @ tensor @ matrix.T, atol=1e-8)


def test_sets_give_one_tensor_a_cell_and_an_empty_one_conducts_nothing(blobs):
    tensors = effective_conductivity(blobs[:3])
    assert tensors.shape == (3, 3, 3)
    assert not tensors[0].any()
    np.testing.assert_allclose(tensors[1], np.eye(3), atol=1e-12)


@pytest.mark.parametrize(("solid", "filling"), [(0.0, 0.0), (1.0, -1.0)])
def test_impossible_materials_are_refused(solid, filling):
    with pytest.raises(VoxploreError, match="conductivity"):
        effective_conductivity(np.ones((4, 4, 4), bool), solid, void_conductivity=filling)
