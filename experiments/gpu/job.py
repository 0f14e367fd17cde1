"""One recipe of the GPU kit: trained within its time, drawn from in parts, scored beside the GPU, sent home."""

import contextlib
import json
import lzma
import shutil
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from home import Home, halved
from steps import TRAINING, Job, budgeted

import voxplore as vp
from voxplore.training import hardware, loop
from voxplore.unitcells import UnitCells

__all__ = ["Worker"]

#: Seconds between two lines of a training's log, and of the terminal.
_LOG_SECONDS = 15.0


class Worker:
    """Does jobs one after the other within `span`, monotonic times of begin and end; scored: their cells are scored."""

    def __init__(
        self,
        work: Path,
        home: Home,
        cells: dict[str, UnitCells],
        device: str,
        span: tuple[float, float],
        scored: bool = True,
    ):
        self.work, self.home, self.cells, self.device, self.scored = work, home, cells, device, scored
        self.started, self.end = span
        self.summaries: dict[str, dict[str, Any]] = {}
        self._scoring: dict[str, subprocess.Popen] = {}
        loop._LOG_SECONDS = _LOG_SECONDS

    def say(self, text: str) -> None:
        print(f"[{time.monotonic() - self.started:5.0f} s] {text}", flush=True)

    def do(self, job: Job, worth_left: float, n: int, most: int | None = None) -> None:
        """Train, draw n cells and send home; a failure is noted and the next job has its turn.

        worth_left: of this job and all after it. most: cells that a stage of training sees, at most.
        """
        folder = self.work / job.recipe
        if (folder / "summary.json").exists():
            self.say(f"{job.recipe}: done before")
            return
        seconds = (self.end - time.monotonic()) * job.worth / worth_left
        if seconds < 1:
            self.say(f"{job.recipe}: no time left")
            return
        self.say(f"{job.recipe}: {seconds:.0f} s")
        folder.mkdir(parents=True, exist_ok=True)
        try:
            summary = self._done(job, folder, seconds, n, most)
        except Exception as error:
            traceback.print_exc()
            summary = {"error": f"{type(error).__name__}: {error}"}
        if self.device != "cpu":
            torch.cuda.empty_cache()
        self.summaries[job.recipe] = summary
        (folder / ("failed.json" if "error" in summary else "summary.json")).write_text(json.dumps(summary, indent=1))
        self._send(job, folder, summary)

    def finish(self, deadline: float) -> None:
        """Wait for the scores that are still being made, until the deadline, and send them home."""
        for recipe, process in self._scoring.items():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, deadline - time.monotonic()))
            if process.poll() is None:
                process.kill()
                self.say(f"{recipe}: scores not ready")
            elif (self.work / recipe / "scores").exists():
                self.home.add("results", self.work / recipe / "scores", f"{recipe}/scores")
                self.say(f"{recipe}: {_headline(self.work / recipe / 'scores')}")

    def _done(self, job: Job, folder: Path, seconds: float, n: int, most: int | None) -> dict[str, Any]:
        began = time.monotonic()
        config = budgeted(vp.RECIPES[job.recipe], TRAINING * seconds, most)
        kind = next(model for model in vp.MODELS.values() if model.Config is type(config))
        model = kind(config, device=self.device)
        if self.device != "cpu":
            torch.cuda.reset_peak_memory_stats()
        with self._watching(folder / "run" / "log.jsonl"):
            cells = self.cells[job.cells]
            model.fit(cells.split("train") if "split" in cells.index else cells, run=folder / "run")
        fitted = time.monotonic() - began
        model.trained |= {"recipe": job.recipe, "seconds": round(fitted, 1), "hardware": hardware(model.device)}
        model.save(folder / "model", overwrite=True)
        self.say(f"{job.recipe}: trained, {model.trained['stages']}")
        drawn, spent = self._drawn(model, n, began + seconds)
        drawn.save(folder / "samples", overwrite=True)
        if self.scored:
            self._score(job, folder)
        summary = {**model.trained, "parameters": model.parameters(), "drawn": len(drawn)}
        summary["seconds_per_1000"] = round(1000 * spent / len(drawn), 1)
        summary["relative_density"] = round(float(drawn.relative_density().mean()), 4)
        if self.device != "cpu":
            summary["peak_gigabytes"] = round(torch.cuda.max_memory_allocated() / 1e9, 2)
        return summary

    def _drawn(self, model: Any, n: int, end: float) -> tuple[UnitCells, float]:
        """Up to n cells, batch by batch, at least one batch; and the seconds they took."""
        began, parts, size = time.monotonic(), [], model.together(model.config.sampling)
        while (first := sum(map(len, parts))) < n and (not parts or time.monotonic() < end):
            parts.append(model.generate(min(size, n - first), seed=0, first=first))
        cells = UnitCells.concatenate(parts)
        self.say(f"{len(cells)} cells drawn, relative density {cells.relative_density().mean():.3f}")
        return cells, time.monotonic() - began

    def _score(self, job: Job, folder: Path) -> None:
        script = Path(__file__).with_name("score.py")
        given = [folder / "samples", self.work / "data" / job.cells, folder / "scores", job.recipe]
        with (folder / "score.log").open("w") as log:
            command = [sys.executable, str(script), *map(str, given)]
            self._scoring[job.recipe] = subprocess.Popen(command, stdout=log, stderr=log)

    def _send(self, job: Job, folder: Path, summary: dict[str, Any]) -> None:
        """Home first: what is small. Weights as float16, as int8 where they do not fit, else they stay behind."""
        small = folder / "small"
        shutil.rmtree(small, ignore_errors=True)
        small.mkdir()
        for name in ("summary.json", "failed.json", "run/log.jsonl", "samples/cells.json", "samples/index.csv"):
            if (folder / name).exists():
                (small / name).parent.mkdir(exist_ok=True)
                shutil.copy(folder / name, small / name)
        voxels = folder / "samples" / "voxels.npy"
        if voxels.exists():
            (small / "samples" / "voxels.npy.xz").write_bytes(lzma.compress(voxels.read_bytes(), preset=1))
        if not self.home.add("results", small, job.recipe):
            self.say(f"{job.recipe}: its results do not fit the files that go home")
        if "error" not in summary:
            self._send_weights(job, folder)

    def _send_weights(self, job: Job, folder: Path) -> None:
        half = halved(folder / "model", folder / "half")
        if self.home.add("weights", half, f"{job.recipe}/model"):
            return
        size = sum(file.stat().st_size for file in half.rglob("*")) / 2**20
        quarter = folder / "quarter"
        model = type(self)._load(folder / "model")
        model.save(quarter, overwrite=True, small=True)
        kept = self.home.add("weights", quarter, f"{job.recipe}/model")
        self.say(f"{job.recipe}: {size:.0f} MiB in float16 do not fit, {'sent as int8' if kept else 'left behind'}")

    @staticmethod
    def _load(folder: Path) -> Any:
        return vp.load_model(folder, device="cpu")

    @contextlib.contextmanager
    def _watching(self, path: Path) -> Iterator[None]:
        """Print every new line of a training's log, shortly."""
        done = threading.Event()

        def watch() -> None:
            seen = len(path.read_text().splitlines()) if path.exists() else 0
            while not done.wait(2.0):
                lines = path.read_text().splitlines() if path.exists() else []
                for line in lines[seen:]:
                    at = json.loads(line)
                    speed = f"{at['cells_per_second']:.0f} cells/s"
                    self.say(f"  {at['stage']}: {at['cells']} cells, loss {at['loss']:.4f}, {speed}")
                seen = len(lines)

        thread = threading.Thread(target=watch, daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()


def _headline(folder: Path) -> str:
    scores = json.loads((folder / "scores.json").read_text())["scores"]
    means = {name: value["mean"] if isinstance(value, dict) else value for name, value in scores.items()}
    shown = ("symmetry", "periodicity", "connectivity", "novelty_ungated", "diversity_ungated")
    return ", ".join(f"{name} {means[name]:.3f}" for name in shown if name in means)
