"""Configurations of VoxPlore's autoencoders: which class stands in a recipe decides which networks are built."""

from dataclasses import dataclass, field
from typing import Literal

__all__ = ["FieldAutoencoder", "PatchAutoencoder", "PrincipalAutoencoder", "UnitAutoencoder"]


@dataclass(frozen=True)
class PatchAutoencoder:
    """The patch transformer autoencoder as published (`networks/autoencoder.py`), with squared error (Eq. 1)."""

    name: Literal["patch"] = field(default="patch", kw_only=True)
    resolution: int = 48
    patch: int = 8
    """Edge of a patch in voxels (App. B.1)."""
    width: int = 128
    """Model dimension (App. B.1)."""
    layers: int = 4
    """Layers of the encoder (App. B.1)."""
    decoder_layers: int = 4
    """Layers of the decoder (App. B.1: the same)."""
    heads: int = 8
    """Attention heads (published code)."""
    feed_forward: int = 2048
    """Hidden width of the feed-forward part (published code)."""
    bottleneck: int = 1024
    """Hidden width of the MLPs to and from the latent (published code)."""
    latent: int = 128
    """Dimensions of the latent space (App. B.1)."""
    dropout: float = 0.1
    activation: Literal["relu", "gelu"] = "relu"
    """Of the feed-forward part (published code: relu; models saved before the choice have gelu)."""


@dataclass(frozen=True)
class FieldAutoencoder:
    """Latents that are principal components of a smooth distance to the solid, corrected by a patch transformer, and
    another patch transformer that decodes them, both on the asymmetric unit of each cell
    (`networks/field_basis.py`, `networks/unit_autoencoder.py`; our choice)."""

    name: Literal["field"] = field(default="field", kw_only=True)
    resolution: int = 48
    scale: int = 2
    """Edge in voxels of the blocks that fields have a number for; logits are interpolated to the voxels."""
    decay_length: float = 0.5
    """Of the kernel exp(-r / length) that the solid is convolved with (`networks/distance_field.py`), in blocks."""
    components: int = 384
    """Numbers of a latent without symmetry; one of cells with flips has those alone that the flips leave."""
    whitening: float = 0.7
    """Latents are divided by their deviations to this power: 1 makes all numbers alike."""
    patch: int = 12
    """Edge of a patch in voxels (App. B.1: 8), an even number of them along an edge of the cell."""
    margin: int = 2
    """Voxels by which the window that a patch puts out reaches over it on each side."""
    width: int = 192
    """Model dimension (App. B.1: 128)."""
    layers: int = 1
    """Layers of the encoder (App. B.1: 4)."""
    decoder_layers: int = 2
    """Layers of the decoder (App. B.1: 4)."""
    heads: int = 6
    feed_forward: int = 768
    """Hidden width of the feed-forward part."""
    head: tuple[int, ...] = ()
    """Channels of a periodic U-Net on the decoder's logits, from fine to coarse (`networks/refined_decoder.py`); none:
    the transformer's logits stand. It is trained after both halves, which then stay as they are."""


@dataclass(frozen=True)
class UnitAutoencoder:
    """The paper's network as a CPU can train it: the patch transformer on the asymmetric unit of each cell
    (`networks/unit_autoencoder.py`), with the paper's one latent a cell (App. B.1) behind MLPs. The flips that a cell
    has are told to both halves."""

    name: Literal["unit"] = field(default="unit", kw_only=True)
    resolution: int = 48
    patch: int = 8
    """Edge of a patch in voxels (App. B.1); the cell holds an even number of them along an edge."""
    margin: int = 2
    """Voxels by which the window that a token puts out reaches over its patch on each side (our choice)."""
    width: int = 128
    """Model dimension (App. B.1)."""
    layers: int = 4
    """Layers of the encoder (App. B.1)."""
    decoder_layers: int = 4
    """Layers of the decoder (App. B.1: the same)."""
    heads: int = 4
    feed_forward: int = 512
    """Hidden width of the feed-forward part (the paper gives none; 2048 in the published code)."""
    squeeze: int = 16
    """Numbers of a token when all tokens are flattened (our choice; published: all 128)."""
    bottleneck: int = 1024
    """Hidden width of the MLPs to and from the latent (published code)."""
    latent: int = 128
    """Dimensions of the latent space (App. B.1)."""
    scale: int = 1
    """2: the layers see blocks of 2^3 voxels and put out a logit for each, interpolated to the voxels (our choice)."""


@dataclass(frozen=True)
class PrincipalAutoencoder:
    """The fully connected one that starts at principal components (`networks/principal.py`; our choice)."""

    name: Literal["principal"] = field(default="principal", kw_only=True)
    resolution: int = 48
    width: int = 768
    """Of the residual MLPs."""
    layers: int = 1
    """Residual blocks of the encoder."""
    decoder_layers: int = 2
    """Residual blocks of the decoder."""
    latent: int = 128
    """Dimensions of the latent space (App. B.1)."""
    basis: int = 480
    """Principal components of the encoder, and basis fields of the decoder."""
