"""`vun`: what makes a cell valid, unique and novel, and what does not."""

from fractions import Fraction

import numpy as np
import pytest
from scipy import ndimage

from voxplore import metrics
from voxplore.geometry import CUBE_OPERATIONS, HALF_SHIFTS, ORIENTATIONS, apply_operation, orient, shift
from voxplore.metrics import discovery
from voxplore.unitcells import UnitCells


def frame(d: int = 16, thickness: int = 2, at: tuple[int, int, int] = (7, 7, 7)) -> np.ndarray:
    """Three rods along x, y, z that meet: one component that spans all axes, faces that match."""
    cell = np.zeros((d, d, d), bool)
    x, y, z = (slice(start, start + thickness) for start in at)
    cell[:, y, z] = cell[x, :, z] = cell[x, y, :] = True
    return cell


def helix(rng: np.random.Generator, d: int = 16) -> np.ndarray:
    """A random periodic blob, unlike its images."""
    field = rng.normal(size=(d, d, d))
    for _ in range(3):
        for axis in range(3):
            field = field + np.roll(field, 1, axis) + np.roll(field, -1, axis)
    return field > np.quantile(field, 0.6)


def test_a_connected_spanning_periodic_cell_is_valid_and_each_failure_has_its_reason():
    good = frame()
    rod = np.zeros_like(good)
    rod[:, 7:9, 7:9] = True
    speckled = good.copy()
    speckled[::4, 0, 0] = True
    shifted_faces = good.copy()
    shifted_faces[0] = np.roll(good[0], 8, axis=0)
    shifted_faces[0, 7:9, 7:9] = True
    full = np.ones_like(good)
    cells = np.stack([good, rod, speckled, np.zeros_like(good), full])
    found = metrics.vun(cells, frame(at=(3, 3, 3))[None], periodicity_floor=0.9)
    assert found.valid.tolist() == [True, False, False, False, False]
    for i, reason in ((1, "does not span"), (1, "faces differ"), (2, "not connected"), (3, "empty"), (4, "density")):
        assert reason in found.reasons[i]


def test_the_floor_of_periodicity_comes_from_the_reference_and_is_one_half_without():
    reference = UnitCells.from_voxels(frame()[None], periodicity_floor=0.7)
    assert discovery.floor_of(metrics.Reference(reference)) == 0.7
    assert discovery.floor_of(metrics.Reference(frame()[None])) == 0.5


def test_a_moved_copy_is_neither_unique_nor_novel(rng):
    cell, other, third = (helix(rng) for _ in range(3))
    moved = shift(apply_operation(cell, CUBE_OPERATIONS[29]), (0.5, 0.0, 0.5))
    found = metrics.vun(np.stack([cell, other, moved]), np.stack([third, moved]))
    assert found.repeats.tolist() == [-1, -1, 0]
    assert found.unique.tolist() == [True, True, False]
    assert found.equals.tolist() == [1, -1, 1]
    assert found.novel.tolist() == [False, True, False]
    assert found.share == pytest.approx(float((found.valid & found.unique & found.novel).mean()))


def test_a_quarter_shift_is_not_tested_for(rng):
    cell = helix(rng)
    assert metrics.vun(np.roll(cell, 4, axis=0), cell[None]).novel.tolist() == [True]


def test_a_thickened_copy_is_not_novel(rng):
    cell = frame(thickness=2)
    thick = orient(frame(thickness=4, at=(6, 6, 6)), 3)
    plain_iou = np.count_nonzero(cell & thick) / np.count_nonzero(cell | thick)
    assert plain_iou < 0.5
    found = metrics.vun(thick, np.stack([helix(rng), cell]))
    assert found.equals.tolist() == [1]
    assert "thickened" in found.reasons[0]
    assert metrics.vun(cell, np.stack([helix(rng), thick])).equals.tolist() == [1]


def plain_signed_distance(cell) -> np.ndarray:
    d = len(cell)
    tiled = np.tile(cell, (3, 3, 3))
    middle = (slice(d, 2 * d),) * 3
    outside = np.asarray(ndimage.distance_transform_edt(~tiled))[middle]
    return outside - np.asarray(ndimage.distance_transform_edt(tiled))[middle]


