"""Transformer layers that train fast on a CPU with dropout; everywhere else they are torch's own.

What torch does there with dropout on: draws masks at ten nanoseconds an element, keeps the masks as floats, and writes
attention out in several large tensors. Here both parts go a few cells at a time, in memory that is used again and stays
in the cache; masks are bits (`dropout.py`), and what is quick to compute again is not kept. The same is computed, up to
rounding and to which elements the masks drop.
"""

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from voxplore.networks.dropout import Masks, drop, kept

__all__ = ["DroppedAttention", "DroppedFeedForward", "TransformerLayer"]

#: Rows that the feed-forward part takes at a time: with 2,048 hidden units 3.5 MB a buffer.
_ROWS = 432
#: How far what is dropped is moved down before GELU.
_FAR = 2**14


class TransformerLayer(nn.TransformerEncoderLayer):
    """nn.TransformerEncoderLayer with GELU over tokens (n, tokens, width): same arguments, weights and answers."""

    def __init__(self, width: int, heads: int, feed_forward: int, dropout: float, norm_first: bool):
        super().__init__(
            width, heads, feed_forward, dropout, activation="gelu", batch_first=True, norm_first=norm_first
        )
        self.rate = dropout

    def forward(self, src: Tensor, *args: Any, **named: Any) -> Tensor:
        """(n, tokens, width) -> the same shape; masks of tokens as nn.TransformerEncoderLayer takes them."""
        masked = any(value is not None and value is not False for value in (*args, *named.values()))
        plain = masked or src.device.type != "cpu" or src.dtype != torch.float32 or torch.is_autocast_enabled("cpu")
        if plain or not self.training or not 0 < self.rate < 1:
            return super().forward(src, *args, **named)
        if self.norm_first:
            between = self._added(src, self._attended(self.norm1(src)))
            return self._added(between, self._fed(self.norm2(between)))
        between = self.norm1(self._added(src, self._attended(src)))
        return self.norm2(self._added(between, self._fed(between)))

    def _attended(self, tokens: Tensor) -> Tensor:
        attention = self.self_attn
        mixed = functional.linear(tokens, attention.in_proj_weight, attention.in_proj_bias)
        return attention.out_proj(DroppedAttention.apply(mixed, attention.num_heads, self.rate))

    def _fed(self, tokens: Tensor) -> Tensor:
        rise, fall = self.linear1, self.linear2
        rows = tokens.reshape(-1, tokens.shape[-1])
        return DroppedFeedForward.apply(rows, rise.weight, rise.bias, fall.weight, fall.bias, self.rate).view_as(tokens)

    def _added(self, tokens: Tensor, change: Tensor) -> Tensor:
        dropped, keep = drop(change, self.rate)
        return torch.add(tokens, dropped, alpha=1 / keep)


class DroppedFeedForward(torch.autograd.Function):
    """rows (n, width), weights and biases of two linear layers, dropout rate -> rows: linear, GELU, dropout, linear."""

    @staticmethod
    def forward(
        ctx: Any, rows: Tensor, rise: Tensor, rise_bias: Tensor, fall: Tensor, fall_bias: Tensor, rate: float
    ) -> Tensor:
        n, hidden = len(rows), len(rise)
        size = min(_ROWS, n)
        masks = Masks(rate, size * hidden)
        scaled = (fall / masks.keep).t()
        out, buffer = rows.new_empty(n, len(fall)), rows.new_empty(size, hidden)
        spread = masks.state.new_empty(8, len(masks.state))
        raised = []
        for start in range(0, n, _ROWS):
            before = torch.addmm(rise_bias, rows[start : start + _ROWS], rise.t())
            # GELU and its slope are exactly zero that far down, so nobody needs the mask again.
            before.sub_(kept(masks.draw().bitwise_not_(), tuple(before.shape), spread), alpha=_FAR)
            active = torch.ops.aten.gelu.out(before, out=buffer[: len(before)])
            torch.addmm(fall_bias, active, scaled, out=out[start : start + _ROWS])
            raised.append(before)
        ctx.save_for_backward(rows, rise, fall, *raised)
        ctx.keep = masks.keep
        return out

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        gradient = gradients[0].contiguous()
        rows, rise, fall, *raised = ctx.saved_tensors
        d_rows, scaled = torch.empty_like(rows), fall / ctx.keep
        d_rise, d_rise_bias, d_fall = torch.zeros_like(rise), rise.new_zeros(len(rise)), torch.zeros_like(fall)
        buffer, second = torch.empty_like(raised[0]), torch.empty_like(raised[0])
        for i, before in enumerate(raised):
            chosen = slice(i * _ROWS, (i + 1) * _ROWS)
            # GELU again is cheaper than to write it to memory and read it back.
            d_fall.addmm_(gradient[chosen].t(), torch.ops.aten.gelu.out(before, out=buffer[: len(before)]))
            back = torch.mm(gradient[chosen], scaled, out=second[: len(before)])
            torch.ops.aten.gelu_backward.grad_input(back, before, grad_input=back)
            d_rise.addmm_(back.t(), rows[chosen])
            d_rise_bias += back.sum(0)
            torch.mm(back, rise, out=d_rows[chosen])
        return d_rows, d_rise, d_rise_bias, d_fall.div_(ctx.keep), gradient.sum(0), None


