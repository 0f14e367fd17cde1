"""A table of properties of many cells: parallel over cells, cached by the cell's own checksum, resumable.

The cache holds one small JSON file a cell with the two tensors; everything else is derived from them on reading, so a
change of the derived constants costs no new solution. An interrupted run loses the cells in work and no others.
"""

import contextlib
import hashlib
import math
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from voxplore import storage
from voxplore.errors import VoxploreError
from voxplore.kernels import carrying
from voxplore.parallel import map_items
from voxplore.ranges import Edge, Modulus, Poisson, Soft, Tolerance, Workers, within
from voxplore.unitcells import UnitCells, unpack

from .batched import homogenise_batch
from .constants import derived
from .elasticity import check_edges
from .element import Element, conductive_element, elastic_element
from .finer import finer_stiffness, stair_faces
from .homogenise import Homogenised, homogenise
from .strength import peak_stresses, strength_columns

__all__ = [
    "CONDUCTIVITY_COLUMNS",
    "DIFFUSIVITY_COLUMNS",
    "FINER_COLUMNS",
    "STIFFNESS_COLUMNS",
    "properties_of",
    "stiffness_of",
]

#: Counts changes of the solver that change results: part of the cache's key.
_SOLVER = 3
#: Cells a batch on an accelerator.
_BATCH = 32
_VOIGT = tuple((i, j) for i in range(6) for j in range(i, 6))
_SYMMETRIC = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))
STIFFNESS_COLUMNS = tuple(f"C{i + 1}{j + 1}" for i, j in _VOIGT)
CONDUCTIVITY_COLUMNS = tuple(f"conductivity_{'xyz'[i]}{'xyz'[j]}" for i, j in _SYMMETRIC)
DIFFUSIVITY_COLUMNS = tuple(f"diffusivity_{'xyz'[i]}{'xyz'[j]}" for i, j in _SYMMETRIC)
FINER_COLUMNS = tuple(f"finer_{name}" for name in STIFFNESS_COLUMNS)


@dataclass(frozen=True)
class Setting:
    """All that a cell's solution depends on beside its voxels; moduli and conductivities in those of the solid."""

    resolution: int
    poisson: float
    tolerance: float
    edges: tuple[float, ...]
    void_young: float
    void_conductivity: float
    pores: bool = False

    @property
    def elastic(self) -> Element:
        """For a solid of Young's modulus 1."""
        x, y, z = self.edges
        return elastic_element(self.poisson, (x, y, z))

    @property
    def conductive(self) -> Element:
        """For a solid of conductivity 1."""
        x, y, z = self.edges
        return conductive_element((x, y, z))


