"""Tables of scores."""

import csv
import dataclasses
import io
import statistics

import numpy as np
import pytest

from voxplore.errors import VoxploreError
from voxplore.metrics import Scores
from voxplore.report.compare import COLUMNS, PRINTED, SECOND, compare, printed_rows, table_of


def scores(name: str, samples: str, reference: str = "r1", **mean: float) -> Scores:
    about = {
        "benchmark": "v1",
        "samples": {"name": name, "n": 3, "sha256": samples},
        "reference": {"name": f"set {reference}", "n": 9, "sha256": reference},
    }
    return Scores(name, 3, 0, {"novelty": 0.5, **mean}, {}, {"id": np.array(["a", "b", "c"])}, about)


def rows_of(table) -> dict[str, dict[str, str]]:
    return {row["row"]: row for row in csv.DictReader(io.StringIO(table.csv()))}


def test_scores_of_one_name_are_draws_of_one_row():
    table = table_of([scores("mine", str(draw), novelty=value) for draw, value in enumerate((0.4, 0.5, 0.9))])
    row = rows_of(table)["mine"]
    assert row["draws"] == "3"
    assert float(row["novelty"]) == pytest.approx(0.6)
    assert float(row["novelty_std"]) == pytest.approx(statistics.stdev([0.4, 0.5, 0.9]))


def test_the_same_cells_count_once():
    table = table_of([scores("mine", "a"), scores("mine", "a")])
    assert rows_of(table)["mine"]["draws"] == "1"
    assert rows_of(table)["mine"]["novelty_std"] == ""


def test_a_metric_that_not_all_draws_have_is_left_out():
    table = table_of([scores("mine", "a", vun=0.5), scores("mine", "b")])
    assert rows_of(table)["mine"]["vun"] == ""
    assert "–" in table.text()


def test_rows_against_different_references_stand_apart():
    table = table_of([scores("mine", "a"), scores("yours", "b", reference="r2"), scores("theirs", "c")])
    assert [[row.label for row in rows] for _, rows in table.sections] == [["mine", "theirs"], ["yours"]]
    assert table.sections[1][0] == "against set r2 (9 cells, r2)"


def test_reference_rows_come_first():
    table = table_of([scores(name, name) for name in ("mine", "noise", "held-out")])
    assert [row.label for row in table.sections[0][1]] == ["held-out", "noise", "mine"]


@pytest.mark.parametrize("name", PRINTED)
def test_printed_quality_is_the_mean_of_the_three_printed_scores(name):
    rows = printed_rows(name)
    assert len(rows) == 6
    for row in rows:
        three = statistics.fmean(row.mean[key] for key in ("symmetry", "periodicity", "connectivity"))
        # One printed mean is off by one in its last digit.
        assert row.mean["quality"] == pytest.approx(three, abs=1.01e-3)


def test_printed_rows_say_whose_they_are():
    table = table_of([], ["metashell"])
    assert table.sections[0][0] == "printed in the paper, on its own data (metashell): not the same cells"
    assert rows_of(table)["VoxPlore"]["diversity"] == "0.783"
    with pytest.raises(VoxploreError, match="printed rows: expected metatruss or metashell, got 'nets'"):
        printed_rows("nets")


def test_columns_of_the_text_are_aligned():
    lines = table_of([scores("a", "a"), scores("a longer name", "b", novelty=0.25)]).text().splitlines()
    assert len({len(line) for line in lines[2:]}) == 1
    assert lines[1].split()[:2] == ["S_sym", "↑"]


def test_markdown_and_latex_escape_their_own_marks():
    table = table_of([scores("50 % | a_b & #1", "a"), scores("50 % | a_b & #1", "b")])
    markdown, latex = table.markdown(), table.latex()
    assert "| 50 % \\| a_b & #1 |" in markdown
    assert r"50 \% | a\_b \& \#1 & – &" in latex
    assert r"0.500 $\pm$ 0.000" in latex
    assert r"S\_nov $\uparrow$" in latex
    assert latex.count(r"\\") == 1 + 1 + 1
    body = [line for line in latex.splitlines() if line.endswith(r"\\") and "multicolumn" not in line]
    assert all(line.replace(r"\&", "").count("&") == len(COLUMNS) for line in body)


