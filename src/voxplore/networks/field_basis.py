"""Principal components of fields on a periodic cell, each even or odd under every flip of the cube (our choice).

Split into parts that are even or odd along each axis, a field of s^3 blocks is eight parts of (s / 2)^3 numbers.
Between parts cells and their mirror images have no correlation, so that each part has principal components of its own.
A cell that equals itself after some flips has numbers in those parts alone that these flips leave: its latent is as
much shorter as its asymmetric unit is smaller.
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from voxplore.networks.asymmetric_unit import asymmetric_unit, join_patches, unfold_unit, voxels_of

__all__ = ["FieldBasis"]

#: Components with less of the largest deviation are noise of few cells; they are scaled as if they had this share.
_LEAST = 1e-3


class FieldBasis(nn.Module):
    """Between latents of cells with the flips `group` (n, k) and fields (n, s, s, s).

    The first numbers of a latent are those of largest spread. components: of all parts together; k of them are left by
    the flips. whitening: latents are divided by their deviations to this power; 1 makes all alike, 0 leaves lengths as
    they are. edge: blocks along a patch of what `patches` gives.
    """

    mean: Tensor
    axes: Tensor
    parts: Tensor
    deviations: Tensor

    def __init__(self, *, side: int, components: int, whitening: float, edge: int):
        super().__init__()
        self.side, self.edge, self.whitening = side, edge, whitening
        size = (side // 2) ** 3
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("axes", torch.zeros(components, size))
        self.register_buffer("parts", torch.zeros(components, dtype=torch.uint8))
        self.register_buffer("deviations", torch.ones(components))
        self._made: tuple[tuple[int, int], dict[int, list[tuple[int, Tensor, Tensor]]]] = (0, 0), {}

    @torch.no_grad()
    def start(self, fields: Iterable[Tensor], orders: Iterable[tuple[int, ...]]) -> None:
        """Take mean and components of fields, batches of (n, s, s, s), with their axes in all of `orders`."""
        size, home = len(self.mean), self.mean.device
        sums, products, n = torch.zeros(size, device=home), torch.zeros(8, size, size, device=home), 0
        for field in fields:
            split = _split(field)
            sums += split[:, 0].sum(0)
            products += torch.einsum("npi,npj->pij", split, split)
            n += len(field)
        orders = list(orders)
        cube = 3 * (self.side // 2,)
        mean = torch.stack([sums.reshape(cube).permute(order) for order in orders]).mean(0) / n
        moments = products.reshape(2, 2, 2, *cube, *cube) / n
        turned = [moments.permute([first + axis for first in (0, 3, 6) for axis in order]) for order in orders]
        moments = torch.stack(turned).mean(0).reshape(8, size, size)
        self.mean.copy_(mean.flatten())
        moments[0] -= self.mean[:, None] * self.mean
        # In double precision on the CPU: the order of nearly equal components is then the same on every machine.
        values, vectors = torch.linalg.eigh(moments.double().cpu())
        found = values.flatten().argsort(descending=True, stable=True)[: len(self.axes)]
        axes = vectors.transpose(1, 2).reshape(-1, size)[found]
        axes = axes * axes.gather(1, axes.abs().argmax(1, keepdim=True)).sign()
        deviations = values.flatten()[found].clamp(min=0).sqrt()
        self.axes.copy_(axes)
        self.parts.copy_(found // size)
        self.deviations.copy_(deviations.clamp(min=max(_LEAST * float(deviations[0]), 1e-6)))

    def length(self, group: int) -> int:
        """k, the numbers of a latent of cells with the flips `group`."""
        return len(self.rows(group))

    def rows(self, group: int) -> Tensor:
        """Numbers int64 (k,) of the components that the flips leave, those of largest spread first."""
        left = [part for part in range(8) if all((k & part).bit_count() % 2 == 0 for k in range(8) if group >> k & 1)]
        return torch.isin(self.parts.long(), torch.tensor(left, device=self.parts.device)).nonzero()[:, 0]

    def latents(self, fields: Tensor, group: int) -> Tensor:
        """Fields (n, s, s, s) -> latents (n, k), of zero mean and about unit size."""
        split = _split(fields.float())
        split[:, 0] -= self.mean
        return self._along(split, group) / self._units()[self.rows(group)]

    def fields(self, latents: Tensor, group: int) -> Tensor:
        """Latents (n, k) -> fields (n, s, s, s)."""
        split = self._summed(latents * self._units()[self.rows(group)], group)
        split[:, 0] += self.mean
        return _joined(split)

    def patches(self, fields: Tensor, group: int) -> Tensor:
        """The patches of the asymmetric unit of fields (n, s, s, s): (n, m edge^3)."""
        patches = asymmetric_unit(group, self.side // self.edge).patches.to(fields.device)
        return voxels_of(fields, self.edge, patches).flatten(1)

    def spread(self, latents: Tensor, group: int) -> Tensor:
        """Latents (n, k), noise among them, as patches of fields of unit size: linear, without mean or scale."""
        return self.patches(_joined(self._summed(latents.float(), group)), group) * self._contrast()

    def gathered(self, patches: Tensor, group: int) -> Tensor:
        """The inverse of `spread` for what the components can hold: (n, m edge^3) -> (n, k)."""
        grid, edges = self.side // self.edge, 3 * (self.edge,)
        unit = asymmetric_unit(group, grid)
        whole = join_patches(unfold_unit(patches.float().reshape(len(patches), -1, *edges), unit), grid)
        return self._along(_split(whole), group) / self._contrast()

    def _along(self, split: Tensor, group: int) -> Tensor:
        """Inner products (n, k) of split fields (n, 8, (s / 2)^3) with the components that the flips leave."""
        found = split.new_zeros(len(split), self.length(group))
        with torch.autocast(split.device.type, enabled=False):  # noise must come back as it went in
            for part, places, axes in self._pieces(group):
                found[:, places] = split[:, part] @ axes.T
        return found

    def _summed(self, lengths: Tensor, group: int) -> Tensor:
        """The inverse of `_along`: split fields (n, 8, (s / 2)^3)."""
        split = lengths.new_zeros(len(lengths), 8, len(self.mean))
        with torch.autocast(lengths.device.type, enabled=False):
            for part, places, axes in self._pieces(group):
                split[:, part] = lengths[:, places] @ axes
        return split

    def _pieces(self, group: int) -> list[tuple[int, Tensor, Tensor]]:
        """The parts that the flips leave, with the places in a latent and the components of each; made once."""
        now = (self.axes.data_ptr(), self.axes._version)
        if self._made[0] != now:
            self._made = now, {}
        if group not in self._made[1]:
            rows = self.rows(group)
            places = [(int(part), (self.parts[rows] == part).nonzero()[:, 0]) for part in self.parts[rows].unique()]
            self._made[1][group] = [(part, at, self.axes[rows[at]]) for part, at in places]
        return self._made[1][group]

    def _units(self) -> Tensor:
        """What latents are in units of, (components,)."""
        whitened = self.deviations ** (1 - self.whitening)
        return self.deviations**self.whitening * whitened.square().mean().sqrt()

    def _contrast(self) -> float:
        return (self.side**3 / len(self.axes)) ** 0.5


def _split(fields: Tensor) -> Tensor:
    """Fields (n, s, s, s) -> their parts (n, 8, (s / 2)^3), orthonormal; bits 2, 1, 0 of a part: odd along x, y, z."""
    half = fields.shape[-1] // 2
    for axis in (1, 2, 3):
        near, far = fields.narrow(axis, 0, half), fields.narrow(axis, half, half).flip(axis)
        fields = torch.cat([near + far, near - far], axis) / 2**0.5
    return fields.reshape(-1, 2, half, 2, half, 2, half).permute(0, 1, 3, 5, 2, 4, 6).reshape(len(fields), 8, -1)


def _joined(split: Tensor) -> Tensor:
    """The inverse of `_split`."""
    half = round(split.shape[-1] ** (1 / 3))
    fields = split.reshape(-1, 2, 2, 2, half, half, half).permute(0, 1, 4, 2, 5, 3, 6).reshape(-1, *3 * (2 * half,))
    for axis in (3, 2, 1):
        even, odd = fields.narrow(axis, 0, half), fields.narrow(axis, half, half)
        fields = torch.cat([even + odd, (even - odd).flip(axis)], axis) / 2**0.5
    return fields
