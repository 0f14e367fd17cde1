"""Targets asked of a model and what was reached, beside plain draws and the best of as many plain draws as were solved.

    modulus     Young's modulus (Hill average) and density together: shares of the bound at eight densities of held-out
                cells, 10th to 90th percentile of both
    poisson     Poisson's ratio nu_xy from -.3 to .4
    cubic       the stiffness of held-out cells whose tensor is nearest to cubic, made cubic
    isotropic   isotropic within 5 % (largest over smallest Young's modulus) at eight densities of held-out cells

One pool of plain draws is solved once for all targets, at half the resolution as in `discover`. From the usable cells
nearest to a target others are steered (`workflows.search.approach`) and solved at full resolution, a few at a time,
until enough hit or none is left to start from. A steered cell counts, then and in the tables, where it is of use:
valid, novel, one piece in a block of 2 x 2 x 2, no strut too thin. The same command goes on where one was broken off.

    python experiments/targets.py default --kinds modulus --held-out data/nets data/shells --out results/targets
"""

import argparse
import functools
import itertools
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import voxplore as vp
from voxplore import storage
from voxplore.data.prepare.orientations import orient_cells
from voxplore.data.record.shipped import reference_cells
from voxplore.mechanics import hashin_shtrikman, stiffness_of
from voxplore.metrics.neighbours import Reference
from voxplore.parallel import map_items
from voxplore.report.evidence import SAME, distinct, expected_best, mutual_iou
from voxplore.storage import resumable_folder, staged_folder
from voxplore.unitcells import UnitCells, pack
from voxplore.workflows.coarse import coarse_properties
from voxplore.workflows.ranking import Use, novelty_floor, usable
from voxplore.workflows.search import approach, in_order
from voxplore.workflows.survey import fine_properties, survey
from voxplore.workflows.targets import Target, parse_target

Columns = Mapping[str, np.ndarray]
#: Of each kind: targets, cells that are steered at most and at a time, hits that are enough, and the miss that is one.
KINDS = {
    "modulus": (32, 4, 1, 1, 0.02),
    "poisson": (16, 4, 1, 1, 0.02),
    "cubic": (16, 4, 2, 1, 0.05),
    "isotropic": (8, 60, 6, 4, 0.05),
}
#: Solved cells on the way of each.
STEPS = {"modulus": 8, "poisson": 8, "cubic": 8, "isotropic": 16}
#: Largest difference of the density that counts as none; largest universal anisotropy asked for where isotropy is.
DENSITY, INDEX = 0.005, 0.001


