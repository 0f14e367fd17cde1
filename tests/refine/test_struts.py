"""Straight struts fitted to cells: nets whose struts are known are the oracle."""

import json
import xml.etree.ElementTree as ElementTree
import zipfile

import numpy as np
import pytest

from voxplore.cli import main
from voxplore.data.imported.graphs import read_graph
from voxplore.data.published.metatruss import build_metatruss
from voxplore.data.synthetic.nets import nets_with_plans
from voxplore.data.synthetic.periodic import PeriodicNet
from voxplore.data.synthetic.truss import voxelise, voxelise_segments
from voxplore.errors import VoxploreError
from voxplore.geometry import CUBE_OPERATIONS, apply_operation
from voxplore.metrics.floors import roughened
from voxplore.refine import fit_struts, refine
from voxplore.refine.skeleton import skeleton_net
from voxplore.refine.strut_axes import StrutFit, polished
from voxplore.refine.strut_nets import contracted, symmetrised
from voxplore.unitcells import UnitCells

D = 32


def iou(one: np.ndarray, other: np.ndarray) -> float:
    return np.count_nonzero(one & other) / np.count_nonzero(one | other)


def octahedron(at: float = 0.5) -> PeriodicNet:
    """Struts along x, y, z through one node: the simple cubic lattice."""
    return PeriodicNet(np.full((1, 3), at), np.zeros(3, int), np.zeros(3, int), np.eye(3, dtype=int))


@pytest.fixture(scope="module")
def made() -> tuple[UnitCells, list[PeriodicNet]]:
    return nets_with_plans(12, 3, workers=1)


def test_the_struts_of_made_nets_are_found_again(made):
    cells, plans = made
    picked = [5, 6, 9, 10, 11]
    fits = [fit_struts(cell) for cell in cells.voxels()[picked]]
    found = [(len(fit.net.nodes), len(fit.net.start)) for fit in fits]
    assert found == [(len(plans[k].nodes), len(plans[k].start)) for k in picked]
    assert min(fit.iou for fit in fits) > 0.97
    assert [fit.radius for fit in fits] == pytest.approx([0.06] * len(fits), abs=0.005)


def test_the_fit_is_what_its_iou_says(made):
    cell = made[0].voxels()[6]
    fit = fit_struts(cell)
    assert iou(fit.voxels(len(cell)), cell) == pytest.approx(fit.iou, abs=1e-12)


@pytest.mark.parametrize("at", [0.5, 0.0, 0.27])
def test_a_cubic_lattice_is_one_node_wherever_it_stands(at):
    cell = voxelise_segments(octahedron(at).segments(), D, 0.09, periodic=True)
    fit = fit_struts(cell)
    assert (len(fit.net.nodes), len(fit.net.start)) == (1, 3)
    assert fit.iou > 0.97
    away = fit.net.nodes[0] - at
    assert np.abs(away - np.round(away)).max() < 0.02


def test_a_lumpy_strut_becomes_straight():
    cell = voxelise_segments(octahedron().segments(), D, 0.09, periodic=True)
    x, y, z = np.indices(cell.shape)
    lump = (x - 6) ** 2 + (y - 16) ** 2 + (z - 18) ** 2 < 16
    fit = fit_struts(cell | lump)
    assert iou(fit.voxels(D), cell) > iou(cell | lump, cell)


def test_symmetries_of_the_cell_are_those_of_its_struts(made):
    for cell in made[0].voxels()[[6, 11]]:
        drawn = fit_struts(cell).voxels(len(cell))
        kept = [op for op in CUBE_OPERATIONS if np.array_equal(cell, apply_operation(cell, op))]
        same = [np.count_nonzero(drawn ^ apply_operation(drawn, op)) for op in kept]
        assert len(kept) > 1
        assert max(same) <= 2  # voxels whose centre is at the very radius


def test_a_rough_symmetric_cell_does_not_get_a_net_of_every_image(made):
    cells, plans = made
    cell = cells.voxels()[5]
    kept = [op for op in CUBE_OPERATIONS if np.array_equal(cell, apply_operation(cell, op))]
    rough = roughened(cell, np.random.default_rng(5), 3.0, 2.0)
    rough = np.any([apply_operation(rough, op) for op in kept], axis=0)
    assert len(fit_struts(rough).net.start) < 5 * len(plans[5].start)  # 1,950 struts once


def test_real_trusses_are_met(real_cells_folder):
    cells = build_metatruss(real_cells_folder / "lumpe-cells.jsonl.gz").voxels()
    sparse = cells[cells.mean(axis=(1, 2, 3)) < 0.08][::10]
    found = np.array([fit_struts(cell).iou for cell in sparse])
    assert np.median(found) > 0.97


