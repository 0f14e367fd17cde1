"""Commands on one cell, on empty and full ones, and on cells that do not fit each other: a result, or one sentence."""

from pathlib import Path

import pytest
from input_work import CASES, Case, prepare

from voxplore.cli import main


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("work")
    prepare(folder)
    return folder


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_command_gives_its_result_or_one_sentence(folder, monkeypatch, capsys, case: Case):
    monkeypatch.chdir(folder)
    before = sorted(folder.iterdir())
    status = main(case.command.split())
    told = capsys.readouterr()
    if case.refused:
        assert (status, told.out, told.err.count("\n")) == (2, "", 1), told
        assert told.err.startswith("voxplore: ")
        assert all(text in told.err for text in case.refused), told.err
        assert sorted(folder.iterdir()) == before
    else:
        assert (status, told.err) == (0, ""), told
        assert case.gives in told.out


def test_the_names_of_the_table_are_distinct():
    assert len({case.name for case in CASES}) == len(CASES) >= 45
