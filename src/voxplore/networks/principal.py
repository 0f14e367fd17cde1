"""An autoencoder for a few CPU cores: fully connected, on the principal components of the training cells.

The best linear autoencoder is known in closed form and takes seconds, so training starts there. The encoder looks at
the solid fractions of blocks of 4^3 voxels, takes the leading principal components as latents and adds what a
residual MLP sees. The decoder maps latents to coefficients of a basis of half-resolution fields, by least squares plus
a residual MLP, and brings the logits to full resolution by periodic cubic interpolation, so that struts are smooth and
opposite faces match (our choice; the paper's autoencoder is in `autoencoder.py`).
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["PrincipalDecoder", "PrincipalEncoder", "start_from_principal_components"]

#: Linear reconstructions of 0 and 1 are cut here and turned into logits at this slope before training starts.
_CUT, _SLOPE = 0.45, 8.0
#: Deviation of the leading latent before training; the others keep their size relative to it.
_LEADING = 5.0
#: Share of the half-resolution voxels that each step of the training compares.
_SHARE = 0.25
#: Smallest deviation that a component is divided by, in that of the leading one.
_LEAST = 1e-3


class PrincipalEncoder(nn.Module):
    """Cells uint8 (n, d, d, d) of 0 and 1 -> latents (n, latent).

    basis: principal components that the MLP sees; width, layers: of the residual MLP.
    """

    mean: Tensor
    components: Tensor
    deviations: Tensor

    def __init__(self, *, resolution: int, basis: int, width: int, layers: int, latent: int):
        super().__init__()
        voxels = (resolution // 4) ** 3
        self.latent = latent
        self.register_buffer("mean", torch.zeros(voxels))
        self.register_buffer("components", torch.zeros(basis, voxels))
        self.register_buffer("deviations", torch.ones(basis))
        self.body = residual_mlp(basis, width, layers, latent)

    def forward(self, cells: Tensor) -> Tensor:
        found = (block_mean(cells, 4) - self.mean) @ self.components.T
        linear = found[:, : self.latent] * (_LEADING / self.deviations[0])
        return linear + self.body(0.5 * found / self.deviations)


class PrincipalDecoder(nn.Module):
    """Latents (n, latent) -> logits (n, d, d, d)."""

    upsample: Tensor

    def __init__(self, *, resolution: int, basis: int, width: int, layers: int, latent: int):
        super().__init__()
        self.side = resolution // 2
        self.linear = nn.Linear(latent, basis)
        self.body = residual_mlp(latent, width, layers, basis)
        self.fields = nn.Parameter(torch.zeros(basis, self.side**3))
        self.offset = nn.Parameter(torch.zeros(self.side**3))
        self.register_buffer("upsample", periodic_cubic(self.side), persistent=False)

    def forward(self, latents: Tensor) -> Tensor:
        s = self.side
        # The last axis first: each product then leaves its result in C order, which what follows is fast in.
        field = self.coarse_logits(latents).reshape(-1, s, s, s) @ self.upsample.T
        field = self.upsample @ field
        return (self.upsample @ field.reshape(-1, s, 4 * s * s)).reshape(-1, *3 * (2 * s,))

    def coarse_logits(self, latents: Tensor, voxels: Tensor | None = None) -> Tensor:
        """Half-resolution logits (n, m) at the numbered voxels (m,), or at all of them."""
        coefficients = self.linear(latents) + self.body(latents)
        if voxels is None:
            return coefficients @ self.fields + self.offset
        return coefficients @ self.fields[:, voxels] + self.offset[voxels]

    def compare(self, latents: Tensor, cells: Tensor, share: float = _SHARE) -> tuple[Tensor, Tensor]:
        """(logits, solid fractions), both (n, m), at a random share of the half-resolution voxels: for the loss."""
        count = self.side**3
        voxels = torch.randperm(count, device=cells.device)[: max(1, round(share * count))]
        return self.coarse_logits(latents, voxels), block_mean(cells, 2)[:, voxels]


@torch.no_grad()
def start_from_principal_components(encoder: PrincipalEncoder, decoder: PrincipalDecoder, cells: Tensor) -> None:
    """Set both to the best linear autoencoder of cells uint8 (n, d, d, d), n at least the basis size + 8."""
    fine = torch.cat([block_mean(part, 2) for part in cells.split(256)])
    coarse = torch.cat([block_mean(part, 4) for part in cells.split(256)])
    encoder.mean.copy_(coarse.mean(0))
    encoder.components.copy_(_components(coarse - encoder.mean, len(encoder.components)))
    found = (coarse - encoder.mean) @ encoder.components.T
    deviations = found.std(0)
    # Of few cells the last components are noise: what another cell has along them must not be blown up.
    encoder.deviations.copy_(deviations.clamp(min=max(1e-6, _LEAST * float(deviations.max()))))
    latents = found[:, : encoder.latent] * (_LEADING / encoder.deviations[0])
    mean = fine.mean(0)
    fields = _components(fine - mean, len(decoder.fields))
    coefficients = (fine - mean) @ fields.T
    scale = coefficients.std(0)[0]
    # In double precision the last digits, which can differ from run to run, are lost when it is rounded. On the CPU:
    # CUDA has no solver that puts up with components without spread.
    wanted = (coefficients / scale).double().cpu()
    solved = torch.linalg.lstsq(latents.double().cpu(), wanted, rcond=1e-9, driver="gelsd").solution
    decoder.linear.weight.copy_(solved.T)
    decoder.linear.bias.zero_()
    decoder.fields.copy_(_SLOPE * scale * fields)
    decoder.offset.copy_(_SLOPE * (mean - _CUT))


def _components(centred: Tensor, count: int) -> Tensor:
    """The leading principal axes (count, features) of centred data (n, features); zeros where n gives no more."""
    if len(centred) <= count:
        # Few cells: all axes, exactly. Those without spread are whatever rounding makes of them, so they are left out.
        _, spread, axes = torch.linalg.svd(centred.double(), full_matrices=False)
        found = (axes * (spread > 1e-6 * spread[0])[:, None]).to(centred)
    else:
        found = torch.svd_lowrank(centred, q=min(count, centred.shape[1]), niter=2)[2].T
    return functional.pad(found, (0, 0, 0, count - len(found)))


def residual_mlp(inputs: int, width: int, layers: int, outputs: int) -> nn.Sequential:
    """`layers` residual blocks of `width` between two linear layers; it starts at zero."""
    leave = nn.Linear(width, outputs)
    nn.init.zeros_(leave.weight)
    nn.init.zeros_(leave.bias)
    blocks = (ResidualBlock(width) for _ in range(layers))
    return nn.Sequential(nn.Linear(inputs, width), *blocks, nn.LayerNorm(width), leave)


class ResidualBlock(nn.Module):
    """(n, width) -> (n, width): two linear layers behind a LayerNorm; it starts as the identity."""

    def __init__(self, width: int):
        super().__init__()
        self.norm, self.rise, self.fall = nn.LayerNorm(width), nn.Linear(width, width), nn.Linear(width, width)
        nn.init.zeros_(self.fall.weight)
        nn.init.zeros_(self.fall.bias)

    def forward(self, hidden: Tensor) -> Tensor:
        return hidden + self.fall(functional.gelu(self.rise(self.norm(hidden))))


def block_mean(cells: Tensor, block: int) -> Tensor:
    """(n, d, d, d) -> (n, (d / block)^3): the solid fraction of each block of block^3 voxels."""
    n, d = cells.shape[:2]
    m = d // block
    # One axis at a time, the slowest first, in the small type that the cells come in: whole planes and rows are added
    # in vectors, and little is left for the last axis. Counts of up to 6^3 fit a byte.
    planes = _added(cells.reshape(n, m, block, d, d))
    rows = _added(planes.reshape(n, m * m, block, d))
    return _added(rows.reshape(n, m**3, block)).float() / block**3


def _added(parts: Tensor) -> Tensor:
    """The sum over axis 2, in the type of `parts`."""
    total = parts[:, :, 0].clone()
    for k in range(1, parts.shape[2]):
        total += parts[:, :, k]
    return total


def periodic_cubic(coarse: int) -> Tensor:
    """(2 coarse, coarse): Catmull-Rom interpolation of voxel centres onto twice as many, periodic."""
    weights = torch.zeros(2 * coarse, coarse, dtype=torch.float64)
    for fine in range(2 * coarse):
        position = (fine + 0.5) / 2 - 0.5
        for tap in range(int(position // 1) - 1, int(position // 1) + 3):
            weights[fine, tap % coarse] += _catmull_rom(abs(position - tap))
    return weights.float()


def _catmull_rom(t: float) -> float:
    if t < 1:
        return 1.5 * t**3 - 2.5 * t**2 + 1
    return -0.5 * t**3 + 2.5 * t**2 - 4 * t + 2 if t < 2 else 0.0
