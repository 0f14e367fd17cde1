import csv

import numpy as np
import pytest

from voxplore.cli import main
from voxplore.errors import VoxploreError
from voxplore.mechanics import band_structure, zone_path
from voxplore.unitcells import UnitCells
from voxplore.workflows.bands import bands_of


def heavy_corners(d: int) -> np.ndarray:
    """Blocks at the corners of the cell, joined by thin struts along its edges: they swing, and waves do not pass."""
    place = np.minimum(np.indices((d, d, d)), d - 1 - np.indices((d, d, d)))
    block = (place < d // 2 - 1).all(0)
    strut = (place < 1).sum(0) == 2
    return block | strut


def test_heavy_blocks_on_thin_struts_have_a_gap_and_a_plain_solid_none():
    cells = UnitCells.from_voxels(np.stack([heavy_corners(8), np.ones((8, 8, 8), bool), np.zeros((8, 8, 8), bool)]))
    columns, table = bands_of(cells, workers=1)
    assert columns["gaps"][0] >= 1
    assert columns["gap_share"][0] > 0.3
    assert columns["gaps"][1:].tolist() == [0, 0]
    assert np.isnan(columns["gap_lower"][1:]).all()
    ids = cells.index["id"]
    assert [(table["id"] == name).sum() for name in ids] == [len(zone_path()), len(zone_path()), 0]
    own = table["id"] == ids[0]
    frequencies = np.stack([table[f"frequency_{band + 1}"][own] for band in range(12)], axis=1)
    between = (frequencies > columns["gap_lower"][0] + 1e-9) & (frequencies < columns["gap_upper"][0] - 1e-9)
    assert not between.any()
    direct = band_structure(cells.voxels()[0], zone_path()[:1]).frequencies[0]
    np.testing.assert_allclose(frequencies[0], direct, atol=1e-4)


def test_the_command_writes_bands_beside_the_properties(tmp_path):
    UnitCells.from_voxels(heavy_corners(6)[None]).save(tmp_path / "cells")
    main(
        ["properties", str(tmp_path / "cells"), "--bands", "--pores", "--workers", "1", "--out", str(tmp_path / "out")]
    )
    row = next(csv.DictReader((tmp_path / "out" / "properties.csv").open()))
    assert float(row["surface_area"]) > 0
    assert float(row["diffusivity_xx"]) > 0
    assert {"gap_share", "yield_x", "finer_C11", "stiffness_error"} <= set(row)
    assert len(list(csv.DictReader((tmp_path / "out" / "bands.csv").open()))) == len(zone_path())


def test_cells_past_the_resolution_of_bands_are_refused_where_they_cannot_be_halved():
    with pytest.raises(VoxploreError, match="halves"):
        bands_of(UnitCells.from_voxels(np.ones((1, 98, 98, 98), bool)), workers=1)
