"""Mapping over cells: the order stands, the number of workers does not show."""

import math
import os
import re
import signal
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest

from voxplore import parallel
from voxplore.errors import VoxploreError
from voxplore.parallel import ENGINES, engine_for_all, map_items


def square(x: int) -> int:
    return x * x


def refuse_three(x: int) -> int:
    if x == 3:
        raise VoxploreError(f"cell {x}", expected="any other", got="three")
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
    with pytest.raises(VoxploreError, match="cell 3: expected any other, got three") as caught:
        list(map_items(refuse_three, range(6), workers=2))
    assert caught.value.expected == "any other"


def test_a_killed_parent_takes_its_workers_with_it(tmp_path):
    code = (
        "from voxplore.parallel import map_items\n"
        "import test_parallel_child as child\n"
        "for _ in map_items(child.tell, range(100), workers=2): pass\n"
    )
    # One write a line: two workers' prints, unbuffered, can come between each other.
    child = "import os, time\ndef tell(_):\n    os.write(1, b'%d\\n' % os.getpid())\n    time.sleep(0.2)\n"
    (tmp_path / "test_parallel_child.py").write_text(child)
    places = [str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(places)}
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


class FakeRay:
    """What of Ray's interface is used, done on the spot; tasks in work are counted."""

    class exceptions:
        class RayTaskError(Exception):
            cause: Exception

    def __init__(self) -> None:
        self.options: dict = {}
        self.most = self.now = 0

    def is_initialized(self) -> bool:
        return False

    def init(self, **_: object) -> None:
        pass

    def put(self, value):
        return value

    def remote(self, **options):
        self.options = options

        def made(function):
            def start(*arguments):
                self.now += 1
                self.most = max(self.most, self.now)
                return lambda: function(*arguments)

            return SimpleNamespace(remote=start)

        return made

    def get(self, task):
        self.now -= 1
        try:
            return task()
        except Exception as error:
            wrapped = self.exceptions.RayTaskError(str(error))
            wrapped.cause = error
            raise wrapped from error

    def cancel(self, task, force: bool) -> None:
        self.now -= 1


@pytest.fixture
def fake_ray(monkeypatch) -> FakeRay:
    fake = FakeRay()
    monkeypatch.setitem(sys.modules, "ray", fake)
    return fake


def test_ray_gives_the_same_results_in_order_and_is_not_flooded(fake_ray, monkeypatch):
    monkeypatch.setattr("voxplore.parallel._AHEAD", 3)
    assert list(map_items(square, range(20), engine="ray")) == [x * x for x in range(20)]
    assert fake_ray.most == 3
    assert fake_ray.options["max_retries"] == -1  # a killed worker's cells are done again


def test_an_error_in_ray_arrives_whole_and_cancels_the_rest(fake_ray):
    with pytest.raises(VoxploreError, match="cell 3: expected any other, got three") as caught:
        list(map_items(refuse_three, range(6), engine="ray"))
    assert caught.value.expected == "any other"
    assert fake_ray.now == 0


@pytest.mark.slow
def test_ray_itself_gives_the_bytes_of_local(tmp_path):
    """Runs where the extra is installed."""
    pytest.importorskip("ray")
    for engine in ENGINES:
        command = [sys.executable, "-m", "voxplore", "build", "spinodoid", "--n", "8", "--resolution", "16"]
        subprocess.run([*command, "--engine", engine, "--out", str(tmp_path / engine)], check=True)
    for name in ("cells.json", "index.csv", "voxels.npy"):
        assert (tmp_path / "ray" / name).read_bytes() == (tmp_path / "local" / name).read_bytes()


def test_within_an_engine_for_all_local_work_goes_to_it_and_afterwards_no_more(fake_ray):
    with engine_for_all("ray"):
        assert list(map_items(square, range(5))) == [0, 1, 4, 9, 16]
        assert fake_ray.most == 5
    fake_ray.most = 0
    assert list(map_items(square, range(5), workers=1)) == [0, 1, 4, 9, 16]
    assert fake_ray.most == 0


def test_an_unknown_engine_is_named():
    with pytest.raises(VoxploreError, match="engine: expected local or ray, got cloud"):
        map_items(square, [1], engine="cloud")


def test_without_its_package_an_engine_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    assert "ray" in ENGINES
    with pytest.raises(VoxploreError, match=r"voxplore\[ray\]"):
        list(map_items(square, [1], engine="ray"))


def test_an_interrupt_while_workers_start_is_heard_once_all_have_started(monkeypatch):
    """In the middle of it, it would leave a worker that nobody stops."""
    submitted = []

    class Pool(ProcessPoolExecutor):
        def submit(self, *arguments, **named):
            submitted.append(arguments)
            if len(submitted) == 1:
                signal.raise_signal(signal.SIGINT)
            return super().submit(*arguments, **named)

    monkeypatch.setattr(parallel, "ProcessPoolExecutor", Pool)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            list(map_items(math.factorial, range(5), workers=2))
    finally:
        signal.signal(signal.SIGINT, before)
    assert len(submitted) == 2 + 5


def test_workers_share_one_import_of_what_they_run(tmp_path):
    (tmp_path / "imported_once.py").write_text(
        "import os\nHERE = os.getpid()\n\ndef where(item):\n    return HERE, os.getpid()\n"
    )
    (tmp_path / "script.py").write_text(
        "from imported_once import where\nfrom voxplore.parallel import map_items\n"
        "print(*[list(map_items(where, range(4), workers=2)) for _ in range(2)])\n"
    )
    done = subprocess.run([sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, check=True)
    pairs = [tuple(map(int, pair.split(", "))) for pair in re.findall(r"\((\d+, \d+)\)", done.stdout)]
    assert len(pairs) == 8
    assert len({place for place, _ in pairs}) == 1
    assert all(place != own for place, own in pairs)


LEFT_EARLY = """
import sys, time
from voxplore.parallel import map_items
from big_results import big

for delay in (0.0, 0.02, 0.05, 0.1, 0.2):
    results = map_items(big, [10, 10**8, 10**8], workers=3)
    next(results)
    time.sleep(delay)
    results.close()
print("left")
"""


def test_who_leaves_while_a_result_is_half_read_does_not_wait_for_ever(tmp_path):
    (tmp_path / "big_results.py").write_text("def big(n):\n    return bytes(n)\n")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", LEFT_EARLY]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert (ended.returncode, ended.stdout) == (0, "left\n"), ended.stderr
