"""Drawing cells whose flips are drawn first: which they are follows from known cells of what is asked for."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from voxplore.models.base import CellNoise
from voxplore.models.voxplore.chain import with_drawing_steps
from voxplore.models.voxplore.known_fields import Memory
from voxplore.recipes import FieldSampling
from voxplore.unitcells import pack

__all__ = ["WINDOW", "Drawer", "Sources", "draw_rows"]

#: Cells whose sets of flips are drawn together; a drawing made in parts has the bytes of the whole at its multiples.
WINDOW = 256
#: A set of flips is drawn with this precision.
_CHANCES = 2**31

#: (sampling, noise of n cells, property -> wanted values (n,)) -> Bool (n, d, d, d).
Drawer = Callable[[FieldSampling, CellNoise, dict[str, Tensor]], np.ndarray]


class Sources(NamedTuple):
    """What cells are drawn from: for each place of the memory, a set of flips of one model, who draws its cells."""

    memory: Memory
    drawers: list[Drawer]


def draw_rows(
    sources: Sources,
    sampling: FieldSampling,
    n: int,
    *,
    seed: int,
    first: int,
    wanted: Mapping[str, np.ndarray],
    resolution: int,
    device: str,
) -> tuple[np.ndarray, np.ndarray]:
    """n packed cells, uint8 (n, d^3 / 8), and the place of each, int64 (n,); cell i by (seed, first + i).

    wanted: property -> (n,); places are drawn as often as known cells of what is wanted have them.
    """
    rows, found = np.zeros((n, resolution**3 // 8), np.uint8), np.zeros(n, np.int64)
    for start in range(0, n, WINDOW):
        count = min(WINDOW, n - start)
        noise = CellNoise(seed, first + start, count, (1,), device)
        asked = {name: torch.tensor(values[start : start + count]) for name, values in wanted.items()}
        places = sources.memory.places(np.array(noise.below(_CHANCES)) / _CHANCES, asked)
        found[start : start + count] = places
        for place in np.unique(places).tolist():
            draw = with_drawing_steps(partial(sources.drawers[place], sampling), sampling.after)
            chosen = np.flatnonzero(places == place)
            for part in np.split(chosen, range(sampling.batch, len(chosen), sampling.batch)):
                filled = np.concatenate([part, np.repeat(part[-1:], sampling.batch - len(part))])
                of_part = {name: values[filled] for name, values in asked.items()}
                rows[start + part] = pack(draw(noise.of(part, sampling.batch), of_part))[: len(part)]
    return rows, found
