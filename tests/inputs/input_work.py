"""Commands on odd but whole inputs, in the order in which they are run: what each must give.

They run in this process, one after the other in one folder; a later one may read what an earlier one wrote.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

__all__ = ["CASES", "Case", "prepare"]


@dataclass(frozen=True)
class Case:
    """command: of voxplore, split at blanks. gives: a text of the result; refused: texts of the one sentence."""

    name: str
    command: str
    gives: str = ""
    refused: tuple[str, ...] = ()


def prepare(folder: Path) -> None:
    """six.npy and eight.npy: 6 cells at 16^3 and 8^3; one.npy: one cell; full.npy, empty.npy; twice: two of one id."""
    from voxplore.unitcells import UnitCells

    rng = np.random.default_rng(0)
    for name, d in (("six", 16), ("eight", 8)):
        field = rng.normal(size=(6, d, d, d))
        for axis in (1, 2, 3):
            field = field + np.roll(field, 1, axis) + np.roll(field, -1, axis)
        np.save(folder / f"{name}.npy", field > np.quantile(field, 0.6))
    np.save(folder / "one.npy", np.load(folder / "six.npy")[0])
    np.save(folder / "full.npy", np.ones((1, 16, 16, 16), bool))
    np.save(folder / "empty.npy", np.zeros((1, 16, 16, 16), bool))
    cells = UnitCells.from_voxels(np.load(folder / "six.npy")[:2])
    cells.save(folder / "twice")
    index = folder / "twice" / "index.csv"
    first, second = sorted(cells.index["id"].tolist())
    index.write_text(index.read_text().replace(second, first))


PUBLISHED = "train one --recipe voxplore-published-nets-tiny"
TRAINED = "--set autoencoder_training.cells=64"
BOTH = f"{TRAINED} denoiser_training.cells=64 sampling.steps=2"

SETS = [
    Case("one cell as a set", "build own --source one.npy --out one", "1 cell at 16^3"),
    Case("six cells", "build own --source six.npy --out six", "6 cells at 16^3"),
    Case("six at another resolution", "build own --source eight.npy --out eight", "6 cells at 8^3"),
    Case("two files", "build own --source six.npy one.npy --out seven", "7 cells at 16^3"),
    Case(
        "files of two resolutions", "build own --source six.npy eight.npy --out x", refused=("eight.npy", "--resample")
    ),
    Case("brought to another", "build own --source eight --resample 16 --out up", "resampled from 8^3"),
    Case("sets of two resolutions", "build joined --sets six eight --out x", refused=("of one resolution",)),
    Case("the same set twice", "build joined --sets six six --out both", "12 cells"),
    Case("what is no set", "build joined --sets six absent --out x", refused=("absent", "a folder of cells")),
    Case("cells of one id", "info twice --quick", "2 at 16^3"),
    Case("cells of one id, exported", "export twice --size 1 --format vti --workers 1 --out parts", "2 files in parts"),
    Case("cells of one id, as a set", "build own --source twice --out x", refused=("one for each cell",)),
    Case("an empty cell, degraded", "degrade empty.npy --out degraded", "1 cell"),
    Case("one cell, shown", "render one.npy --size 40 --out one.png", "1 cell"),
    Case("an empty cell, as a page", "render empty.npy --out page.html", "1 cell"),
    Case("another suffix of a picture", "render one.npy --out x.gif", refused=("x.gif", ".png")),
    Case("facts of one cell", "info one", "1 at 16^3"),
    Case("facts of an empty cell", "info empty.npy", "relative density        0.000"),
]
SCORED = [
    Case("one cell against itself", "evaluate one --reference one --out a1", "one: 1 cell, 0 empty"),
    Case("reference rows of one cell", "evaluate one --reference one --rows --out x", refused=("a test split",)),
    Case("a full cell", "evaluate full.npy --reference six --no-vun --out a2", "1 cell, 0 empty"),
    Case("an empty cell", "evaluate empty.npy --reference six --no-vun --out a3", "1 cell, 1 empty"),
    Case("an empty reference", "evaluate six --reference empty.npy --no-vun --out a4", "6 cells"),
    Case("of another resolution", "evaluate eight --reference six --out x", refused=("evaluate --resample",)),
    Case("of another, resampled", "evaluate eight --reference six --resample --five --out a5", "resampled from 8^3"),
    Case(
        "held-out cells of another",
        "evaluate six --reference six --held-out eight --five --out x",
        refused=("resolution 16", "evaluate --resample"),
    ),
    Case("an empty cell, exported", "export empty.npy --size 1 --workers 1 --out x", refused=("some solid",)),
    Case("a full cell, exported", "export full.npy --size 1 --workers 1 --out full", "1 file"),
    Case("an empty cell, repaired", "refine empty.npy --workers 1 --out b1", "0 of 1 cell changed"),
    Case("one cell, repaired", "refine one.npy --workers 1 --out b2", "1 of 1 cell changed"),
    Case(
        "repaired beside cells of another resolution",
        "refine six --reference eight --workers 1 --out x",
        refused=("reference", "16^3"),
    ),
    Case("an empty cell, solved", "properties empty.npy --workers 1 --no-cache --out c1", "1 cell"),
    Case("a full cell, solved", "properties full.npy --workers 1 --no-cache --out c2", "1 cell"),
    Case("cells of another resolution, solved", "properties eight --n 5 --workers 1 --no-cache --out c3", "5 cells"),
]
MODELS = [
    Case("training on one cell", f"{PUBLISHED} --out d1 {BOTH}", "model in d1/model"),
    Case("and what it draws", "generate d1/model --n 2 --out e1", "2 cells"),
    Case(
        "training on one cell a model of components",
        f"train one --recipe closed-form-nets-tiny --out x {TRAINED}",
        refused=("cells", "two different ones or more"),
    ),
    Case("training on cells without struts", "train one --recipe graph-nets-tiny --out x", refused=("build nets",)),
    Case(
        "training on cells of another resolution",
        "train eight --recipe closed-form-nets-tiny --out x",
        refused=("training cells", "16^3"),
    ),
    Case("training on few", f"train six --recipe closed-form-nets-tiny --out d2 {TRAINED}", "model in d2/model"),
    Case(
        "known cells of another resolution than the model's",
        "generate d2/model --n 2 --known eight --properties c3 --condition young_hill=0.1 --out x",
        refused=("cells for voxplore", "16^3", "8^3"),
    ),
    Case(
        "properties of cells of one id",
        "generate d2/model --n 2 --known twice --properties c3 --condition young_hill=0.1 --out x",
        refused=("ids of cells", "one for each cell"),
    ),
    Case(
        "properties of other cells",
        "generate d2/model --n 2 --known six --properties c3 --condition young_hill=0.1 --out x",
        refused=("c3/properties.csv", "ids of the cells"),
    ),
    Case(
        "a condition that is no number",
        "generate d2/model --n 2 --known eight --properties c3 --condition young_hill=nan --out x",
        refused=("young_hill", "finite numbers"),
    ),
    Case("latents of other cells", "latents d2/model --cells eight --n 4 --out x", refused=("cells for voxplore",)),
    Case("latents of one cell", "latents d2/model --cells one --n 4 --out x", refused=("four or more",)),
    Case(
        "blending cells of another resolution",
        "export eight --grade x --tile 6 1 1 --size 1 --model d2/model --out x",
        refused=("cells for voxplore", "16^3"),
    ),
    Case(
        "a search beside cells of another resolution",
        "discover --model d1/model --reference eight --n 2 --workers 1 --out x",
        refused=("reference", "16^3", "8^3"),
    ),
    Case("a lattice that is too large", "export six --size 1 --tile 64 64 64 --out x", refused=("tile", "voxels")),
    Case("checks of one", "properties six --checks --tile 64 64 64 --out x", refused=("tile", "voxels")),
]

CASES = [*SETS, *SCORED, *MODELS]
