"""Transformer layers with dropout on a CPU: the same as torch's own, but for which elements are dropped."""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional

from voxplore.networks.dropout import Masks, drop, kept
from voxplore.networks.transformer import DroppedAttention, DroppedFeedForward, TransformerLayer


def plain_of(layer: TransformerLayer) -> nn.TransformerEncoderLayer:
    width, heads, hidden = layer.linear1.in_features, layer.self_attn.num_heads, layer.linear1.out_features
    plain = nn.TransformerEncoderLayer(
        width, heads, hidden, layer.rate, activation="gelu", batch_first=True, norm_first=layer.norm_first
    )
    plain.load_state_dict(layer.state_dict())
    return plain


@pytest.mark.parametrize("rate", [0.05, 0.1, 0.5, 0.9])
def test_masks_drop_the_share_asked_for(rate):
    torch.manual_seed(0)
    masks = Masks(rate, 1_000_000)
    assert abs(masks.keep - (1 - rate)) <= 0.5 / 4096
    shares = [kept(masks.draw(), (1_000_000,)).float().mean().item() for _ in range(4)]
    assert shares == pytest.approx([masks.keep] * 4, abs=5 * (rate * (1 - rate) / 1e6) ** 0.5)


def test_masks_of_neighbours_and_of_the_next_draw_are_independent():
    torch.manual_seed(0)
    masks = Masks(0.1, 1_000_000)
    first, second = (kept(masks.draw(), (1_000_000,)).float() - masks.keep for _ in range(2))
    variance, error = masks.keep * (1 - masks.keep), 5e-3
    pairs = [(first[:-lag], first[lag:]) for lag in (1, 7, 8, 64, 15_625, 125_000)] + [(first, second)]
    correlations = [((left * right).mean() / variance).item() for left, right in pairs]
    assert correlations == pytest.approx([0.0] * len(pairs), abs=error)


def test_the_same_seed_drops_the_same_elements():
    values = torch.randn(3, 50, 7)
    answers = []
    for seed in (5, 5, 6):
        torch.manual_seed(seed)
        answers.append(drop(values, 0.1)[0])
    assert torch.equal(answers[0], answers[1])
    assert not torch.equal(answers[0], answers[2])


def test_what_is_kept_is_scaled_so_that_the_mean_stays():
    torch.manual_seed(0)
    values = torch.ones(1_000_000, requires_grad=True)
    dropped, keep = drop(values, 0.1)
    assert set(dropped.unique().tolist()) == {0.0, 1.0}
    assert (dropped / keep).mean().item() == pytest.approx(1.0, abs=2e-3)
    dropped.sum().backward()
    assert torch.equal(values.grad, dropped)


@pytest.mark.parametrize("rows", [1, 432, 1000])
def test_the_feed_forward_part_equals_plain_torch_under_the_same_masks(rows):
    torch.manual_seed(0)
    shapes = ((rows, 32), (64, 32), (64,), (32, 64), (32,))
    inputs = [torch.randn(shape, requires_grad=True) for shape in shapes]
    torch.manual_seed(3)
    found = DroppedFeedForward.apply(*inputs, 0.1)
    torch.manual_seed(3)
    masks = Masks(0.1, min(rows, 432) * 64)
    parts = [kept(masks.draw(), (min(rows, 432), 64)) for _ in range(0, rows, 432)]
    x, rise, rise_bias, fall, fall_bias = inputs
    active = functional.gelu(functional.linear(x, rise, rise_bias)) * torch.cat(parts)[:rows] / masks.keep
    agree(found, functional.linear(active, fall, fall_bias), inputs)


def test_attention_equals_plain_torch_under_the_same_masks():
    torch.manual_seed(0)
    mixed = torch.randn(3, 20, 96, requires_grad=True)
    torch.manual_seed(3)
    found = DroppedAttention.apply(mixed, 4, 0.1)
    torch.manual_seed(3)
    masks = Masks(0.1, 4 * 20 * 20)
    keep = torch.stack([kept(masks.draw(), (4, 20, 20)) for _ in range(3)]) / masks.keep
    query, key, value = mixed.view(3, 20, 3, 4, 8).permute(2, 0, 3, 1, 4)
    weights = torch.softmax(query @ key.transpose(-1, -2) / 8**0.5, -1) * keep
    agree(found, (weights @ value).transpose(1, 2).reshape(3, 20, 32), [mixed])


def agree(found: torch.Tensor, wanted: torch.Tensor, inputs: list[torch.Tensor]) -> None:
    """Values and gradients are equal up to rounding."""
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4)
    weight = torch.randn_like(found)
    pairs = zip(torch.autograd.grad(found, inputs, weight), torch.autograd.grad(wanted, inputs, weight), strict=True)
    for left, right in pairs:
        torch.testing.assert_close(left, right, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("norm_first", [False, True])
def test_a_layer_equals_torchs_own_in_eval_mode_and_where_nothing_is_dropped(norm_first):
    torch.manual_seed(0)
    tokens = torch.randn(2, 9, 32)
    # 1e-9: our training path is taken, but no mask drops anything.
    layer = TransformerLayer(32, 4, 64, 1e-9, norm_first)
    plain = plain_of(layer)
    torch.testing.assert_close(layer.eval()(tokens), plain.eval()(tokens), rtol=0, atol=0)
    torch.testing.assert_close(layer.train()(tokens), plain.train()(tokens), rtol=1e-4, atol=1e-5)


def test_a_layer_in_training_has_torchs_mean_and_spread():
    torch.manual_seed(0)
    layer = TransformerLayer(16, 2, 32, 0.2, False).train()
    plain, tokens = plain_of(layer).train(), torch.randn(1, 5, 16).expand(4000, 5, 16)
    with torch.no_grad():
        found, wanted = layer(tokens), plain(tokens)
    torch.testing.assert_close(found.mean(0), wanted.mean(0), rtol=0, atol=0.05)
    torch.testing.assert_close(found.std(0), wanted.std(0), rtol=0.1, atol=0.02)


def test_a_layer_repeats_by_seed_and_leaves_no_trace_of_its_masks_in_another_call():
    layer = TransformerLayer(16, 2, 32, 0.1, False).train()
    tokens, answers = torch.randn(3, 5, 16), []
    for seed in (1, 2, 1):
        torch.manual_seed(seed)
        answers.append(layer(tokens))
    assert torch.equal(answers[0], answers[2])
    assert not torch.equal(answers[0], answers[1])


def test_a_layer_under_autocast_or_in_double_precision_is_torchs_own():
    layer = TransformerLayer(16, 2, 32, 0.1, False).train()
    tokens = torch.randn(2, 5, 16)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.isfinite(layer(tokens)).all()
    assert copy.deepcopy(layer).double()(tokens.double()).dtype == torch.float64
