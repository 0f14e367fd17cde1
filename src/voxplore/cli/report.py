"""`voxplore report`: what was measured as tables, plots and one page; and Figure 4."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from voxplore.cli.common import Out, Overwrite, Result, Verb

__all__ = ["Command"]


@dataclass(frozen=True)
class Command(Verb):
    """Make tables, plots and one page (index.html) from a folder of results; or, for the word figure4, the picture of
    what each force of repel-and-sink does to points in the plane."""

    results: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="RESULTS|figure4")]
    """Folder under which `evaluate` wrote scores, at any depth."""
    out: Out
    """Folder to write."""
    along: str | None = None
    """Also draw the scores along a field of the configuration, such as sampling.srr.strength or ras.inter."""
    rows: tuple[Path, ...] = ()
    """Folders of scores elsewhere, to stand in the tables too."""
    overwrite: Overwrite = False

    def run(self) -> Result:
        from voxplore import report

        if str(self.results) == "figure4":
            panels = report.draw_figure4(self.out, overwrite=self.overwrite)
            text = "\n".join(
                f"{name:<20}" + ", ".join(f"{key} {value:.3f}" for key, value in found.items())
                for name, found in panels.items()
            )
            return Result(text, out=self.out, panels=panels)
        tables = report.make_report(self.results, self.out, self.overwrite, self.along, self.rows)
        text = f"{tables} tables in {self.out}: index.html, and a table and a plot for each"
        return Result(text, out=self.out, tables=tables)
