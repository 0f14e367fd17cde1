import numpy as np
import pytest

from voxplore.mechanics import first_yield, properties_of
from voxplore.mechanics.strength import von_mises
from voxplore.unitcells import UnitCells


def ball(d: int, radius: float) -> np.ndarray:
    x, y, z = (np.indices((d, d, d)) + 0.5) / d - 0.5
    return x**2 + y**2 + z**2 < radius**2


def test_von_mises_is_that_of_the_deviator():
    rng = np.random.default_rng(0)
    for _ in range(20):
        full = rng.normal(size=(3, 3))
        full = full + full.T
        deviator = full - np.trace(full) / 3 * np.eye(3)
        voigt = full[[0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]]
        assert von_mises(voigt) == pytest.approx(np.sqrt(1.5 * (deviator**2).sum()))


@pytest.mark.parametrize("poisson", [0.0, 0.3, 0.45])
def test_even_stress_yields_at_the_share_of_the_solid(poisson):
    plate, rod = np.zeros((2, 8, 8, 8), bool)
    plate[:, :, 2:5] = True
    rod[:, 1:4, 3:6] = True
    full = np.ones((4, 4, 4), bool)
    np.testing.assert_allclose(first_yield(full, poisson), 1, atol=1e-9)
    np.testing.assert_allclose(first_yield(plate, poisson), [[3 / 8] * 2, [3 / 8] * 2, [0, 0]], atol=1e-7)
    np.testing.assert_allclose(first_yield(rod, poisson), [[9 / 64] * 2, [0, 0], [0, 0]], atol=1e-7)


def test_edges_of_the_cell_change_no_even_stress():
    plate = np.zeros((6, 6, 6), bool)
    plate[:, :, :2] = True
    np.testing.assert_allclose(first_yield(plate, edges=(1, 2, 3))[:2], 1 / 3, atol=1e-7)


def test_a_small_ball_of_void_doubles_the_stress():
    """Goodier 1933: 3 (9 - 5 nu) / (2 (7 - 5 nu)) = 2.045 at nu = .3; means over voxels stay below it."""
    exact = 3 * (9 - 1.5) / (2 * (7 - 1.5))
    coarse, fine = (1 / first_yield(~ball(d, 0.18))[0, 0] for d in (16, 40))
    assert coarse < fine < 1.05 * exact
    assert fine > 0.85 * exact


def test_no_cell_yields_later_than_an_even_stress_would(blobs):
    cells = UnitCells.from_voxels(blobs[:4, ::2, ::2, ::2])
    table = properties_of(cells, workers=1)
    for axis in "xyz":
        carries = table[f"yield_{axis}"] > 0
        np.testing.assert_array_equal(carries, table[f"young_{axis}"] > 0)
        assert (table[f"yield_{axis}"] <= table["relative_density"] + 1e-6).all(), "the mean stress of the solid"
        assert (table[f"yield_{axis}"] <= table[f"yield_1_{axis}"]).all()
        assert (table[f"concentration_{axis}"][carries] >= 1 - 1e-6).all()
        assert np.isnan(table[f"concentration_{axis}"][~carries]).all()


def test_loose_solid_adds_no_strength():
    rod = np.zeros((8, 8, 8), bool)
    rod[:, 1:3, 1:3] = True
    island = rod.copy()
    island[5, 5, 5] = True
    np.testing.assert_allclose(first_yield(island), first_yield(rod), atol=1e-12)
