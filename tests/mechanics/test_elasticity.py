import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voxplore.errors import VoxploreError
from voxplore.geometry import CUBE_OPERATIONS, apply_operation
from voxplore.mechanics import derived, effective_stiffness
from voxplore.unitcells import UnitCells

POISSON = 0.3
VOIGT = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))


def isotropic(young: float = 1.0, poisson: float = POISSON) -> np.ndarray:
    """From the compliance, so that nothing is shared with the code under test."""
    compliance = np.zeros((6, 6))
    compliance[:3, :3] = -poisson / young
    compliance[range(3), range(3)] = 1 / young
    compliance[range(3, 6), range(3, 6)] = 2 * (1 + poisson) / young
    return np.linalg.inv(compliance)


def plane_stress(share: float, poisson: float = POISSON) -> np.ndarray:
    """Free plates across z that take up `share` of the cell."""
    stiffness = np.zeros((6, 6))
    stiffness[:2, :2] = [[1, poisson], [poisson, 1]] / np.array(1 - poisson**2)
    stiffness[5, 5] = 1 / (2 * (1 + poisson))
    return share * stiffness


def laminate(share: float, soft: float) -> np.ndarray:
    """Layers across z, stiff ones of modulus 1 on `share` of the cell (Backus 1962): exact."""
    stiff, weak = isotropic(), isotropic(soft)
    mean = lambda f: share * f(stiff) + (1 - share) * f(weak)  # noqa: E731
    out = np.zeros((6, 6))
    c33 = 1 / mean(lambda c: 1 / c[2, 2])
    coupling = mean(lambda c: c[0, 2] / c[2, 2])
    for i, j in itertools.product(range(2), repeat=2):
        out[i, j] = mean(lambda c, i=i, j=j: c[i, j] - c[0, 2] ** 2 / c[2, 2]) + coupling**2 * c33
    out[2, 2] = c33
    out[:2, 2] = out[2, :2] = coupling * c33
    out[3, 3] = out[4, 4] = 1 / mean(lambda c: 1 / c[3, 3])
    out[5, 5] = mean(lambda c: c[5, 5])
    return out


def struts(d: int, thickness: int) -> np.ndarray:
    """Square struts along the cell's edges: the simple cubic truss."""
    x, y, z = np.indices((d, d, d)) < thickness
    return (x & y) | (y & z) | (x & z)


def diagonal_struts(d: int, radius: float) -> np.ndarray:
    """Struts along one pair of diagonals: bends softly."""
    x, y, z = (np.indices((d, d, d)) + 0.5) / d - 0.5
    one, other = np.hypot(x - y, z) < radius, np.hypot(x + y, z) < radius
    return one | other | (np.hypot(x, y) < radius)


def effective_young(cell: np.ndarray) -> float:
    return float(derived(effective_stiffness(cell, tolerance=1e-4), cell.mean())["young_x"])


def rotated(stiffness: np.ndarray, operation: tuple) -> np.ndarray:
    """The stiffness of the cell that `apply_operation` makes, by index juggling on the full tensor."""
    axes, flips = operation
    signs = np.where(flips, -1, 1)
    out = np.zeros((6, 6))
    number = {pair: k for k, (i, j) in enumerate(VOIGT) for pair in ((i, j), (j, i))}
    for row, (i, j) in enumerate(VOIGT):
        for column, (k, m) in enumerate(VOIGT):
            sign = signs[i] * signs[j] * signs[k] * signs[m]
            out[row, column] = sign * stiffness[number[axes[i], axes[j]], number[axes[k], axes[m]]]
    return out


def corner_numbers(voxels: np.ndarray) -> np.ndarray:
    """Node of each corner of each solid voxel, int (m, 2, 2, 2): joined over shared faces, one face after another."""
    solid = [tuple(voxel) for voxel in np.argwhere(voxels)]
    numbers = np.arange(8 * len(solid)).reshape(-1, 2, 2, 2)
    while True:
        before = numbers.copy()
        for row, voxel in enumerate(solid):
            for axis in range(3):
                beyond = tuple((place + (a == axis)) % voxels.shape[a] for a, place in enumerate(voxel))
                if beyond in solid:
                    own, other = numbers[row].take(1, axis), numbers[solid.index(beyond)].take(0, axis)
                    for one, two in zip(own.ravel(), other.ravel(), strict=True):
                        numbers[(numbers == one) | (numbers == two)] = min(one, two)
        if (numbers == before).all():
            return numbers


