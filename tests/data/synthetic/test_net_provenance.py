import dataclasses

import numpy as np
import pytest

from voxplore.data.prepare.orientations import orient_cells
from voxplore.data.synthetic.net_provenance import nets_of, turned
from voxplore.data.synthetic.nets import build_nets, draw_nets, nets_with_plans
from voxplore.errors import VoxploreError
from voxplore.geometry import CUBE_OPERATIONS, apply_operation
from voxplore.unitcells import UnitCells, load_cells, unpack


@pytest.fixture(scope="module")
def made():
    return nets_with_plans(12, 3, resolution=16, workers=1)


def test_the_nets_of_cells_are_those_they_were_drawn_from(made):
    cells, plans = made
    nets, radius = nets_of(cells)
    assert radius == 0.06
    for net, plan in zip(nets, plans, strict=True):
        assert np.array_equal(net.segments(), plan.segments())


def test_a_folder_of_some_oriented_cells_is_enough(made, tmp_path):
    orient_cells(made[0], 6)[np.arange(5, 60, 7)].save(tmp_path / "cells")
    cells = load_cells(tmp_path / "cells")
    nets, radius = nets_of(cells)
    assert np.mean(draw_nets(nets, 16, radius) == cells.packed) > 0.999


@pytest.mark.parametrize("k", range(0, 48, 5))
def test_turning_a_net_turns_its_cell(made, k):
    drawn = unpack(draw_nets([turned(made[1][0], CUBE_OPERATIONS[k])], 16), 16)[0]
    expected = apply_operation(made[0][:1].voxels(), CUBE_OPERATIONS[k])[0]
    assert np.mean(drawn == expected) > 0.999


def test_cells_of_unknown_making_are_refused_in_one_sentence(made, blobs):
    with pytest.raises(VoxploreError, match=r"expected cells of `voxplore build nets`.*got cells without struts"):
        nets_of(UnitCells.from_voxels(blobs))


def test_cells_that_their_nets_do_not_draw_are_refused(made):
    cells = made[0]
    packed = np.array(cells.packed)
    packed[4] = ~packed[4]
    with pytest.raises(VoxploreError, match="got cell nets-000004 of other voxels"):
        nets_of(dataclasses.replace(cells, packed=packed))


def test_another_seed_is_noticed(made):
    cells = made[0]
    about = {**cells.about, "options": {**cells.about["options"], "seed": 4}}
    with pytest.raises(VoxploreError, match="other"):
        nets_of(dataclasses.replace(cells, about=about))


def test_shells_have_no_struts():
    from voxplore.data.synthetic.shells import build_shells

    with pytest.raises(VoxploreError, match="without struts"):
        nets_of(build_shells(2, 0, resolution=16, workers=1))


def test_nets_of_another_radius_are_found_too():
    cells = build_nets(3, 5, resolution=24, radius=0.09, workers=1)
    assert nets_of(cells)[1] == 0.09
