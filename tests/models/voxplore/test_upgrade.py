"""Configurations of earlier versions: what they become, and that their models load."""

import copy
import json
from pathlib import Path

import pytest

import voxplore as vp
from voxplore.config import from_dict
from voxplore.models.voxplore.upgrade import upgraded
from voxplore.recipes import (
    RECIPES,
    ClosedForm,
    Contrastive,
    LargestPiece,
    Levels,
    MatchDensity,
    Orient,
    PatchAutoencoder,
    PrincipalAutoencoder,
    Redraw,
    ResidualDenoiser,
    Sink,
    Symmetrise,
    VoxPloreConfig,
)

#: The published settings as version 0.1 wrote them.
PUBLISHED = {
    "autoencoder": {
        "kind": "transformer",
        "resolution": 48,
        "patch": 8,
        "width": 128,
        "layers": 4,
        "decoder_layers": 4,
        "heads": 8,
        "feed_forward": 2048,
        "bottleneck": 1024,
        "latent": 128,
        "squeeze": 0,
        "channels": 0,
        "basis": 512,
        "voxel_share": 0.25,
        "dropout": 0.1,
        "norm": "post",
        "positions_scale": 0.1,
        "loss": "mse",
    },
    "regularisation": "ras",
    "ras": {"inter": 4.0, "intra": 0.0004, "sink": 0.001, "softening": 0.1},
    "contrastive": 0.1,
    "negatives": 0.2,
    "negative_share": 1.0,
    "negative_mix": "published",
    "latent_noise": 0.0,
    "augment": "six",
    "autoencoder_training": {"cells": 1000, "batch": 200},
    "denoiser": {
        "kind": "mlp",
        "neighbours": 1,
        "concentration": 1.0,
        "density_width": 0.01,
        "property_share": 0.02,
        "points": 30000,
        "width": 512,
        "layers": 16,
        "time_width": 1,
        "norm": False,
        "standardise": "each",
        "steps": 1000,
        "beta_first": 0.0001,
        "beta_last": 0.02,
        "prediction": "epsilon",
    },
    "denoiser_training": {"cells": 1000, "batch": 200},
    "sampling": {
        "sampler": "ancestral",
        "steps": 1000,
        "early": 0,
        "points": 0,
        "threshold": 0.5,
        "lower": [],
        "spanning": False,
        "srr": None,
        "redraws": 0,
        "largest_piece": False,
        "symmetrise": False,
        "turn": "none",
        "density_corrections": 0,
        "calibrate": False,
    },
    "seed": 0,
}


def read(data: dict) -> VoxPloreConfig:
    return from_dict(VoxPloreConfig, upgraded(data), "config.json")


def changed(part: str, **fields: object) -> dict:
    data = copy.deepcopy(PUBLISHED)
    (data[part] if part else data).update(fields)
    return data


def test_a_closed_form_of_an_earlier_version_has_its_steps():
    saved = json.loads((Path(__file__).parent / "closed_form_of_version_1.json").read_text())
    assert saved["denoiser"]["kind"] == "empirical"
    config = read(saved)
    assert config.autoencoder == PrincipalAutoencoder()
    assert config.denoiser == ClosedForm(neighbours=2, concentration=2.0)
    assert config.denoiser_training is None
    assert config.sampling.after == (
        Symmetrise(),
        Levels(tuple(saved["sampling"]["lower"])),
        MatchDensity(4),
        LargestPiece(),
        Redraw(3),
        Orient("six"),
    )
    row = RECIPES["closed-form-sym-both-small"]
    assert (config.sampling.steps, config.sampling.threshold) == (row.sampling.steps, row.sampling.threshold)
    assert config.loss == row.loss


def test_the_published_networks_keep_the_sizes_and_the_activation_that_they_were_trained_with():
    config = read(PUBLISHED)
    assert config.autoencoder == PatchAutoencoder(activation="gelu")
    assert config.denoiser == ResidualDenoiser(layers=14)  # the linear layers at both ends were counted
    assert config.sampling.after == ()
    assert config.standardise == "each"


@pytest.mark.parametrize(("noise", "sink"), [(0.0, 0.0), (0.5, 0.001)])
def test_regularisation_becomes_a_class_with_the_sink_that_noise_asks_for(noise, sink):
    assert read(changed("", regularisation="none", latent_noise=noise)).regularisation == Sink(sink)
    assert read(changed("", regularisation="contrastive", latent_noise=noise)).regularisation == Contrastive(0.1, sink)


@pytest.mark.parametrize(
    ("part", "field", "value"),
    [
        ("autoencoder", "channels", 4),
        ("autoencoder", "loss", "bce"),
        ("denoiser", "beta_last", 0.03),
        ("autoencoder", "depth", 7),
    ],
)
def test_a_field_that_is_gone_is_refused_by_its_name_where_it_said_something_else(part, field, value):
    with pytest.raises(vp.VoxploreError, match=f"unknown '{field}'"):
        read(changed(part, **{field: value}))


@pytest.mark.parametrize("name", [name for name, config in RECIPES.items() if isinstance(config, VoxPloreConfig)])
def test_a_configuration_of_this_version_stays_as_it_is(name):
    config = RECIPES[name]
    data = vp.config.to_dict(config)
    assert upgraded(data) is data


@pytest.mark.parametrize("data", [None, 3, [], {}, {"autoencoder": 3}, {"autoencoder": {}, "denoiser": []}])
def test_what_is_no_configuration_is_left_for_the_reader_to_refuse(data):
    assert upgraded(data) is data
