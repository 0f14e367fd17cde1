"""The main job: draw unit cells that nobody has drawn, prove that they are new, and show the best."""

import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from voxplore import files, findings
from voxplore.data.augment import orient_cells
from voxplore.metrics import Scores, evaluate
from voxplore.reference import reference_cells
from voxplore.show import render
from voxplore.unitcells import UnitCells

__all__ = ["Discovery", "discover"]

_SHOWN = 64
_MEASURED = 16
_PARTS = 4


@dataclass(frozen=True)
class Discovery:
    """What `discover` found: the cells in the order shown, their scores, and the folder that holds both."""

    cells: UnitCells
    scores: Scores
    folder: Path
    seconds: float

    def __str__(self) -> str:
        return f"{self.scores}\n{self.folder}: report.md leads to page, parts and all else ({self.seconds:.0f} s)"


def discover(
    out: str | Path,
    *,
    n: int = 256,
    seed: int = 0,
    rank: bool = True,
    refine: bool = False,
    model: str | Path = "default",
    reference: UnitCells | None = None,
    device: str = "auto",
    workers: int | None = None,
    overwrite: bool = False,
) -> Discovery:
    """Draw n cells, score them against the reference, and write to `out` all that one can hold of them.

    Written: the cells and their scores; a PNG and a page (index.html) of 64; properties and verdicts of the first 16;
    meshes of the best 4 of those in `stl` and `3mf`; report.md, which links them.

    rank: order by valid-unique-novel, then by novelty, and show the 64 best; else keep the order drawn and show the
    first 64. refine: repair the drawn cells by geometry before they are scored; the report says so. model: a saved
    model's folder, or "default", the shipped one. reference: the cells that count as known, each in one orientation
    (they are turned into the paper's six); by default the training cells of the shipped model, made once into the
    user's cache. workers: processes, by default one a core; the results do not depend on it.
    Raises VoxploreError where `out` exists and is not to be overwritten.
    """
    from voxplore.models import load_model

    started = time.monotonic()
    files.refuse_existing(Path(out), overwrite)
    generator = load_model(model, device)
    known = orient_cells(reference_cells() if reference is None else reference, 6)
    drawn = generator.generate(n, seed=seed)
    if refine:
        from voxplore.refine import refine as repaired

        drawn = repaired(drawn, workers=workers)
    name = f"{generator.name}, seed {seed}" + (", refined" if refine else "")
    scores = evaluate(drawn, known, name=name)
    order = _best_first(scores) if rank else np.arange(n)
    cells = drawn[order]
    scores = replace(scores, columns={name: column[order] for name, column in scores.columns.items()})
    shown = cells[:_SHOWN]
    measured = findings.measure(cells[:_MEASURED], workers)
    with files.staged_folder(out, overwrite) as stage:
        cells.save(stage / "cells")
        scores.save(stage)
        render(shown, stage / "cells.png", captions=_captions(scores, len(shown)))
        findings.page(shown, scores, known, measured, stage / "index.html", f"Unit cells drawn by {name}")
        measured.write(stage / "properties.csv")
        parts = findings.parts(measured, stage, _PARTS)
        seconds = time.monotonic() - started
        lines = _report(scores, name, rank, refine, seconds) + _links(parts) + ["## Properties", ""]
        files.write_text(stage / "report.md", "\n".join([*lines, *findings.table(measured, scores), ""]))
    return Discovery(cells, scores, Path(out), seconds)


def _best_first(scores: Scores) -> np.ndarray:
    """Valid, unique and novel cells first, the more novel before the less; ties in the order drawn."""
    columns = scores.columns
    counts = columns["valid"].astype(bool) & columns["unique"].astype(bool) & columns["novel"].astype(bool)
    return np.lexsort((-columns["novelty_ungated"], ~counts))


def _captions(scores: Scores, n: int) -> list[str]:
    columns = scores.columns
    pairs = zip(columns["novelty_ungated"][:n], columns["relative_density"][:n], strict=True)
    return [f"novelty {novelty:.2f}, density {density:.2f}" for novelty, density in pairs]


def _report(scores: Scores, name: str, rank: bool, refine: bool, seconds: float) -> list[str]:
    order = "the best first: valid, unique and novel cells, the more novel before the less" if rank else "as drawn"
    repair = (
        "The cells were repaired by geometry before they were scored; `cells/index.csv` says what was done to each."
    )
    return [
        f"# {scores.n} unit cells drawn by {name}",
        "",
        f"Made in {seconds:.0f} s. Order: {order}.",
        *(["", repair] if refine else []),
        "",
        "```",
        str(scores),
        "```",
        "",
        "`vun` is the share of all drawn cells that are valid, unique and novel; its definition is in docs/metrics.md.",
        "",
    ]


def _links(parts: list[str]) -> list[str]:
    """What lies beside the report; parts: the files of the best few."""
    files_of = [f"[{name}]({name.rsplit('.', 1)[1]}/{name})" for name in parts]
    return [
        f"- [index.html](index.html): the first {_SHOWN}, to turn, tile, slice, sort, filter, each beside its nearest "
        "known cell; needs no network",
        f"- [cells.png](cells.png): the first {_SHOWN} as a picture",
        f"- [properties.csv](properties.csv): every property and check of the first {_MEASURED}",
        f"- parts, in millimetres: {', '.join(files_of) or 'none, as no cell has solid'}",
        "- [cells](cells), [scores.json](scores.json), [scores.csv](scores.csv): everything drawn, and how it scored",
        "",
    ]
