"""Periodic graphs: one piece or several, crowded or clear, and the cut at the faces."""

import numpy as np
import pytest

from voxplore.data.synthetic.periodic import (
    PeriodicNet,
    cut_at_faces,
    is_one_net,
    min_angle,
    strut_graph,
    struts_crowded,
)
from voxplore.data.synthetic.truss import voxelise, voxelise_segments


def net(nodes, rows):
    rows = np.array(rows)
    return PeriodicNet(np.array(nodes, float), rows[:, 0], rows[:, 1], rows[:, 2:])


CUBIC = net([[0, 0, 0]], [(0, 0, 1, 0, 0), (0, 0, 0, 1, 0), (0, 0, 0, 0, 1)])


def test_the_simple_cubic_net_is_one():
    assert is_one_net(CUBIC)


def test_two_interpenetrating_cubic_nets_are_not_one():
    assert not is_one_net(net([[0, 0, 0]], [(0, 0, 1, 1, 0), (0, 0, 1, -1, 0), (0, 0, 0, 0, 1)]))


def test_a_net_that_does_not_span_an_axis_is_not_one():
    assert not is_one_net(net([[0, 0, 0]], [(0, 0, 1, 0, 0), (0, 0, 0, 1, 0)]))


def test_a_net_with_a_loose_node_is_not_one():
    assert not is_one_net(PeriodicNet(np.array([[0, 0, 0], [0.5, 0.5, 0.5]]), CUBIC.start, CUBIC.end, CUBIC.period))


def test_skew_closed_walks_may_still_span_all_periods():
    assert is_one_net(net([[0, 0, 0]], [(0, 0, 2, 1, 0), (0, 0, 3, 2, 0), (0, 0, 5, 7, 1)]))


@pytest.mark.parametrize("determinant", [2, 3])
def test_closed_walks_on_a_sublattice_do_not_span_all_periods(determinant):
    rows = [(0, 0, 1, 0, 0), (0, 0, 0, 1, 0), (0, 0, 1, 1, determinant)]
    assert not is_one_net(net([[0, 0, 0]], rows))


def test_lengths_degrees_and_angles_of_the_cubic_net():
    assert CUBIC.lengths().tolist() == [1.0, 1.0, 1.0]
    assert CUBIC.degrees().tolist() == [6]
    assert min_angle(CUBIC) == pytest.approx(90.0)


def test_struts_that_pass_each_other_closely_are_crowded_across_a_face_too():
    rows = [(0, 1, 0, 0, 0), (2, 3, 0, 0, 0)]
    apart = net([[0.2, 0.5, 0.97], [0.8, 0.5, 0.97], [0.5, 0.2, 0.03], [0.5, 0.8, 0.03]], rows)
    assert struts_crowded(apart, 0.08)
    assert not struts_crowded(apart, 0.04)


def test_struts_at_a_common_node_are_not_crowded():
    assert not struts_crowded(CUBIC, 0.1)


def test_the_cubic_cell_is_decorated_on_all_edges():
    graph = strut_graph("cubic", CUBIC.segments())
    assert len(graph.nodes) == 8
    assert len(graph.edges) == 12


def test_a_strut_through_a_face_is_cut_and_wrapped():
    pieces = cut_at_faces(np.array([[[0.8, 0.5, 0.5], [1.2, 0.5, 0.5]]]))
    ends = np.sort(pieces[:, :, 0], axis=1)
    assert np.allclose(ends[np.argsort(ends[:, 0])], [[0.0, 0.2], [0.8, 1.0]], atol=1e-5)


def test_cut_struts_fill_the_cell_as_the_periodic_net_does(rng):
    segments = np.round(rng.uniform(0.0, 1.0, size=(6, 2, 3)) + rng.integers(-1, 2, size=(6, 1, 3)), 5)
    segments[:, 1] += np.round(rng.uniform(-0.4, 0.4, size=(6, 3)), 5)
    graph = strut_graph("random", segments)
    assert graph.nodes.min() >= 0.0
    assert graph.nodes.max() <= 1.0
    whole = voxelise_segments(segments, 24, periodic=True)
    assert np.array_equal(voxelise(graph.nodes, graph.edges, 24, periodic=True), whole)


def test_touches_are_kept_on_request():
    along_the_edge = np.array([[[0.3, 0.3, 0.0], [0.0, 0.0, 0.0]]])
    assert len(strut_graph("touch", along_the_edge).edges) == 2
    assert len(strut_graph("touch", along_the_edge, keep_touches=True).edges) > 2
