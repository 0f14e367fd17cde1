"""The runs: quick (small cells, right answers), full (beside the peers), scaling."""

import argparse
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from voxplore.recipes import RECIPES, VoxPloreConfig
from voxplore.unitcells import UnitCells, load_cells

from .checks import pairs_checked
from .components import component_rows
from .material import blobs, quick_material, real_material
from .neighbours import neighbour_rows
from .race import Row, Target
from .sampling import command_row, generate_rows, known_latents, repulsion_rows
from .scaling import scaling_rows
from .tables import environment, write
from .training import held_out_rows, nets_split, tiny_config
from .voxeliser import graphs_for, voxeliser_rows

__all__ = ["full", "quick", "scaling"]

_LATENTS = 60_000
_MEMORY = 2.0
#: Valid cells a step of the published shape (as many degraded ones join them): its 200 need 40 GB.
_BATCH = 16


def quick(options: argparse.Namespace, work: Path) -> str:
    """Every part on a few small cells; the targets are right answers alone. SystemExit where one is wrong."""
    header = environment(options.seed)
    targets = pairs_checked(options.pairs, options.seed)
    material = quick_material(seed=options.seed)
    rows = neighbour_rows(material, 40, 1)[0]
    cells = UnitCells.from_voxels(blobs(60, 16, np.random.default_rng(options.seed)))
    rows += component_rows(cells, 12, 1)[0]
    rows += voxeliser_rows(graphs_for(options.real, 6, options.seed), 24, 4, 1)[0]
    known = np.random.default_rng(options.seed).standard_normal((300, 16), dtype=np.float32)
    rows += repulsion_rows(known, 16, 20)[0]
    rows += _training_quickly(cells)
    # A peer may break ties its own way, or lack digits: only our own answers have to be right.
    wrong = [row for row in rows if row.name.startswith("voxplore") and "differ" in row.answers]
    targets.append(Target("our answers that differ from brute force", float(len(wrong)), 0, False, "rows"))
    text = write(options.out, "quick", header, rows, targets)
    if not all(target.met for target in targets):
        raise SystemExit(text)
    return text


def full(options: argparse.Namespace, work: Path) -> str:
    """The parts of `--only`, beside their peers."""
    header, begun = environment(options.seed), time.perf_counter()
    material = real_material(options.nets, options.shells, options.references, options.queries, options.seed)
    header |= {"sha256": material.checksums(), "arguments": _plain(vars(options))}
    truss, shell = material.queries["held-out nets"], material.queries["held-out shells"]
    rows: list[Row] = []
    targets = pairs_checked(options.pairs, options.seed)

    def add(found: tuple[list[Row], list[Target]]) -> None:
        rows.extend(found[0])
        targets.extend(found[1])

    if "neighbours" in options.only:
        add(neighbour_rows(material, options.peer_queries, options.turns))
    if "components" in options.only:
        add(component_rows(UnitCells.concatenate([truss[:300], shell[:300]])[_mixed(options.seed)], 64, options.turns))
    if "voxeliser" in options.only:
        add(voxeliser_rows(graphs_for(options.real, 300, options.seed), truss.resolution, 30, options.turns))
    if "sampling" in options.only and (options.model / "config.json").exists():
        latents = known_latents(options.model, material.reference[: min(_LATENTS, options.references)])
        add(repulsion_rows(latents, 1024, 1000))
        add(generate_rows(options.model, material.reference, work, options.queries, options.steps))
    if "evaluation" in options.only:
        add(_evaluation(material.reference, truss, work))
    if "training" in options.only:
        add(_training(options))
    header |= {"seconds": round(time.perf_counter() - begun, 1)}
    return write(options.out, _name(options), header, rows, targets)


def scaling(options: argparse.Namespace) -> str:
    """Nearest cells for N of 1,000 to 600,000 (as many as memory holds), and all parts for d of 32 to 96."""
    header = environment(options.seed)
    n = min(200, options.queries)
    material = real_material(options.nets, options.shells, options.references, n, options.seed)
    graphs = graphs_for(options.real, 60, options.seed)
    sizes = [size for size in (1000, 10_000, 60_000, 600_000) if size <= 10 * options.references]
    queries = material.queries["held-out nets"]
    rows = scaling_rows(material.reference, queries, graphs, sizes, [32, 48, 64, 96], options.turns)
    return write(options.out, "scaling", header | {"sha256": material.checksums()}, rows, [])


def _evaluation(reference: UnitCells, samples: UnitCells, work: Path) -> tuple[list[Row], list[Target]]:
    """`voxplore evaluate` of held-out nets against all references, `vun` included."""
    reference.save(work / "reference")
    load_cells(work / "reference")
    UnitCells(samples.packed, samples.resolution, {"id": samples.index["id"]}, {"name": "held-out"}).save(
        work / "samples"
    )
    words = ["evaluate", str(work / "samples"), "--reference", str(work / "reference"), "--out", str(work / "scores")]
    name = f"evaluate {len(samples):,} against {len(reference):,}, vun included"
    row = command_row(name, words, len(samples), "cells")
    memory = float(row.note.split()[0])
    return [row], [
        Target(name, len(samples) / row.rate, 60, False, "s"),
        Target("its memory, mapped reference included", memory, _MEMORY, False, "GiB"),
    ]


def _training(options: argparse.Namespace) -> tuple[list[Row], list[Target]]:
    """The small recipe beside the published shape."""
    cells, held_out = nets_split(options.nets, 128)
    small, published = RECIPES["closed-form-nets-small"], VoxPloreConfig()
    # At the published batch it would take two or three steps in this time.
    often = replace(published, autoencoder_training=replace(published.autoencoder_training, batch=_BATCH))
    return held_out_rows(cells, held_out, often, small, options.training_seconds)


def _training_quickly(cells: UnitCells) -> list[Row]:
    """Tiny networks, a second or two."""
    published, small = tiny_config(VoxPloreConfig()), tiny_config(RECIPES["closed-form-nets-small"])
    return held_out_rows(cells[:48], cells[48:], published, small, 1.0)[0]


def _mixed(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).permutation(600)


def _name(options: argparse.Namespace) -> str:
    return "speed" if options.threads == 1 else f"speed-{options.threads}-threads"


def _plain(options: dict[str, Any]) -> dict[str, Any]:
    """Arguments without the paths, which say nothing to others."""
    return {key: list(v) if isinstance(v, tuple) else v for key, v in options.items() if not isinstance(v, Path)}
