"""Dropout masks for CPUs, 64 elements a word: an element costs about half a nanosecond there, ten with torch's own.

The words come from one xorshift64 generator (Marsaglia 2003) a word, seeded by torch's default generator, so
`torch.manual_seed` repeats them.
"""

from typing import Any

import torch
from torch import Tensor

__all__ = ["Masks", "drop", "kept"]

_STEPS = 4096
_ONES = 0x0101010101010101


class Masks:
    """Draws masks for `count` elements, of which each is kept with chance `keep`, independently of the others.

    rate: the share that is dropped, from 0 to below 1, taken to the nearest 1 / 4096, so that `keep` = 1 - rate at most
    differs in the fourth decimal; whoever divides by `keep` scales exactly.
    """

    def __init__(self, rate: float, count: int):
        whole = min(_STEPS, max(1, round(_STEPS * (1 - rate))))
        self.keep = whole / _STEPS
        self.digits = f"{whole:012b}".rstrip("0")
        words = -(-count // 64)
        # An all-zero state would stay zero for ever.
        self.state = torch.empty(words, dtype=torch.int64).random_(-(2**63), None).bitwise_or_(1)
        self.spare, self.shifted = torch.empty_like(self.state), torch.empty_like(self.state)

    def draw(self) -> Tensor:
        """The next mask, one bit an element: int64 (ceil(count / 64),); `kept` spreads it."""
        if self.keep == 1:
            return torch.full_like(self.state, -1)
        # Bits of chance 1/2 become bits of any other by its binary digits, the last one first: "or" with a new bit
        # takes a chance c to (1 + c) / 2, "and" takes it to c / 2. The last digit is a one: a new bit as it is.
        bits = self._random().clone()
        for digit in reversed(self.digits[:-1]):
            if digit == "1":
                bits.bitwise_or_(self._random())
            else:
                bits.bitwise_and_(self._random())
        return bits

    def _random(self) -> Tensor:
        """64 random bits a word, valid until the next call."""
        state, shifted = self.state, self.shifted
        state.bitwise_xor_(torch.bitwise_left_shift(state, 13, out=shifted))
        # Shifts to the right repeat the sign, which the generator does not.
        torch.bitwise_right_shift(state, 7, out=shifted)
        state.bitwise_xor_(shifted.bitwise_and_((1 << 57) - 1))
        state.bitwise_xor_(torch.bitwise_left_shift(state, 17, out=shifted))
        return state


def kept(bits: Tensor, shape: tuple[int, ...], out: Tensor | None = None) -> Tensor:
    """The mask of `draw` as uint8 of a shape with at most 64 len(bits) elements: 1 where its bit is set.

    out: int64 (8, len(bits)) to use for it, which the answer then is a view of.
    """
    out = bits.new_empty(8, len(bits)) if out is None else out
    for place in range(8):
        torch.bitwise_right_shift(bits, place, out=out[place])
    out.bitwise_and_(_ONES)
    return out.view(torch.uint8).reshape(-1)[: torch.Size(shape).numel()].view(shape)


def drop(values: Tensor, rate: float) -> tuple[Tensor, float]:
    """(values of any shape with a share `rate` of them set to 0, what the others are still to be divided by)."""
    masks = Masks(rate, values.numel())
    return _Drop.apply(values, masks.draw()), masks.keep


class _Drop(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor, bits: Tensor) -> Tensor:
        ctx.save_for_backward(bits)
        return values * kept(bits, tuple(values.shape))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (gradient,) = gradients
        return gradient * kept(ctx.saved_tensors[0], tuple(gradient.shape)), None
