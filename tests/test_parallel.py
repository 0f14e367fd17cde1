"""Mapping over cells: the order stands, the number of workers does not show."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from voxplore.errors import VoxploreError
from voxplore.parallel import ENGINES, map_items


def square(x: int) -> int:
    return x * x


def refuse_three(x: int) -> int:
    if x == 3:
        raise VoxploreError(f"cell {x}", expected="any other", came="three")
    return x


def threads_and_process(_: int) -> tuple[str | None, int]:
    return os.environ.get("OMP_NUM_THREADS"), os.getpid()


def test_results_come_in_the_order_of_the_items_however_many_workers():
    assert list(map_items(square, range(7), workers=1)) == [0, 1, 4, 9, 16, 25, 36]
    assert list(map_items(square, range(7), workers=3)) == [0, 1, 4, 9, 16, 25, 36]


def test_no_items_give_no_results():
    assert list(map_items(square, [])) == []


def test_workers_are_other_processes_with_one_thread_each():
    found = list(map_items(threads_and_process, range(4), workers=2))
    assert {threads for threads, _ in found} == {"1"}
    assert os.getpid() not in {process for _, process in found}


def test_an_error_of_a_worker_arrives_whole():
    with pytest.raises(VoxploreError, match="cell 3: expected any other, came three") as caught:
        list(map_items(refuse_three, range(6), workers=2))
    assert caught.value.expected == "any other"


def test_a_killed_parent_takes_its_workers_with_it(tmp_path):
    code = (
        "from voxplore.parallel import map_items\n"
        "import test_parallel_child as child\n"
        "for _ in map_items(child.tell, range(100), workers=2): pass\n"
    )
    child = "import os, time\ndef tell(_):\n    print(os.getpid(), flush=True)\n    time.sleep(0.2)\n"
    (tmp_path / "test_parallel_child.py").write_text(child)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=environment)
    assert process.stdout is not None
    pids = {int(process.stdout.readline()) for _ in range(4)}
    process.send_signal(signal.SIGKILL)
    process.wait()
    deadline = time.monotonic() + 30
    while any(alive(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not any(alive(pid) for pid in pids)


def alive(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return status.rsplit(")", 1)[1].split()[0] != "Z"


def test_an_unknown_engine_is_named():
    with pytest.raises(VoxploreError, match="engine: expected local or ray, came cloud"):
        map_items(square, [1], engine="cloud")


def test_without_its_package_an_engine_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    assert "ray" in ENGINES
    with pytest.raises(VoxploreError, match=r"voxplore\[ray\]"):
        list(map_items(square, [1], engine="ray"))
