"""Power that goes between any two writes: the old result or the new one, whole; work that was done is not lost.

Four faults that no test of kills can see are planted here, and each is found.
"""

import os
import shutil
from pathlib import Path

import pytest
from power import Disk

from voxplore import storage
from voxplore.storage import placing, resumable_folder

BLOCKS = 3


@pytest.fixture(autouse=True)
def flushed_at_once(monkeypatch):
    monkeypatch.setattr("voxplore.storage.resumable._FLUSH_SECONDS", 0.0)
    # The files of a disk that is rebuilt have other numbers: what they hold stands for them.
    monkeypatch.setattr(placing, "_identity", lambda folder: below(folder) if folder.exists() else None)


def replace(out: Path) -> None:
    """A result of two files in the place of an older one."""
    with storage.staged_folder(out, overwrite=True) as stage:
        (stage / "a").write_text("new a")
        (stage / "deep").mkdir()
        (stage / "deep" / "b").write_text("new b")


def work(out: Path, done: list[int] | None = None) -> None:
    """Blocks of work, and a result made of them; `done`: told the blocks that were made."""
    with resumable_folder(out, {"a": 1}, ("rows",)) as resumable:
        for number in range(len(resumable.notes), BLOCKS):
            resumable.commit({"n": number}, {"rows": b"row %d\n" % number})
            if done is not None:
                done.append(number)
        with storage.staged_folder(out, committing=resumable.committing) as stage:
            resumable.link_into(stage)
            (stage / "header").write_text("whole")


def below(folder: Path) -> dict[str, str]:
    return {p.relative_to(folder).as_posix(): p.read_text() for p in sorted(folder.rglob("*")) if p.is_file()}


def recorded(tmp_path: Path, function, prepare=None) -> Disk:
    root = tmp_path / "root"
    root.mkdir()
    if prepare:
        prepare(root / "out")
    disk = Disk(root)
    disk.begin(tmp_path / "start")
    with disk.recording():
        function(root / "out")
    return disk


def old(out: Path) -> None:
    with storage.staged_folder(out) as stage:
        (stage / "a").write_text("old a")


def cuts(disk: Disk, tmp_path: Path):
    """The root as it is after every cut."""
    for cut in range(len(disk.events) + 1):
        target = tmp_path / f"cut{cut}"
        disk.after(cut, target)
        yield cut, target
        shutil.rmtree(target)


def check_replace(tmp_path: Path) -> None:
    """The old result or the new one after every cut, and, once the next command has locked the path, nothing else."""
    disk = recorded(tmp_path, replace, old)
    before, after = below(tmp_path / "start" / "out"), below(disk.root / "out")
    assert {name: text for name, text in after.items() if name != ".voxplore"} == {"a": "new a", "deep/b": "new b"}
    found = []
    for _, root in cuts(disk, tmp_path):
        with storage.lock(root / "out"):
            pass
        found.append(below(root / "out") if (root / "out").exists() else None)
        assert found[-1] in (before, after)
        assert [path.name for path in root.iterdir()] == ["out"]
    assert found[0] == before
    assert found[-1] == after


def check_work(tmp_path: Path) -> None:
    """After every cut the same call ends in the same bytes and makes no block again that a flush had made last."""
    whole = tmp_path / "whole"
    work(whole / "out")
    disk = recorded(tmp_path, work)
    made: list[list[int]] = []
    for _, root in cuts(disk, tmp_path):
        done: list[int] = []
        with storage.lock(root / "out"):
            finished = (root / "out").exists()
        if not finished:
            work(root / "out", done)
        assert below(root / "out") == below(whole / "out")
        assert [path.name for path in root.iterdir()] == ["out"]
        made.append(done)
    numbers = [len(done) for done in made]
    assert numbers == sorted(numbers, reverse=True)
    assert numbers[0] == BLOCKS
    assert set(numbers) == set(range(BLOCKS + 1))


def test_a_power_cut_leaves_the_old_result_or_the_new_one(tmp_path):
    check_replace(tmp_path)


def test_a_power_cut_without_a_swap_of_names_too(tmp_path, monkeypatch):
    monkeypatch.setattr(placing, "_exchange", lambda one, other: False)
    check_replace(tmp_path)


def test_a_power_cut_costs_no_block_that_was_flushed(tmp_path):
    check_work(tmp_path)


class TestPlantedFaults:
    """What each of the four would lose is found by the checks above."""

    def test_an_old_result_that_is_removed_first(self, tmp_path, monkeypatch):
        def removes_first(stage: Path, place: Path) -> None:
            shutil.rmtree(place, ignore_errors=True)
            os.rename(stage, place)

        monkeypatch.setattr(placing, "put_in_place", removes_first)
        with pytest.raises(AssertionError):
            check_replace(tmp_path)

    def test_a_log_that_is_written_before_its_data_is_flushed(self, tmp_path, monkeypatch):
        real = storage.resumable._flush
        monkeypatch.setattr(storage.resumable, "_flush", lambda path: path.name == "rows" or real(path))
        with pytest.raises(AssertionError):
            check_work(tmp_path)

    def test_no_flush_at_all(self, tmp_path, monkeypatch):
        monkeypatch.setattr(os, "fsync", lambda descriptor: None)
        monkeypatch.setattr(Disk, "_fsync", lambda self, function: function)
        with pytest.raises(AssertionError):
            check_replace(tmp_path)

    def test_an_interrupt_guard_that_is_switched_off(self, monkeypatch):
        from contextlib import nullcontext

        from voxplore import parallel

        check_guard()
        monkeypatch.setattr(parallel, "_later", nullcontext)
        with pytest.raises(AssertionError):
            check_guard()


def check_guard() -> None:
    """An interrupt while workers are started is heard at the end of it, not in the middle."""
    import signal

    from voxplore import parallel

    reached = False
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with parallel._later():
            signal.raise_signal(signal.SIGINT)
            reached = True
        heard = False
    except KeyboardInterrupt:
        heard = True
    finally:
        signal.signal(signal.SIGINT, before)
    assert reached, "it got in the middle"
    assert heard, "it was lost"
