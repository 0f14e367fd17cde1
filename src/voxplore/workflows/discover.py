"""The main job: draw unit cells that nobody has drawn, find those of use, and show them with the evidence."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np

from voxplore import storage
from voxplore.data.prepare.orientations import orient_cells
from voxplore.data.record.shipped import reference_cells
from voxplore.errors import VoxploreError
from voxplore.geometry import check_lattice
from voxplore.metrics import Scores
from voxplore.metrics.neighbours import Reference
from voxplore.parallel import engine_for_all
from voxplore.ranges import Count, Range, Seed, Workers, within
from voxplore.report import best_cells, evidence
from voxplore.show import render
from voxplore.unitcells import UnitCells
from voxplore.workflows.growth import Earlier, earlier_rounds, with_earlier
from voxplore.workflows.known import Known, known_properties
from voxplore.workflows.ranking import Use
from voxplore.workflows.search import search
from voxplore.workflows.survey import Survey, fine_properties, survey
from voxplore.workflows.targets import Target

__all__ = ["Discovery", "discover"]

Minutes = Annotated[float, Range(0, 1e5)]
_SHOWN = 64
_PARTS = 4


@dataclass(frozen=True)
class Discovery:
    """What `discover` found: the cells in the order shown, their scores, and the folder that holds both.

    properties: columns of the cells shown, solved at full resolution. headline: the first line of the report.
    """

    cells: UnitCells
    scores: Scores
    properties: dict[str, np.ndarray]
    headline: str
    folder: Path
    seconds: float

    def __str__(self) -> str:
        return (
            f"{self.headline}\n{self.scores}\n"
            f"{self.folder}: report.md leads to page, parts and all else ({self.seconds:.0f} s)"
        )


@within
def discover(
    out: str | Path,
    *,
    n: Count = 256,
    seed: Seed = 0,
    target: Target | None = None,
    best: Count = 16,
    minutes: Minutes = 10.0,
    use: Use = Use(),
    rank: bool = True,
    refine: bool = False,
    model: str | Path = "default",
    reference: UnitCells | None = None,
    continued: str | Path | None = None,
    device: str = "auto",
    workers: Workers | None = None,
    engine: str = "local",
    overwrite: bool = False,
) -> Discovery:
    """Draw n cells, score, check and solve them, and write the best to `out` with the evidence.

    Written: the cells and their scores; a PNG and a page (index.html) of the first 64, with all their properties at
    full resolution; meshes of the best 4 in `stl` and `3mf`; report.md, which links them and says first what was
    reached.

    target: what the cells are to have; then also a search from the drawn cells (see `search`), which ends after
    `minutes`, and a report on the `best` cells beside plain draws. use: block, cell size and printer by which cells are
    judged. rank: order by use or by the target; else keep the order drawn. refine: repair the drawn cells by geometry
    before they are scored; the report says so. model: a saved model's folder, or "default", the shipped one.
    reference: the cells that count as known, each in one orientation (they are turned into the paper's six); by default
    the training cells of the shipped model, made once into the user's cache. continued: a folder that this function
    wrote: its cells and those that it went on from are known too, the model keeps away from them, a search begins at
    them as well, and the seed is another. Solved cells are kept in the user's cache, so that the same call goes on
    where one was broken off. workers: processes, by default one a core;
    the results do not depend on it, but for where `minutes` end a search. engine: "ray" checks and solves cells on the
    machines of a Ray cluster.
    Raises VoxploreError where `out` exists and is not to be overwritten.
    """
    from voxplore.models import load_model

    started = time.monotonic()
    storage.refuse_existing(Path(out), overwrite)
    with engine_for_all(engine):
        storage.stage("opening the model and the known cells")
        generator: Any = load_model(model, device)
        sources = reference_cells() if reference is None else reference
        check_lattice((sources.resolution,) * 3, (use.tile,) * 3)
        earlier = Earlier() if continued is None else earlier_rounds(continued)
        known, seed = with_earlier(orient_cells(sources, 6), earlier), earlier.seed(seed)
        index, table = Reference(known), known_properties(sources)
        if earlier.cells is not None and hasattr(generator, "avoid"):
            generator.avoid(earlier.cells)
        storage.stage(f"drawing {storage.counted(n, 'cell')}")
        drawn = generator.generate(n, seed=seed)
        if drawn.resolution != known.resolution:
            expected = f"known cells at {drawn.resolution}^3 as the model draws (`voxplore build own --resample`)"
            raise VoxploreError("reference", expected=expected, got=f"{known.resolution}^3")
        name = f"{generator.name}, seed {seed}" + (", refined" if refine else "")
        found_by = np.full(n, "drawn")
        if target is not None:
            storage.stage("searching for the target")
            until = started + 60 * minutes
            how = {"table": table, "until": until, "use": use, "others": earlier.cells, "workers": workers}
            more, means = search(generator, drawn, target, seed=seed + 1, **how)
            drawn, found_by = UnitCells.concatenate([drawn, more]), np.concatenate([found_by, means])
        drawn.index["found_by"] = found_by
        if refine:
            from voxplore.refine import refine as repaired

            storage.stage("repairing the cells")
            drawn = repaired(drawn, workers=workers)
        storage.stage(f"scoring, checking and solving {storage.counted(len(drawn), 'cell')} at half the resolution")
        found = survey(drawn, known, index, use, name, workers)
        order = found.order(target) if rank else np.arange(len(drawn))
        storage.stage(f"solving the best {min(_SHOWN, len(drawn))} at full resolution")
        fine = fine_properties(drawn[order[:_SHOWN]], workers)
        if rank:  # of those shown, by what they are at full resolution
            again = found[order[:_SHOWN]].order(target, fine)
            order = np.concatenate([order[:_SHOWN][again], order[_SHOWN:]])
            fine = {key: column[again] for key, column in fine.items()}
        result = _Result(found[order], fine, target, best, rank, refine, use, name, table, earlier.lines(found, target))
        headline = evidence.headline(result.survey, fine, target, best, table)
        storage.stage("drawing the page and the meshes")
        with storage.staged_folder(out, overwrite) as stage:
            earlier.write(stage, found, target, seed)
            seconds = result.write(stage, known, headline, started)
        return Discovery(result.survey.cells, result.survey.scores, fine, headline, Path(out), seconds)


@dataclass(frozen=True)
class _Result:
    """All that is written. survey: of all cells, in the order shown; fine: columns of the first _SHOWN."""

    survey: Survey
    fine: dict[str, np.ndarray]
    target: Target | None
    best: int
    rank: bool
    refine: bool
    use: Use
    name: str
    table: Known | None
    progress: list[str]

    def write(self, stage: Path, known: UnitCells, headline: str, started: float) -> float:
        """Everything into the folder `stage`; the seconds since `started`."""
        cells, scores = self.survey.cells, self.survey.scores
        shown = self.survey[np.arange(min(_SHOWN, len(cells)))]
        cells.save(stage / "cells")
        scores.save(stage)
        render(shown.cells, stage / "cells.png", captions=self._captions())
        columns = self.fine | {"conductivity_mean": _mean_conductivity(self.fine)} | shown.checks
        measured = best_cells.Measured(shown.cells, columns | {"against": shown.failures})
        title = f"Unit cells drawn by {self.name}"
        best_cells.page(measured, shown.scores, known, stage / "index.html", title, self._clouds(), self.use.size_mm)
        measured.write(stage / "properties.csv")
        parts = best_cells.parts(measured, stage, _PARTS, self.use.size_mm)
        seconds = time.monotonic() - started
        about = [*self._about(seconds), *_links(parts)]
        lines = [headline, "", *about, "## Properties", ""]
        lines += best_cells.table(measured, shown.scores, self.use.size_mm)
        storage.write_text(stage / "report.md", "\n".join([*lines, ""]))
        return seconds

    def _clouds(self) -> dict[str, np.ndarray] | None:
        return None if self.table is None else self.table.columns

    def _captions(self) -> list[str]:
        pairs = zip(self.fine["young_share"], self.fine["relative_density"], strict=True)
        return [f"{100 * share:.0f} % of bound, density {density:.2f}" for share, density in pairs]

    def _about(self, seconds: float) -> list[str]:
        found = self.survey
        order = "as drawn"
        if self.rank:
            order = "cells of use first, " + (
                "the stiffest of each density" if self.target is None else "nearest first"
            )
        passed = int(found.passes.sum())
        use: list[Any] = [
            f"valid, unique, novel (novelty from {found.floor:.2f} on, the tenth percentile of known cells)"
        ]
        block = "x".join([str(self.use.tile)] * 3)
        use += [f"a block of {block} one piece", f"struts from {self.use.strut_mm:g} mm on in {self.use.size_mm:g} mm"]
        repair = (
            "The cells were repaired by geometry before they were scored; `cells/index.csv` says what was done to each."
        )
        lines = [] if self.target is None else evidence.lines(found, self.fine, self.target, self.best, self.table)
        return [
            *lines,
            f"Made in {seconds:.0f} s by {self.name}. Order: {order}. Of use: {passed} of {found.scores.n} cells, that "
            f"is {'; '.join(use)}.",
            evidence.order_of_coarse(found, self.fine),
            *self.progress,
            *(["", repair] if self.refine else []),
            "",
            "```",
            str(found.scores),
            "```",
            "",
            "`vun` is the share of all cells that are valid, unique and novel; its definition is in docs/metrics.md.",
            "",
        ]


def _mean_conductivity(columns: dict[str, np.ndarray]) -> np.ndarray:
    return np.mean([columns[f"conductivity_{axis}"] for axis in ("xx", "yy", "zz")], axis=0)


def _links(parts: list[str]) -> list[str]:
    """What lies beside the report; parts: the files of the best few."""
    files_of = [f"[{name}]({name.rsplit('.', 1)[1]}/{name})" for name in parts]
    return [
        f"- [index.html](index.html): the first {_SHOWN}, to turn, plot, filter and compare, each beside its nearest "
        "known cell; needs no network",
        f"- [cells.png](cells.png): the first {_SHOWN} as a picture",
        f"- [properties.csv](properties.csv): every property and check of the first {_SHOWN}",
        f"- parts, in millimetres: {', '.join(files_of) or 'none, as no cell has solid'}",
        "- [progress.csv](progress.csv), [rounds.json](rounds.json): the best after each solved cell, and what each "
        "round was; `--continue` goes on from this folder",
        "- [cells](cells), [scores.json](scores.json), [scores.csv](scores.csv): everything drawn, and how it scored",
        "",
    ]
