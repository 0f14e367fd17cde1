import os
import subprocess
import sys
import time

import numpy as np
import pytest

from voxplore.errors import VoxploreError
from voxplore.mechanics import (
    CONSTANTS,
    derived,
    effective_conductivity,
    effective_stiffness,
    properties,
    properties_of,
)
from voxplore.unitcells import UnitCells


@pytest.fixture
def cells(blobs) -> UnitCells:
    return UnitCells.from_voxels(blobs[[0, 1, 4, 6, 4]][:, ::2, ::2, ::2])


def same(one: dict, other: dict) -> None:
    assert list(one) == list(other)
    for key, column in one.items():
        np.testing.assert_array_equal(column, other[key], err_msg=key)


def test_the_table_holds_what_the_functions_give(cells):
    table = properties_of(cells, workers=1, young=5.0, tolerance=1e-6)
    assert {len(column) for column in table.values()} == {5}
    for row, voxels in enumerate(cells.voxels()):
        stiffness = effective_stiffness(voxels, 5.0, tolerance=1e-6)
        assert table["C11"][row] == pytest.approx(stiffness[0, 0], abs=1e-9)
        assert table["C46"][row] == pytest.approx(stiffness[3, 5], abs=1e-9)
        assert table["conductivity_yz"][row] == pytest.approx(effective_conductivity(voxels)[1, 2], abs=1e-6)
        young = derived(stiffness, voxels.mean(), 5.0)["young_hill"]
        assert table["young_hill"][row] == pytest.approx(young, abs=1e-8)
        assert table["relative_density"][row] == voxels.mean()
    assert {constant.key for constant in CONSTANTS} <= set(table)
    assert (table["solver_residual"] <= 1e-6).all()


def test_a_second_run_solves_nothing(cells, tmp_path, monkeypatch):
    first = properties_of(cells, tmp_path, workers=1)
    monkeypatch.setattr(properties, "homogenise", None)
    same(properties_of(cells, tmp_path, workers=1), first)
    doubled = properties_of(cells, tmp_path, workers=1, young=2.0)
    np.testing.assert_allclose(doubled["C11"], 2 * first["C11"])


def test_a_broken_off_run_goes_on_where_it_was(cells, tmp_path, monkeypatch):
    solve, solved = properties._solve_cell, []

    def breaks(row, setting):
        if len(solved) == 2:
            raise KeyboardInterrupt
        solved.append(row)
        return solve(row, setting)

    monkeypatch.setattr(properties, "_solve_cell", breaks)
    with pytest.raises(KeyboardInterrupt):
        properties_of(cells, tmp_path, workers=1)
    assert len(list(tmp_path.rglob("*.json"))) == 2
    monkeypatch.setattr(properties, "_solve_cell", solve)
    same(properties_of(cells, tmp_path, workers=1), properties_of(cells, workers=1))


