"""Kinds of unit cells past trusses and shells: spinodoids, Voronoi foams, plates, extruded patterns, kirigami.

Each is periodic by construction and has central symmetry (our choice: benchmark v1 scores novelty only where S_sym
exceeds one half). Cell i of a seed is drawn until it is sound: density in range, one periodic component that connects
to its own image along all three axes, opposite faces that match by half or more.
"""

from collections.abc import Callable

import numpy as np

from voxplore import geometry, kernels
from voxplore.data.synthetic.extruded import draw_extruded
from voxplore.data.synthetic.kirigami import draw_kirigami
from voxplore.data.synthetic.plates import draw_plates
from voxplore.data.synthetic.spinodoid import draw_spinodoid
from voxplore.data.synthetic.voronoi import draw_voronoi
from voxplore.errors import VoxploreError
from voxplore.parallel import map_items
from voxplore.ranges import Count, Resolution, Seed, Workers, within
from voxplore.unitcells import UnitCells, numbered_ids, pack

__all__ = ["FAMILIES", "build_family"]

_CHUNK = 50
_MOST_TRIES = 10_000
_DENSITY_RANGE = (0.03, 0.75)


@within
def build_family(
    name: str,
    n: Count,
    seed: Seed = 0,
    *,
    resolution: Resolution = 48,
    engine: str = "local",
    workers: Workers | None = None,
) -> UnitCells:
    """n cells of one family in FAMILIES, the same bytes for the same seed however many workers."""
    if name not in FAMILIES:
        raise VoxploreError("family", expected=" or ".join(FAMILIES), got=repr(name))
    if n < 0 or not 8 <= resolution <= 512:
        raise VoxploreError(name, expected="n of none or more, resolution 8 to 512", got=f"{n} and {resolution}")
    jobs = [(name, seed, start, min(start + _CHUNK, n), resolution) for start in range(0, n, _CHUNK)]
    packed = np.empty((n, -(-(resolution**3) // 8)), dtype=np.uint8)
    for job, rows in zip(jobs, map_items(_family_rows, jobs, workers=workers, engine=engine), strict=True):
        packed[job[2] : job[3]] = rows
    ids = numbered_ids(name, n)
    index = {"id": ids, "source_id": ids, "family": np.full(n, name)}
    about = {"name": name, "source": "made by voxplore", "licence": "CC0 1.0"}
    return UnitCells(packed, resolution, index, {**about, "options": {"n": n, "seed": seed, "resolution": resolution}})


def _family_rows(job: tuple[str, int, int, int, int]) -> np.ndarray:
    name, seed, start, stop, resolution = job
    draws = (np.random.default_rng((seed, i)) for i in range(start, stop))
    return pack(np.stack([_first_sound_cell(name, rng, resolution) for rng in draws]))


def _first_sound_cell(name: str, rng: np.random.Generator, resolution: int) -> np.ndarray:
    for _ in range(_MOST_TRIES):
        solid = FAMILIES[name](rng, resolution)
        solid = solid | np.flip(solid)  # exact central symmetry, whatever the last digits were
        # A shift by half a period keeps the symmetry: of the eight windows, the one whose faces match best.
        solid = max((geometry.shift(solid, half) for half in geometry.HALF_SHIFTS), key=_face_match)
        if _is_sound(solid):
            return solid
    raise VoxploreError(name, expected=f"a sound cell in {_MOST_TRIES} draws", got="none")


def _is_sound(solid: np.ndarray) -> bool:
    if not _DENSITY_RANGE[0] <= solid.mean() <= _DENSITY_RANGE[1]:
        return False
    if _face_match(solid) < 0.5:
        return False
    found = kernels.components(np.packbits(solid, axis=-1)[None])
    return bool(found.largest[0] == found.solid[0] and found.spans.all())


def _face_match(solid: np.ndarray) -> float:
    """S_per, Eq. 13."""
    return geometry.face_iou(solid).sum() / 3


#: Name -> a draw (generator, resolution) -> Bool (d, d, d), sound or not.
FAMILIES: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    "spinodoid": draw_spinodoid,
    "voronoi": draw_voronoi,
    "plates": draw_plates,
    "extruded": draw_extruded,
    "kirigami": draw_kirigami,
}
