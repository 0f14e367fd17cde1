"""The head of a decoder against a discriminator: whose gradient goes where."""

import copy
import dataclasses
import math

import numpy as np
import pytest
import torch

import voxplore as vp
from voxplore.data.synthetic.nets import build_nets
from voxplore.models.voxplore import head_training
from voxplore.models.voxplore.unit import UnitBatches
from voxplore.networks import PatchDiscriminator

CONFIG = vp.RECIPES["voxplore-field-nets-tiny"]


@pytest.fixture
def model():
    made = vp.MODELS["voxplore-field"](CONFIG, "cpu")
    made.autoencoder.start(
        UnitBatches(build_nets(8, seed=3, resolution=16, workers=1), [((0, 1, 2), (False,) * 3)]), 8, 0
    )
    made.autoencoder.requires_grad_(False)
    torch.nn.init.normal_(made.decoder.head.last.weight, std=0.1)
    return made


@pytest.fixture
def batch():
    return torch.from_numpy(build_nets(4, seed=5, resolution=16, workers=1).voxels().view(np.uint8)), 1


def gradients(model, discriminator, batch) -> tuple[torch.Tensor, torch.Tensor, float]:
    """Of all weights of the head, and of the discriminator; and how much the discriminator misses."""
    modules = model.decoder.head, discriminator
    for module in modules:
        module.zero_grad()
    torch.manual_seed(0)
    loss, figures = head_training._adversarial(model, discriminator, batch, len(batch[0]))
    loss.backward()
    head, own = (torch.cat([p.grad.flatten() for p in module.parameters()]) for module in modules)
    return head, own, float(figures["discriminator"].detach())


def skilled(discriminator, model, batch, steps=40):
    """A discriminator that has learned to tell these cells from their reconstructions."""
    optimiser = torch.optim.Adam(discriminator.parameters(), 2e-3)
    for _ in range(steps):
        gradients(model, discriminator, batch)
        optimiser.step()
    return discriminator


def weighted(model, weight: float):
    other = copy.copy(model)
    other.config = dataclasses.replace(model.config, adversarial=weight)
    return other


def test_a_discriminator_that_cannot_tell_leaves_the_head_to_its_error(model, batch):
    blind = PatchDiscriminator(4)
    torch.nn.init.zeros_(blind.layers[-1].weight)
    head, _, missed = gradients(model, blind, batch)
    assert missed == pytest.approx(math.log(2))
    model.decoder.head.zero_grad()
    torch.manual_seed(0)
    head_training._error(model, batch, 4)[0].backward()
    alone = torch.cat([p.grad.flatten() for p in model.decoder.head.parameters()])
    torch.testing.assert_close(head, alone, atol=1e-7, rtol=1e-4)


def test_a_discriminator_that_can_tell_moves_the_head_the_more_the_larger_its_weight(model, batch):
    discriminator = skilled(PatchDiscriminator(4), model, batch)
    none, one, two = (gradients(weighted(model, weight), discriminator, batch)[0] for weight in (0.0, 1.0, 2.0))
    assert gradients(model, discriminator, batch)[2] < 0.6
    assert (one - none).norm() > 0.02 * none.norm()
    torch.testing.assert_close(two - none, 2 * (one - none), atol=1e-6, rtol=1e-2)


def test_the_discriminator_learns_from_its_own_loss_alone(model, batch):
    """What the head wants of it does not reach it, whatever its weight."""
    discriminator = PatchDiscriminator(4)
    little, much = (gradients(weighted(model, weight), discriminator, batch)[1] for weight in (0.0, 100.0))
    assert little.norm() > 0
    torch.testing.assert_close(little, much)


def test_cells_are_drawn_with_the_head_that_the_last_stage_leaves(tmp_path):
    """The same call again loads both stages and ends with the same head, another one than without the last stage."""
    cells, short = build_nets(32, seed=3, resolution=16, workers=1), {"cells": 64}
    names = ("autoencoder_training", "denoiser_training", "head_training", "adversarial_training")
    config = dataclasses.replace(
        CONFIG, **{name: dataclasses.replace(getattr(CONFIG, name), **short) for name in names}
    )
    made = vp.MODELS["voxplore-field"](config, "cpu").fit(cells, tmp_path / "run")
    again = vp.MODELS["voxplore-field"](config, "cpu").fit(cells, tmp_path / "run")
    (tmp_path / "run/adversarial.safetensors").unlink()
    without = vp.MODELS["voxplore-field"](dataclasses.replace(config, adversarial_training=None), "cpu")
    without.fit(cells, tmp_path / "run")
    heads = [torch.cat([p.detach().flatten() for p in one.decoder.head.parameters()]) for one in (made, again, without)]
    assert torch.equal(heads[0], heads[1])
    assert not torch.equal(heads[0], heads[2])
    assert set(made.trained["stages"]) == {"autoencoder", "denoiser", "head", "adversarial"}