def test_resizing_takes_the_level_set_of_the_periodic_distance_nearest_in_size(rng):
    for cell in (helix(rng, 9), rng.random((8, 8, 8)) < 0.05, rng.random((8, 8, 8)) < 0.9):
        distance = plain_signed_distance(cell)
        levels = np.unique(np.round(distance, 6))
        for solid in (1, int(cell.sum()) // 2, int(cell.sum()), int(cell.sum()) * 2, cell.size):
            sizes = [np.count_nonzero(distance <= level + 1e-5) for level in levels]
            want = distance <= levels[int(np.argmin(np.abs(np.array(sizes) - solid)))] + 1e-5
            assert np.array_equal(discovery.resize(cell, solid), want)


def test_an_empty_and_a_full_cell_cannot_be_resized():
    for value in (False, True):
        cell = np.full((8, 8, 8), value)
        assert np.array_equal(discovery.resize(cell, 100), cell)


def best_iou(left, right) -> Fraction:
    best = Fraction(0)
    for fractions in HALF_SHIFTS:
        for operation in CUBE_OPERATIONS:
            moved = shift(apply_operation(left, operation), fractions)
            best = max(best, Fraction(np.count_nonzero(moved & right), max(np.count_nonzero(moved | right), 1)))
    return best


def plain_verdict(samples, references, sources):
    """Every map of every pair, every one of the five nearest sources resized: (repeats, equals) as Bool."""
    limit = Fraction(9, 10)
    repeats, equals = [], []
    for i, cell in enumerate(samples):
        repeats.append(any(best_iou(cell, other) >= limit for other in samples[:i]))
        same = any(best_iou(cell, other) >= limit for other in references)
        iou = [np.count_nonzero(cell & r) / max(np.count_nonzero(cell | r), 1) for r in references]
        nearest, seen = [], set()
        for j in sorted(range(len(references)), key=lambda j, iou=iou: (-iou[j], j)):
            if sources[j] not in seen and len(nearest) < 5:
                seen.add(sources[j])
                nearest.append(j)
        resized = any(best_iou(cell, discovery.resize(references[j], int(cell.sum()))) >= limit for j in nearest)
        equals.append(same or resized)
    return repeats, equals


def test_the_verdict_equals_every_pair_and_map_tried_in_turn(rng):
    d = 8
    sources = np.stack([helix(rng, d) for _ in range(6)] + [frame(d, 2, (3, 3, 3)), np.ones((d, d, d), bool)])
    references = np.concatenate([np.stack([orient(cell, k) for k in range(6)]) for cell in sources])
    names = np.repeat(np.arange(len(sources)), 6)
    references[8] ^= rng.random((d, d, d)) < 0.1  # an orientation that is none, under its source's name
    samples = np.stack(
        [
            shift(apply_operation(references[8], CUBE_OPERATIONS[7]), (0.5, 0.5, 0.0)),
            discovery.resize(sources[3], int(sources[3].sum() * 1.4)),
            discovery.resize(sources[4], int(sources[4].sum() * 0.7)),
            sources[5] ^ (rng.random((d, d, d)) < 0.03),
            sources[5] ^ (rng.random((d, d, d)) < 0.04),
            frame(d, 4, (2, 2, 2)),
            helix(rng, d),
            np.zeros((d, d, d), bool),
        ]
    )
    index = {"source_id": names.astype(str), "orientation": np.tile(np.arange(6), len(sources))}
    found = metrics.vun(samples, UnitCells.from_voxels(references, index))
    repeats, equals = plain_verdict(samples, references, names)
    assert (~found.unique).tolist() == repeats
    assert (~found.novel).tolist() == equals
    assert True in equals
    assert False in equals


def test_orientations_of_a_source_are_compared_once_and_only_where_they_are_exact(rng):
    cell, other = helix(rng), helix(rng)
    rows = [orient(cell, k) for k in range(6)] + [orient(other, k) for k in range(6)]
    rows[9] = rows[9] ^ (rng.random(other.shape) < 0.01)
    index = {"source_id": np.repeat(["a", "b"], 6)}
    reference = metrics.Reference(UnitCells.from_voxels(np.stack(rows), index))
    assert reference.distinct_rows.tolist() == [0, 6, 9]
    assert reference.groups.tolist() == [0] * 6 + [1] * 6
    assert len(ORIENTATIONS) == 6
