"""Contestants at the same work, taking turns, timed by processor seconds.

All contestants of a race run once unmeasured, then in turns (first all, then all again), so that whatever else the
machine does meets them alike. A figure is the median of the turns. With one thread, time is that of the processor,
which a busy machine inflates little; with more it is that of the clock, since work in parallel is then the point. Both
are kept. What cannot be imported is reported as absent, with the reason.
"""

import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import Any

__all__ = ["Contestant", "Row", "Target", "figure", "race", "threads"]


def threads() -> int:
    """Threads that every contestant may use: what `python -m benchmarks --threads` has set."""
    return int(os.environ.get("VOXPLORE_THREADS", "1"))


@dataclass
class Contestant:
    """prepare() -> run: preparation is not timed. work: units (pairs, cells) that one run does.

    package: the distribution whose version is noted. agrees(result) -> a word on the answers, after the race.
    """

    name: str
    prepare: Callable[[], Callable[[], Any]]
    work: float
    package: str = "voxplore"
    note: str = ""
    agrees: Callable[[Any], str] | None = None


@dataclass
class Row:
    """One line of the table; `ratio` is the rate of the first contestant over this one's."""

    operation: str
    name: str
    version: str
    unit: str
    work: float = 0.0
    processor_seconds: float = 0.0
    clock_seconds: float = 0.0
    rate: float = 0.0
    ratio: float = 1.0
    answers: str = ""
    note: str = ""
    turns: list[float] = field(default_factory=list)


@dataclass
class Target:
    """A figure that was asked for: `value` is to be at least (or at most) `bound`."""

    name: str
    value: float
    bound: float
    at_least: bool
    unit: str

    @property
    def met(self) -> bool:
        return self.value >= self.bound if self.at_least else self.value <= self.bound

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "met": self.met}


def figure(row: Row) -> float:
    """The seconds that count: of the processor with one thread, of the clock with more."""
    return row.processor_seconds if threads() == 1 else row.clock_seconds


def race(operation: str, unit: str, contestants: Sequence[Contestant], turns: int = 3) -> list[Row]:
    """Prepare, warm up and time; the first contestant is the one that the ratios are taken for."""
    entered: list[tuple[Contestant, Row, Callable[[], Any]]] = []
    rows, results, times = [], {}, {}
    for one in contestants:
        row = Row(operation, one.name, _version(one.package), unit, one.work, note=one.note)
        rows.append(row)
        try:
            run = one.prepare()
            results[one.name] = run()
        except ImportError as reason:
            row.note = f"absent: {reason}"
            continue
        entered.append((one, row, run))
        times[one.name] = []
    for _ in range(turns):
        for one, _, run in entered:
            times[one.name].append(_timed(run))
    if operation:
        print(f"{time.strftime('%H:%M:%S')} {operation}", file=sys.stderr, flush=True)
    for one, row, _ in entered:
        row.processor_seconds = statistics.median(used for used, _ in times[one.name])
        row.clock_seconds = statistics.median(clock for _, clock in times[one.name])
        row.turns = [used if threads() == 1 else clock for used, clock in times[one.name]]
        row.rate = row.work / max(figure(row), 1e-9)
        row.ratio = rows[0].rate / row.rate
        row.answers = one.agrees(results[one.name]) if one.agrees else ""
    return rows


def _timed(run: Callable[[], Any]) -> tuple[float, float]:
    used, clock = time.process_time(), time.perf_counter()
    run()
    return time.process_time() - used, time.perf_counter() - clock


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
