import dataclasses

import numpy as np
import torch

import voxplore as vp
from voxplore.models.xcube import XCube
from voxplore.recipes import RECIPES


def test_at_48_the_hierarchy_is_6_to_24_to_48():
    model = XCube(RECIPES["xcube-nets-small"], device="cpu")
    assert (model.coarse_side, model.fine_side) == (6, 24)


def test_where_no_coarse_voxel_is_kept_the_cell_is_empty():
    model = XCube(RECIPES["xcube-nets-tiny"], device="cpu")
    for head in model.coarse_vae.decoder.heads:
        torch.nn.init.constant_(head.leave.bias, -1e6)  # pyright: ignore
    drawn = model.generate(2, seed=0)
    assert not drawn.voxels().any()


def test_a_cell_stays_inside_its_coarse_grid():
    """Whatever the fine level says, voxels that the coarse one dropped never come back."""
    model = XCube(RECIPES["xcube-nets-tiny"], device="cpu")
    torch.nn.init.constant_(model.fine_vae.decoder.last.bias, 1e6)  # pyright: ignore
    for head in model.fine_vae.decoder.heads:
        torch.nn.init.constant_(head.leave.bias, 1e6)  # pyright: ignore
    cells = vp.UnitCells.from_voxels(np.arange(16**3).reshape(1, 16, 16, 16) == 1911)
    solid = model.reconstruct(cells).voxels()[0]
    assert solid.sum() == 8 * 8  # its eight nearest coarse voxels, split into eight each


def test_fine_steps_and_coarse_steps_are_told_apart():
    model = XCube(RECIPES["xcube-nets-tiny"], device="cpu")
    torch.nn.init.normal_(model.fine_unet.leave.conv.weight)
    sampling = dataclasses.replace(model.config.sampling, sampler="ddim", coarse_steps=2)
    fewer, more = (
        model.generate(2, seed=0, sampling=dataclasses.replace(sampling, fine_steps=steps)) for steps in (1, 4)
    )
    assert fewer.sha256() != more.sha256()
