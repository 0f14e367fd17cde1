"""Short-range repulsion (SRR), the last term of Eq. 10: push a chain away from the known latents it comes near.

With d = |x_t - x_i|, known latent i adds a displacement away from x_i of size lambda_SRR / |log(1 - d / tau)|, which is
0 from d = tau on and grows like tau / d towards d = 0, where the cap holds it.
"""

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

from voxplore.diffusion.neighbour_list import Clusters, NeighbourList

__all__ = ["Search", "repulsion", "srr_guide"]

Search = Literal["list", "clusters", "all"]


def repulsion(x_t: Tensor, known: Tensor, tau: float, cap: float = float("inf"), ids: Tensor | None = None) -> Tensor:
    """The sum of Eq. 10 without lambda_SRR: x_t (n, l), known latents (n, k, l) or (m, l) -> (n, l).

    A chain that lies exactly on a known latent is pushed along a direction fixed by the latent's number: `ids` (n, k),
    the place in the list where none is given.
    """
    known = known.expand(len(x_t), *known.shape[-2:])
    ids = torch.arange(known.shape[1], device=x_t.device).expand(len(x_t), -1) if ids is None else ids
    return _terms(x_t[:, None] - known, ids, tau, cap).sum(1)


def _terms(away: Tensor, ids: Tensor, tau: float, cap: float) -> Tensor:
    """Displacements (..., l) by single known latents of numbers `ids` (...), from x_t minus them (..., l)."""
    distance = away.norm(dim=-1)
    on_top = distance == 0
    if on_top.any():
        away[on_top] = _directions(ids[on_top], away)
    size = 1 / -torch.log1p(-(distance / tau).clamp(max=1.0))  # inf at d = 0, 0 at d >= tau
    return (size.clamp(max=cap) / distance.masked_fill(on_top, 1.0))[..., None].mul(away)


def _directions(ids: Tensor, like: Tensor) -> Tensor:
    rows = []
    for number in ids.tolist():
        direction = torch.randn(like.shape[-1], generator=torch.Generator().manual_seed(number))
        rows.append(direction / direction.norm())
    return torch.stack(rows).to(like)


def srr_guide(
    known: Tensor,
    tau: float,
    *,
    strength: float,
    every: int,
    cap: float,
    search: Search = "list",
    clusters: int = 40,
) -> Callable[[Tensor, Tensor, int], Tensor]:
    """A guide for `ddpm.sample` that repels from known latents (m, l) within tau; one guide serves one batch.

    strength: lambda_SRR, applied once for each `every` training steps: a sampler step that spans k of them applies it
    k / every times at once. cap: the largest size of one known latent's term, before strength (our choice). search:
    "list" (exact lazy neighbour list), "clusters" (the paper's skipping, exact as well) or "all".
    """
    force_at = _search(known, tau, cap, search, clusters)
    since_last = 0

    def guide(x_s: Tensor, x_t: Tensor, spanned: int) -> Tensor:
        nonlocal since_last
        since_last += spanned
        if since_last < every:
            return torch.zeros_like(x_s)
        times, since_last = since_last / every, 0
        return times * strength * force_at(x_t)

    return guide


def _search(known: Tensor, tau: float, cap: float, search: Search, clusters: int) -> Callable[[Tensor], Tensor]:
    if search == "all":
        return lambda x_t: _in_blocks(x_t, known, tau, cap)
    if search == "clusters":
        groups = Clusters(known, clusters)
        return lambda x_t: groups.repulsion(x_t, tau, cap, repulsion)
    near = NeighbourList(known, tau)
    return lambda x_t: _from_list(x_t, near, tau, cap)


def _from_list(x_t: Tensor, near: NeighbourList, tau: float, cap: float) -> Tensor:
    force = torch.zeros_like(x_t)
    chain, ids = near.within_reach(x_t)
    away = x_t.index_select(0, chain).sub_(near.known.index_select(0, ids))
    # In the order of the known latents, so that the sum is the same to the last digit whatever else the list holds.
    within = torch.nonzero(away.norm(dim=1) < tau)[:, 0]
    within = within[(chain[within] * len(near.known) + ids[within]).argsort()]
    if len(within):
        terms = _terms(away[within], ids[within], tau, cap)
        counts = torch.bincount(chain[within], minlength=len(x_t))
        force = torch.segment_reduce(terms, "sum", lengths=counts, unsafe=True)
    for row in near.overfull:
        force[row] = _in_blocks(x_t[row : row + 1], near.known, tau, cap)[0]
    return force


def _in_blocks(x_t: Tensor, known: Tensor, tau: float, cap: float, block: int = 2048) -> Tensor:
    force = torch.zeros_like(x_t)
    for start in range(0, len(known), block):
        part = known[start : start + block]
        ids = torch.arange(start, start + len(part), device=x_t.device).expand(len(x_t), -1)
        force += repulsion(x_t, part, tau, cap, ids)
    return force
