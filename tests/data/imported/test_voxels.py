"""Voxels as people keep them: stacks of 0 and 255, densities, one cell, several arrays, any memory order."""

import numpy as np
import pytest

from voxplore.cli import main
from voxplore.errors import VoxploreError
from voxplore.unitcells import UnitCells, load_cells, pack
from voxplore.workflows.build import from_voxels

SOLID = np.random.default_rng(0).random((3, 6, 6, 6)) > 0.6


@pytest.mark.parametrize(
    "array",
    [SOLID, SOLID.astype(np.uint8), SOLID.astype(np.uint8) * 255, SOLID.astype(np.int32) * 255, SOLID.astype(">f8"),
     np.asfortranarray(SOLID), SOLID.astype(">i2") * 255, np.asfortranarray(SOLID.astype(np.float32))],
    ids=["bool", "0 and 1", "0 and 255", "int32", "big-endian reals", "Fortran", "big-endian", "Fortran reals"],
)  # fmt: skip
def test_every_way_to_keep_voxels_gives_the_same_cells(tmp_path, array):
    np.save(tmp_path / "x.npy", array)
    np.savez(tmp_path / "x.npz", array)
    for name in ("x.npy", "x.npz"):
        assert (load_cells(tmp_path / name).voxels() == SOLID).all()


def test_one_cell_is_a_set_of_one(tmp_path):
    np.save(tmp_path / "x.npy", SOLID[0])
    assert (load_cells(tmp_path / "x.npy").voxels() == SOLID[:1]).all()


def test_packed_cells_of_any_memory_order_are_read_and_have_a_checksum(tmp_path):
    np.savez(tmp_path / "x.npz", packed=np.asfortranarray(pack(SOLID)), shape=np.array([6, 6, 6], ">i4"))
    expected = UnitCells.from_voxels(SOLID).sha256()
    assert load_cells(tmp_path / "x.npz").sha256() == expected
    UnitCells.from_voxels(SOLID).save(tmp_path / "cells")
    np.save(tmp_path / "cells" / "voxels.npy", np.asfortranarray(pack(SOLID)))
    assert load_cells(tmp_path / "cells").sha256() == expected


def test_densities_are_cut_at_the_threshold_asked_for(tmp_path, capsys):
    density = np.random.default_rng(1).random((2, 6, 6, 6))
    np.savez(tmp_path / "x.npz", density=density, error=density)
    own = ["build", "own", "--source", str(tmp_path / "x.npz"), "--out", str(tmp_path / "out")]
    assert main(own) == 2
    assert "--key NAME` chooses), got density, error" in capsys.readouterr().err
    assert main([*own, "--key", "density"]) == 2
    told = capsys.readouterr().err
    assert "x.npz, array density: expected" in told
    assert "build own --threshold" in told
    assert main([*own, "--key", "density", "--threshold", "0.7"]) == 0
    assert (load_cells(tmp_path / "out").voxels() == (density > 0.7)).all()


def test_our_own_export_is_read_back(tmp_path):
    np.save(tmp_path / "x.npy", SOLID)
    command = ["export", str(tmp_path / "x.npy"), "--size", "5", "--format", "npz", "--workers", "1"]
    assert main([*command, "--out", str(tmp_path / "out")]) == 0
    for row, path in enumerate(sorted((tmp_path / "out").glob("*.npz"))):
        assert (load_cells(path).voxels() == SOLID[row]).all()


@pytest.mark.parametrize(("array", "told"), [
    (np.full((1, 4, 4, 4), 0.5), "--threshold` takes others"),
    (np.full((1, 4, 4, 4), 7), "--threshold` takes others"),
    (np.full((4, 4), True), "or one cube"),
    (np.full((1, 4, 4, 5), True), "or one cube"),
    (np.full((1, 4, 4, 4), "a"), "expected Bool or numbers"),
])  # fmt: skip
def test_what_is_refused_says_which_option_takes_it(tmp_path, array, told):
    np.save(tmp_path / "x.npy", array)
    with pytest.raises(VoxploreError, match=told):
        load_cells(tmp_path / "x.npy")


def test_several_arrays_of_one_file_are_one_set_whose_cells_are_named_after_them(tmp_path):
    rng = np.random.default_rng(0)
    arrays = {"bars": rng.random((8, 8, 8)), "foam": rng.random((2, 8, 8, 8))}
    np.savez(tmp_path / "both.npz", **arrays)
    cells = from_voxels(tmp_path / "both.npz", ("foam", "bars"), 0.5)
    assert cells.index["id"].tolist() == ["foam-000000", "foam-000001", "bars"]
    np.testing.assert_array_equal(cells.voxels(), np.concatenate([arrays["foam"], arrays["bars"][None]]) > 0.5)
    for wrong in (("bars", "bars"), ("bars", "absent")):
        with pytest.raises(VoxploreError, match=r"key|absent"):
            from_voxels(tmp_path / "both.npz", wrong, 0.5)