def dense_stiffness(voxels: np.ndarray, poisson: float) -> np.ndarray:
    """An independent small solver: strains at Gauss points of a dense global matrix, least squares, stress averages.

    Unknowns: three displacements a node, and nine incompatible modes a voxel.
    """
    material = isotropic(1.0, poisson)
    gauss = (0.5 - np.sqrt(1 / 12), 0.5 + np.sqrt(1 / 12))
    numbers = corner_numbers(voxels)
    rows, strains = [], []
    for voxel, nodes in enumerate(numbers):
        for point in itertools.product(gauss, repeat=3):
            b, modes = np.zeros((6, 8 * len(numbers), 3)), np.zeros((6, len(numbers), 3, 3))
            for row, (i, j) in enumerate(VOIGT):
                modes[row, voxel, i, j] += 1 - 2 * point[j]
                if i != j:
                    modes[row, voxel, j, i] += 1 - 2 * point[i]
            for corner in itertools.product((0, 1), repeat=3):
                value = [p if c else 1 - p for p, c in zip(point, corner, strict=True)]
                slope = [1 if c else -1 for c in corner]
                g = [np.prod([slope[a] if a == k else value[a] for a in range(3)]) for k in range(3)]
                for row, (i, j) in enumerate(VOIGT):
                    b[row, nodes[corner], i] += g[j]
                    if i != j:
                        b[row, nodes[corner], j] += g[i]
            rows.append(np.linalg.cholesky(material).T @ np.hstack([b.reshape(6, -1), modes.reshape(6, -1)]))
            strains.append(np.linalg.cholesky(material).T)
    matrix, mean = np.concatenate(rows), np.concatenate(strains)
    left = mean - matrix @ np.linalg.lstsq(matrix, mean, rcond=1e-12)[0]
    return left.T @ left / (8 * voxels.size)


def test_a_full_cell_is_the_solid():
    full = np.ones((6, 6, 6), bool)
    np.testing.assert_allclose(effective_stiffness(full, 2.5, 0.2), isotropic(2.5, 0.2), rtol=0, atol=1e-12)


def test_a_plate_in_void_is_in_plane_stress():
    plate = np.zeros((16, 16, 16), bool)
    plate[:, :, 3:7] = True
    np.testing.assert_allclose(effective_stiffness(plate), plane_stress(0.25), rtol=0, atol=1e-9)


@pytest.mark.parametrize("soft", [1.0, 0.3, 0.01])
def test_a_laminate_of_two_phases_is_exact(soft):
    layers = np.zeros((12, 12, 12), bool)
    layers[:, :, :5] = True
    exact = laminate(5 / 12, soft)
    np.testing.assert_allclose(effective_stiffness(layers, void_young=soft, tolerance=1e-7), exact, rtol=0, atol=1e-9)


def test_a_laminate_stays_exact_in_a_cell_of_unequal_edges():
    layers = np.zeros((12, 12, 12), bool)
    layers[:, :, :5] = True
    got = effective_stiffness(layers, void_young=0.1, tolerance=1e-7, edges=(3.0, 1.0, 0.5))
    np.testing.assert_allclose(got, laminate(5 / 12, 0.1), rtol=0, atol=1e-9)


def test_edges_count_by_their_ratios_only():
    cell = struts(8, 2)
    a, b = effective_stiffness(cell, edges=(1, 2, 3)), effective_stiffness(cell, edges=(10, 20, 30))
    np.testing.assert_allclose(a, b, rtol=1e-9)
    assert not np.isclose(a[5, 5], effective_stiffness(cell)[5, 5], rtol=0.05)


def test_a_bar_carries_its_share_along_its_axis_and_nothing_across():
    bar = np.zeros((12, 12, 12), bool)
    bar[:, 2:5, 4:8] = True
    stiffness = effective_stiffness(bar)
    expected = np.zeros((6, 6))
    expected[0, 0] = 12 / 144
    np.testing.assert_allclose(stiffness, expected, rtol=0, atol=1e-9)


def test_the_simple_cubic_truss_at_one_percent_is_that_of_the_catalogue():
    # Lumpe & Stankovic's catalogue gives Ex = 3.34e-3 of the solid's modulus at a relative density of 0.01, of beams
    # whose density counts each strut in full where they meet.
    cell, beams = struts(34, 2), 3 * (2 / 34) ** 2
    assert beams == pytest.approx(0.01, rel=0.05)
    assert derived(effective_stiffness(cell), beams)["young_x"] / beams == pytest.approx(0.334, rel=0.05)


