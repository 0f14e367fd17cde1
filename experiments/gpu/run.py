"""The GPU kit: data, then every recipe trained, drawn from and scored within its share of the time. See gpu.sh."""

import argparse
import json
import os
import time
from pathlib import Path

import torch
from home import Home
from job import Worker
from sets import sets_of
from steps import jobs

from voxplore.data.record.shipped import RECORDS

_STEPS = ["published", "tokens", "baselines"]


def main() -> None:
    parser = argparse.ArgumentParser(description="What a GPU lent for minutes is used for.")
    parser.add_argument("minutes", type=float)
    parser.add_argument("--steps", nargs="+", choices=_STEPS, default=_STEPS)
    parser.add_argument("--tokens", nargs="*", default=[], help="recipes of the step tokens")
    parser.add_argument("--sets", nargs="+", choices=["nets", "shells"], default=["nets", "shells"])
    parser.add_argument("--records", nargs="+", type=Path, default=[RECORDS["discover"]])
    parser.add_argument("--work", type=Path, default=Path(os.environ.get("WORK", "runs/gpu")))
    parser.add_argument("--carried", type=Path, help="what went home before, unpacked")
    parser.add_argument("--cells", type=int, default=1000, help="cells to draw of each recipe")
    parser.add_argument("--unscored", action="store_true", help="leave the scores to be made at home")
    parser.add_argument("--tiny", action="store_true")
    chosen = parser.parse_args()
    started = time.monotonic()
    device = "cpu" if chosen.tiny or not torch.cuda.is_available() else "cuda"
    home = Home(Path(os.environ.get("OUT") or chosen.work / "home"))
    print(f"device {device}, {chosen.minutes:g} minutes, work in {chosen.work}, home in {home.folder}")
    cells = sets_of(chosen.records, chosen.work / "data", chosen.tiny)
    print(f"[{time.monotonic() - started:5.0f} s] " + ", ".join(f"{len(c)} {name}" for name, c in cells.items()))
    size = "tiny" if chosen.tiny else "full"
    wanted = [
        job
        for job in jobs(chosen.steps, chosen.sets, chosen.tokens, size)
        if not (chosen.carried and (chosen.carried / job.recipe / "summary.json").exists())
    ]
    # The last of the time is for scores that are still being made.
    end = started + 60 * chosen.minutes - _tail(chosen.minutes)
    worker = Worker(chosen.work, home, cells, device, (started, end), scored=not chosen.unscored)
    drawn, most = (12, 160) if chosen.tiny else (chosen.cells, None)
    for number, job in enumerate(wanted):
        worker.do(job, sum(later.worth for later in wanted[number:]), drawn, most)
    worker.finish(started + 60 * chosen.minutes - 5)
    print(json.dumps({name: facts.get("error", "done") for name, facts in worker.summaries.items()}))


def _tail(minutes: float) -> float:
    return min(30.0, 6 * minutes)


if __name__ == "__main__":
    main()
