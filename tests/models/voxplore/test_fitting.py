"""Latents fitted to cells take the decoder nearer to them, each alone."""

import dataclasses

import numpy as np
import pytest
import torch

import voxplore as vp
from voxplore.data.synthetic.nets import build_nets
from voxplore.models.voxplore import fit_latents
from voxplore.models.voxplore.flips import flips_of
from voxplore.recipes import RECIPES

NAMES = [f"{name}-nets-tiny" for name in ("closed-form", "voxplore-paper", "voxplore-published")]


@pytest.fixture(scope="module")
def cells() -> vp.UnitCells:
    return build_nets(20, 3, resolution=16, radius=0.12, workers=1)


@pytest.fixture(scope="module", params=NAMES)
def model(request, cells) -> vp.VoxPlore:
    config = RECIPES[request.param]
    short = dataclasses.replace(config.autoencoder_training, cells=320)
    denoiser = config.denoiser_training and dataclasses.replace(config.denoiser_training, cells=64)
    config = dataclasses.replace(config, autoencoder_training=short, denoiser_training=denoiser)
    return vp.VoxPlore(config, device="cpu").fit(cells[:12])


def error(model: vp.VoxPlore, cells: vp.UnitCells, latents: torch.Tensor) -> float:
    """Share of voxels that are decoded wrongly."""
    decoded = model.decode(latents, torch.from_numpy(flips_of(cells)))
    return float((decoded.voxels() != cells.voxels()).mean())


def test_cells_that_were_not_shown_are_decoded_more_closely(model, cells):
    unseen = cells[12:]
    before, after = model.encode(unseen), fit_latents(model, unseen, 60)
    assert after.shape == before.shape
    assert error(model, unseen, after) < error(model, unseen, before)


def test_the_latent_of_a_cell_depends_on_it_alone_and_weights_stay(model, cells):
    weights = {name: tensor.clone() for name, tensor in model.autoencoder.state_dict().items()}
    alone, among = fit_latents(model, cells[14:15], 5), fit_latents(model, cells[12:], 5)
    assert np.array_equal(alone.numpy(), among.numpy()[2:3])
    assert all(torch.equal(tensor, weights[name]) for name, tensor in model.autoencoder.state_dict().items())