def test_square_struts_tend_to_a_third_of_their_density():
    thickness = [2 / d for d in (8, 12, 16, 24)]
    cells = [struts(d, 2) for d in (8, 12, 16, 24)]
    ratio = [effective_young(cell) / cell.mean() for cell in cells]
    assert np.polyfit(thickness, ratio, 2)[-1] == pytest.approx(1 / 3, rel=0.01)


def test_round_struts_tend_to_a_third_of_their_density():
    a, b, c = np.abs((np.indices((64, 64, 64)) + 0.5) / 64 - 0.5)
    radii = (0.12, 0.09, 0.06, 0.04)
    cells = [(np.hypot(a, b) < r) | (np.hypot(b, c) < r) | (np.hypot(a, c) < r) for r in radii]
    ratio = [effective_young(cell) / cell.mean() for cell in cells]
    assert np.polyfit(radii, ratio, 2)[-1] == pytest.approx(1 / 3, rel=0.03)


@settings(max_examples=6)
@given(st.integers(1, 2**27 - 1), st.sampled_from([0.0, 0.3, 0.45]))
def test_any_small_cell_agrees_with_a_dense_solver(bits, poisson):
    cell = (np.array([bits >> k & 1 for k in range(27)], bool)).reshape(3, 3, 3)
    got = effective_stiffness(cell, poisson=poisson, tolerance=1e-9)
    np.testing.assert_allclose(got, dense_stiffness(cell, poisson), rtol=0, atol=1e-7)


@pytest.mark.parametrize("d", [1, 2])
def test_the_smallest_grids_work(d):
    np.testing.assert_allclose(effective_stiffness(np.ones((d, d, d), bool)), isotropic(), atol=1e-12)
    plate = np.zeros((2, 2, 2), bool)
    plate[:, :, 0] = True
    np.testing.assert_allclose(effective_stiffness(plate), plane_stress(0.5), atol=1e-9)


def test_turning_and_mirroring_a_cell_turns_its_stiffness(blobs):
    cell = blobs[6]
    before = effective_stiffness(cell)
    for operation in CUBE_OPERATIONS[5::9]:
        after = effective_stiffness(np.ascontiguousarray(apply_operation(cell, operation)))
        np.testing.assert_allclose(after, rotated(before, operation), rtol=0, atol=1e-8)


def test_an_edge_or_a_corner_carries_nothing():
    x, y, z = np.indices((2, 2, 2))
    assert not effective_stiffness((x + y + z) % 2 == 0).any()
    rod_and_block = np.zeros((4, 4, 4), bool)
    rod_and_block[:2, :, :2] = True
    rod_and_block[2:, :2, 2:] = True
    rod = np.zeros((4, 4, 4), bool)
    rod[:2, :, :2] = True
    np.testing.assert_allclose(effective_stiffness(rod_and_block), effective_stiffness(rod), atol=1e-12)


@pytest.mark.parametrize("poisson", [0.49, 0.499, 0.4999])
def test_a_nearly_incompressible_frame_does_not_lock(poisson):
    coarse, fine = (effective_stiffness(struts(12 * f, 2 * f), poisson=poisson, tolerance=1e-4) for f in (1, 2))
    assert coarse[0, 0] == pytest.approx(fine[0, 0], rel=0.05)


@pytest.mark.parametrize("poisson", [0.3, 0.499, 0.49999])
def test_a_full_cell_is_exact_at_any_poissons_ratio_and_said_to_be(poisson):
    from voxplore.mechanics.element import elastic_element
    from voxplore.mechanics.homogenise import homogenise

    found = homogenise(np.ones((6, 6, 6), bool), elastic_element(poisson))
    assert found.residual <= 1e-5
    np.testing.assert_allclose(found.tensor, isotropic(1.0, poisson), rtol=1e-9)


def test_the_bound_of_a_mesh_is_above_it_and_above_any_finer_mesh(blobs):
    from voxplore.mechanics.element import elastic_element
    from voxplore.mechanics.homogenise import homogenise

    cell = blobs[4][::2, ::2, ::2]
    coarse = homogenise(cell, elastic_element(0.3), 1e-6)
    fine = homogenise(cell.repeat(2, 0).repeat(2, 1).repeat(2, 2), elastic_element(0.3), 1e-6)
    assert np.linalg.eigvalsh(coarse.bound - coarse.tensor).min() > -1e-9
    assert np.linalg.eigvalsh(coarse.bound - fine.bound).min() > -1e-9


