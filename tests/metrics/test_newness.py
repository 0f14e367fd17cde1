"""Newness and validity of benchmark v2: which copies are found, which cells are new, which bounds hold."""

import numpy as np
import pytest
from scipy import fft

from voxplore.data.published.metatruss import build_metatruss
from voxplore.geometry import CUBE_OPERATIONS, apply_operation
from voxplore.metrics import Reference, floors
from voxplore.metrics.alignment import Turned, coarse_spectrum, moved
from voxplore.metrics.newness import Known, closest_earlier, closest_known
from voxplore.metrics.second import vun_v2
from voxplore.metrics.spectrum import orbit_norms
from voxplore.metrics.surfaces import distance_field, surface_distance
from voxplore.metrics.thickness import alike
from voxplore.metrics.validity import bounds_of, faces_met, invalid
from voxplore.unitcells import UnitCells


@pytest.fixture(scope="module")
def real(request) -> UnitCells:
    """The 392 real cells that can be scored."""
    return build_metatruss(request.getfixturevalue("real_cells_folder") / "lumpe-cells.jsonl.gz")


def all_overlaps(cell: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Common solid of `other` and the cell under every operation and shift: int64 (48, d, d, d)."""
    turned = np.stack([apply_operation(cell, operation) for operation in CUBE_OPERATIONS]).astype(float)
    spectrum = np.conj(fft.fftn(turned, axes=(1, 2, 3))) * fft.fftn(other.astype(float))
    return np.rint(fft.ifftn(spectrum, axes=(1, 2, 3)).real).astype(np.int64)


def test_the_spectrum_of_a_cell_is_that_of_its_copies_and_sums_to_its_solid(blobs):
    cell = blobs[5]
    copy = np.roll(apply_operation(cell, CUBE_OPERATIONS[37]), (3, 9, 1), axis=(0, 1, 2))
    norms = orbit_norms(np.stack([cell, copy]))
    assert norms[0] == pytest.approx(norms[1], rel=1e-3, abs=1e-2)
    assert (norms**2).sum(axis=1) == pytest.approx(np.count_nonzero(cell), rel=1e-4)


def test_no_map_gives_more_common_solid_than_the_bound(blobs):
    norms = orbit_norms(blobs).astype(float)
    for i, j in ((2, 3), (4, 9), (7, 11), (5, 5)):
        most = all_overlaps(blobs[i], blobs[j]).max()
        assert most <= norms[i] @ norms[j] * (1 + 1e-4)
    assert norms[5] @ norms[5] == pytest.approx(np.count_nonzero(blobs[5]), rel=1e-4), "a cell reaches its own bound"


def test_an_alignment_has_the_common_solid_it_says_and_finds_the_best_of_all_maps(blobs):
    for i, j in ((2, 3), (4, 9), (7, 10)):
        found = Turned(blobs[i]).best(coarse_spectrum(blobs[j]), blobs[j])
        assert found.common == np.count_nonzero(moved(blobs[i], found) & blobs[j])
        assert found.common == all_overlaps(blobs[i], blobs[j]).max()


def test_at_half_the_resolution_a_moved_copy_is_found_all_but_whole(real):
    cell = real[200:201].voxels()[0]
    copy = np.roll(apply_operation(cell, CUBE_OPERATIONS[13]), (7, 0, 21), axis=(0, 1, 2))
    assert Turned(copy).best(coarse_spectrum(cell), cell).common >= 0.99 * np.count_nonzero(cell)


def test_halves_of_a_plate_a_step_apart_lie_half_a_step_from_the_whole_plate():
    cell = np.zeros((24, 24, 24), bool)
    cell[8:14] = True
    field, solid = distance_field(cell), int(cell.sum())
    assert surface_distance(field, distance_field(np.roll(cell, 1, 0)), solid) < 0.1, "a shift is fitted"
    found = []
    for step in (1, 2, 3):
        other = cell.copy()
        other[:, :12] = np.roll(cell, step, axis=0)[:, :12]
        found.append(surface_distance(field, distance_field(other), solid))
    assert found == pytest.approx([0.5, 1.0, 1.5], abs=0.2), "half a step to either side"


COPIES = {
    "shifted": lambda cell, rng: floors.shifted(cell),
    "turned": lambda cell, rng: apply_operation(cell, CUBE_OPERATIONS[rng.integers(48)]),
    "roughened": lambda cell, rng: floors.roughened(cell, rng),
    "thickened along x": lambda cell, rng: floors.dilated(cell),
    "thickened twice along z": lambda cell, rng: floors.dilated(cell, 2, 2),
    "half a voxel aside": lambda cell, rng: floors.interpolated(cell, (0.5, 0.5, 0.5)),
}


@pytest.mark.parametrize("name", COPIES)
def test_a_copy_of_a_real_cell_is_found(real, rng, name):
    known = Known(real[100:200:5])
    cells = real[100:200:25].voxels()
    copies = np.stack([COPIES[name](cell, rng) for cell in cells])
    assert closest_known(copies, known).equals.tolist() == [0, 5, 10, 15]


def test_a_warped_cell_and_a_union_are_no_copies(real, rng):
    cell, other = real[40:42].voxels()
    assert not alike(floors.warped(cell, 4, rng), cell)
    assert not alike(cell | np.roll(other, 5, 0), cell)


def test_a_copy_of_an_earlier_cell_repeats_it(real):
    cells = real[[10, 200, 300]].voxels()
    found = closest_earlier(np.concatenate([cells, floors.shifted(cells[1])[None]]))
    assert found.equals.tolist() == [-1, -1, -1, 1]


def test_the_real_cells_are_valid(real):
    failures = invalid(real, bounds_of(real, real))
    share = 1 - np.any(list(failures.values()), axis=0).mean()
    assert share >= 0.98, {reason: int(column.sum()) for reason, column in failures.items()}


def test_faces_meet_within_a_voxel_and_not_further():
    cell = np.zeros((16, 16, 16), bool)
    cell[:, 4:8, 4:8] = True
    aside, far = cell.copy(), cell.copy()
    aside[0] = np.roll(cell[0], 1, axis=0)
    far[0] = np.roll(cell[0], 8, axis=0)
    met, least = faces_met(np.stack([cell, aside, far, np.zeros_like(cell)]))
    assert met.tolist() == [1.0, 1.0, 0.0, 1.0]
    assert least.tolist() == [1.0, 1.0, 0.0, 1.0]


def test_broken_cells_are_not_valid(real):
    voxels = real[:120:20].voxels()
    torn = voxels.copy()
    torn[:, :, :, :24] = np.roll(torn[:, :, :, :24], 17, axis=1)
    bounds = bounds_of(real, real)
    reasons = invalid(np.concatenate([torn, np.zeros_like(voxels[:1]), np.ones_like(voxels[:1])]), bounds)
    assert reasons["faces do not meet"][:6].mean() + reasons["not connected"][:6].mean() > 0.5
    assert reasons["empty"][6]
    assert reasons["relative density out of range"][7]


def test_the_verdict_names_what_speaks_against_a_cell(real):
    known = Known(real[100:130])
    cells = np.concatenate([real[105:106].voxels(), real[5:6].voxels(), real[5:6].voxels()])
    verdict, iou = vun_v2(cells, known, real)
    assert verdict.novel.tolist() == [False, True, True]
    assert verdict.unique.tolist() == [True, True, False]
    assert "known cell" in verdict.reasons[0]
    assert "earlier cell" in verdict.reasons[2]
    assert iou[0] == 1
    assert Reference(real).resolution == 48
