"""Nets made from space groups: reproducible, in one piece, symmetric where they claim to be, distinct."""

import hashlib

import numpy as np
import pytest

from voxplore.data.synthetic.net_families import DEFAULT_RULES, make_family
from voxplore.data.synthetic.nets import build_nets, net_graph
from voxplore.data.synthetic.periodic import is_one_net
from voxplore.data.synthetic.truss import voxelise
from voxplore.errors import VoxploreError
from voxplore.geometry import CUBE_OPERATIONS, apply_operation
from voxplore.metrics.quality import connectivity, symmetry

#: sha256 of the packed first 25 cells at 48^3.
FIRST_CELLS = "7e9e098450d963949cf5d2195d1564c39557382264904ea55ad70dfa559c129b"


@pytest.fixture(scope="module")
def nets():
    return build_nets(120, seed=0, resolution=32, workers=1)


@pytest.fixture(scope="module")
def families():
    return [make_family(7, position) for position in range(20)]


def test_the_same_seed_gives_the_same_bytes_with_any_number_of_workers(nets):
    again = build_nets(45, seed=0, resolution=32, workers=2)
    assert np.array_equal(again.packed, nets.packed[:45])
    assert again.index["source_id"].tolist() == nets.index["source_id"][:45].tolist()


def test_the_first_cells_of_seed_0_are_those_that_results_and_weights_stand_on():
    cells = build_nets(25, seed=0, workers=1)
    assert hashlib.sha256(cells.packed.tobytes()).hexdigest() == FIRST_CELLS


def test_another_seed_gives_other_cells(nets):
    other = build_nets(5, seed=1, resolution=32, workers=1)
    assert not np.array_equal(other.packed, nets.packed[:5])


def test_every_cell_is_one_periodic_component(nets):
    assert (connectivity(nets) == 1.0).all()


def test_centrosymmetric_cells_score_full_symmetry(nets):
    central = nets.index["centrosymmetric"] == 1
    assert (symmetry(nets)[central] == 1.0).all()
    assert central.mean() > 0.7


def test_densities_are_those_of_lattices(nets):
    density = nets.relative_density()
    assert 0.10 < density.mean() < 0.20
    assert density.min() > 0.02
    assert density.max() < 0.60


def test_no_two_cells_are_nearly_equal_in_any_orientation(nets):
    cells = nets[:60].voxels()
    flat = cells.reshape(60, -1).astype(np.float32)
    solid = flat.sum(axis=1)
    for operation in CUBE_OPERATIONS:
        moved = apply_operation(cells, operation).reshape(60, -1).astype(np.float32)
        shared = np.triu(flat @ moved.T, k=1)
        assert (shared / (solid[:, None] + solid[None] - shared)).max() < DEFAULT_RULES.repeat_limit


def test_every_net_is_in_one_piece_with_three_struts_or_more_at_a_node(families):
    for _, members in families:
        for net in members:
            assert is_one_net(net)
            assert net.degrees().min() >= 3


def test_struts_are_neither_very_short_nor_very_long(families):
    lengths = np.concatenate([net.lengths() for _, members in families for net in members])
    assert lengths.min() > DEFAULT_RULES.min_length - 1e-4
    assert lengths.max() < DEFAULT_RULES.max_length + 1e-4


def test_variants_of_a_family_share_their_struts_and_differ_in_their_nodes(families):
    members = next(members for _, members in families if len(members) > 1)
    assert np.array_equal(members[0].start, members[1].start)
    assert np.array_equal(members[0].period, members[1].period)
    assert not np.array_equal(members[0].nodes, members[1].nodes)


def test_coordinates_have_five_decimals(families):
    nodes = np.concatenate([net.nodes for _, members in families for net in members])
    assert np.allclose(nodes * 1e5, np.round(nodes * 1e5), atol=1e-6)


def test_the_strut_graph_of_a_cell_gives_back_its_voxels(nets):
    for row in (0, 17, 80):
        graph = net_graph(0, str(nets.index["source_id"][row]))
        again = voxelise(graph.nodes, graph.edges, 32, periodic=True)
        cell = nets[row : row + 1].voxels()[0]
        assert (again & cell).sum() / (again | cell).sum() > 0.995


@pytest.mark.parametrize("name", ["simple", "net-cubic-000001-99", "net-cubic-1"])
def test_an_unknown_source_id_is_refused(name):
    with pytest.raises(VoxploreError, match="source_id"):
        net_graph(0, name)


def test_no_cells_are_refused():
    with pytest.raises(VoxploreError, match="n: expected a number from 1 to"):
        build_nets(0)
