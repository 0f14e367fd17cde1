"""Fidelity: pairs of equal density, the two-sample test, and what both make of cells."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from voxplore.data.published.metatruss import build_metatruss
from voxplore.errors import VoxploreError
from voxplore.metrics.fidelity import HeldOut, fidelity
from voxplore.metrics.matching import CALIPER, equal_density
from voxplore.metrics.twosample import area_under_curve, two_sample_auc

DENSITIES = st.lists(st.floats(0, 1), min_size=1, max_size=30).map(np.array)


@given(DENSITIES, DENSITIES)
def test_no_cell_is_in_two_pairs_and_no_pair_is_further_apart_than_the_caliper(left, right):
    rows, columns = equal_density(left, right)
    assert len(set(rows.tolist())) == len(set(columns.tolist())) == len(rows) == len(columns)
    assert (np.abs(left[rows] - right[columns]) <= CALIPER).all()


def test_sets_of_equal_densities_are_paired_cell_by_cell(rng):
    density = rng.random(200)
    rows, columns = equal_density(density, density[::-1].copy())
    assert len(rows) == 200
    assert np.array_equal(density[rows], density[::-1][columns])


def test_numbers_of_one_distribution_cannot_be_told_apart_and_shifted_ones_can(rng):
    same, other = rng.normal(size=(400, 6)), rng.normal(size=(400, 6))
    assert two_sample_auc(same, other) == pytest.approx(0.5, abs=0.06)
    assert two_sample_auc(same, other) == two_sample_auc(same, other)
    assert two_sample_auc(same, other + 1.0) > 0.9
    assert two_sample_auc(same, 2 * other) > 0.9, "a wider spread about the same mean"
    assert np.isnan(two_sample_auc(same[:10], other[:10]))


def test_the_area_under_the_curve_is_the_share_of_pairs_in_order(rng):
    score, positive = rng.integers(0, 5, 40).astype(float), rng.random(40) < 0.4
    pairs = score[positive][:, None] - score[~positive][None, :]
    assert area_under_curve(score, positive) == pytest.approx(((pairs > 0) + 0.5 * (pairs == 0)).mean())


def plates(rng: np.random.Generator, n: int, density: np.ndarray | None = None, d: int = 16) -> np.ndarray:
    """Periodic level sets of smooth random fields: Bool (n, d, d, d)."""
    cells = []
    for k in range(n):
        field = ndimage.gaussian_filter(rng.normal(size=(d, d, d)), 2, mode="wrap")
        share = rng.uniform(0.15, 0.35) if density is None else density[k]
        cells.append(field >= np.quantile(field, 1 - share))
    return np.stack(cells)


def test_another_spread_of_densities_alone_moves_neither_the_ratios_nor_the_auc(rng):
    held = HeldOut(plates(rng, 500))
    denser = plates(rng, 200, rng.triangular(0.15, 0.35, 0.351, 200))
    found = fidelity(denser, held)
    plain = denser.mean() / held.density.mean()
    assert plain > 1.1
    assert found.values["matched"] > 0.6
    assert found.values["surface_ratio"] == pytest.approx(1, abs=0.04)
    assert found.values["curvature_spread_ratio"] == pytest.approx(1, abs=0.06)
    assert found.values["auc"] == pytest.approx(0.5, abs=0.1)


def test_held_out_cells_are_read_against_the_other_held_out_cells(rng):
    cells = plates(rng, 120)
    held = HeldOut(cells)
    assert held.others(cells[:50]).tolist() == list(range(50, 120))
    found = fidelity(cells[:50], held)
    assert (found.pairs[1] >= 50).all()
    alone = fidelity(cells, held).values
    assert alone["matched"] == 0
    assert np.isnan(alone["auc"])


def test_another_resolution_is_refused(rng):
    with pytest.raises(VoxploreError, match="resolution 16"):
        fidelity(plates(rng, 2, d=8), plates(rng, 2))


def test_molten_real_cells_have_uneven_struts_and_can_be_told_from_whole_ones(real_cells_folder):
    real = build_metatruss(real_cells_folder / "lumpe-cells.jsonl.gz")
    odd, even = real[::5], real[1::5]
    molten = []
    for cell in odd.voxels():
        field = ndimage.gaussian_filter(cell.astype(np.float32), 2, mode="wrap")
        molten.append(field >= np.partition(field, -int(cell.sum()), axis=None)[-int(cell.sum())])
    held = HeldOut(even)
    whole, blurred = fidelity(odd, held).values, fidelity(np.stack(molten), held).values
    assert whole["ridge_cv_ratio"] == pytest.approx(1, abs=0.25)
    assert whole["auc"] < 0.7
    assert blurred["ridge_cv_ratio"] > 1.5
    assert blurred["auc"] > 0.9
