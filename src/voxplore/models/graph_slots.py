"""Nets to slots and back: the fixed arrays that the graph VAE works on."""

from collections.abc import Sequence

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment

from voxplore.data.synthetic.periodic import PeriodicNet
from voxplore.errors import VoxploreError
from voxplore.networks.strutnet import Slots, anchors

__all__ = ["segments_of", "slots_of"]


def slots_of(nets: Sequence[PeriodicNet], side: int) -> Slots:
    """Each node in a slot of its own, so that the squared distances to the anchors are least in sum."""
    grid = anchors(side).double().numpy()
    present = np.zeros((len(nets), len(grid)), bool)
    positions = np.tile(grid, (len(nets), 1, 1))
    struts = []
    for k, net in enumerate(nets):
        if len(net.nodes) > len(grid):
            raise VoxploreError("net", expected=f"at most {len(grid)} nodes", got=str(len(net.nodes)))
        apart = net.nodes[:, None] - grid
        whole = np.round(apart)
        node, slot = linear_sum_assignment(((apart - whole) ** 2).sum(axis=2))
        moved = whole[node, slot].astype(np.int64)  # node = anchor + offset + moved; linear_sum_assignment sorts nodes
        present[k, slot] = True
        positions[k, slot] = net.nodes - moved
        period = net.period + moved[net.end] - moved[net.start]
        struts.append(_ordered(k, slot[net.start], slot[net.end], period))
    rows = np.concatenate([np.zeros((0, 6), np.int64), *struts])
    return Slots(torch.from_numpy(present), torch.from_numpy(positions).float(), torch.from_numpy(rows))


def _ordered(net: int, a: np.ndarray, b: np.ndarray, period: np.ndarray) -> np.ndarray:
    """Rows (net, a, b, period) read from the lower slot, and from a slot to itself along the positive half."""
    first = np.argmax(period != 0, axis=1)
    backwards = (a > b) | ((a == b) & (np.take_along_axis(period, first[:, None], 1)[:, 0] < 0))
    ends = np.where(backwards[:, None], np.stack([b, a], 1), np.stack([a, b], 1))
    signed = np.where(backwards[:, None], -period, period)
    return np.concatenate([np.full((len(a), 1), net), ends, signed], axis=1).astype(np.int64)


def segments_of(nets: Slots) -> list[np.ndarray]:
    """Both ends of the struts of each net: n arrays float64 (k, 2, 3)."""
    positions, struts = nets.positions.double().cpu().numpy(), nets.struts.cpu().numpy()
    net, a, b = struts[:, 0], struts[:, 1], struts[:, 2]
    ends = np.stack([positions[net, a], positions[net, b] + struts[:, 3:]], axis=1)
    return [ends[net == k] for k in range(len(positions))]
