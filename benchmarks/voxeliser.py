"""Struts to voxels (Eq. 11), beside the formula written down plainly and beside bounding boxes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from voxplore.data.synthetic.truss import StrutGraph, voxelise_segments
from voxplore.kernels.capsules import capsules_numpy

from .race import Contestant, Row, Target, race

__all__ = ["graphs_for", "plain_formula", "voxeliser_rows"]

RADIUS = 0.06


def graphs_for(real: Path, n: int, seed: int) -> list[StrutGraph]:
    """Half from a catalogue of real cells where one is there, the rest nets made on the spot."""
    from voxplore.data.published.metatruss import read_jsonl
    from voxplore.data.synthetic.nets import nets_with_plans
    from voxplore.data.synthetic.periodic import strut_graph

    catalogue = real / "lumpe-cells.jsonl.gz"
    found: list[StrutGraph] = []
    if catalogue.exists():
        graphs = list(read_jsonl(catalogue))
        found = [graphs[i] for i in np.linspace(0, len(graphs) - 1, n // 2).astype(int)]
    _, plans = nets_with_plans(n - len(found), seed, resolution=16, workers=1)
    return found + [strut_graph(f"net {i}", plan.segments()) for i, plan in enumerate(plans)]


def plain_formula(segments: np.ndarray, d: int, radius: float) -> np.ndarray:
    """Distance of every voxel centre to every strut: float64 (k, 2, 3) -> Bool (d, d, d)."""
    centre = (np.arange(d) + 0.5) / d
    x, y, z = np.meshgrid(centre, centre, centre, indexing="ij")
    solid = np.zeros((d, d, d), bool)
    for start, end in segments:
        u, v, w = end - start
        px, py, pz = x - start[0], y - start[1], z - start[2]
        along = (px * u + py * v + pz * w) / max(u * u + v * v + w * w, 1e-300)
        along = np.clip(along, 0, 1)
        dx, dy, dz = px - along * u, py - along * v, pz - along * w
        solid |= dx * dx + dy * dy + dz * dz <= radius * radius
    return solid


def voxeliser_rows(graphs: list[StrutGraph], d: int, peer_cells: int, turns: int) -> tuple[list[Row], list[Target]]:
    """All graphs; `peer_cells` of them, evenly spaced, for the slow contestants. Our answers are all compared."""
    struts = [graph.segments() for graph in graphs]
    few = [struts[i] for i in np.linspace(0, len(struts) - 1, min(peer_cells, len(struts))).astype(int)]

    def drawn(some: list[np.ndarray], draw: Callable[[np.ndarray], np.ndarray]) -> Callable[[], Any]:
        return lambda: [draw(segments) for segments in some]

    def ours(segments: np.ndarray) -> np.ndarray:
        return voxelise_segments(segments, d, RADIUS)

    def boxes(segments: np.ndarray) -> np.ndarray:
        return capsules_numpy(segments, d, (d, d, d), RADIUS)

    def plain(segments: np.ndarray) -> np.ndarray:
        return plain_formula(segments, d, RADIUS)

    rows = race(
        "voxels of struts",
        "cells",
        [
            Contestant("voxplore", lambda: drawn(struts, ours), len(struts), agrees=_agreement(struts, plain)),
            Contestant("voxplore, NumPy path", lambda: drawn(few, boxes), len(few), note="a bounding box a strut"),
            Contestant(
                "plain formula", lambda: drawn(few[:4], plain), len(few[:4]), "numpy", "every voxel, every strut"
            ),
        ],
        turns,
    )
    words = rows[0].answers.split()
    differ = float(words[0]) if words[0].isdigit() else 0.0
    return rows, [
        Target("voxels of struts, one core", rows[0].rate, 4000, True, "cells/s"),
        Target("cells unlike the plain formula", differ, 0, False, "cells"),
    ]


def _agreement(struts: list[np.ndarray], plain: Callable[[np.ndarray], np.ndarray]) -> Callable[[Any], str]:
    def agrees(got: list[np.ndarray]) -> str:
        differ = sum(not np.array_equal(cell, plain(segments)) for cell, segments in zip(got, struts, strict=True))
        return f"equal, {len(struts)} cells" if differ == 0 else f"{differ} of {len(struts)} differ"

    return agrees
