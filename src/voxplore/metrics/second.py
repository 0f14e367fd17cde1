"""Benchmark v2: what it adds to the scores of v1. Fidelity against held-out cells, validity and newness.

`vun_v2` is the share of cells that are valid (`validity`), unique and novel (`newness`).
"""

from dataclasses import replace
from functools import cached_property

import numpy as np

from voxplore import kernels
from voxplore.unitcells import UnitCells, pack

from .definitions import METRIC
from .discovery import VunResult
from .fidelity import Fidelity, HeldOut, fidelity
from .neighbours import Cells, Reference, as_cells
from .newness import Known, closest_earlier, closest_known
from .scorecard import Scores
from .validity import bounds_of, faces_met, invalid

__all__ = ["BENCHMARK", "Second", "vun_v2"]

BENCHMARK = "v2"
_CHUNK = 256


class Second:
    """The known and the held-out cells of benchmark v2, prepared once for any number of sets.

    reference: as of v1; of cells stored in six orientations, the first one is used. held_out: what fidelity and the
    symmetry of a valid cell are read against.
    """

    def __init__(self, reference: Reference, held_out: Cells):
        self.reference, self.held_out = reference, as_cells(held_out)

    @cached_property
    def known(self) -> Known:
        return Known(_as_built(self.reference), self.reference.threads)

    @cached_property
    def held(self) -> HeldOut:
        return HeldOut(self.held_out, self.reference.threads)

    def extend(self, scores: Scores, samples: Cells, vun: bool = True) -> tuple[Scores, Fidelity]:
        """Scores of v1 with those of v2 beside them, and the pairs of equal density that they come from.

        vun: also judge which cells are valid, unique and novel. What needs more pairs than there are is left out.
        """
        samples = as_cells(samples)
        found = fidelity(samples, self.held, self.reference.threads)
        columns = scores.columns | {k: column for k, column in found.columns.items() if k not in scores.columns}
        columns["faces_met"] = faces_met(samples)[0]
        values = {key: value for key, value in found.values.items() if np.isfinite(value)}
        if vun:
            verdict, iou = vun_v2(samples, self.known, self.held_out)
            columns |= {"valid_v2": verdict.valid, "unique_v2": verdict.unique, "novel_v2": verdict.novel}
            columns |= {"known_iou": iou, "reasons_v2": np.array(verdict.reasons)}
            values["vun_v2"] = verdict.share
        own = {key: np.asarray(column, float) for key, column in columns.items() if key in METRIC}
        less = 1 if len(samples) > 1 else 0
        mean = values | {key: float(column.mean()) for key, column in own.items()} | scores.mean
        std = {key: float(column.std(ddof=less)) for key, column in own.items()} | scores.std
        about = scores.about | {"benchmark": BENCHMARK}
        ordered = {key: mean[key] for key in METRIC if key in mean}
        return replace(scores, mean=ordered, std=std, columns=columns, about=about), found


def vun_v2(samples: Cells, known: Known, held_out: Cells | None = None) -> tuple[VunResult, np.ndarray]:
    """Which of n cells are valid, unique and novel, and the largest IoU found with a known cell: float64 (n,).

    held_out: what the symmetry of a valid cell is read against; without it any symmetry will do.
    """
    samples = as_cells(samples)
    failures = invalid(samples, bounds_of(known.cells, held_out))
    earlier, closest = closest_earlier(samples, known.threads), closest_known(samples, known)
    valid = ~np.any(list(failures.values()), axis=0)
    failures |= {"repeats an earlier cell": earlier.equals >= 0, "equivalent to a known cell": closest.equals >= 0}
    flags = zip(*(column.tolist() for column in failures.values()), strict=True)
    reasons = tuple("; ".join(text for text, failed in zip(failures, row, strict=True) if failed) for row in flags)
    verdict = VunResult(valid, earlier.equals < 0, closest.equals < 0, earlier.equals, closest.equals, reasons)
    return verdict, closest.iou


def _as_built(reference: Reference) -> UnitCells:
    """The reference's cells in their first orientation."""
    turned = reference.index.get("orientation")
    rows = np.arange(len(reference)) if turned is None else np.flatnonzero(np.asarray(turned) == 0)
    d = reference.resolution
    if d % 8 == 0:
        packed = reference.bits.words[rows].view(np.uint8)
    else:
        parts = np.split(rows, range(_CHUNK, len(rows), _CHUNK))
        words = reference.bits.words
        packed = np.concatenate([pack(np.stack([kernels.voxels_of(words[i], d) for i in part])) for part in parts])
    return UnitCells(packed, d, {"id": rows.astype(str)}, {"name": reference.name})
