"""Targets asked of a model and what was reached, beside plain draws and the best of as many plain draws as were solved.

    modulus     Young's modulus (Hill average) and density together: shares of the bound at eight densities of held-out
                cells, 10th to 90th percentile of both
    poisson     Poisson's ratio nu_xy from -.3 to .4
    cubic       the stiffness of held-out cells whose tensor is nearest to cubic, made cubic
    isotropic   isotropic within 5 % (largest over smallest Young's modulus) at eight densities of held-out cells

One pool of plain draws is solved once for all targets, at half the resolution as in `discover`. From the usable cells
nearest to a target others are steered (`workflows.search.approach`) and solved at full resolution, a few at a time,
until enough hit or none is left to start from. A steered cell counts where it is of use: valid, novel, one piece in a
block of 2 x 2 x 2, no strut too thin. The same command goes on where one was broken off.

    python experiments/targets.py default --kinds modulus --held-out data/nets data/shells --out results/targets
"""

import argparse
import functools
import itertools
import time
from collections.abc import Callable, Mapping, Sequence
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
from voxplore.report.evidence import SAME, distinct, expected_best, mutual_iou
from voxplore.storage import resumable_folder, staged_folder
from voxplore.unitcells import UnitCells
from voxplore.workflows.coarse import coarse_properties
from voxplore.workflows.ranking import Use, novelty_floor, usable
from voxplore.workflows.search import approach
from voxplore.workflows.survey import fine_properties, survey
from voxplore.workflows.targets import Target, parse_target

Columns = Mapping[str, np.ndarray]
#: Of each kind: targets, cells that are steered at most and at a time, hits that are enough, and the miss that is one.
KINDS = {
    "modulus": (32, 4, 1, 1, 0.02),
    "poisson": (16, 4, 1, 1, 0.02),
    "cubic": (16, 4, 2, 1, 0.05),
    "isotropic": (8, 12, 4, 4, 0.05),
}
#: Largest difference of the density that counts as none; largest universal anisotropy asked for where isotropy is.
DENSITY, INDEX = 0.005, 0.003


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


@dataclass(frozen=True, eq=False)
class Bench:
    """Model, pool of plain draws with their properties, and what new cells are compared with. floor: least novelty."""

    model: Any
    pool: UnitCells
    coarse: Columns
    known: UnitCells
    reference: Reference
    floor: float

    @classmethod
    def of(cls, name: str, n: int, known: UnitCells) -> "Bench":
        model = vp.load_model(name, "cpu")
        oriented = orient_cells(known, 6)
        reference = Reference(oriented)
        drawn = model.generate(n, seed=0)
        return cls(model, drawn, coarse_properties(drawn, 1), oriented, reference, novelty_floor(oriented, reference))

    def asked(self, kind: str, target: Target, starts: int | None = None) -> dict[str, Any]:
        """What was reached for one target, in numbers. starts: cells that are steered at most."""
        _, most, together, wanted, near = KINDS[kind]
        most = starts or most
        started = time.process_time()
        plain = misses(kind, target, self.coarse)
        order = np.lexsort((target.misses(self.coarse), plain))
        solves = slopes = 0
        cells, own, density = [np.zeros((0, *[self.pool.resolution] * 3), bool)], np.zeros(0), np.zeros(0)
        whole = (row for row in order.tolist() if usable(self.pool[[row]].voxels()[0], Use()))
        order = list(itertools.islice(whole, most))
        for first in range(0, len(order), together):
            rows = np.array(order[first : first + together])
            found = approach(self.model, self.pool, rows, target, starts=together)
            solves, slopes = solves + found.solves, slopes + found.slopes
            if len(found.rows):
                new = UnitCells.from_voxels(found.voxels)
                use = survey(new, self.known, self.reference, Use(), "steered", 1, self.floor).passes
                solved = {name: column[use] for name, column in fine_properties(new, 1).items()}
                cells.append(found.voxels[use])
                own = np.append(own, misses(kind, target, solved))
                density = np.append(density, solved["relative_density"])
            if (own <= near).sum() >= wanted:
                break
        kept, start = np.concatenate(cells), plain.min()
        hits = kept[own <= (near if kind == "isotropic" else 0.1)]
        best = int(np.argmin(own)) if len(own) else -1
        return {
            "target": "the stiffness given" if target.stiffness else str(target),
            "stiffness": None if target.stiffness is None else [float(f"{x:.5g}") for x in target.stiffness],
            "miss": _number(own[best]) if len(own) else None,
            "density_off": _number(abs(density[best] - target.conditions[0].value))
            if len(own) and kind in ("modulus", "isotropic")
            else None,
            "steered_of_use": len(own),
            "hits": len(hits),
            "designs": len(distinct(UnitCells.from_voxels(hits))) if len(hits) else 0,
            "mutual_iou": _number(np.triu(mutual_iou(UnitCells.from_voxels(hits)), 1).max()) if len(hits) > 1 else None,
            "solves": solves,
            "slopes": slopes,
            "processor_seconds": round(time.process_time() - started, 1),
            "plain_median": _number(np.median(plain)),
            "plain_best_at_equal_solves": _number(expected_best(plain, solves + slopes)),
            "plain_best_of_pool": _number(start),
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
    parser.add_argument("--solved", type=int, default=96, help="held-out cells that are solved, of all sets together")
    parser.add_argument("--out", type=Path, required=True, help="folder that gets one of each kind")
    asked = parser.parse_args()
    each = asked.solved // len(asked.held_out)
    sets = [vp.load_cells(path, split="test") for path in asked.held_out]
    chosen = [cells[np.linspace(0, len(cells) - 1, min(each, len(cells))).astype(int)] for cells in sets]
    solved = [fine_properties(cells, 1) for cells in chosen]
    held_out = {name: np.concatenate([columns[name] for columns in solved]) for name in solved[0]}
    request = {key: str(value) for key, value in vars(asked).items() if key not in ("kinds", "targets")} | {
        "version": vp.__version__
    }

    @functools.cache
    def bench() -> Bench:
        known = [vp.load_cells(path, split="train") for path in asked.reference or ()]
        return Bench.of(asked.model, asked.pool, UnitCells.concatenate(known) if known else reference_cells())

    for kind in asked.kinds:
        if not (asked.out / kind).exists():
            run(kind, asked.out / kind, held_out, (asked.targets, asked.starts), bench, request)


def run(
    kind: str,
    out: Path,
    held_out: Columns,
    counts: tuple[int | None, int | None],
    bench: Callable[[], Bench],
    request: dict[str, str],
) -> None:
    """Targets of a kind into the folder `out`, from where a run before was broken off. counts: targets, starts."""
    every = held_out_targets(kind, held_out)
    targets = spread(every, counts[0])
    with resumable_folder(out, request, ()) as work:
        for target in targets[len(work.notes) :]:
            work.commit(bench().asked(kind, target, counts[1]), {})
            work.flush()
            print(work.notes[-1], flush=True)
        about = {"kind": kind, "asked_for": len(every), "run": len(targets), "pool": len(bench().pool)}
        about |= {"same": SAME, "voxplore_version": vp.__version__}
        with staged_folder(out, False, work.committing) as stage:
            storage.write_json(stage / "targets.json", {**about, "targets": work.notes[: len(targets)]})


if __name__ == "__main__":
    main()