def test_a_run_that_is_killed_loses_the_cells_in_work_alone(cells, tmp_path):
    """The command itself under SIGKILL; the same command again finds what was solved and gives the whole table."""
    rng = np.random.default_rng(0)
    many = UnitCells.from_voxels(cells.voxels()[2:3] ^ (rng.random((40, 8, 8, 8)) < 0.02))
    many.save(tmp_path / "cells")
    cache = tmp_path / "cache"
    command = ["properties", str(tmp_path / "cells"), "--workers", "2", "--out", str(tmp_path / "out")]
    environment = {**os.environ, "VOXPLORE_CACHE": str(cache), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen([sys.executable, "-m", "voxplore", *command], env=environment)
    deadline = time.monotonic() + 60
    while len(kept := list(cache.rglob("[0-9a-f]*.json"))) < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    process.kill()
    process.wait()
    solved = {file: file.read_bytes() for file in kept}
    assert solved
    assert not (tmp_path / "out").exists()
    again = properties_of(many, cache / "properties", workers=1)
    assert {file: file.read_bytes() for file in kept} == solved
    same(again, properties_of(many, workers=1))


def test_equal_cells_are_solved_once_and_settings_are_kept_apart(cells, tmp_path):
    properties_of(cells, tmp_path, workers=1)
    assert len(list(tmp_path.rglob("*.json"))) == 4
    properties_of(cells, tmp_path, workers=1, poisson=0.2)
    assert len(list(tmp_path.rglob("*.json"))) == 8


@pytest.mark.parametrize("damage", ["", "[]", "{}", '{"stiffness": [1]}', "not json", "9" * 400])
def test_a_damaged_cache_file_is_solved_anew(cells, tmp_path, damage):
    whole = properties_of(cells, tmp_path, workers=1)
    for file in tmp_path.rglob("*.json"):
        file.write_text(damage)
    same(properties_of(cells, tmp_path, workers=1), whole)
    assert all(len(file.read_text()) > 100 for file in tmp_path.rglob("*.json"))


def test_workers_change_nothing(cells):
    same(properties_of(cells, workers=2), properties_of(cells, workers=1))


def test_progress_reaches_the_number_of_cells(cells, tmp_path):
    for _ in range(2):
        steps: list[int] = []
        properties_of(cells, tmp_path, workers=1, progress=steps.append)
        assert sum(steps) == len(cells)


def test_a_solver_that_gives_up_is_seen_in_the_table(cells, monkeypatch):
    solve = properties.homogenise
    monkeypatch.setattr(properties, "homogenise", lambda *a, **kw: solve(*a, **kw, max_iterations=2))
    table = properties_of(cells[2:3], workers=1)
    assert table["solver_residual"][0] > 1e-4


def test_edges_and_a_second_phase_reach_the_table(cells):
    setting = {"young": 2.0, "edges": (1.0, 2.0, 3.0), "void_young": 0.2, "void_conductivity": 0.3}
    table = properties_of(cells[2:3], workers=1, tolerance=1e-6, **setting)
    voxels = cells.voxels()[2]
    stiffness = effective_stiffness(voxels, 2.0, void_young=0.2, edges=(1, 2, 3), tolerance=1e-7)
    assert table["C22"][0] == pytest.approx(stiffness[1, 1], abs=1e-8)
    conductivity = effective_conductivity(voxels, void_conductivity=0.3, edges=(1, 2, 3), tolerance=1e-7)
    assert table["conductivity_zz"][0] == pytest.approx(conductivity[2, 2], abs=1e-8)
    assert not table["above_bound"][0]
    for wrong in ({"void_young": 3.0}, {"void_conductivity": -1.0}, {"edges": (1.0, 0.0, 1.0)}):
        with pytest.raises(VoxploreError):
            properties_of(cells[2:3], workers=1, young=2.0, **wrong)


def test_no_cells_and_no_solid_are_refused(cells):
    with pytest.raises(VoxploreError, match="cells"):
        properties_of(cells[:0])
    with pytest.raises(VoxploreError, match="poisson"):
        properties_of(cells, poisson=0.7)


THREADED = """
import sys
import numpy as np
from voxplore.mechanics import properties_of
from voxplore.unitcells import UnitCells
field = np.random.default_rng(0).normal(size=(3, 16, 16, 16))
for axis in (1, 2, 3, 1, 2, 3):
    field = field + np.roll(field, 1, axis) + np.roll(field, -1, axis)
cells = UnitCells.from_voxels(field > np.quantile(field, 0.6))
for workers, n in ((1, 3), (2, 3), (2, 1)):
    table = properties_of(cells[:n], workers=workers)
    print({name: [value.hex() for value in map(float, column[:1])] for name, column in table.items()})
"""


def test_the_bytes_do_not_depend_on_workers_where_blas_has_two_threads():
    """The other tests run with one thread and cannot see it."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "2")
    command, environment = [sys.executable, "-c", THREADED], {**os.environ, **threads, "VOXPLORE_THREADS": "2"}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    first, *others = done.stdout.splitlines()
    assert others == [first, first]
