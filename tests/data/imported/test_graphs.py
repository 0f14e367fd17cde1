"""Strut graphs: radii in the file and in its unit, edges that are kept, what is told after a build."""

import json

import numpy as np
import pytest

import voxplore as vp
from voxplore.cli import main
from voxplore.data.synthetic.truss import voxelise
from voxplore.errors import VoxploreError
from voxplore.workflows.build import from_graphs

#: Three bars along the axes of a cell of 10 mm, through its middle.
NODES = [[0, 5, 5], [10, 5, 5], [5, 0, 5], [5, 10, 5], [5, 5, 0], [5, 5, 10]]
EDGES = [[0, 1], [2, 3], [4, 5]]


def written(folder, **more) -> list:
    path = folder / "bars.json"
    path.write_text(json.dumps({"nodes": NODES, "edges": EDGES, **more}))
    return [path]


def bars(radius: float) -> np.ndarray:
    """The same truss, radius as a share of the edge."""
    return voxelise(np.array(NODES) / 10, np.array(EDGES), 16, radius, True)


def test_a_radius_is_a_share_of_the_cell_or_a_length_and_the_files_own_where_none_is_asked_for(tmp_path):
    plain = written(tmp_path)
    edge = (10.0,)
    np.testing.assert_array_equal(from_graphs(plain, 16, edge=edge).voxels()[0], bars(0.06))
    np.testing.assert_array_equal(from_graphs(plain, 16, radius=0.1, edge=edge).voxels()[0], bars(0.1))
    np.testing.assert_array_equal(from_graphs(plain, 16, strut=1.5, edge=edge).voxels()[0], bars(0.15))
    own = written(tmp_path, radius=2)
    np.testing.assert_array_equal(from_graphs(own, 16, edge=edge).voxels()[0], bars(0.2))
    np.testing.assert_array_equal(from_graphs(own, 16, radius=0.1, edge=edge).voxels()[0], bars(0.1))


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"radius": 6}, "up to 0.5 times the cell edge, got 6 in an edge of 10"),
        ({"radius": 0}, "up to 0.5 times the cell edge"),
        ({"radius": "1"}, "one number in the unit of the nodes"),
        ({"radius": True}, "one number in the unit of the nodes"),
        ({"diameter": 1.0}, 'one "radius" for all struts'),
        ({"strut_radius": 0.5}, 'one "radius" for all struts, in the unit of the nodes, got "strut_radius"'),
        ({"radius": 0.5, "r": 0.7}, 'one "radius" for all struts'),
        ({"strutThickness": 1}, 'one "radius" for all struts'),
        ({"edges": [[1, 9]]}, r"between nodes 0 to 5 \(counted from 0\)"),
        ({"nodes": [{"x": 1}]}, r"such as \[\[0, 0, 0\], \[1, 1, 1\]\]"),
    ],
)
def test_a_thickness_that_is_not_read_and_numbers_that_make_no_strut_are_named(tmp_path, more, says):
    with pytest.raises(VoxploreError, match=says):
        from_graphs(written(tmp_path, **more), 16, edge=(10.0,))


def test_a_length_of_a_radius_stands_with_no_share_beside_it(tmp_path):
    with pytest.raises(VoxploreError, match="got both"):
        from_graphs(written(tmp_path), 16, strut=1.0, radius=0.1, edge=(10.0,))


def test_struts_are_round_in_a_cell_whose_edges_differ(tmp_path):
    edges = np.array([10.0, 10.0, 20.0])
    (path,) = written(tmp_path, radius=1.6)
    found = from_graphs([path], 16, edge=tuple(edges)).voxels()[0]
    centres = np.stack(np.meshgrid(*[(np.arange(16) + 0.5) / 16 * edge for edge in edges], indexing="ij"), -1)
    own = np.zeros((16, 16, 16), bool)
    for first, second in EDGES:
        start, along = np.array(NODES[first], float), np.array(NODES[second], float) - NODES[first]
        for shift in np.stack(np.meshgrid(*[[-1, 0, 1]] * 3), -1).reshape(-1, 3) * edges:
            t = np.clip((centres - start - shift) @ along / (along @ along), 0, 1)[..., None]
            own |= np.linalg.norm(centres - start - shift - t * along, axis=-1) <= 1.6
    np.testing.assert_array_equal(found, own)


