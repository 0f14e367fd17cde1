"""The main job on a model of seconds: what it writes, and that the parts of it belong together."""

import csv
import json
import re
from dataclasses import replace

import numpy as np
import pytest

from voxplore import recipes
from voxplore.cli.discover import Command
from voxplore.data.synthetic.nets import build_nets
from voxplore.errors import VoxploreError
from voxplore.metrics import Scores, evaluate
from voxplore.models import VoxPlore
from voxplore.unitcells import UnitCells, load_cells
from voxplore.workflows.discover import Discovery, discover
from voxplore.workflows.targets import parse_target

N = 20


@pytest.fixture(scope="module")
def known() -> UnitCells:
    return build_nets(30, resolution=16, workers=1)


@pytest.fixture(scope="module")
def model(known, tmp_path_factory):
    tiny = recipes.RECIPES["voxplore-published-nets-tiny"]
    less = replace(tiny.autoencoder_training, cells=640)
    fewer = replace(tiny.denoiser_training, cells=640)
    config = replace(tiny, autoencoder_training=less, denoiser_training=fewer, sampling=replace(tiny.sampling, steps=3))
    folder = tmp_path_factory.mktemp("model") / "tiny"
    VoxPlore(config, "cpu").fit(known).save(folder)
    return folder


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, cache):
    monkeypatch.setenv("VOXPLORE_CACHE", str(cache))


@pytest.fixture(scope="module")
def found(known, model, cache, tmp_path_factory) -> Discovery:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VOXPLORE_CACHE", str(cache))
        out = tmp_path_factory.mktemp("found") / "out"
        return discover(out, n=N, model=model, reference=known, device="cpu", workers=1)


def page_data(page: str) -> dict:
    return json.loads(re.search(r'<script id="data"[^>]*>(.*?)</script>', page, re.DOTALL)[1])


def test_everything_one_can_hold_is_there_and_linked(found):
    names = sorted(path.name for path in found.folder.iterdir() if not path.name.startswith("."))
    expected = ["3mf", "cells", "cells.png", "index.html", "progress.csv", "properties.csv", "report.md"]
    assert names == [*expected, "rounds.json", "scores.csv", "scores.json", "stl"]
    report = (found.folder / "report.md").read_text()
    links = re.findall(r"\]\(([^)]+)\)", report)
    assert all((found.folder / link).exists() for link in links)
    assert {link.split("/")[0] for link in links} == set(names) - {"report.md"}
    assert len(list((found.folder / "stl").glob("*.stl"))) == len(list((found.folder / "3mf").glob("*.3mf"))) <= 4
    assert "report.md" in str(found)


