import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from voxplore.errors import VoxploreError
from voxplore.mechanics import (
    CONSTANTS,
    derived,
    directional_young,
    effective_stiffness,
    hashin_shtrikman,
    spread_directions,
)
from voxplore.mechanics.element import isotropic_stiffness

VOIGT = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))


def cubic(c11: float, c12: float, c44: float) -> np.ndarray:
    stiffness = np.diag([c11, c11, c11, c44, c44, c44]).astype(float)
    stiffness[:3, :3] += c12 * (1 - np.eye(3))
    return stiffness


def turned(stiffness: np.ndarray, rotation: np.ndarray) -> np.ndarray:
    """The stiffness in turned axes, through the full tensor of rank four."""
    tensor = np.zeros((3, 3, 3, 3))
    for (a, (i, j)), (b, (k, m)) in itertools.product(enumerate(VOIGT), repeat=2):
        for p, q in itertools.product(((i, j), (j, i)), ((k, m), (m, k))):
            tensor[p + q] = stiffness[a, b]
    tensor = np.einsum("ia,jb,kc,ld,abcd->ijkl", rotation, rotation, rotation, rotation, tensor)
    return np.array([[tensor[p + q] for q in VOIGT] for p in VOIGT])


COPPER = cubic(168.4, 121.4, 75.4)  # GPa, Simmons & Wang 1971


def test_every_constant_of_an_isotropic_solid_is_known():
    constants = derived(isotropic_stiffness(2.0, 0.25), 1.0, 2.0, 0.25)
    expected = {"young": 2.0, "shear": 0.8, "poisson": 0.25, "bulk": 4 / 3, "zener": 1.0, "universal": 0.0}
    shares = {"bulk_share": 1.0, "shear_share": 1.0, "young_share": 1.0, "auxetic": 0.0, "above_bound": 0.0}
    shares |= {f"speed_{a}_{k}": (0.4 if k < 3 else 1.2) ** 0.5 for a in "xyz" for k in (1, 2, 3)}
    anywhere = [key for key in constants if "_pull_" in key or "_across_" in key]
    for key in constants.keys() - set(anywhere):
        value = constants[key]
        assert value == pytest.approx(shares.get(key, expected.get(key.split("_")[0])), abs=1e-9), key
    assert list(constants) == [constant.key for constant in CONSTANTS]


def test_copper_has_the_moduli_of_the_textbook():
    # E[100] = 66.7 GPa, E[111] = 191 GPa (Dieter, Mechanical Metallurgy, table 2-5, rounded there).
    constants = derived(COPPER, 1.0, 130.0)
    assert constants["young_x"] == pytest.approx(66.7, abs=0.5)
    assert directional_young(COPPER, [[1, 1, 1]])[0] == pytest.approx(191, abs=1.5)
    assert constants["young_min"] == pytest.approx(constants["young_x"], rel=1e-3)
    assert constants["young_max"] == pytest.approx(directional_young(COPPER, [[1, 1, 1]])[0], rel=1e-9)
    assert constants["zener"] == pytest.approx(2 * 75.4 / (168.4 - 121.4))
    # For cubic crystals the universal index is 6/5 (sqrt(A) - 1/sqrt(A))^2 with Zener's A.
    ratio = 2 * 75.4 / (168.4 - 121.4)
    assert constants["universal_anisotropy"] == pytest.approx(1.2 * (ratio**0.5 - ratio**-0.5) ** 2)


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1))
def test_turning_the_axes_changes_no_average(seed):
    rng = np.random.default_rng(seed)
    a = rng.normal(size=(6, 6))
    stiffness, rotation = a @ a.T + np.eye(6), Rotation.random(random_state=seed).as_matrix()
    other = turned(stiffness, rotation)
    one, two = derived(stiffness, 0.5), derived(other, 0.5)
    for key in ("bulk_voigt", "bulk_reuss", "bulk_hill", "shear_voigt", "shear_reuss", "shear_hill", "young_hill"):
        assert one[key] == pytest.approx(two[key], rel=1e-9)
    assert one["universal_anisotropy"] == pytest.approx(two["universal_anisotropy"], abs=1e-8)
    directions = rng.normal(size=(5, 3))
    moduli = directional_young(stiffness, directions)
    np.testing.assert_allclose(directional_young(other, directions @ rotation.T), moduli, rtol=1e-9)
    assert two["young_x"] == pytest.approx(directional_young(stiffness, rotation[[0]])[0])
    assert one["shear_reuss"] <= one["shear_voigt"] * (1 + 1e-12)
    assert one["bulk_reuss"] <= one["bulk_voigt"] * (1 + 1e-12)