def test_the_radius_and_the_nodes_come_back_from_a_wrong_start():
    cell = voxelise_segments(octahedron().segments(), D, 0.09, periodic=True)
    wrong = StrutFit(octahedron(0.54), 0.06, 0.0)
    found = polished(wrong, cell)
    assert found.radius == pytest.approx(0.09, abs=0.004)
    assert found.net.nodes == pytest.approx(np.full((1, 3), 0.5), abs=0.01)


def test_a_strut_shrunk_to_a_node_leaves_all_others_where_they_were():
    nodes = np.array([[0.2, 0.5, 0.5], [0.9, 0.5, 0.5], [0.5, 0.2, 0.5]])
    start, end = np.array([0, 1, 0, 0]), np.array([1, 2, 2, 0])
    period = np.array([[-1, 0, 0], [0, 0, 0], [0, 0, 0], [0, 1, 0]])
    found = contracted(PeriodicNet(nodes, start, end, period), 0)
    assert len(found.nodes) == 2
    # Node 1 less a cell along x is now node 0, which has more struts: the strut 1 to 2 ends a cell further.
    ends = {tuple(sorted(map(tuple, np.round(pair - np.floor(pair.min(0)), 6).tolist()))) for pair in found.segments()}
    assert len(ends) == 3


def test_symmetrised_nets_have_the_symmetry():
    mirror = [CUBE_OPERATIONS[0], ((0, 1, 2), (True, False, False))]
    nodes = np.array([[0.25, 0.5, 0.5], [0.74, 0.52, 0.5]])
    net = PeriodicNet(nodes, np.array([0]), np.array([1]), np.zeros((1, 3), int))
    found = symmetrised(net, mirror, 0.05)
    assert len(found.nodes) == 2
    assert found.nodes[:, 0].sum() == pytest.approx(1.0)
    assert found.nodes[0, 1:] == pytest.approx(found.nodes[1, 1:])


@pytest.mark.parametrize("cell", [np.zeros((16, 16, 16), bool), np.ones((16, 16, 16), bool)])
def test_a_cell_without_struts_is_said_to_have_none(cell):
    assert not len(skeleton_net(cell).start)
    with pytest.raises(VoxploreError, match="at least one strut"):
        fit_struts(cell)


def test_refining_by_struts_says_what_it_did_and_leaves_blobs_alone(blobs):
    cell = voxelise_segments(octahedron().segments(), 16, 0.12, periodic=True)
    ball = np.linalg.norm(np.indices((16, 16, 16)) - 7.5, axis=0) < 6
    cells = UnitCells.from_voxels(np.stack([cell, ball, np.zeros_like(ball)]))
    refined = refine(cells, "struts")
    assert refined.index["struts"].tolist() == [3, 0, 0]
    assert np.array_equal(refined.voxels()[1:], cells.voxels()[1:])
    assert "3 straight struts" in refined.index["refined"][0]
    assert "unchanged" in refined.index["refined"][1]
    assert refined.about["refinement"]["method"] == "struts"


def test_the_command_writes_cells_graphs_and_beam_lattices(tmp_path, capsys):
    cell = voxelise_segments(octahedron(0.3).segments(), D, 0.09, periodic=True)
    UnitCells.from_voxels(np.stack([cell, np.zeros_like(cell)])).save(tmp_path / "cells")
    arguments = ["refine", str(tmp_path / "cells"), "--struts", "--size", "20", "--out", str(tmp_path / "out")]
    assert main([*arguments, "--workers", "1"]) == 0
    [graph] = (tmp_path / "out" / "struts").glob("*.json")
    [lattice] = (tmp_path / "out" / "struts").glob("*.3mf")
    read = read_graph(graph)
    radius = json.loads(graph.read_text())["radius"]
    assert iou(voxelise(read.nodes, read.edges, D, radius, periodic=True), cell) > 0.97
    text = zipfile.ZipFile(lattice).read("3D/3dmodel.model")
    space = "{http://schemas.microsoft.com/3dmanufacturing/beamlattice/2017/02}"
    root = ElementTree.fromstring(text)
    [beams] = root.iter(f"{space}beamlattice")
    assert float(beams.attrib["radius"]) == pytest.approx(20 * radius)
    assert len(list(beams.iter(f"{space}beam"))) == len(read.edges)


@pytest.mark.parametrize("other", [["--method", "learned"], ["--train"]])
def test_struts_stand_alone(tmp_path, capsys, other):
    UnitCells.from_voxels(np.zeros((1, 16, 16, 16), bool)).save(tmp_path / "cells")
    arguments = ["refine", str(tmp_path / "cells"), "--struts", *other, "--out", str(tmp_path / "out")]
    assert main(arguments) == 2
    assert "--struts" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
