"""Ray over three nodes, processes on the loopback: a killed worker's cells are done again, none twice."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

#: A cell of work: which it was and who did it are told in a file a try; the first try of cell 20 kills its worker.
CODE = """
import json, os, signal, sys
from pathlib import Path
from ray.cluster_utils import Cluster

cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
for _ in range(2):
    cluster.add_node(num_cpus=1)
cluster.wait_for_nodes()
import ray
ray.init(address=cluster.address, log_to_driver=False)
told = Path(sys.argv[1])

def work(i):
    import ray
    tries = sorted(told.glob(f"{i}-*"))
    (told / f"{i}-{len(tries)}").write_text(ray.get_runtime_context().get_node_id())
    if i == 20 and not tries:
        os.kill(os.getpid(), signal.SIGKILL)
    import time
    time.sleep(0.05)
    return i * i

from voxplore.parallel import map_items
found = list(map_items(work, range(40), engine="ray"))
print(json.dumps({"nodes": len(ray.nodes()), "found": found}))
ray.shutdown()
cluster.shutdown()
"""


def alone(code: str, *arguments: object, seconds: float = 240.0) -> str:
    """Run code in a session of its own, of which nothing is left."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
    try:
        told, _ = process.communicate(timeout=seconds)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 0
    return told


@pytest.mark.slow
def test_three_nodes_lose_nothing_when_a_worker_is_killed(tmp_path: Path):
    pytest.importorskip("ray", reason="needs the extra voxplore[ray]")
    found = json.loads(alone(CODE, tmp_path).splitlines()[-1])
    assert found == {"nodes": 3, "found": [i * i for i in range(40)]}
    tries = sorted(path.name for path in tmp_path.iterdir())
    assert len(tries) == 41  # each cell once, and the killed worker's again
    assert {"20-0", "20-1"} <= set(tries)
    assert len({path.read_text() for path in tmp_path.iterdir()}) >= 2


@pytest.mark.slow
def test_a_set_whose_worker_was_killed_has_the_bytes_of_local(tmp_path: Path):
    pytest.importorskip("ray", reason="needs the extra voxplore[ray]")
    build = [sys.executable, "-m", "voxplore", "build", "nets", "--n", "200", "--resolution", "32", "--out"]
    subprocess.run([*build, tmp_path / "local", "--workers", "1"], check=True, stdout=subprocess.DEVNULL)
    process = subprocess.Popen([*build, tmp_path / "ray", "--engine", "ray"], start_new_session=True)
    try:
        kill_a_busy_worker(process.pid)
        assert process.wait(timeout=240) == 0
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    for name in ("cells.json", "index.csv", "voxels.npy"):
        assert (tmp_path / "ray" / name).read_bytes() == (tmp_path / "local" / name).read_bytes()


def kill_a_busy_worker(pid: int, seconds: float = 120.0) -> None:
    """Kill one of the workers of Ray below a process, as soon as it is at a cell: its title then names the function."""
    psutil = pytest.importorskip("psutil")
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for below in psutil.Process(pid).children(recursive=True):
            with contextlib.suppress(psutil.Error):
                if any("ray::_alone" in word for word in below.cmdline()):
                    below.kill()
                    return
        time.sleep(0.01)
    raise AssertionError("no worker of Ray was seen at work")
