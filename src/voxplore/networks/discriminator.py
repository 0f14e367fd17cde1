"""A network that tells cells from reconstructed ones, place by place (as PatchGAN, Isola et al. 2017; our choice)."""

import torch
from torch import Tensor, nn

__all__ = ["PatchDiscriminator"]


class PatchDiscriminator(nn.Module):
    """Voxels of 0 to 1 (n, d, d, d) -> scores (n, d/4, d/4, d/4), each of a neighbourhood of 22 voxels, periodic; d is
    a multiple of 4.

    The more a place looks like one of a cell, the higher its score. width: channels of the finest level.
    """

    def __init__(self, width: int = 16):
        super().__init__()
        widths = (1, width, 2 * width, 4 * width, 4 * width)
        kernels = ((4, 2), (3, 1), (4, 2), (3, 1))  # edge and stride
        layers: list[nn.Module] = []
        for inputs, outputs, (edge, stride) in zip(widths, widths[1:], kernels, strict=False):
            layers += [nn.Conv3d(inputs, outputs, edge, stride, padding=1, padding_mode="circular"), nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*layers, nn.Conv3d(widths[-1], 1, 1))
        for layer in self.layers:
            if isinstance(layer, nn.Conv3d):
                nn.init.kaiming_normal_(layer.weight, 0.2)
        self.to(memory_format=torch.channels_last_3d)  # pyright: ignore

    def forward(self, voxels: Tensor) -> Tensor:
        signs = (2 * voxels - 1)[:, None].contiguous(memory_format=torch.channels_last_3d)
        return self.layers(signs)[:, 0]
