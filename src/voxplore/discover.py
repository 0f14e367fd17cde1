"""The main job: draw unit cells that nobody has drawn, prove that they are new, and show the best."""

import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from voxplore import files
from voxplore.data.augment import orient_cells
from voxplore.metrics import Scores, evaluate
from voxplore.reference import reference_cells
from voxplore.show import render
from voxplore.unitcells import UnitCells

__all__ = ["Discovery", "discover"]

_SHOWN = 64


@dataclass(frozen=True)
class Discovery:
    """What `discover` found: the cells in the order shown, their scores, and the folder that holds both."""

    cells: UnitCells
    scores: Scores
    folder: Path
    seconds: float

    def __str__(self) -> str:
        return f"{self.scores}\n{self.folder}: cells, scores.json, cells.png, report.md ({self.seconds:.0f} s)"


def discover(
    out: str | Path,
    *,
    n: int = 256,
    seed: int = 0,
    rank: bool = True,
    model: str | Path = "default",
    reference: UnitCells | None = None,
    device: str = "auto",
    overwrite: bool = False,
) -> Discovery:
    """Draw n cells, score them against the reference and write cells, scores, a PNG of 64 and a short report to `out`.

    rank: order by valid-unique-novel, then by novelty, and show the 64 best; else keep the order drawn and show the
    first 64. model: a saved model's folder, or "default", the shipped one. reference: the cells that count as
    known, each in one orientation (they are turned into the paper's six); by default the training cells of the shipped
    model, made once into the user's cache.
    Raises VoxploreError where `out` exists and is not to be overwritten.
    """
    from voxplore.models import load_model

    started = time.monotonic()
    files.refuse_existing(Path(out), overwrite)
    generator = load_model(model, device)
    known = orient_cells(reference_cells() if reference is None else reference, 6)
    drawn = generator.generate(n, seed=seed)
    scores = evaluate(drawn, known, name=f"{generator.name}, seed {seed}")
    order = _best_first(scores) if rank else np.arange(n)
    cells = drawn[order]
    scores = replace(scores, columns={name: column[order] for name, column in scores.columns.items()})
    seconds = time.monotonic() - started
    with files.staged_folder(out, overwrite) as stage:
        cells.save(stage / "cells")
        scores.save(stage)
        render(cells[:_SHOWN], stage / "cells.png", captions=_captions(scores, min(n, _SHOWN)))
        files.write_text(stage / "report.md", _report(scores, generator.name, n, seed, rank, seconds))
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


def _report(scores: Scores, name: str, n: int, seed: int, rank: bool, seconds: float) -> str:
    order = "the best first: valid, unique and novel cells, the more novel before the less" if rank else "as drawn"
    lines = [
        f"# {n} unit cells drawn by {name}, seed {seed}",
        "",
        f"Made in {seconds:.0f} s. Order: {order}. `cells.png` shows the first {min(n, _SHOWN)}.",
        "",
        "```",
        str(scores),
        "```",
        "",
        "`vun` is the share of all drawn cells that are valid, unique and novel; its definition is in docs/metrics.md.",
        "",
    ]
    return "\n".join(lines)