def test_cells_scores_properties_page_and_report_are_in_one_order(found, known):
    cells = load_cells(found.folder / "cells")
    ids = cells.index["id"].tolist()
    assert found.scores.columns["id"].tolist() == ids
    assert Scores.load(found.folder).columns["id"].tolist() == ids
    with (found.folder / "properties.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["id"] for row in rows] == ids
    assert np.allclose([float(row["relative_density"]) for row in rows], cells.relative_density())
    data = page_data((found.folder / "index.html").read_text())
    assert data["names"] == ids
    assert data["nearest"]["names"] == found.scores.columns["nearest_id"].tolist()
    column = {c["name"]: c["values"] for c in data["columns"]}
    assert column["novelty"] == pytest.approx(found.scores.columns["novelty_ungated"], rel=1e-4)
    stiffest = column["largest Young's modulus over all directions"]
    assert stiffest == pytest.approx([float(row["young_max"]) for row in rows], rel=1e-4)
    assert stiffest == pytest.approx(found.properties["young_max"], rel=1e-4)
    table = [line for line in (found.folder / "report.md").read_text().splitlines() if line.startswith("| ")]
    assert [line.split("|")[2].strip() for line in table[1:]] == ids
    verdicts = [line.split("|")[-2].strip() for line in table[1:]]
    assert [text == "of use" for text in verdicts] == [row["against"] == "" for row in rows]
    assert verdicts == column["verdict"]


def test_every_unit_on_the_page_is_short_enough_to_stand_beside_its_number(found):
    from voxplore.report.best_cells import _UNITS
    from voxplore.workflows.targets import PROPERTIES

    shown = {constant.unit: _UNITS.get(constant.unit, constant.unit) for constant in PROPERTIES.values()}
    assert {unit: short for unit, short in shown.items() if len(short) > 10} == {}
    assert "\u03c3\u209b" in (found.folder / "index.html").read_text(encoding="utf-8")


def test_unranked_they_stay_as_drawn_and_the_seed_decides(found, known, model, tmp_path):
    again = discover(tmp_path / "out", n=N, model=model, reference=known, rank=False, device="cpu", workers=1)
    assert again.cells.index["id"].tolist() == sorted(found.cells.index["id"].tolist())
    order = np.argsort(found.cells.index["id"])
    assert np.array_equal(again.cells.packed, found.cells.packed[order])
    assert again.scores.vun == found.scores.vun


def test_refined_cells_say_so_and_are_in_one_part(known, model, tmp_path):
    refined = discover(tmp_path / "out", n=4, refine=True, model=model, reference=known, device="cpu", workers=1)
    assert refined.scores.name.endswith(", refined")
    assert "repaired" in (tmp_path / "out" / "report.md").read_text()
    assert "refined" in load_cells(tmp_path / "out" / "cells").index
    assert (refined.scores.columns["connectivity"][refined.cells.relative_density() > 0] == 1).all()


def test_unrefined_ones_carry_no_such_word(found, known):
    assert "refined" not in found.cells.index
    assert "repaired" not in (found.folder / "report.md").read_text()


def test_empty_cells_have_no_files_and_break_nothing(known, model, tmp_path, monkeypatch):
    empty = UnitCells.from_voxels(np.zeros((3, 16, 16, 16), bool))
    monkeypatch.setattr(VoxPlore, "generate", lambda *_, **__: empty)
    found = discover(tmp_path / "out", n=3, model=model, reference=known, device="cpu", workers=1)
    assert found.scores.n_empty == 3
    report = (tmp_path / "out" / "report.md").read_text()
    assert "none, as no cell has solid" in report
    assert "| empty; " in report
    assert not (tmp_path / "out" / "stl").exists()


def test_the_scores_are_those_of_evaluate(found, known):
    from voxplore.data.prepare.orientations import orient_cells

    scores = evaluate(found.cells, orient_cells(known, 6))
    assert scores.mean == pytest.approx(found.scores.mean)


def test_a_target_is_searched_for_and_what_was_not_reached_is_said_first(known, model, tmp_path):
    target = parse_target("relative_density=0.3, young_hill>=2*bound")  # beyond what any cell can have
    how = {"n": 16, "target": target, "model": model, "reference": known, "device": "cpu", "workers": 1, "minutes": 0.0}
    found = discover(tmp_path / "out", **how)
    report = (tmp_path / "out" / "report.md").read_text().splitlines()
    assert report[0] == found.headline
    assert report[0].startswith("# Not reached: relative_density=0.3, young_hill>=2*bound")
    assert any("drawn without the target" in line for line in report[:8])
    assert {"drawn", "surrogate"} <= set(found.cells.index["found_by"].tolist())
    assert any(line.startswith("| best of 4 drawn") for line in report)


def test_a_round_goes_on_from_another_and_counts_its_cells_as_known(found, known, model, tmp_path):
    how = {"model": model, "reference": known, "device": "cpu", "workers": 1}
    again = discover(tmp_path / "out", n=8, continued=found.folder, **how)
    own = {row.tobytes() for row in np.asarray(found.cells.packed)}
    assert not own & {row.tobytes() for row in np.asarray(again.cells.packed)}, "another seed"
    assert len(load_cells(tmp_path / "out" / "earlier")) == N
    everything = UnitCells.concatenate([known, UnitCells(found.cells.packed, 16, {"id": found.cells.index["id"]})])
    from voxplore.data.prepare.orientations import orient_cells

    scores = evaluate(again.cells, orient_cells(everything, 6))
    assert scores.columns["novelty_ungated"] == pytest.approx(again.scores.columns["novelty_ungated"])
    with (tmp_path / "out" / "progress.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["solved"]) for row in rows] == list(range(1, N + 9))
    assert [row["round"] for row in rows] == ["1"] * N + ["2"] * 8
    third = discover(tmp_path / "third", n=8, continued=tmp_path / "out", **how)
    assert len(load_cells(tmp_path / "third" / "earlier")) == N + 8
    assert len(third.cells) == 8


def test_a_folder_that_discover_did_not_write_is_no_start_for_a_round(known, model, tmp_path):
    with pytest.raises(VoxploreError, match=r"rounds\.json"):
        discover(tmp_path / "out", n=2, model=model, reference=known, device="cpu", continued=tmp_path)
    assert not (tmp_path / "out").exists()


def test_the_command_line_names_a_wrong_target_and_writes_nothing(tmp_path):
    command = Command(tmp_path / "out", target="young_hil>0.1")
    with pytest.raises(VoxploreError, match="nearest: young_hill"):
        command.run()
    assert not list(tmp_path.iterdir())
