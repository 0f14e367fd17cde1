"""Ray over three nodes, processes on the loopback: a killed worker's cells are done again, none twice."""

import contextlib
import json
import os
import signal
import subprocess
import sys
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