class DroppedAttention(torch.autograd.Function):
    """(n, tokens, 3 width) of queries, keys, values, heads, dropout rate -> (n, tokens, width): heads side by side."""

    @staticmethod
    def forward(ctx: Any, mixed: Tensor, heads: int, rate: float) -> Tensor:
        n, tokens, triple = mixed.shape
        masks = Masks(rate, heads * tokens**2)
        out = mixed.new_empty(n, tokens, triple // 3)
        weights = mixed.new_empty(heads, tokens, tokens)
        spread = masks.state.new_empty(8, len(masks.state))
        bits = []
        for cell, put in zip(mixed, out, strict=True):
            query, key, value = _heads(cell, heads, 3)
            bits.append(masks.draw())
            _attention(query, key, weights).mul_(kept(bits[-1], tuple(weights.shape), spread))
            put.view(tokens, heads, -1).copy_(torch.bmm(weights, value.div_(masks.keep)).transpose(0, 1))
        ctx.save_for_backward(mixed, out, *bits)
        ctx.heads, ctx.keep = heads, masks.keep
        return out

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        mixed, out, *bits = ctx.saved_tensors
        tokens = mixed.shape[1]
        d_mixed = torch.empty_like(mixed)
        buffers = [mixed.new_empty(ctx.heads, tokens, tokens) for _ in range(3)]
        spread = bits[0].new_empty(8, len(bits[0]))
        for cell, put, d_cell, d_put, mask in zip(mixed, out, d_mixed, gradients[0], bits, strict=True):
            keep = kept(mask, tuple(buffers[0].shape), spread)
            outcome = _heads(put, ctx.heads)[0], _heads(d_put, ctx.heads)[0]
            found = _attention_backward(_heads(cell, ctx.heads, 3), *outcome, keep, ctx.keep, buffers)
            for part, gradient in zip(d_cell.view(tokens, 3, ctx.heads, -1).unbind(1), found, strict=True):
                part.copy_(gradient.transpose(0, 1))
        return d_mixed, None, None


def _heads(cell: Tensor, heads: int, parts: int = 1) -> Tensor:
    """(tokens, parts heads k) -> (parts, heads, tokens, k), in a row: products like it better."""
    return cell.reshape(len(cell), parts, heads, -1).permute(1, 2, 0, 3).contiguous()


def _attention(query: Tensor, key: Tensor, out: Tensor) -> Tensor:
    """softmax(query key^T / sqrt(k)) of (heads, tokens, k), in `out` (heads, tokens, tokens)."""
    torch.baddbmm(out, query, key.transpose(1, 2), beta=0, alpha=1 / math.sqrt(query.shape[-1]), out=out)
    return torch.softmax(out, -1, out=out)


def _attention_backward(
    parts: Tensor, put: Tensor, d_put: Tensor, keep: Tensor, share: float, buffers: list[Tensor]
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of queries, keys and values (heads, tokens, k). share: of elements kept."""
    query, key, value = parts
    weights, dropped, back = buffers
    # Attention again is cheaper than to keep it: 1.5 MB a cell and layer.
    _attention(query, key, weights)
    torch.mul(weights, keep, out=dropped)
    d_put = d_put / share
    d_value = torch.bmm(dropped.transpose(1, 2), d_put)
    torch.bmm(d_put, value.transpose(1, 2), out=back)
    # What softmax subtracts from every weight's gradient is the inner product of a token's output and its gradient.
    inner = (put * d_put).sum(-1, keepdim=True).mul_(share)
    back.mul_(dropped).addcmul_(weights, inner, value=-1)
    scale = 1 / math.sqrt(query.shape[-1])
    return torch.bmm(back, key * scale), torch.bmm(back.transpose(1, 2), query * scale), d_value
