import dataclasses

import numpy as np
import pytest
import torch

import voxplore as vp
from voxplore.data.synthetic.nets import draw_nets, nets_with_plans
from voxplore.data.synthetic.truss import voxelise_segments
from voxplore.models.graph import GraphVAE, _among
from voxplore.models.graph_slots import segments_of, slots_of
from voxplore.networks.strutnet import Slots, StrutDecoder
from voxplore.recipes import RECIPES
from voxplore.recipes.graph import GraphSampling


@pytest.fixture(scope="module")
def made():
    return nets_with_plans(12, 3, resolution=16, workers=1)


@pytest.fixture(scope="module")
def decoder():
    return StrutDecoder(side=4, width=8, layers=1, heads=2, score_width=4, latent=4, longest=1.05)


def test_nets_come_back_from_their_slots(made):
    cells, plans = made
    slots = slots_of(plans, 4)
    for k, segments in enumerate(segments_of(slots)):
        drawn = voxelise_segments(segments, 16, 0.06, periodic=True)
        assert np.mean(drawn == cells[k : k + 1].voxels()[0]) > 0.999
    assert slots.present.sum(1).tolist() == [len(net.nodes) for net in plans]


def test_the_order_of_nodes_does_not_matter(made):
    net = made[1][2]
    order = np.random.default_rng(0).permutation(len(net.nodes))
    place = np.argsort(order)
    other = dataclasses.replace(net, nodes=net.nodes[order], start=place[net.start], end=place[net.end])
    one, two = slots_of([net], 4), slots_of([other], 4)
    assert torch.equal(one.positions, two.positions)
    assert set(map(tuple, one.struts.tolist())) == set(map(tuple, two.struts.tolist()))


def test_every_strut_of_the_nets_is_among_those_considered(made, decoder):
    slots = slots_of(made[1], 4)
    rows, scores = decoder.struts(torch.zeros(len(made[1]), 64, 8), slots.present, slots.positions)
    assert len(rows) == len(scores)
    assert len(set(map(tuple, rows.tolist()))) == len(rows)
    assert set(map(tuple, slots.struts.tolist())) <= set(map(tuple, rows.tolist()))
    assert _among(rows, slots.struts).sum() == len(slots.struts)


def test_a_net_of_more_nodes_than_slots_is_refused(made):
    with pytest.raises(vp.VoxploreError, match="at most 1 nodes"):
        slots_of(made[1], 1)


def test_cells_without_graphs_are_refused_in_one_sentence(blobs):
    with pytest.raises(vp.VoxploreError, match=r"expected cells of `voxplore build nets`.*got cells without struts$"):
        GraphVAE(RECIPES["graph-nets-tiny"], device="cpu").fit(vp.UnitCells.from_voxels(blobs))


def test_a_net_without_struts_is_an_empty_cell(made):
    model = GraphVAE(RECIPES["graph-nets-tiny"], device="cpu")
    nothing = Slots(torch.zeros(2, 64, dtype=torch.bool), torch.zeros(2, 64, 3), torch.zeros(0, 6, dtype=torch.int64))
    assert not model._voxels(nothing).any()


def test_the_radius_of_the_training_cells_is_kept_with_the_model(made, tmp_path):
    plans = made[1]
    cells, _ = nets_with_plans(6, 3, resolution=16, radius=0.1, workers=1)
    config = RECIPES["graph-nets-tiny"]
    config = dataclasses.replace(config, training=dataclasses.replace(config.training, cells=16))
    GraphVAE(config, device="cpu").fit(cells).save(tmp_path / "model")
    again = vp.load_model(tmp_path / "model", device="cpu")
    drawn = again._voxels(slots_of(plans[:1], 4))
    expected = np.unpackbits(draw_nets(plans[:1], 16, 0.1)[0]).reshape(16, 16, 16)
    assert np.mean(drawn[0] == expected) > 0.999


def test_a_lower_threshold_is_taken_only_where_the_net_would_be_empty(made):
    model = GraphVAE(RECIPES["graph-nets-tiny"], device="cpu")
    latents = torch.randn(16, model.config.latent, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        chance = model.decoder(latents)[1].sigmoid()
    # No node of the least sure half of the nets exceeds the first threshold; all nodes exceed the second.
    surest = chance.amax(1)
    first = float(surest.median())
    high, low, both = (
        model._decoded(latents, GraphSampling(threshold, lower=lower, strut_threshold=0.0))
        for threshold, lower in ((first, ()), (0.0, ()), (first, (0.0,)))
    )
    sure = (surest > first) & torch.isin(torch.arange(16), high.struts[:, 0])
    assert 0 < sure.sum() < 16
    assert torch.equal(both.present, torch.where(sure[:, None], high.present, low.present))
    assert set(both.struts[:, 0].tolist()) == set(range(16))