@within
def properties_of(
    cells: UnitCells,
    cache: str | Path | None = None,
    *,
    young: Modulus = 1.0,
    poisson: Poisson = 0.3,
    tolerance: Tolerance = 1e-4,
    edges: tuple[Edge, Edge, Edge] = (1.0, 1.0, 1.0),
    void_young: Soft = 0.0,
    void_conductivity: Soft = 0.0,
    pores: bool = False,
    workers: Workers | None = None,
    engine: str = "local",
    device: str = "cpu",
    progress: Callable[[int], Any] | None = None,
) -> dict[str, np.ndarray]:
    """Properties of n cells: one array (n,) a column, rows in the order of the cells.

    Columns: relative_density; the 21 numbers of STIFFNESS_COLUMNS in the unit of `young`; the six of the conductivity
    relative to the solid's; the keys of CONSTANTS; yield_x to concentration_z (see `strength`); stiffness_error and,
    for a mesh twice as fine, FINER_COLUMNS and finer_error (see `finer`); with `pores` DIFFUSIVITY_COLUMNS, of the void
    in that of what fills it (0 where the pores do not percolate); solver_iterations and solver_residual (above
    `tolerance` where the solver gave up: then the stiffness is above that of its mesh). A cell without solid has zeros
    and nan.

    cache: folder that keeps solved cells by checksum, shared by any runs; None keeps nothing.
    tolerance: relative residual; 1e-4 gives the stiffness to about 1e-6 of itself. progress: called as cells end.
    edges: of the cell along x, y, z, by their ratios. void_young (unit of `young`), void_conductivity (of the solid's):
    of a second phase that fills the void. pores: solve diffusion in the void too (some 40 % more time).
    workers: the bytes do not depend on it; one worker is a process of its own where BLAS has several threads here.
    device: "cpu" solves one cell a worker; another ("cuda") solves batches of cells there by torch.
    """
    if not young > 0 or not -1 < poisson < 0.5:
        got = f"{young} and {poisson}"
        raise VoxploreError("solid", expected="young above 0 and poisson between -1 and 0.5", got=got)
    if not 0 <= void_young <= young or not 0 <= void_conductivity < math.inf:
        got = f"{void_young} and {void_conductivity}"
        raise VoxploreError("void", expected="a modulus from 0 to young and a conductivity from 0 on", got=got)
    check_edges(edges)
    if len(cells) == 0:
        raise VoxploreError("cells", expected="at least one", got="none")
    packed = np.asarray(cells.packed)
    scaled = tuple(float(edge / max(edges)) for edge in edges)
    setting = Setting(cells.resolution, poisson, tolerance, scaled, void_young / young, void_conductivity, pores)
    keys = [_key(row, setting) for row in packed]
    solved = _from_cache(cache, set(keys), pores)
    missing = {key: row for key, row in zip(keys, packed, strict=True) if key not in solved}
    for _ in range(len(cells) - len(missing)):
        if progress:
            progress(1)
    if device == "cpu":
        work = partial(_solve_and_keep, cache=cache, setting=setting)
        done = map_items(work, list(missing.items()), workers=workers, engine=engine, sums=True)
    else:
        done = _solve_on_device(list(missing.values()), device, setting)
    for key, result in zip(missing, done, strict=True):
        solved[key] = result
        if cache is not None and not _place(cache, key).exists():  # solved on a device, or on another machine
            _keep(cache, key, result)
        if progress:
            progress(1)
    every = (voxels for batch in cells.batches(_BATCH) for voxels in batch)
    stairs = np.array([stair_faces(voxels if void_young else carrying(voxels)) for voxels in every])
    return _table([solved[key] for key in keys], cells.relative_density(), stairs, young, poisson, void_young)


def stiffness_of(columns: Mapping[str, np.ndarray]) -> np.ndarray:
    """The stiffnesses float64 (n, 6, 6) of a table that `properties_of` made."""
    return _tensors(np.stack([columns[name] for name in STIFFNESS_COLUMNS], axis=1))


def _tensors(numbers: Any) -> np.ndarray:
    """The 21 numbers of each of n symmetric tensors (n, 21) -> (n, 6, 6)."""
    numbers = np.asarray(numbers, np.float64)
    tensors = np.zeros((len(numbers), 6, 6))
    for place, (i, j) in enumerate(_VOIGT):
        tensors[:, i, j] = tensors[:, j, i] = numbers[:, place]
    return tensors


def _key(row: np.ndarray, setting: Setting) -> str:
    """Checksum of a cell's bits and of all that its solution depends on; the modulus only scales it."""
    return hashlib.sha256(f"{_SOLVER} {setting!r} ".encode() + row.tobytes()).hexdigest()


def _place(cache: str | Path, key: str) -> Path:
    return Path(cache) / key[:2] / f"{key}.json"


def _from_cache(cache: str | Path | None, keys: set[str], pores: bool) -> dict[str, dict]:
    """What the cache holds of `keys`; a damaged file counts as absent and is written anew."""
    solved: dict[str, dict] = {}
    for key in keys if cache is not None else ():
        path = _place(str(cache), key)
        try:
            result = storage.read_json(path) if path.exists() else None
        except VoxploreError:
            continue
        if isinstance(result, dict) and _is_whole(result, pores):
            solved[key] = result
    return solved


def _is_whole(result: dict, pores: bool) -> bool:
    """Whether a cached result has all its finite numbers."""
    lengths = {"stiffness": 21, "bound": 21, "peaks": 6, "conductivity": 6} | ({"diffusivity": 6} if pores else {})
    for name, length in lengths.items():
        numbers = result.get(name)
        if not isinstance(numbers, list) or len(numbers) != length:
            return False
        if not all(isinstance(x, int | float) and math.isfinite(x) for x in numbers):
            return False
    return isinstance(result.get("iterations"), int) and isinstance(result.get("residual"), int | float)


