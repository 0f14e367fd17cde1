"""`voxplore compare`: scores in one table."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from voxplore.cli.common import Out, Overwrite, Result, Verb

__all__ = ["Command"]


@dataclass(frozen=True)
class Command(Verb):
    """Put scores into one table; writes table.txt, table.md, table.tex and table.csv.

    Scores of the same name are draws of one row (mean and standard deviation over them). Rows read against different
    references stand in separate sections.
    """

    scores: Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="SCORES...")]
    """Folders that `evaluate` wrote."""
    out: Out
    """Folder to write."""
    printed: tuple[Literal["metatruss", "metashell"], ...] = ()
    """Add the rows that the paper prints for these sets, measured on its own data."""
    columns: tuple[str, ...] = ()
    """Metrics to show, such as quality valid vun; by default those of Table 1, and those of
    benchmark v2 where every row has them."""
    overwrite: Overwrite = False

    def run(self) -> Result:
        import dataclasses

        from voxplore.report.compare import compare

        table = compare(self.scores, self.out, self.printed, self.overwrite, self.columns)
        sections = {title: [dataclasses.asdict(row) for row in rows] for title, rows in table.sections}
        return Result(table.text(), out=self.out, sections=sections)