def test_shifting_a_cell_changes_nothing(blobs):
    cell = blobs[5]
    moved = np.roll(cell, (3, 7, 11), (0, 1, 2))
    np.testing.assert_allclose(effective_stiffness(moved), effective_stiffness(cell), rtol=0, atol=1e-8)


def test_two_periods_are_as_stiff_as_one():
    cell = struts(6, 2)
    np.testing.assert_allclose(effective_stiffness(np.tile(cell, (2, 2, 2))), effective_stiffness(cell), atol=1e-8)


def test_stiffness_is_symmetric_positive_and_below_the_volume_average(blobs):
    for cell in blobs[2:]:
        stiffness = effective_stiffness(cell)
        np.testing.assert_array_equal(stiffness, stiffness.T)
        assert np.linalg.eigvalsh(stiffness).min() > -1e-9
        assert np.linalg.eigvalsh(cell.mean() * isotropic() - stiffness).min() > -1e-9


def test_more_solid_is_never_softer(blobs):
    cell = blobs[8]
    more = cell | blobs[9]
    difference = effective_stiffness(more) - effective_stiffness(cell)
    assert np.linalg.eigvalsh(difference).min() > -1e-7


def test_a_floating_island_and_an_empty_cell_carry_nothing():
    island = np.zeros((12, 12, 12), bool)
    assert not effective_stiffness(island).any()
    island[3:9, 4:8, 2:6] = True
    assert abs(effective_stiffness(island)).max() < 1e-8


def test_loose_noise_is_solved_without_trouble(rng):
    noise = rng.random((16, 16, 16)) < 0.1
    assert abs(effective_stiffness(noise)).max() < 1e-6


def test_the_second_level_changes_the_iterations_and_not_the_result(monkeypatch):
    from voxplore.mechanics import homogenise as module
    from voxplore.mechanics.element import elastic_element

    cell = diagonal_struts(32, 0.08)
    two = module.homogenise(cell, elastic_element(0.3))
    monkeypatch.setattr(module, "_MANY", 10**9)
    one = module.homogenise(cell, elastic_element(0.3))
    np.testing.assert_allclose(two.tensor, one.tensor, atol=1e-9)
    assert two.iterations < 0.7 * one.iterations


def test_a_looser_tolerance_errs_by_little(blobs):
    exact = effective_stiffness(blobs[4], tolerance=1e-8)
    for tolerance, error in ((1e-3, 1e-4), (1e-4, 1e-6), (1e-5, 1e-8)):
        got = effective_stiffness(blobs[4], tolerance=tolerance)
        assert abs(got - exact).max() < error * abs(exact).max()


def test_too_few_iterations_are_said(blobs):
    from voxplore.mechanics.element import elastic_element
    from voxplore.mechanics.homogenise import homogenise

    with pytest.warns(RuntimeWarning, match="stopped after 3 iterations"):
        short = homogenise(blobs[4], elastic_element(0.3), max_iterations=3)
    assert short.residual > 1e-5
    assert np.linalg.eigvalsh(short.tensor - effective_stiffness(blobs[4])).min() > -1e-8


def test_sets_give_one_matrix_a_cell(blobs):
    cells = UnitCells.from_voxels(blobs[2:4])
    stack = effective_stiffness(cells)
    assert stack.shape == (2, 6, 6)
    np.testing.assert_array_equal(stack[1], effective_stiffness(blobs[3]))
    np.testing.assert_array_equal(stack, effective_stiffness(blobs[2:4]))


def test_moduli_scale_with_the_solid(blobs):
    np.testing.assert_allclose(effective_stiffness(blobs[4], 70e3), 70e3 * effective_stiffness(blobs[4]), rtol=1e-12)


@pytest.mark.parametrize(
    "wrong", [{"young": 0.0}, {"poisson": 0.5}, {"void_young": 2.0}, {"edges": (1, 0, 1)}, {"edges": (1, 1)}]
)
def test_impossible_solids_are_refused(wrong):
    with pytest.raises(VoxploreError, match=next(iter(wrong))):
        effective_stiffness(np.ones((4, 4, 4), bool), **wrong)
