"""VoxPlore with field latents for several families of cells: one model each, drawn from together (our choice).

Struts and sheets share little, so that each has networks of its own; one model of both was not trained to compare. What
is drawn is a mixture of all members, each as often as known cells of what is asked for are its own.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from torch import nn

from voxplore.errors import VoxploreError
from voxplore.models.base import Generator
from voxplore.models.voxels import checked_cells, training_facts
from voxplore.models.voxplore.conditioning import wanted_values
from voxplore.models.voxplore.field_drawing import WINDOW, Drawer, Sources, draw_rows
from voxplore.models.voxplore.fields import VoxPloreFields
from voxplore.models.voxplore.known_fields import Memory
from voxplore.recipes import FamiliesConfig, FieldSampling, Member
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
        if "family" not in cells.index:
            raise VoxploreError("cells", expected="a column `family` in their index", got="none")
        folder, stages, owned = self._run_folder(run), {}, self._rows(cells)
        few = next((name for name, rows in owned.items() if len(rows) < 2), None)
        if few is not None:
            raise VoxploreError("cells", expected=f"two or more of {few}", got=str(len(owned[few])))
        for name, rows in owned.items():
            member = self.members[name].fit(cells[rows], folder / name)
            stages |= {f"{name}-{stage}": facts for stage, facts in member.trained["stages"].items()}
        self.trained = training_facts(cells, stages)
        return self

    def generate(
        self, n: int, *, seed: int, sampling: FieldSampling | None = None, condition: Any = None, first: int = 0
    ) -> UnitCells:
        """Draw n cells, as a member does; `member` in the index names who drew each."""
        each = self._answering(condition)
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
        tried, ious = self._tried(cells)
        packed = np.choose(ious.argmax(0)[:, None], tried)
        return UnitCells(packed, cells.resolution, dict(cells.index), dict(cells.about))

    def know(self, cells: UnitCells, properties: Mapping[str, np.ndarray]) -> "VoxPloreFamilies":
        """Tell each member properties of the cells of its families, see `VoxPloreFields.know`; cells whose index has no
        families go to the member that reconstructs them best. A member of fewer than two is not asked for them."""
        finite = np.all([np.isfinite(column) for column in properties.values()], axis=0) & np.ones(len(cells), bool)
        if "family" in cells.index:
            owned = self._rows(cells)
        else:
            best = self._tried(cells)[1].argmax(0)
            owned = {name: np.flatnonzero(best == place) for place, name in enumerate(self.members)}
        owned = {name: rows[finite[rows]] for name, rows in owned.items()}
        if all(len(rows) < 2 for rows in owned.values()):
            raise VoxploreError("properties", expected="two cells or more with finite ones", got=str(finite.sum()))
        for name, rows in owned.items():
            member = self.members[name]
            member.told = None
            if len(rows) > 1:
                member.know(cells[rows], {key: column[rows] for key, column in properties.items()})
        return self

    def avoid(self, cells: UnitCells) -> "VoxPloreFamilies":
        """Let SRR repel from these cells in every member."""
        for member in self.members.values():
            member.avoid(cells)
        return self

    def _answering(self, condition: Any) -> dict[str, Sources]:
        """Member -> what it draws from, of those that know cells with all that is asked for; where none does, of the
        first, whose properties the refusal then names."""
        each = {one.name: _repelled(self.members[one.name].sources(condition), one) for one in self.config.members}
        names = set(condition) if isinstance(condition, Mapping) else set()
        found = {name: one for name, one in each.items() if names <= set(one.memory.values())}
        return found or dict([next(iter(each.items()))])

    def _tried(self, cells: UnitCells) -> tuple[list[np.ndarray], np.ndarray]:
        """Packed reconstructions (n, d^3 / 8) by each of m members, and their IoU (m, n) with the cells."""
        tried = [np.asarray(member.reconstruct(cells).packed) for member in self.members.values()]
        return tried, np.stack([_ious(packed, np.asarray(cells.packed)) for packed in tried])

    def _rows(self, cells: UnitCells) -> dict[str, np.ndarray]:
        """Member -> numbers of the cells of its families, int64 (m,)."""
        rows: dict[str, list[int]] = {name: [] for name in self.members}
        for row, family in enumerate(cells.index["family"].tolist()):
            owner = next((one.name for one in self.config.members if family.startswith(one.families)), None)
            if owner is None:
                known = ", ".join(f"{family}..." for one in self.config.members for family in one.families)
                raise VoxploreError("cells", expected=f"families {known}", got=family)
            rows[owner].append(row)
        return {name: np.array(numbers, np.int64) for name, numbers in rows.items()}


def _repelled(sources: Sources, member: Member) -> Sources:
    """What a member draws from, drawn with its share of SRR's strength."""

    def scaled(draw: Drawer, sampling: FieldSampling, *noise_and_wanted: Any) -> np.ndarray:
        srr = sampling.srr and replace(sampling.srr, strength=member.repulsion * sampling.srr.strength)
        return draw(replace(sampling, srr=srr), *noise_and_wanted)

    return Sources(sources.memory, [partial(scaled, draw) for draw in sources.drawers])


def _ious(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Intersection over union of packed cells, row by row; 1 where both are empty."""
    shared, either = (np.bitwise_count(both).sum(1, dtype=np.int64) for both in (one & other, one | other))
    return np.where(either == 0, 1.0, shared / np.maximum(either, 1))
