"""Figure 4 by its measures, and the page of results."""

import csv

import numpy as np
import pytest

import voxplore as vp
from voxplore.cli import main
from voxplore.report import draw_figure4


@pytest.fixture(scope="module")
def panels(tmp_path_factory):
    return draw_figure4(tmp_path_factory.mktemp("figure4") / "out")


def test_repulsion_between_classes_parts_them(panels):
    assert panels["inter"]["apart"] > 3 * panels["start"]["apart"]


def test_repulsion_within_a_class_spreads_it(panels):
    assert panels["intra"]["spread"] > 2 * panels["start"]["spread"]


def test_the_sink_alone_lets_everything_collapse(panels):
    assert panels["sink"]["furthest"] < 0.01


def test_all_forces_together_part_the_classes_without_collapse_and_keep_them_bounded(panels):
    together = panels["inter, intra, sink"]
    assert together["apart"] > 2 * together["spread"] > 0.5
    assert together["furthest"] < panels["start"]["furthest"]


def test_the_forces_are_the_negative_gradients_of_the_potentials():
    import torch

    from voxplore.latent.toy import Forces, potential, two_clusters

    valid, degraded = two_clusters(6, 0)
    valid.requires_grad_(True)
    (found,) = torch.autograd.grad(-potential(valid, degraded, Forces(1.0, 1.0, 1.0), 0.0), valid)
    by_hand = np.zeros((6, 2))
    points, others = valid.detach().numpy(), degraded.numpy()
    for i, point in enumerate(points):
        for other in others:  # Eq. 3: a force of size 1 / r^2 along the line between them, a mean over the other class
            away = point - other
            by_hand[i] += away / np.linalg.norm(away) ** 3 / len(others)
        for j, other in enumerate(points):  # Eq. 5, each pair once and 2 / (n - 1) of it
            if i != j:
                away = point - other
                by_hand[i] += away / np.linalg.norm(away) ** 3 / (len(points) - 1)
        by_hand[i] -= 2 * point  # Eq. 7
    assert found.numpy() == pytest.approx(by_hand)


def test_the_figure_is_written_as_picture_and_as_numbers(tmp_path, capsys):
    assert main(["report", "figure4", "--out", str(tmp_path / "figure4")]) == 0
    assert "apart" in capsys.readouterr().out
    rows = list(csv.DictReader((tmp_path / "figure4" / "figure4.csv").open()))
    assert len(rows) == 5 * 200
    assert (tmp_path / "figure4" / "figure4.png").read_bytes().startswith(b"\x89PNG")


def test_results_become_tables_plots_and_one_page(tmp_path, capsys):
    rng = np.random.default_rng(0)
    reference = vp.UnitCells.from_voxels(rng.random((20, 8, 8, 8)) < 0.4, name="<known> cells")
    for seed in (0, 1):
        cells = vp.UnitCells.from_voxels(rng.random((5, 8, 8, 8)) < 0.4, name="drawn")
        vp.evaluate(cells, reference, name="mine").save(tmp_path / "results" / "mine" / f"seed{seed}")
    assert main(["report", str(tmp_path / "results"), "--out", str(tmp_path / "page")]) == 0
    assert "1 tables" in capsys.readouterr().out
    page = (tmp_path / "page" / "index.html").read_text()
    assert "mine" in page
    assert "<known>" not in page
    (folder,) = [path for path in (tmp_path / "page").iterdir() if path.is_dir()]
    assert {path.name for path in folder.iterdir()} >= {"table.md", "table.tex", "table.csv", "plot.png"}
    assert "±" in (folder / "table.txt").read_text()


def test_a_folder_without_results_is_refused(tmp_path, capsys):
    assert main(["report", str(tmp_path), "--out", str(tmp_path / "page")]) == 2
    assert "scores.json" in capsys.readouterr().err
