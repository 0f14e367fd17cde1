"""The strut catalogue: both layouts, damaged files, and the real cells where they are at hand."""

import gzip
import json

import numpy as np
import pytest

from voxplore.data.published.metatruss import build_metatruss, read_catalogue, read_jsonl, recut
from voxplore.data.synthetic.truss import voxelise
from voxplore.errors import VoxploreError
from voxplore.metrics.quality import connectivity, periodicity, symmetry

RECORD = """Name: tet_Z04.0_E7

Other name(s): -

Normalized unit cell parameters (a,b,c,alpha,beta,gamma):
0.50000, 0.50000, 1.00000, 90.00000, 90.00000, 120.00000

Average connectivity of the unit cell: Z_avg = 4.0
Ex = 3.34E-03, Ey = 3.34E-03, Ez = 1.00E-02

Nodal positions:
0.00000 0.00000 0.00000
0.50000 0.50000 0.50000
1.00000 0.25000 0.75000

Bar connectivities:
1 2
2 3
"""
HEADER = "A catalogue\n\n-----------------\n"


def catalogue(tmp_path, text):
    path = tmp_path / "Unit_Cell_Catalog.txt"
    path.write_text(HEADER + text)
    return path


def jsonl(tmp_path, *items):
    path = tmp_path / "cells.jsonl"
    path.write_text("".join(json.dumps(item) + "\n" for item in items))
    return path


def item(**changes):
    good = {"name": "a", "cell": [1, 1, 1, 90, 90, 90], "nodes": [[0, 0, 0], [1, 1, 1]], "edges": [[0, 1]]}
    return {**good, **changes}


def test_a_record_becomes_a_strut_graph(tmp_path):
    (graph,) = read_catalogue(catalogue(tmp_path, RECORD))
    assert graph.name == "tet_Z04.0_E7"
    assert graph.cell == (0.5, 0.5, 1.0, 90.0, 90.0, 120.0)
    assert graph.nodes[2].tolist() == [1.0, 0.25, 0.75]
    assert graph.edges.tolist() == [[0, 1], [1, 2]]


@pytest.mark.parametrize("separator", ["-------------\n", "lattice_transition 7\n", "", "\n\n"])
def test_records_end_at_any_of_the_known_separators(tmp_path, separator):
    path = catalogue(tmp_path, RECORD + separator + RECORD.replace("E7", "E8"))
    assert [graph.name for graph in read_catalogue(path)] == ["tet_Z04.0_E7", "tet_Z04.0_E8"]


def test_windows_line_ends_are_read(tmp_path):
    path = tmp_path / "catalogue.txt"
    path.write_bytes((HEADER + RECORD).replace("\n", "\r\n").encode())
    assert len(next(read_catalogue(path)).edges) == 2


def test_the_file_is_streamed(tmp_path):
    path = catalogue(tmp_path, RECORD + "----------\n" + RECORD.replace("1 2\n", "1 9\n"))
    records = read_catalogue(path)
    assert next(records).name == "tet_Z04.0_E7"
    with pytest.raises(VoxploreError):
        next(records)