def made(name: str, samples: str, **facts) -> Scores:
    one = scores(name, samples)
    return dataclasses.replace(one, about={**one.about, "samples": {**one.about["samples"], "made": facts}})


def test_what_a_row_cost_stands_beside_it_where_its_samples_say_so():
    costs = {"parameters": 1_234_567, "training_seconds": 300.4, "hardware": "a chip | another"}
    draws = [made("mine", str(draw), **costs, seconds_per_1000=10.0 + draw) for draw in range(3)]
    table = table_of([*draws, scores("yours", "y")])
    rows = rows_of(table)
    assert float(rows["mine"]["seconds_per_1000"]) == pytest.approx(11.0)
    assert rows["mine"]["hardware"] == "a chip | another"
    assert rows["yours"]["parameters"] == rows["yours"]["hardware"] == ""
    assert "steps" not in rows["mine"]
    lines = table.text().splitlines()
    assert lines[1].endswith("Hardware")
    assert lines[2].split()[-7:-4] == ["1,234,567", "300", "11.0"]
    assert "a chip \\| another" in table.markdown()
    widths = {line.replace(r"\&", "").count("&") for line in table.latex().splitlines() if line.endswith(r"\\")}
    assert widths == {0, len(COLUMNS) + 4}


def test_a_table_of_scores_without_provenance_has_no_columns_for_it():
    table = table_of([scores("mine", "a")])
    assert table.costs() == []
    assert "Hardware" not in table.text()


def test_provenance_that_makes_no_sense_is_left_out():
    one = scores("mine", "a")
    about = {**one.about, "samples": {**one.about["samples"], "made": {"parameters": "many", "steps": None}}}
    assert table_of([dataclasses.replace(one, about=about)]).costs() == []


def test_folders_are_read_and_tables_written(tmp_path):
    scores("mine", "a").save(tmp_path / "s")
    scores("held-out", "b").save(tmp_path / "s" / "rows" / "held-out")
    table = compare([tmp_path / "s"], tmp_path / "t")
    assert [row.label for row in table.sections[0][1]] == ["held-out", "mine"]
    assert (tmp_path / "t" / "table.md").read_text() == table.markdown()
    with pytest.raises(VoxploreError, match="got an existing one"):
        compare([tmp_path / "s"], tmp_path / "t")


def test_scores_without_checksums_are_refused(tmp_path):
    one = scores("mine", "a")
    dataclasses.replace(one, about={"benchmark": "v1"}).save(tmp_path / "s")
    with pytest.raises(VoxploreError, match=r"scores\.json: expected name, n, sha256"):
        compare([tmp_path / "s"], tmp_path / "t")


def test_other_metrics_can_be_shown():
    table = table_of([scores("mine", "a", valid=0.25, quality=0.9)], columns=("quality", "valid"))
    assert [row.split() for row in table.text().splitlines()[1:]] == [
        ["Quality", "↑", "Valid", "↑"],
        ["mine", "0.900", "0.250"],
    ]
    assert rows_of(table)["mine"]["valid"] == "0.25"
    with pytest.raises(VoxploreError, match="got beauty"):
        table_of([], columns=("quality", "beauty"))


def test_columns_of_benchmark_v2_are_shown_where_every_row_has_them():
    first, second = scores("mine", "a"), scores("yours", "b", vun_v2=0.5)
    later = [dataclasses.replace(one, about=one.about | {"benchmark": "v2"}) for one in (first, second)]
    assert table_of([first, later[1]]).columns == COLUMNS
    assert table_of(later).columns == (*COLUMNS, *SECOND)
    assert rows_of(table_of(later))["yours"]["vun_v2"] == "0.5"
