"""What a run writes: every figure as JSON, and the tables as Markdown."""

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

from voxplore import __version__, storage
from voxplore.kernels import HAVE_NUMBA

from .race import Row, Target, threads

__all__ = ["environment", "write"]


def environment(seed: int) -> dict[str, Any]:
    """Machine, versions, threads, seed, and how busy the machine was when the run began."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30, 1),
        "system": platform.system(),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in ("numpy", "scipy", "torch", "numba", "scikit-image")}
        | {"voxplore": __version__},
        "compiled": HAVE_NUMBA,
        "threads": threads(),
        "seed": seed,
        "load_before": [round(value, 2) for value in os.getloadavg()],
    }


def write(folder: Path, name: str, header: dict[str, Any], rows: list[Row], targets: list[Target]) -> str:
    """`name`.json and `name`.md in a folder; returns the Markdown."""
    header = header | {"load_after": [round(value, 2) for value in os.getloadavg()]}
    folder.mkdir(parents=True, exist_ok=True)
    found = {"rows": [vars(row) for row in rows], "targets": [target.as_dict() for target in targets]}
    storage.write_json(folder / f"{name}.json", header | found)
    text = "\n".join([*_preamble(header), *_tables(rows), *_target_table(targets)])
    storage.write_text(folder / f"{name}.md", text + "\n")
    return text


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    found = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    flags = set(found.get("flags", "").split())
    widest = next((one for one in ("avx512_vpopcntdq", "avx512f", "avx2", "sse4_2") if one in flags), "")
    return f"{found.get('model name', platform.processor() or platform.machine())} {widest}".strip()


def _preamble(header: dict[str, Any]) -> list[str]:
    kind = "seconds of the processor" if header["threads"] == 1 else "seconds of the clock"
    before, after = header["load_before"][0], header["load_after"][0]
    return [
        f"{header['processor']}, {header['cores']} cores, {header['threads']} thread(s) for every contestant, {kind}; "
        f"load {before} before and {after} after; voxplore {header['versions']['voxplore']}, "
        f"numpy {header['versions']['numpy']}, torch {header['versions']['torch']}; seed {header['seed']}.",
        "",
    ]


def _tables(rows: list[Row]) -> list[str]:
    lines: list[str] = []
    for operation in dict.fromkeys(row.operation for row in rows):
        ours = [row for row in rows if row.operation == operation]
        lines += [f"**{operation[0].upper()}{operation[1:]}**", ""]
        lines += [f"| | {ours[0].unit} a second | times slower | seconds | answers | |", "|---|---:|---:|---:|---|---|"]
        for row in ours:
            name = f"{row.name} {row.version}".strip()
            if not row.rate:
                lines.append(f"| {name} | | | | | {row.note} |")
                continue
            seconds = row.processor_seconds if threads() == 1 else row.clock_seconds
            slower = f"{row.ratio:,.2f}" if row.ratio < 100 else f"{row.ratio:,.0f}"
            slower = "1" if row is ours[0] else slower if operation != "command line" else ""
            lines.append(f"| {name} | {_short(row.rate)} | {slower} | {seconds:.3g} | {row.answers} | {row.note} |")
        lines.append("")
    return lines


def _target_table(targets: list[Target]) -> list[str]:
    if not targets:
        return []
    lines = ["**What was asked for**", "", "| | asked | got | |", "|---|---:|---:|---|"]
    for target in targets:
        sign = "≥" if target.at_least else "≤"
        asked = f"{sign} {target.bound:,g} {target.unit}"
        lines.append(f"| {target.name} | {asked} | {_short(target.value)} | {'met' if target.met else 'not met'} |")
    return [*lines, ""]


def _short(value: float) -> str:
    for size, letter in ((1e9, " G"), (1e6, " M"), (1e4, " k")):
        if abs(value) >= size:
            return (
                f"{value / size * (1e3 if letter == ' k' else 1):.3g}{letter}"
                if letter != " k"
                else f"{value / 1e3:.3g} k"
            )
    return f"{value:.3g}" if value < 1000 else f"{value:,.0f}"
