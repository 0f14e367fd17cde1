import dataclasses

import numpy as np
import pytest

import voxplore as vp
from voxplore.data.synthetic.nets import nets_with_plans
from voxplore.models.edits import Edits
from voxplore.models.edits_made import edited_net, edited_voxels
from voxplore.recipes import RECIPES
from voxplore.recipes.edits import EditsSampling


@pytest.fixture(scope="module")
def made():
    return nets_with_plans(12, 3, resolution=16, workers=1)


@pytest.fixture(scope="module", params=["edits-nets-tiny", "edits-shells-tiny"])
def model(request, made):
    return Edits(dataclasses.replace(RECIPES[request.param], augment="none"), device="cpu").fit(made[0])


def test_no_edits_give_training_cells(model, made):
    drawn = model.generate(6, seed=0, sampling=dataclasses.replace(model.config.sampling, edits=0))
    known = {row.tobytes() for row in made[0].packed}
    assert {row.tobytes() for row in drawn.packed} <= known


def test_edits_change_most_cells_and_more_of_them_more(model, made):
    known = made[0].voxels()

    def nearest(edits: int) -> float:
        found = model.generate(30, seed=0, sampling=dataclasses.replace(model.config.sampling, edits=edits)).voxels()
        shared = (found[:, None] & known).sum((2, 3, 4)) / (found[:, None] | known).sum((2, 3, 4))
        return float(shared.max(1).mean())

    assert 1.0 > nearest(1) > nearest(10)


def test_a_saved_model_draws_on(model, tmp_path):
    model.save(tmp_path / "model")
    assert vp.load_model(tmp_path / "model").generate(4, seed=2).sha256() == model.generate(4, seed=2).sha256()


def test_edited_nets_keep_their_lengths_and_their_nodes(made, rng):
    options = EditsSampling(edits=30)
    for net in made[1]:
        edited = edited_net(net, options, rng)
        assert edited.lengths().min() >= options.shortest - 1e-9
        assert len(edited.nodes) == len(net.nodes)
        assert not np.array_equal(edited.segments(), net.segments())


def test_an_empty_cell_can_be_edited(rng):
    empty = np.zeros((16, 16, 16), bool)
    assert not edited_voxels(empty, lambda: empty, EditsSampling(edits=10), rng).any()


def test_trusses_of_unknown_struts_are_refused_and_their_voxels_are_not(blobs):
    cells = vp.UnitCells.from_voxels(blobs)
    with pytest.raises(vp.VoxploreError, match="without struts"):
        Edits(RECIPES["edits-nets-tiny"], device="cpu").fit(cells)
    assert len(Edits(RECIPES["edits-metatruss-tiny"], device="cpu").fit(cells).generate(5, seed=0)) == 5
