"""Voids that nothing can leave; the components themselves are those of `kernels.periodic_components`."""

from voxplore.kernels import PeriodicComponents, periodic_components

__all__ = ["PeriodicComponents", "enclosed_voids", "periodic_components"]


def enclosed_voids(void: PeriodicComponents) -> tuple[int, int]:
    """Pockets (void components of rank 0) and their voxels, of the components of the void.

    A void that a face-to-face path cannot leave holds its powder or resin; edges and corners let nothing out.
    """
    closed = void.ranks == 0
    return int(closed.sum()), int(void.sizes[closed].sum())
