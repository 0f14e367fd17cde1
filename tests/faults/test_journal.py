"""Hours of work that are killed between any two file events: what was done stays, and ends in the same bytes."""

import contextlib
import itertools
from pathlib import Path

import pytest
from fault_layer import killed_at

from voxplore import storage
from voxplore.storage import resumable_folder

BLOCKS = 4
#: Last lines of a log that say nothing of use.
SPOILED = (b"[" * 9000, b"x", b'{"sizes": {}}', b'{"note": {}}', b'{"note": 1, "sizes": {}}')
SPOILED += (b'{"note": {}, "sizes": {"rows": 0.5}}',)


@pytest.fixture(autouse=True)
def flushed_at_once(monkeypatch):
    monkeypatch.setattr("voxplore.storage.resumable._FLUSH_SECONDS", 0.0)


def work(out: Path, linked: bool, told: Path, overwrite: bool = False) -> None:
    """Four blocks; linked: as `generate` makes its result of them, else as `evaluate` does. Each one done is told."""
    with resumable_folder(out, {"a": 1}, ("rows",), overwrite) as resumable:
        for number in range(len(resumable.notes), BLOCKS):
            resumable.commit({"n": number}, {"rows": b"%d\n" % number})
            with open(told, "a") as file:
                file.write(f"{number}\n")
        with storage.staged_folder(out, overwrite, resumable.committing) as stage:
            if linked:
                resumable.link_into(stage)
            else:
                (stage / "sum").write_bytes((resumable.folder / "rows").read_bytes())
            (stage / "header").write_text("whole")


def below(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()} if folder.exists() else {}


@pytest.mark.parametrize("replacing", [False, True])
@pytest.mark.parametrize("linked", [True, False])
def test_a_block_that_was_done_is_never_done_again(tmp_path, linked, replacing):
    """At every file event: no block twice, the old result or the new one, and nothing left beside it at the end."""
    work(tmp_path / "whole", linked, tmp_path / "told-whole")
    whole = below(tmp_path / "whole")
    for at in itertools.count():
        root = tmp_path / f"at{at}"
        root.mkdir()
        told, out = tmp_path / f"told{at}", root / "out"
        if replacing:
            with storage.staged_folder(out) as stage:
                (stage / "old").write_text("old")
        before = below(out)
        killed = killed_at(root, at, lambda out=out, told=told: work(out, linked, told, replacing))
        assert below(out) in (before, whole)
        if below(out) == whole:
            with storage.lock(out):
                pass
        else:
            work(out, linked, told, replacing)
        assert below(out) == whole
        done = list(map(int, told.read_text().split()))
        assert done == sorted(set(done))
        assert len(done) >= BLOCKS - 1  # a kill can fall between a block and what is told of it
        assert [path.name for path in root.iterdir()] == ["out"]
        if not killed:
            break
    assert at > 30


@pytest.mark.parametrize("spoiled", SPOILED)
def test_work_whose_log_is_spoiled_is_begun_anew(tmp_path, spoiled):
    with contextlib.suppress(KeyError), resumable_folder(tmp_path / "out", {"a": 1}, ("rows",)) as resumable:
        resumable.commit({"n": 0}, {"rows": b"0\n"})
        raise KeyError
    (tmp_path / "out.unfinished" / "blocks.jsonl").write_bytes(spoiled + b"\n")
    work(tmp_path / "out", True, tmp_path / "told")
    assert (tmp_path / "told").read_text().split() == list(map(str, range(BLOCKS)))


def test_where_there_are_no_hard_links_the_rows_are_copied(tmp_path, monkeypatch):
    def none(*_: object) -> None:
        raise OSError("no links here")

    work(tmp_path / "whole", True, tmp_path / "told")
    monkeypatch.setattr("os.link", none)
    work(tmp_path / "out", True, tmp_path / "told")
    assert below(tmp_path / "out") == below(tmp_path / "whole")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "told", "whole"]
