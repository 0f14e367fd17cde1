"""The same homogenisation for many cells at once on an accelerator, by torch.

The elements of all cells stand in one list. A product gathers the corners of each, applies the element by one matrix
product, and each node gathers what its elements gave it: no sums in an order that changes from run to run. On a
processor `homogenise` is far faster.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from voxplore.kernels import carrying, grid_nodes

from .element import Element
from .homogenise import MAX_ITERATIONS, Homogenised, floor_of, mean_gradients

__all__ = ["homogenise_batch"]


@dataclass(frozen=True, eq=False)
class _Batch:
    """elements: (e, 8), nodes of each solid voxel of n cells. around: (v, 8), which corner 8 element + corner meets at
    a node, 8 e where none. cell: (v,), of each node, sorted.
    """

    elements: Any
    around: Any
    cell: Any
    n: int

    def gather(self, parts: Any) -> Any:
        """Sum over the elements at each node of (e, 8, ...): (v, ...)."""
        import torch

        flat = parts.flatten(0, 1)
        return torch.cat([flat, torch.zeros_like(flat[:1])])[self.around].sum(1)

    def sums(self, values: Any) -> Any:
        """Sum over the nodes of each cell of (v, ...): (n, ...)."""
        import torch

        counts = torch.bincount(self.cell, minlength=self.n)
        return torch.segment_reduce(values, "sum", lengths=counts, axis=0, initial=0.0)


def homogenise_batch(
    voxels: np.ndarray,
    element: Element,
    tolerance: float = 1e-5,
    device: str = "cuda",
    max_iterations: int = MAX_ITERATIONS,
    fields: bool = False,
) -> list[Homogenised]:
    """Effective tensors of Bool (n, d, d, d), solid and void, in float64 on a torch device.

    Memory: some 200 bytes a solid voxel, load case and unknown a node. All cells iterate until the last has met
    `tolerance`; the iterations given are those of the batch. fields: as in `homogenise`.
    """
    import torch

    solid = np.stack([carrying(cell) for cell in voxels])
    if not solid.any():
        zeros = np.zeros(element.material.shape)
        return [Homogenised(zeros, zeros, 0, 0.0, zeros[None][:0] if fields else None) for _ in voxels]
    batch = _batch(solid, device)
    cases, k = len(element.material), element.size
    place = {"device": device, "dtype": torch.float64}
    loads = torch.as_tensor(element.loads.reshape(8, k, cases), **place)
    diagonal = torch.as_tensor(element.matrix.diagonal().reshape(8, k).copy(), **place)
    count = len(batch.elements)
    force = batch.gather(loads.expand(count, 8, k, cases))
    weights = 1 / batch.gather(diagonal.expand(count, 8, k))[..., None]
    product = _product(torch.as_tensor(element.matrix, **place), batch)
    u, iterations, residual = _solve(batch, product, force, weights, floor_of(element), tolerance, max_iterations)
    mean = solid.mean(axis=(1, 2, 3))[:, None, None] * element.material
    volume = voxels[0].size * element.volume
    tensors = mean + _energy(batch, product, force, u) / volume
    bounds = tensors
    if element.plain is not element.matrix:
        plain = _product(torch.as_tensor(element.plain, **place), batch)
        bounds = mean + _energy(batch, plain, force, u) / volume
    gradients = [None] * len(voxels)
    if fields:
        every = mean_gradients(u.cpu().numpy(), batch.elements.cpu().numpy(), element)
        gradients = np.split(every, np.cumsum(solid.sum(axis=(1, 2, 3)))[:-1])
    worst = [float(one) for one in residual.cpu().numpy()]
    return [
        Homogenised(tensor, bound, iterations, one, field)
        for tensor, bound, one, field in zip(tensors, bounds, worst, gradients, strict=True)
    ]


def _batch(solid: np.ndarray, device: str) -> _Batch:
    import torch

    elements, cell, start = [], [], 0
    for number, voxels in enumerate(solid):
        nodes = grid_nodes(voxels)
        elements.append(nodes.elements(voxels) + start)
        cell.append(np.full(len(nodes), number))
        start += len(nodes)
    joined = np.concatenate(elements)
    # The node that meets a voxel at its corner c has no other voxel on that side: c is the node's slot.
    around = np.full((start, 8), joined.size)
    around[joined.ravel(), np.tile(np.arange(8), len(joined))] = np.arange(joined.size)
    tensors = (torch.as_tensor(array, device=device) for array in (joined, around, np.concatenate(cell)))
    return _Batch(*tensors, n=len(solid))


def _energy(batch: _Batch, product: Callable[[Any], Any], force: Any, u: Any) -> np.ndarray:
    """F^T u + u^T F + u^T K u of each cell: (n, m, m)."""
    import torch

    cross = batch.sums(torch.einsum("vkm,vkl->vml", force, u))
    own = batch.sums(torch.einsum("vkm,vkl->vml", product(u), u))
    return (cross + cross.transpose(1, 2) + (own + own.transpose(1, 2)) / 2).cpu().numpy()


def _product(matrix: Any, batch: _Batch) -> Callable[[Any], Any]:
    def product(x: Any) -> Any:
        corners = x[batch.elements]  # (e, 8, k, m)
        moved = matrix @ corners.flatten(1, 2)
        return batch.gather(moved.reshape(corners.shape))

    return product


def _solve(
    batch: _Batch,
    product: Callable[[Any], Any],
    force: Any,
    weights: Any,
    floor: float,
    tolerance: float,
    max_iterations: int,
) -> tuple[Any, int, Any]:
    """K u = -force for every cell and load case: u, iterations, largest relative residual of each cell (n,)."""
    import torch

    def inner(a: Any, b: Any) -> Any:
        return batch.sums((a * b).sum(1))

    def ratio(a: Any, b: Any, where: Any) -> Any:
        return torch.where(where, a / torch.where(where, b, 1), 0)[batch.cell][:, None]

    u, r = torch.zeros_like(force), -force
    p = weights * r
    rr, rz = inner(r, r), inner(r, p)
    norms = rr.sqrt()
    unknowns = batch.sums(torch.full_like(force[:, 0], float(force.shape[1])))
    target = torch.maximum(tolerance * norms, floor * unknowns.sqrt())
    iterations = 0
    while iterations < max_iterations and bool((rr.sqrt() > target).any()):
        q = product(p)
        curvature = inner(p, q)
        active = (rr.sqrt() > target) & (curvature > 0)
        if not bool(active.any()):
            break
        alpha = ratio(rz, curvature, active)
        u += alpha * p
        r -= alpha * q
        z = weights * r
        new = inner(r, z)
        p = z + ratio(new, rz, active) * p
        rr, rz = inner(r, r), new
        iterations += 1
    relative = torch.where(norms > target, rr.sqrt() / norms.clamp_min(1e-300), 0)
    return u, iterations, relative.amax(dim=1)