def held_out_targets(kind: str, held_out: Columns) -> list[Target]:
    """All targets of a kind."""
    density, share = held_out["relative_density"], held_out["young_share"]
    levels = np.quantile(density, np.linspace(0.1, 0.9, 8))
    if kind == "modulus":
        found = []
        for level in levels:
            near = np.argsort(abs(density - level))[: max(4, len(density) // 4)]
            bulk, shear = hashin_shtrikman(level)
            bound = 9 * bulk * shear / (3 * bulk + shear)
            for value in np.quantile(share[near], np.linspace(0.1, 0.9, 4)) * bound:
                found.append(parse_target(f"relative_density={level:.4f}, young_hill={value:.4g}"))
        return found
    if kind == "poisson":
        return [parse_target(f"poisson_xy={value:.4f}") for value in np.linspace(-0.3, 0.4, 16)]
    if kind == "isotropic":
        return [parse_target(f"relative_density={level:.4f}, universal_anisotropy<{INDEX}") for level in levels]
    tensors = stiffness_of(held_out)
    cubic = np.stack([made_cubic(tensor) for tensor in tensors])
    apart = np.linalg.norm(tensors - cubic, axis=(1, 2)) / np.linalg.norm(tensors, axis=(1, 2))
    nearest = np.argsort(apart)[: max(16, len(apart) // 4)]
    chosen = nearest[np.argsort(density[nearest])][np.linspace(0, len(nearest) - 1, 16).astype(int)]
    return [Target(stiffness=tuple(cubic[row].ravel().tolist())) for row in chosen]


def made_cubic(tensor: np.ndarray) -> np.ndarray:
    """The cubic tensor (6, 6) nearest to one: its numbers averaged over the three axes."""
    cubic = np.zeros((6, 6))
    cubic[:3, :3] = (tensor[0, 1] + tensor[0, 2] + tensor[1, 2]) / 3
    cubic[range(3), range(3)] = np.trace(tensor[:3, :3]) / 3
    cubic[range(3, 6), range(3, 6)] = np.trace(tensor[3:, 3:]) / 3
    return cubic


def misses(kind: str, target: Target, columns: Columns) -> np.ndarray:
    """What stands in the tables: the largest relative miss (of nu_xy the difference) of each cell."""
    if kind != "isotropic":
        return target.misses(columns)
    with np.errstate(divide="ignore", invalid="ignore"):
        apart = columns["young_max"] / columns["young_min"] - 1
    return np.maximum(np.where(np.isfinite(apart), apart, np.inf), target.conditions[0].misses(columns))


@dataclass(frozen=True)
class Job:
    """One target of a kind asked of a model, from a pool of n plain draws; starts: cells that are steered at most;
    reference: sets of known cells, none for those of the shipped model."""

    kind: str
    target: Target
    model: str
    n: int
    starts: int
    reference: tuple[Path, ...]


@functools.cache
def pool_of(name: str, n: int) -> tuple[Any, UnitCells, Columns]:
    """Model, plain draws, and their properties at half the resolution (kept in the cache)."""
    model = vp.load_model(name, "cpu")
    drawn = model.generate(n, seed=0)
    return model, drawn, coarse_properties(drawn, 1)


def asked(job: Job) -> tuple[dict[str, Any], bytes]:
    """What one target took, and the steered cells, packed."""
    _, _, together, wanted, near = KINDS[job.kind]
    model, pool, coarse = pool_of(job.model, job.n)
    started = time.process_time()
    plain = misses(job.kind, job.target, coarse)
    place = np.argsort(np.lexsort((job.target.misses(coarse), plain)))
    nearest = in_order(pool, place, job.target, 1).tolist()
    whole = (row for row in nearest if usable(pool[[row]].voxels()[0], Use()))
    order = list(itertools.islice(whole, job.starts))
    solves = slopes = hits = 0
    packed: list[bytes] = []
    for first in range(0, len(order), together):
        rows = np.array(order[first : first + together])
        found = approach(model, pool, rows, job.target, starts=together, steps=STEPS[job.kind], workers=1)
        solves, slopes = solves + found.solves, slopes + found.slopes
        if len(found.rows):
            packed += [row.tobytes() for row in pack(found.voxels)]
            steered = UnitCells.from_voxels(found.voxels)
            own = misses(job.kind, job.target, fine_properties(steered, 1))
            hits += int(((own <= near) & judge(job.reference).of_use(steered)).sum())
        if hits >= wanted:
            break
    stiffness = job.target.stiffness
    note = {
        "target": "the stiffness given" if stiffness else str(job.target),
        "stiffness": None if stiffness is None else [float(f"{x:.5g}") for x in stiffness],
        "steered": len(packed),
        "solves": solves,
        "slopes": slopes,
        "processor_seconds": round(time.process_time() - started, 1),
        "plain_median": _number(np.median(plain)),
        "plain_best_at_equal_solves": _number(expected_best(plain, solves + slopes)),
        "plain_best_of_pool": _number(plain.min()),
    }
    return note, b"".join(packed)


def reached(kind: str, target: Target, cells: UnitCells) -> dict[str, Any]:
    """What the steered cells of use reach for their target."""
    near = KINDS[kind][-1]
    if not len(cells):
        return {"miss": None, "density_off": None, "of_use": 0, "hits": 0, "designs": 0, "mutual_iou": None}
    solved = fine_properties(cells, 1)
    own = misses(kind, target, solved)
    best = int(np.argmin(own))
    dense = kind in ("modulus", "isotropic")
    off = abs(solved["relative_density"] - target.conditions[0].value) if dense else np.zeros(len(own))
    hits = cells[(own <= (near if kind == "isotropic" else 0.1)) & (off <= DENSITY)]
    return {
        "miss": _number(own[best]),
        "density_off": _number(off[best]) if dense else None,
        "of_use": len(cells),
        "hits": len(hits),
        "designs": len(distinct(hits)) if len(hits) else 0,
        "mutual_iou": _number(np.triu(mutual_iou(hits), 1).max()) if len(hits) > 1 else None,
    }


def _number(value: float) -> float | None:
    return float(f"{value:.5g}") if np.isfinite(value) else None


def spread(items: Sequence[Any], count: int | None) -> list[Any]:
    """So many of them, or all: those at the golden section's steps, so that any first few lie evenly among all."""
    order = np.argsort(np.argsort((np.arange(len(items)) * (np.sqrt(5) - 1) / 2) % 1))
    return [items[k] for k in order.tolist()][:count]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--kinds", nargs="+", choices=list(KINDS), default=list(KINDS))
    parser.add_argument("--held-out", type=Path, nargs="+", required=True, help="sets of cells, their test splits")
    parser.add_argument("--reference", type=Path, nargs="*", help="known cells; without it those of the shipped model")
    parser.add_argument("--targets", type=int, help="only so many of each kind, evenly spread")
    parser.add_argument("--pool", type=int, default=256, help="plain draws")
    parser.add_argument("--starts", type=int, help="cells that are steered at most for a target")
    parser.add_argument(
        "--minutes", type=float, default=float("inf"), help="begin no target after so many, and write what was run"
    )
    parser.add_argument("--workers", type=int, default=1, help="processes, one a target")
    parser.add_argument("--solved", type=int, default=96, help="held-out cells that are solved, of all sets together")
    parser.add_argument("--out", type=Path, required=True, help="folder that gets one of each kind")
    asked_for = parser.parse_args()
    each = asked_for.solved // len(asked_for.held_out)
    sets = [vp.load_cells(path, split="test") for path in asked_for.held_out]
    chosen = [cells[np.linspace(0, len(cells) - 1, min(each, len(cells))).astype(int)] for cells in sets]
    solved = [fine_properties(cells, 1) for cells in chosen]
    held_out = {name: np.concatenate([columns[name] for columns in solved]) for name in solved[0]}
    free = ("kinds", "targets", "workers", "minutes")
    request = {key: str(value) for key, value in vars(asked_for).items() if key not in free}
    request["version"] = vp.__version__
    until = time.monotonic() + 60 * asked_for.minutes
    reference = tuple(asked_for.reference or ())

    for kind in asked_for.kinds:
        out = asked_for.out / kind
        if out.exists():
            continue
        every = held_out_targets(kind, held_out)
        starts = asked_for.starts or KINDS[kind][1]
        targets = spread(every, asked_for.targets)
        with resumable_folder(out, request, ("cells",)) as work:
            left = targets[len(work.notes) :] if time.monotonic() < until else []
            jobs = [Job(kind, target, asked_for.model, asked_for.pool, starts, reference) for target in left]
            for note, packed in map_items(asked, jobs, workers=asked_for.workers):
                work.commit(note, {"cells": packed})
                work.flush()
                print(note, flush=True)
                if time.monotonic() > until:
                    break
            if not work.notes:
                continue
            rows = told(kind, targets, work.notes, work.folder / "cells", judge(reference))
            about = {"kind": kind, "asked_for": len(every), "run": len(rows), "pool": asked_for.pool}
            about |= {"same": SAME, "voxplore_version": vp.__version__}
            with staged_folder(out, False, work.committing) as stage:
                storage.write_json(stage / "targets.json", {**about, "targets": rows})


@dataclass(frozen=True, eq=False)
class Judge:
    """Known cells in six orientations, packed for comparison, and the least novelty of a cell of use."""

    known: UnitCells
    reference: Reference
    floor: float

    @classmethod
    def of(cls, known: UnitCells) -> "Judge":
        oriented = orient_cells(known, 6)
        reference = Reference(oriented)
        return cls(oriented, reference, novelty_floor(oriented, reference))

    def of_use(self, cells: UnitCells) -> np.ndarray:
        """Bool (n,)."""
        if not len(cells):
            return np.zeros(0, bool)
        return survey(cells, self.known, self.reference, Use(), "steered", 1, self.floor).passes


@functools.cache
def judge(reference: tuple[Path, ...]) -> Judge:
    """Of the training cells of these sets, or of the known cells of the shipped model."""
    known = [vp.load_cells(path, split="train") for path in reference]
    return Judge.of(UnitCells.concatenate(known) if known else reference_cells())


def told(
    kind: str, targets: list[Target], notes: list[dict[str, Any]], path: Path, judge: Judge
) -> list[dict[str, Any]]:
    """The notes with what was reached: the steered cells of each target, packed in the file, judged by themselves."""
    counts = [note["steered"] for note in notes]
    d = judge.known.resolution
    packed = np.frombuffer(path.read_bytes() if path.exists() else b"", np.uint8).reshape(sum(counts), d**3 // 8)
    cells = UnitCells(packed, d, {"id": np.array([f"steered-{k}" for k in range(len(packed))], dtype=np.str_)})
    ends = np.cumsum([0, *counts])
    found = []
    for target, note, first, last in zip(targets, notes, ends[:-1], ends[1:], strict=False):
        own = cells[first:last]
        found.append({**note, **reached(kind, target, own[judge.of_use(own)])})
    return found


if __name__ == "__main__":
    main()