def test_a_radius_that_nobody_gave_and_nodes_outside_of_the_cell_are_said(tmp_path):
    with pytest.warns(RuntimeWarning, match=r'bars.json: no "radius": struts have 0.06 times the longest edge'):
        from_graphs(written(tmp_path), 16, edge=(10.0,))
    with pytest.warns(RuntimeWarning, match=r"stand out of their cell by 25% of its edge, which comes in on the other"):
        from_graphs(written(tmp_path, radius=0.5), 16, edge=(8.0,))
    with pytest.warns(RuntimeWarning, match="which is cut off"):
        from_graphs(written(tmp_path, radius=0.5), 16, edge=(8.0,), periodic=False)


def test_edges_that_differ_are_kept_for_properties_and_asked_for_by_export(tmp_path, capsys):
    (path,) = written(tmp_path)
    words = [
        "build",
        "graphs",
        "--files",
        str(path),
        "--edge",
        "10",
        "12",
        "10",
        "--resolution",
        "16",
        "--radius",
        "0.1",
    ]
    assert main([*words, "--out", str(tmp_path / "cells")]) == 0
    cells = vp.load_cells(tmp_path / "cells")
    assert f"relative density {cells.relative_density()[0]:.3f}" in capsys.readouterr().out
    for edges, out in (((), "kept"), (("--edges", "10", "12", "10"), "said"), (("--edges", "1", "1", "1"), "cube")):
        assert (
            main(["properties", str(tmp_path / "cells"), "--out", str(tmp_path / out), *edges, "--workers", "1"]) == 0
        )
    told = capsys.readouterr().out
    assert "edges in the ratio 10 : 12 : 10" in told
    assert "bars: relative density" in told
    tables = {out: (tmp_path / out / "properties.csv").read_text() for out in ("kept", "said", "cube")}
    assert tables["kept"] == tables["said"] != tables["cube"]
    assert main(["export", str(tmp_path / "cells"), "--out", str(tmp_path / "stl"), "--size", "10"]) == 2
    assert "expected three edges, as the cells were built 10 : 12 : 10" in capsys.readouterr().err


def test_a_build_says_where_cells_are_all_solid_or_all_void(tmp_path, capsys):
    stack = np.zeros((3, 8, 8, 8), np.float32)
    stack[1] = 1
    stack[2, :4] = 1
    np.save(tmp_path / "densities.npy", stack)
    words = ["build", "own", "--source", str(tmp_path / "densities.npy"), "--threshold", "0.5"]
    assert main([*words, "--out", str(tmp_path / "cells")]) == 0
    told = capsys.readouterr().out
    assert "3 cells at 8^3" in told
    assert "relative density 0.000 to 1.000" in told
    assert "1 of 3 cells: no solid" in told
    assert "1 of 3 cells: no void" in told


def test_a_threshold_at_the_end_of_the_numbers_is_told(tmp_path, capsys):
    np.save(tmp_path / "grey.npy", np.random.default_rng(0).integers(0, 256, (1, 8, 8, 8)).astype(np.uint8))
    words = ["build", "own", "--source", str(tmp_path / "grey.npy"), "--out"]
    assert main([*words, str(tmp_path / "low"), "--threshold", "0.5"]) == 0
    assert "numbers go from 0 to 255; the threshold 0.5 lies at or beyond their end" in capsys.readouterr().out
    assert main([*words, str(tmp_path / "half"), "--threshold", "127"]) == 0
    assert "beyond their end" not in capsys.readouterr().out


def test_struts_too_thin_for_the_resolution_are_told(tmp_path, capsys):
    graph = {"nodes": [[0.5, 0.5, 0.0], [0.5, 0.5, 1.0]], "bars": [[0, 1]], "radius": 0.05}
    (tmp_path / "bar.json").write_text(json.dumps(graph))
    words = ["build", "graphs", "--files", str(tmp_path / "bar.json"), "--out"]
    assert main([*words, str(tmp_path / "coarse"), "--resolution", "16"]) == 0
    told = capsys.readouterr().out
    assert main([*words, str(tmp_path / "fine"), "--resolution", "32"]) == 0
    coarse, fine = (vp.load_cells(tmp_path / name).relative_density()[0] for name in ("coarse", "fine"))
    assert coarse / fine - 1 > 0.1
    assert f"{coarse / fine - 1:.0%} more solid than at twice the resolution" in told
    capsys.readouterr()
    assert main([*words, str(tmp_path / "thick"), "--resolution", "48", "--radius", "0.1"]) == 0
    assert "twice the resolution" not in capsys.readouterr().out