DAMAGE = {
    "no nodes": (RECORD.split("Nodal")[0], "nodal positions"),
    "no bars": (RECORD.split("Bar")[0], "bar connectivities"),
    "no cell": (RECORD.replace("Normalized", "Other"), "unit cell parameters"),
    "nodes end": (RECORD.split("0.50000 0.50000 0.50000")[0], "bar connectivities"),
    "a short node": (RECORD.replace("0.50000 0.50000 0.50000", "0.50000 0.5"), "3 finite numbers"),
    "a short bar": (RECORD.replace("2 3\n", "2"), "2 whole numbers"),
    "a bar past the nodes": (RECORD.replace("2 3\n", "2 4\n"), "bars between nodes 1 to 3"),
    "a bar before the nodes": (RECORD.replace("2 3\n", "2 0\n"), "bars between nodes 1 to 3"),
    "NaN": (RECORD.replace("0.25000", "nan"), "3 finite numbers"),
    "infinity": (RECORD.replace("0.25000", "1e400"), "3 finite numbers"),
    "a number past all floats": (RECORD.replace("2 3\n", "2 " + "9" * 400 + "\n"), "2 whole numbers"),
    "no number": (RECORD.replace("0.25000", "O.25"), "3 finite numbers"),
    "a fraction for a bar": (RECORD.replace("2 3\n", "2 3.5\n"), "2 whole numbers"),
    "far outside": (RECORD.replace("0.25000", "25000"), "fractional coordinates"),
    "five parameters": (RECORD.replace(", 120.00000", ""), "6 finite numbers"),
    "an impossible angle": (RECORD.replace("120.00000", "190.0"), "angles under 180"),
    "an edge of length 0": (RECORD.replace("0.50000, 0.50000, 1", "0.0, 0.50000, 1"), "positive cell edges"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_record_is_named_with_file_line_and_what_was_expected(tmp_path, damage):
    text, expected = DAMAGE[damage]
    path = catalogue(tmp_path, text)
    with pytest.raises(VoxploreError, match=expected) as caught:
        list(read_catalogue(path))
    message = str(caught.value)
    assert str(path) in message
    assert "line" in message
    assert "tet_Z04.0_E7" in message
    assert "\n" not in message


def test_a_file_without_records_is_refused(tmp_path):
    with pytest.raises(VoxploreError, match="Name:"):
        list(read_catalogue(catalogue(tmp_path, "")))


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(VoxploreError, match=r"nothing\.txt: expected a readable file"):
        list(read_catalogue(tmp_path / "nothing.txt"))


def test_json_lines_are_read_plain_and_gzipped(tmp_path):
    path = jsonl(tmp_path, item(), item(name="b", origin="shifted", inversion_centre=[0.5, 0.5, 0.5]))
    packed = tmp_path / "cells.jsonl.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    for source in (path, packed):
        first, second = read_jsonl(source)
        assert (first.name, first.origin, first.inversion_centre) == ("a", "catalogue", None)
        assert (second.origin, second.inversion_centre) == ("shifted", (0.5, 0.5, 0.5))


JSON_DAMAGE = {
    "no nodes": (item(nodes=[]), "nodes and bars"),
    "nodes missing": ({"name": "a", "edges": [[0, 1]]}, "nodes as rows"),
    "NaN": (item(nodes=[[0, 0, float("nan")], [1, 1, 1]]), "finite numbers"),
    "text": (item(nodes=[[0, 0, "x"], [1, 1, 1]]), "finite numbers"),
    "truth values": (item(edges=[[False, True]]), "finite numbers"),
    "short": (item(edges=[[0]]), "edges as rows of 2"),
    "past the nodes": (item(edges=[[0, 2]]), "nodes 0 to 1"),
    "a fraction": (item(edges=[[0, 0.5]]), "whole numbers"),
    "origin": (item(origin="elsewhere"), "catalogue or shifted"),
    "centre": (item(inversion_centre=[0, 0]), "inversion_centre"),
    "no object": ([1, 2], "JSON object"),
    "no name": ({"nodes": []}, "JSON object with a name"),
}


@pytest.mark.parametrize("damage", JSON_DAMAGE)
def test_a_damaged_json_line_is_named(tmp_path, damage):
    bad, expected = JSON_DAMAGE[damage]
    with pytest.raises(VoxploreError, match=expected) as caught:
        list(read_jsonl(jsonl(tmp_path, item(), bad)))
    assert "line 2" in str(caught.value)


def test_a_gzip_file_that_ends_early_is_refused(tmp_path):
    path = tmp_path / "cells.jsonl.gz"
    text = "".join(
        json.dumps(item(name=str(i), nodes=np.random.default_rng(i).uniform(size=(9, 3)).tolist())) + "\n"
        for i in range(99)
    )
    path.write_bytes(gzip.compress(text.encode())[:-200])
    with pytest.raises(VoxploreError):
        list(read_jsonl(path))


def test_an_empty_json_file_is_refused(tmp_path):
    with pytest.raises(VoxploreError, match="one JSON object a line"):
        list(read_jsonl(jsonl(tmp_path)))


def test_broken_json_is_refused(tmp_path):
    path = tmp_path / "cells.jsonl"
    path.write_text('{"name": "a", "nodes": [[0, 0')
    with pytest.raises(VoxploreError, match="line 1"):
        list(read_jsonl(path))


def test_a_recut_cell_is_symmetric_about_its_new_origin(tmp_path):
    # The body-centred cubic net, its window shifted by (0.2, 0.3, 0.4).
    nodes = [[0.2, 0.3, 0.4]] + [
        [0.2 + x / 2, 0.3 + y / 2, 0.4 + z / 2] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)
    ]
    shifted = item(nodes=nodes, edges=[[0, i] for i in range(1, 9)], origin="shifted", inversion_centre=[0.2, 0.3, 0.4])
    graph = recut(next(read_jsonl(jsonl(tmp_path, shifted))))
    voxels = voxelise(graph.nodes, graph.edges, 32)
    assert symmetry(voxels)[0] == 1.0
    assert periodicity(voxels)[0] > 0.99


def test_a_cell_without_a_centre_cannot_be_recut(tmp_path):
    with pytest.raises(VoxploreError, match="inversion centre"):
        recut(next(read_jsonl(jsonl(tmp_path, item()))))


def test_only_usable_cells_are_built_and_counted(tmp_path):
    centred = {"origin": "shifted", "inversion_centre": [0.0, 0.0, 0.0]}
    path = jsonl(tmp_path, item(name="a"), item(name="b", origin="shifted"), item(name="c", **centred), item(name="a"))
    assert build_metatruss(path, resolution=16).index["id"].tolist() == ["a", "c", "a.2"]
    assert build_metatruss(path, 2, resolution=16).index["id"].tolist() == ["a", "c"]
    assert len(build_metatruss(path, resolution=16, keep_uncentred=True)) == 4


def test_a_file_of_unusable_cells_is_refused(tmp_path):
    with pytest.raises(VoxploreError, match="with a centre"):
        build_metatruss(jsonl(tmp_path, item(origin="shifted")))


def test_built_cells_know_their_own_edges_and_angles(tmp_path):
    cells = build_metatruss(catalogue(tmp_path, RECORD), resolution=16)
    assert [cells.index[name][0] for name in ("a", "b", "c", "gamma", "lz")] == [0.5, 0.5, 1.0, 120.0, 1.0]


def test_six_orientations_keep_their_source(tmp_path):
    cells = build_metatruss(catalogue(tmp_path, RECORD), resolution=16, orientations=6)
    assert len(cells) == 6
    assert set(cells.index["source_id"].tolist()) == {"tet_Z04.0_E7"}


def test_the_printed_infinite_line_has_more_solid(tmp_path):
    path = catalogue(tmp_path, RECORD)
    segment = build_metatruss(path, resolution=16).relative_density()
    assert build_metatruss(path, resolution=16, line="infinite").relative_density() > segment


def test_the_real_sample_has_seventy_cells(real_cells_folder):
    cells = build_metatruss(real_cells_folder / "catalogue-layout-sample.txt")
    assert len(cells) == 70
    first = cells.index["id"].tolist().index("cub_Z06.0_E1")
    assert round(float(cells.relative_density()[first]), 4) == 0.0290


def test_both_layouts_of_the_real_cells_agree(real_cells_folder):
    text = list(read_catalogue(real_cells_folder / "catalogue-layout-sample.txt"))
    lines = {graph.name: graph for graph in read_jsonl(real_cells_folder / "lumpe-cells.jsonl.gz")}
    assert len(lines) == 500
    for graph in text:
        other = lines[graph.name]
        assert np.array_equal(graph.nodes, other.nodes)
        assert np.array_equal(graph.edges, other.edges)


def test_the_real_cells_score_what_is_known_of_them(real_cells_folder):
    """Means over the 70 cells in the catalogue's origin, the 322 cut anew, and both, as measured independently."""
    cells = build_metatruss(real_cells_folder / "lumpe-cells.jsonl.gz")
    assert len(cells) == 392
    origin = {graph.name: graph.origin for graph in read_jsonl(real_cells_folder / "lumpe-cells.jsonl.gz")}
    shifted = np.array([origin[name] == "shifted" for name in cells.index["source_id"].tolist()])
    columns = [cells.relative_density(), symmetry(cells), periodicity(cells)]
    columns += [connectivity(cells, periodic=False), connectivity(cells)]
    for rows, means in (
        (~shifted, (0.067, 0.947, 0.982, 0.993, 1.000)),
        (shifted, (0.145, 0.999, 0.856, 0.990, 1.000)),
        (shifted | True, (0.131, 0.990, 0.878, 0.990, 1.000)),
    ):
        assert [round(float(column[rows].mean()), 3) for column in columns] == list(means)