def extremes_by_search(stiffness: np.ndarray, directions: np.ndarray) -> tuple[float, float]:
    """Smallest and largest Poisson's ratio over many pulls, across each by the eigenvalues of a 2 x 2 matrix."""
    s = np.linalg.inv(stiffness)
    full = np.zeros((3, 3, 3, 3))
    for (a, (i, j)), (b, (k, m)) in itertools.product(enumerate(VOIGT), repeat=2):
        for p, q in itertools.product({(i, j), (j, i)}, {(k, m), (m, k)}):
            full[p + q] = s[a, b] / ((1 + (a > 2)) * (1 + (b > 2)))
    across = np.einsum("ijkl,ni,nj->nkl", full, directions, directions, optimize=True)
    along = np.einsum("nkl,nk,nl->n", across, directions, directions)
    one = np.cross(directions, [0.31, -0.74, 0.6])
    one /= np.linalg.norm(one, axis=1, keepdims=True)
    two = np.cross(directions, one)
    a, b, c = (np.einsum("nkl,nk,nl->n", across, u, v) for u, v in ((one, one), (two, two), (one, two)))
    middle, radius = (a + b) / 2, np.hypot((a - b) / 2, c)
    return (-(middle + radius) / along).min(), (-(middle - radius) / along).max()


def test_poissons_extremes_are_those_of_a_search_over_many_directions(rng):
    directions = rng.normal(size=(100_000, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    a = rng.normal(size=(20, 6, 6))
    stiffness = a @ a.transpose(0, 2, 1) + np.eye(6)
    found = derived(stiffness, 0.5)
    for row in range(20):
        low, high = extremes_by_search(stiffness[row], directions)
        assert low - 1e-3 <= found["poisson_min"][row] <= low + 1e-9
        assert high - 1e-9 <= found["poisson_max"][row] <= high + 1e-3
        moduli = directional_young(stiffness[row], directions)
        assert moduli.min() * (1 - 1e-3) <= found["young_min"][row] <= moduli.min() * (1 + 1e-9)
        assert moduli.max() * (1 - 1e-9) <= found["young_max"][row] <= moduli.max() * (1 + 1e-3)


def test_the_extremes_hold_along_the_directions_given(rng):
    a = rng.normal(size=(6, 6))
    stiffness = a @ a.T + np.eye(6)
    found = derived(stiffness, 0.5)
    for name in ("min", "max"):
        pull, across = ([float(found[f"poisson_{name}_{way}_{x}"]) for x in "xyz"] for way in ("pull", "across"))
        axes = np.stack([pull, across, np.cross(pull, across)])
        np.testing.assert_allclose(axes @ axes.T, np.eye(3), atol=1e-9)
        along = derived(turned(stiffness, axes), 0.5)
        assert along["poisson_xy"] == pytest.approx(found[f"poisson_{name}"], rel=1e-9)


def test_a_cubic_metal_is_auxetic_along_face_diagonals_alone():
    # Pulled along [110], most cubic metals widen along [1-10] (Baughman et al. 1998): copper's nu there is -0.13.
    found = derived(COPPER, 1.0, 130.0)
    assert found["poisson_xy"] > 0.4
    assert found["poisson_min"] == pytest.approx(-0.13, abs=0.02)
    for way in ("pull", "across"):
        direction = sorted(abs(float(found[f"poisson_min_{way}_{x}"])) for x in "xyz")
        assert direction == pytest.approx([0, 0.5**0.5, 0.5**0.5], abs=1e-4)
    assert found["auxetic"]


def test_poissons_ratios_obey_the_reciprocal_relation(rng):
    a = rng.normal(size=(6, 6))
    constants = derived(a @ a.T + np.eye(6), 0.5)
    for i, j in itertools.combinations("xyz", 2):
        left, right = constants[f"poisson_{i}{j}"], constants[f"poisson_{j}{i}"]
        assert left / constants[f"young_{i}"] == pytest.approx(right / constants[f"young_{j}"])


def test_a_stack_of_free_plates_has_no_modulus_across():
    plate = np.zeros((8, 8, 8), bool)
    plate[:, :, :2] = True
    constants = derived(effective_stiffness(plate), 0.25)
    assert constants["young_x"] == pytest.approx(0.25)
    assert constants["poisson_xy"] == pytest.approx(0.3)
    assert constants["young_z"] == constants["shear_yz"] == constants["young_min"] == constants["bulk_reuss"] == 0
    assert np.isnan(constants["poisson_zx"])
    assert np.isnan(constants["poisson_xz"])
    assert np.isinf(constants["universal_anisotropy"])


def test_a_missing_stiffness_gives_zeros_and_no_warning():
    with np.errstate(all="raise"):
        constants = derived(np.zeros((6, 6)), 0.0)
    assert constants["young_max"] == constants["young_share"] == 0
    assert not constants["auxetic"]


def test_closed_plates_reach_the_bound_on_the_bulk_modulus():
    # Three plates on the faces of a cube attain the Hashin-Shtrikman bound as they get thin.
    shares = []
    for d in (8, 16, 24):
        cell = np.zeros((d, d, d), bool)
        cell[0] = cell[:, 0] = cell[:, :, 0] = True
        shares.append(float(derived(effective_stiffness(cell), cell.mean())["bulk_share"]))
    assert shares == sorted(shares)
    assert max(shares) <= 1
    assert shares[-1] == pytest.approx(1.0, abs=0.004)


def test_the_bounds_begin_at_nothing_and_end_at_the_solid():
    bulk, shear = hashin_shtrikman(np.linspace(0, 1, 11), 2.0, 0.2)
    assert bulk[0] == shear[0] == 0
    assert bulk[-1] == pytest.approx(2 / 1.8)
    assert shear[-1] == pytest.approx(2 / 2.4)
    assert (np.diff(bulk) > 0).all()
    assert (np.diff(shear) > 0).all()


def test_a_re_entrant_material_is_called_auxetic():
    assert derived(cubic(1.0, -0.2, 0.4), 0.5)["auxetic"]
    assert not derived(cubic(1.0, 0.2, 0.4), 0.5)["auxetic"]
    assert np.isnan(derived(cubic(1.0, 1.0, 0.4), 0.5)["poisson_min"]), "it has a motion without resistance"


def test_many_cells_at_once_equal_one_by_one(rng):
    a = rng.normal(size=(4, 6, 6))
    stack, density = a @ a.transpose(0, 2, 1), rng.random(4)
    together = derived(stack, density)
    for row in range(4):
        alone = derived(stack[row], density[row])
        for key, column in together.items():
            np.testing.assert_allclose(column[row], alone[key], rtol=1e-9)


def test_the_spread_directions_are_even_unit_vectors():
    directions = spread_directions(2000)
    np.testing.assert_allclose(np.linalg.norm(directions, axis=1), 1)
    np.testing.assert_allclose(
        np.einsum("mi,mj->ij", directions, directions) / len(directions), np.eye(3) / 3, atol=0.01
    )


def test_a_matrix_of_another_shape_is_refused():
    with pytest.raises(VoxploreError, match="stiffness"):
        derived(np.eye(3), 0.5)