def _solve_and_keep(item: tuple[str, np.ndarray], cache: str | Path | None, setting: Setting) -> dict[str, Any]:
    """Solve a packed cell and put it into the cache at once: others that take longer cannot hold it up."""
    key, row = item
    result = _solve_cell(row, setting)
    _keep(cache, key, result)
    return result


def _keep(cache: str | Path | None, key: str, result: dict[str, Any]) -> None:
    """Put a result into the cache; a full disk costs the next run a solution, and this one nothing."""
    if cache is not None:
        with contextlib.suppress(VoxploreError):
            storage.write_json(_place(cache, key), result)


def _solve_cell(row: np.ndarray, setting: Setting) -> dict[str, Any]:
    """Stiffness for Young's modulus 1, conductivity and what else is asked for of one packed cell."""
    voxels = unpack(row[None], setting.resolution)[0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # the residual is in the table
        elastic = homogenise(voxels, setting.elastic, setting.tolerance, setting.void_young, fields=True)
        flows = [homogenise(voxels, setting.conductive, setting.tolerance, setting.void_conductivity)]
        if setting.pores:
            flows.append(homogenise(~voxels, setting.conductive, setting.tolerance))
    return _result(elastic, flows, setting)


def _solve_on_device(rows: list[np.ndarray], device: str, setting: Setting) -> Iterator[dict[str, Any]]:
    """The same of many packed cells, by batches on a torch device."""
    if setting.void_young or setting.void_conductivity:
        raise VoxploreError("device", expected="cpu for a second phase", got=device)
    for start in range(0, len(rows), _BATCH):
        voxels = unpack(np.stack(rows[start : start + _BATCH]), setting.resolution)
        elastic = homogenise_batch(voxels, setting.elastic, setting.tolerance, device, fields=True)
        bodies = (voxels, ~voxels) if setting.pores else (voxels,)
        flows = [homogenise_batch(body, setting.conductive, setting.tolerance, device) for body in bodies]
        for one, *parts in zip(elastic, *flows, strict=True):
            yield _result(one, parts, setting)


def _result(elastic: Homogenised, flows: list[Homogenised], setting: Setting) -> dict[str, Any]:
    """What the cache keeps. flows: conduction in the solid and, where asked for, in the pores."""
    symmetric = [[float(flow.tensor[i, j]) for i, j in _SYMMETRIC] for flow in flows]
    return {
        "stiffness": [float(elastic.tensor[i, j]) for i, j in _VOIGT],
        "bound": [float(elastic.bound[i, j]) for i, j in _VOIGT],
        "peaks": peak_stresses(elastic, setting.elastic.material).ravel().tolist(),
        **dict(zip(("conductivity", "diffusivity"), symmetric, strict=False)),
        "iterations": elastic.iterations,
        "residual": max(elastic.residual, *(flow.residual for flow in flows)),
    }


def _table(
    results: list[dict], density: np.ndarray, stairs: np.ndarray, young: float, poisson: float, void_young: float
) -> dict[str, np.ndarray]:
    numbers = young * np.array([result["stiffness"] for result in results])
    table = {"relative_density": density}
    table |= dict(zip(STIFFNESS_COLUMNS, numbers.T, strict=True))
    conductivity = np.array([result["conductivity"] for result in results])
    table |= dict(zip(CONDUCTIVITY_COLUMNS, conductivity.T, strict=True))
    table |= derived(stiffness_of(table), density, young, poisson, void_young)
    table |= strength_columns(np.array([result["peaks"] for result in results]).reshape(-1, 3, 2), density)
    coarse, bound = (_tensors([result[name] for result in results]) for name in ("stiffness", "bound"))
    finer, table["stiffness_error"], table["finer_error"] = finer_stiffness(coarse, bound, stairs)
    rows, columns = np.array(_VOIGT).T
    table |= dict(zip(FINER_COLUMNS, young * finer[:, rows, columns].T, strict=True))
    if "diffusivity" in results[0]:
        diffusivity = np.array([result["diffusivity"] for result in results])
        table |= dict(zip(DIFFUSIVITY_COLUMNS, diffusivity.T, strict=True))
    table["solver_iterations"] = np.array([result["iterations"] for result in results])
    table["solver_residual"] = np.array([result["residual"] for result in results])
    return table
