"""VoxPlore with field latents for several families of cells: one model each, drawn from together (our choice).

Struts and sheets share little: an autoencoder of one of them alone keeps more of it in as many numbers. What is drawn
is a mixture of all members, each as often as known cells of what is asked for are its own.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from torch import nn

from voxplore.errors import VoxploreError
from voxplore.models.base import Generator
from voxplore.models.voxels import checked_cells, training_facts
from voxplore.models.voxplore.conditioning import wanted_values
from voxplore.models.voxplore.field_drawing import WINDOW, Sources, draw_rows
from voxplore.models.voxplore.fields import VoxPloreFields
from voxplore.models.voxplore.known_fields import Memory
from voxplore.recipes import FamiliesConfig, FieldSampling
from voxplore.unitcells import UnitCells

__all__ = ["VoxPloreFamilies"]


class VoxPloreFamilies(Generator):
    """One VoxPlore with field latents for each of several families of cells."""

    name: ClassVar[str] = "voxplore-families"
    Config: ClassVar[type] = FamiliesConfig
    config: FamiliesConfig

    def __init__(self, config: FamiliesConfig, device: str = "auto"):
        super().__init__(config, device)
        sizes = {one.config.autoencoder.resolution for one in config.members}
        if len(sizes) > 1:
            raise VoxploreError("members", expected="one resolution", got=", ".join(map(str, sorted(sizes))))
        self.members = {one.name: VoxPloreFields(one.config, self.device) for one in config.members}

    def parts(self) -> dict[str, nn.Module]:
        members = self.members.items()
        return {f"{name}-{part}": network for name, member in members for part, network in member.parts().items()}

    def fit(self, cells: UnitCells, run: str | Path | None = None) -> "VoxPloreFamilies":
        """Train each member on the cells of its families; checkpoints in a folder of its name in `run`."""
        checked_cells(cells, self.config.resolution)
        folder, stages = self._run_folder(run), {}
        for name, rows in self._rows(cells).items():
            member = self.members[name].fit(cells[rows], folder / name)
            stages |= {f"{name}-{stage}": facts for stage, facts in member.trained["stages"].items()}
        self.trained = training_facts(cells, stages)
        return self

    def generate(
        self, n: int, *, seed: int, sampling: FieldSampling | None = None, condition: Any = None, first: int = 0
    ) -> UnitCells:
        """Draw n cells, as a member does; `member` in the index names who drew each."""
        each = {name: member.sources(condition) for name, member in self.members.items()}
        groups = [group for one in each.values() for group in one.memory.groups]
        memory = Memory(groups, [part for one in each.values() for part in one.memory.parts])
        sources = Sources(memory, [drawer for one in each.values() for drawer in one.drawers])
        wanted, resolution = wanted_values(condition, n, memory.values()), self.config.resolution
        options = {"seed": seed, "first": first, "wanted": wanted, "resolution": resolution, "device": self.device}
        rows, places = draw_rows(sources, sampling or self.config.sampling, n, **options)
        drawn = self._drawn(rows, resolution, seed, first)
        drawn.index["member"] = np.repeat(list(each), [len(one.drawers) for one in each.values()])[places]
        drawn.index.update({f"wanted_{name}": values.copy() for name, values in wanted.items()})
        return drawn

    def together(self, sampling: Any) -> int:
        """Cells that `generate` draws in one batch."""
        return WINDOW

    def reconstruct(self, cells: UnitCells) -> UnitCells:
        """decode(encode(cells)), each by the member that gives it back best."""
        tried = [member.reconstruct(cells).packed for member in self.members.values()]
        ious = np.stack([_ious(packed, np.asarray(cells.packed)) for packed in tried])
        packed = np.choose(ious.argmax(0)[:, None], tried)
        return UnitCells(packed, cells.resolution, dict(cells.index), dict(cells.about))

    def know(self, cells: UnitCells, properties: Mapping[str, np.ndarray]) -> "VoxPloreFamilies":
        """Tell each member properties of the cells of its families, see `VoxPloreFields.know`."""
        for name, rows in self._rows(cells).items():
            self.members[name].know(cells[rows], {key: column[rows] for key, column in properties.items()})
        return self

    def avoid(self, cells: UnitCells) -> "VoxPloreFamilies":
        """Let SRR repel from these cells in every member."""
        for member in self.members.values():
            member.avoid(cells)
        return self

    def _rows(self, cells: UnitCells) -> dict[str, np.ndarray]:
        """Member -> numbers of the cells of its families."""
        families = cells.index.get("family")
        if families is None:
            raise VoxploreError("cells", expected="a column `family` in their index", got="none")
        rows: dict[str, list[int]] = {name: [] for name in self.members}
        for row, family in enumerate(families.tolist()):
            owner = next((one.name for one in self.config.members if family.startswith(one.families)), None)
            if owner is None:
                known = ", ".join(f"{family}..." for one in self.config.members for family in one.families)
                raise VoxploreError("cells", expected=f"families {known}", got=family)
            rows[owner].append(row)
        few = next((name for name, numbers in rows.items() if len(numbers) < 2), None)
        if few is not None:
            raise VoxploreError("cells", expected=f"two or more of {few}", got=str(len(rows[few])))
        return {name: np.array(numbers) for name, numbers in rows.items()}


def _ious(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Intersection over union of packed cells, row by row; 1 where both are empty."""
    shared, either = (np.bitwise_count(both).sum(1, dtype=np.int64) for both in (one & other, one | other))
    return np.where(either == 0, 1.0, shared / np.maximum(either, 1))
