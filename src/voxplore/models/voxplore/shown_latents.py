"""The latents that a denoiser of fields is trained on: of the training cells and of displaced copies of them.

They are made once and kept in the folder of the training, as a copy takes a processor longer than a step of training.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from voxplore import storage
from voxplore.data.prepare.displaced import displaced_cells
from voxplore.models.voxels import OPERATIONS
from voxplore.models.voxplore.unit import UnitBatches
from voxplore.training.checkpoint import read_tensors, write_tensors
from voxplore.unitcells import UnitCells

if TYPE_CHECKING:
    from voxplore.models.voxplore.fields import VoxPloreFields

__all__ = ["ENCODED", "Shown", "shown_latents"]

#: Cells that are encoded together; the last batch is filled up.
ENCODED = 64


@dataclass(frozen=True, eq=False)
class Shown:
    """For each set of flips the latents (m, k) of cells in all their orientations, their relative densities float64
    (m,), and which of them are training cells as they are, Bool (m,)."""

    latents: dict[int, Tensor]
    densities: dict[int, np.ndarray]
    as_they_are: dict[int, np.ndarray]

    def of_cells(self) -> tuple[dict[int, Tensor], dict[int, np.ndarray]]:
        """Latents and relative densities of the training cells alone."""
        kept = {group: rows for group, rows in self.as_they_are.items() if rows.any()}
        latents = {group: self.latents[group][torch.from_numpy(rows)] for group, rows in kept.items()}
        return latents, {group: self.densities[group][rows] for group, rows in kept.items()}


def shown_latents(model: "VoxPloreFields", cells: UnitCells, folder: Path) -> Shown:
    """What the denoiser of a model whose autoencoder is trained is shown of cells; kept in `folder`."""
    path = folder / "shown.safetensors"
    if not path.exists():
        _write(path, model, cells)
    tensors = read_tensors(path)[0]
    groups = [int(name) for name in tensors if name.isdecimal()]
    return Shown(
        {group: tensors[f"{group}"].float() for group in groups},
        {group: tensors[f"{group}.density"].numpy() for group in groups},
        {group: tensors[f"{group}.own"].numpy() for group in groups},
    )


def _write(path: Path, model: "VoxPloreFields", cells: UnitCells) -> None:
    config, packed = model.config, np.asarray(cells.packed)
    if config.copies:
        storage.stage(f"displacing {storage.counted(len(cells), 'cell')}, {config.copies} copies each")
        copies = displaced_cells(cells, config.copies, voxels=config.displacement, seed=config.seed)
        packed = np.concatenate([packed, copies.packed])
    batches = UnitBatches(UnitCells(packed, cells.resolution, {}, {}), OPERATIONS[config.augment])
    own = {group: batches.cells(group) < len(cells) for group in batches.rows}
    # The denoiser recalls cells with the same flips: copies that have others than any cell are left out.
    groups = [group for group, rows in own.items() if rows.any()]
    storage.stage(f"encoding {storage.counted(len(packed), 'cell')} in all orientations")
    tensors: dict[str, Tensor] = {}
    for group in groups:
        tensors[f"{group}"] = model.encoded(batches.every(group, ENCODED), group).half()
        tensors[f"{group}.density"] = torch.from_numpy(batches.densities(group))
        tensors[f"{group}.own"] = torch.from_numpy(own[group])
    write_tensors(path, tensors, {})
