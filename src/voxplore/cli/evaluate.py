"""`voxplore evaluate`: benchmark v1 or v2 for anybody's cells."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from voxplore.cli.common import CellsPath, Out, Overwrite, Result, Verb
from voxplore.ranges import Count, Pairs, Seed

__all__ = ["Command"]


@dataclass(frozen=True)
class Command(Verb):
    """Score cells against a reference set by benchmark v1 or v2; writes scores.json and scores.csv.

    CELLS and the reference are folders of cells, the published npz, or voxels (.npy, .npz, .vti, .nrrd, TIFF, a folder
    of such files); the reference may be "default", the known cells of the shipped model. Of a built set
    the training split in its six orientations is the reference, and its test split is held out. Cells are scored in
    blocks; what was broken off goes on where it was.
    """

    cells: CellsPath
    reference: Path
    """The set to be novel against."""
    out: Out
    """Folder to write."""
    held_out: Path | None = None
    """Cells to compare relative densities with; by default the reference's own, where it has splits."""
    split: Literal["test", "valid"] = "test"
    """The reference's split that is held out: valid while settings are chosen, so that test stays unseen."""
    rows: bool = False
    """Also score the three reference rows: held-out cells, training cells, uniform noise."""
    row_size: Count = 1000
    """Cells in each reference row, at most."""
    name: str | None = None
    """Name of the row; draws of one name become one row of `compare`."""
    no_vun: bool = False
    """Leave out vun, the slowest part."""
    five: bool = False
    """The paper's five scores alone: neither vun, Vendi, pair distance nor novelty after an opening."""
    seed: Seed = 0
    """Draws the cells of the reference rows."""
    benchmark: Literal["v1", "v2"] = "v1"
    """v2 adds fidelity at equal density, validity and newness under all shifts; it needs held-out cells."""
    stiffness: Pairs = 0
    """With v2: how many pairs of cells of equal density have their stiffness compared, the first; 64 take minutes."""
    resample: bool = False
    """Bring cells of another resolution to that of the reference, each at nearly its own density."""
    overwrite: Overwrite = False

    def run(self) -> Result:
        from voxplore.data.opening import load_cells
        from voxplore.workflows import evaluate

        reference = evaluate.reference_of(load_cells(self.reference), self.split)
        resolution = reference.train.resolution
        cells = evaluate.fitted(load_cells(self.cells), resolution, self.resample)
        held_out = evaluate.fitted(load_cells(self.held_out), resolution, self.resample) if self.held_out else None
        v1 = (self.rows, self.row_size, self.name, not self.no_vun, self.seed, self.five)
        options = evaluate.Options(*v1, self.benchmark, self.stiffness)
        scores = evaluate.score(cells, reference, self.out, options, held_out, self.overwrite)
        resampled = cells.about.get("resampled")
        said = [f"scored at {resolution}^3, resampled {resampled}"] if self.resample and resampled else []
        rows = {name: one.to_json() for name, one in scores.items()}
        return Result("\n".join([*map(str, scores.values()), *said]), out=self.out, resampled=resampled, scores=rows)
