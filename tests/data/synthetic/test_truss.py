"""Struts to voxels: against a plain distance formula, and against the kernel's other path."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voxplore.data.synthetic.truss import voxelise, voxelise_segments
from voxplore.errors import VoxploreError
from voxplore.kernels.capsules import capsules, capsules_numpy

CORNERS = np.array(list(itertools.product((0.0, 1.0), repeat=3)))
CUBE_EDGES = np.array(
    [(i, j) for i, j in itertools.combinations(range(8), 2) if abs(CORNERS[i] - CORNERS[j]).sum() == 1]
)


def plain_voxels(segments, resolution, radius, infinite=False):
    """Every voxel against every strut, with norms and cross products."""
    axis = (np.arange(resolution) + 0.5) / resolution
    points = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1)
    solid = np.zeros((resolution,) * 3, bool)
    for start, end in segments:
        length = np.linalg.norm(end - start)
        to_line = np.linalg.norm(np.cross(points - start, (end - start) / length), axis=-1)
        along = (points - start) @ (end - start) / length
        to_ends = np.minimum(np.linalg.norm(points - start, axis=-1), np.linalg.norm(points - end, axis=-1))
        beside = (along >= 0) & (along <= length)
        solid |= np.where(beside | infinite, to_line, to_ends) <= radius
    return solid


def test_the_simple_cubic_cell_has_the_published_least_density():
    assert voxelise(CORNERS, CUBE_EDGES).mean() == pytest.approx(0.0290, abs=5e-5)


@pytest.mark.parametrize("line", ["segment", "infinite"])
def test_a_voxel_is_solid_where_its_centre_is_within_the_radius_of_a_strut(rng, line):
    nodes, edges = rng.uniform(size=(8, 3)), np.array([(0, 1), (2, 3), (4, 5), (6, 7)])
    expected = plain_voxels(nodes[edges], 24, 0.09, line == "infinite")
    assert np.array_equal(voxelise(nodes, edges, 24, 0.09, line=line), expected)


def test_periodic_voxels_are_the_union_over_all_images(rng):
    segments = rng.uniform(-0.5, 1.5, size=(5, 2, 3))
    images = [segments + np.array(period) for period in itertools.product(range(-2, 3), repeat=3)]
    expected = plain_voxels(np.concatenate(images), 12, 0.1)
    assert np.array_equal(voxelise_segments(segments, 12, 0.1, periodic=True), expected)


def test_moving_a_periodic_net_by_half_a_period_rolls_its_voxels(rng):
    segments = np.round(rng.uniform(size=(6, 2, 3)), 5)
    moved = voxelise_segments(segments + np.array([0.5, 0.0, 0.5]), 16, periodic=True)
    assert np.array_equal(moved, np.roll(voxelise_segments(segments, 16, periodic=True), (8, 0, 8), (0, 1, 2)))


def test_a_strut_of_length_zero_is_a_ball():
    ball = voxelise_segments(np.full((1, 2, 3), 0.5), 24, 0.25)
    assert ball.mean() == pytest.approx(4 / 3 * np.pi * 0.25**3, rel=0.05)


def test_no_struts_leave_the_cell_void():
    assert not voxelise_segments(np.zeros((0, 2, 3)), 8, periodic=True).any()


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from((7, 16, 33)), st.booleans(), st.sampled_from((0, 4, 8)))
def test_compiled_and_numpy_struts_have_the_same_bits(seed, resolution, infinite, grid):
    segments = np.random.default_rng(seed).uniform(-0.4, 1.6, size=(6, 2, 3))
    if grid:  # nodes on a grid: struts along the axes, on the faces, of length 0
        segments = np.round(segments * grid) / grid
    arguments = (segments, resolution, (resolution, 2 * resolution, resolution), 0.06, infinite)
    assert np.array_equal(capsules(*arguments), capsules_numpy(*arguments))


def test_nan_coordinates_are_refused():
    with pytest.raises(VoxploreError, match="NaN"):
        voxelise(np.array([[0.0, 0.0, np.nan], [1.0, 0.0, 0.0]]), np.array([[0, 1]]))


def test_infinite_lines_have_no_periodic_images():
    with pytest.raises(VoxploreError, match="infinite"):
        voxelise(CORNERS, CUBE_EDGES, periodic=True, line="infinite")
