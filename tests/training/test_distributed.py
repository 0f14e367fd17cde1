"""Training on two processes: the steps of their mean gradient, and one writer."""

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from voxplore.cli import main

MODELS = ("voxplore", "vae", "dit3d", "yang2024", "cdm3d", "xcube", "trellis", "graph")
#: A loss that compares the cells of a batch with each other, parts called one by one, an odd number of rows, a weight
#: that is used outside of any call, and random numbers of torch.
PROBLEM = """
import sys
import time
from pathlib import Path
import numpy as np
import torch
from voxplore.training import loop
from voxplore.training.feed import step_generator

class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.GELU(), torch.nn.Linear(8, 3))
        self.decoder = torch.nn.Linear(3, 4)
        self.scale = torch.nn.Parameter(torch.ones(()))

def problem(run, joined=False):
    torch.manual_seed(0)
    torch.set_num_threads(1)
    net = Net()
    def loss(rng, n):
        x = torch.from_numpy(rng.normal(size=(n, 4)).astype(np.float32))
        latents = net.encoder(x) * net.scale
        apart = torch.exp(-torch.cdist(latents, latents).square()).mean()
        noisy = latents + 0.1 * torch.randn_like(latents)
        return (net.decoder(noisy) - x).square().mean() + apart, {"apart": apart}
    steps = iter(range(1000))
    def of_both(rng, n):
        step, total = next(steps), 0.0
        for rank, rows in enumerate((7, 8)):
            rng, seed = step_generator(0, "stage", step, rank)
            torch.manual_seed(seed)
            value, figures = loss(rng, rows)
            total = total + value * rows / n
        return total, figures
    loop._LOG_SECONDS = -1.0
    options = dict(cells=1500, batch=15, learning_rate=1e-2, clip=1.0, ema=0.9, run=Path(run))
    loop.train("stage", net, of_both if joined else loss, **options)
    return net
"""


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def on_two(code: str, *arguments: object, seconds: float = 300.0) -> None:
    """Run code on two processes, as torchrun starts them; both are ended where one of them fails or takes too long."""
    common = {**os.environ, "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())}
    command = [sys.executable, "-c", code, *map(str, arguments)]
    both = [
        subprocess.Popen(command, env={**common, "RANK": str(rank), "LOCAL_RANK": str(rank), "OMP_NUM_THREADS": "1"})
        for rank in range(2)
    ]
    deadline = time.monotonic() + seconds
    try:
        # A process whose partner has died would wait for it: the first failure ends both.
        while any(process.poll() is None for process in both) and not any(process.poll() for process in both):
            assert time.monotonic() < deadline, f"two processes still at work after {seconds:.0f} s"
            time.sleep(0.05)
        assert [process.poll() for process in both] == [0, 0]
    finally:
        for process in both:
            process.kill()
            process.wait()


def curve(run: Path) -> list[float]:
    return [json.loads(line)["loss"] for line in (run / "log.jsonl").read_text().splitlines()]


def test_a_process_whose_partner_has_died_or_that_hangs_is_ended():
    with pytest.raises(AssertionError):
        on_two("import os, sys, time\nif os.environ['RANK'] == '0': sys.exit(3)\ntime.sleep(600)")
    with pytest.raises(AssertionError, match="still at work after 1 s"):
        on_two("import time\ntime.sleep(600)", seconds=1.0)


def test_two_processes_make_the_steps_of_their_mean_gradient_and_one_resumes_their_run(tmp_path):
    space: dict = {}
    exec(PROBLEM, space)
    alone = space["problem"](tmp_path / "one", joined=True)
    save = "net = problem(sys.argv[1])\nimport os\ntorch.distributed.barrier()\n"
    save += "from voxplore.training.checkpoint import write_tensors\n"
    save += "write_tensors(Path(sys.argv[1]) / f'rank{os.environ[\"RANK\"]}.st', net.state_dict(), {})\n"
    on_two(PROBLEM + save, tmp_path / "two", seconds=120.0)
    one, two = curve(tmp_path / "one"), curve(tmp_path / "two")
    assert len(one) == len(two) == 100
    assert max(abs(a - b) for a, b in zip(one, two, strict=True)) < 1e-4
    from voxplore.training.checkpoint import read_tensors

    first, second = (read_tensors(tmp_path / "two" / f"rank{rank}.st")[0] for rank in range(2))
    for name, tensor in alone.state_dict().items():
        assert torch.equal(first[name], second[name])
        assert torch.allclose(first[name], tensor, atol=1e-4)
    resumed = space["problem"](tmp_path / "two")  # finished: what stands there is what the two wrote
    for name, tensor in resumed.state_dict().items():
        assert torch.equal(first[name], tensor)


@pytest.mark.parametrize(
    "recipe",
    ["closed-form-nets-tiny", *(pytest.param(f"{model}-nets-tiny", marks=pytest.mark.slow) for model in MODELS[1:])],
)
def test_torchrun_trains_every_generator(tmp_path, recipe):
    """The first steps of every stage: as many as one process takes, of losses as large, as they are of other cells."""
    cells = tmp_path / "nets"
    assert main(["build", "nets", "--n", "40", "--resolution", "16", "--workers", "1", "--out", str(cells)]) == 0
    code = "import sys\nimport voxplore.training.loop as loop\nfrom voxplore.cli import main\n"
    code += "import torch\ntorch.set_num_threads(1)\nloop._LOG_SECONDS = -1.0\n"
    code += "sys.exit(main(sys.argv[1:]))\n"
    arguments = ["train", str(cells), "--recipe", recipe, "--device", "cpu", "--out"]
    alone = [sys.executable, "-c", code, *arguments, str(tmp_path / "one")]
    alone += changes(recipe)
    subprocess.run(alone, check=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    on_two(code, *arguments, tmp_path / "two", *changes(recipe))
    one, two = curve(tmp_path / "one" / "run"), curve(tmp_path / "two" / "run")
    assert len(one) == len(two) > 0
    assert all(abs(a - b) < 0.5 * abs(a) for a, b in zip(one, two, strict=True))
    assert (tmp_path / "two" / "model" / "config.json").exists()


def changes(recipe: str) -> list[str]:
    """Six steps a stage."""
    from voxplore.recipes import RECIPES
    from voxplore.recipes.common import Training

    fields = vars(RECIPES[recipe])
    stages = {name: stage for name, stage in fields.items() if isinstance(stage, Training)}
    return ["--set", *(f"{name}.cells={6 * stage.batch}" for name, stage in stages.items())]


def test_more_processes_than_cells_of_a_batch_are_refused():
    from voxplore.errors import VoxploreError
    from voxplore.training.distributed import Team

    assert [Team(rank, 4).share(10) for rank in range(4)] == [2, 3, 2, 3]
    with pytest.raises(VoxploreError, match="at most 3 processes, a cell each, got 4"):
        Team(0, 4).share(3)
