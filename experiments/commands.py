"""Kinds of steps: each is one command of `voxplore` or one script of this folder, and the one result it writes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any

from voxplore.recipes import RECIPES
from voxplore.recipes.common import Training

__all__ = [
    "NoRecipe",
    "Setting",
    "Step",
    "Words",
    "build",
    "compare",
    "draw",
    "made",
    "picture",
    "script",
    "score",
    "stages",
    "train",
]

#: A command line; or a function of no arguments that returns one, called when the step runs.
Words = Sequence[str] | Callable[[], Sequence[str]]


class NoRecipe(Exception):
    """A row does not exist in the size that was asked for."""


@dataclass(frozen=True)
class Step:
    """One command. It runs where `out` does not exist yet, once all that it needs has been made.

    out: path below the output folder. follows: run it again also where something that it needs was made anew.
    """

    out: str
    command: Words
    needs: tuple["Step", ...] = ()
    follows: bool = False


@dataclass(frozen=True)
class Setting:
    """Size of a run.

    size: of the recipes: tiny (16^3), small and medium (CPU), full (one GPU). seeds, n, known, values: None leaves the
    row its own seeds, number of cells drawn, number of cells whose properties are known, and values of its parameter.
    """

    size: str = "small"
    seeds: tuple[int, ...] | None = None
    n: int | None = None
    known: int | None = None
    values: tuple[str, ...] = ()
    workers: int = 2

    @property
    def tiny(self) -> bool:
        return self.size == "tiny"

    @property
    def cells(self) -> int:
        """Cells of a data set."""
        return 120 if self.tiny else 10_000

    def of(self, values: Sequence[str], tiny: Sequence[str] | None = None) -> tuple[str, ...]:
        """Values of a row's parameter: those asked for, else the row's own (fewer in the tiny run)."""
        return self.values or tuple(tiny if self.tiny and tiny is not None else values)

    def drawn(self, n: int, tiny: int = 8) -> int:
        """Number of cells to draw, where the row's own is n."""
        return self.n or (tiny if self.tiny else n)

    def draws(self, *seeds: int) -> tuple[int, ...]:
        """Seeds of the draws, where the row's own are these."""
        return self.seeds or (seeds[:1] if self.tiny else seeds)


FAMILIES = ("nets", "shells", "spinodoid", "voronoi", "plates", "extruded", "kirigami")


def build(s: Setting, cells: str, n: int = 0, resolution: int = 0, name: str = "") -> Step:
    """data/NAME: n cells of one of FAMILIES, or "both" (nets and shells), or "families" (all seven in equal parts)."""
    n, name = n or s.cells, name or cells
    parts = {"both": FAMILIES[:2], "families": FAMILIES}.get(cells)
    if parts is None:
        size = ("--resolution", str(resolution or 16)) if resolution or s.tiny else ()
        alone = ("--workers", "1") if s.tiny else ()
        return Step(
            f"data/{name}", ("build", cells, "--n", str(n), "--seed", "0", *size, *alone, "--out", f"data/{name}")
        )
    if cells == "both":
        built = tuple(build(s, part, n, resolution, name.replace("both", part)) for part in parts)
    else:
        built = tuple(build(s, part, n // len(parts), resolution, f"parts/{part}") for part in parts)
    sets = [step.out for step in built]
    return Step(f"data/{name}", ("build", "joined", "--sets", *sets, "--name", name, "--out", f"data/{name}"), built)


#: Files of a training of field latents, by stage.
FIELD_STAGES = ("autoencoder", "shown", "denoiser", "head", "adversarial")


def train(
    s: Setting,
    data: Step,
    recipe: str,
    run: str = "",
    changes: Sequence[str] = (),
    autoencoder_of: Step | None = None,
    members: Mapping[str, Step] | None = None,
) -> Step:
    """RUN/model, by default runs/RECIPE/model. autoencoder_of: a training whose autoencoder this one starts from, and
    whose later stages it takes as well where both recipes have the same. members: of a model of several, the trainings
    that all stages of each are taken from."""
    run = run or f"runs/{recipe}"
    if recipe not in RECIPES:
        raise NoRecipe(f"recipe: expected a row of this size (see voxplore.RECIPES), got {recipe}")
    if s.tiny:
        changes = (*(f"{stage}.cells=160" for stage in stages(RECIPES[recipe])), *changes)
    command = ("train", data.out, "--recipe", recipe, "--out", run, *(("--set", *changes) if changes else ()))
    needs = (data,)
    if autoencoder_of is not None:
        needs += (_copy_stages(autoencoder_of, recipe, run),)
    for name, trained in (members or {}).items():
        files = (*(f"{stage}.safetensors" for stage in FIELD_STAGES), "log.jsonl")
        source, out = f"{Path(trained.out).parent}/run", f"{run}/run/{name}"
        needs += (Step(f"{out}/{files[0]}", ("copy", source, out, *files), (trained,)),)
    return Step(f"{run}/model", command, needs)


def stages(config: object) -> list[str]:
    """The fields of a configuration, and of its members, that give the length of a training stage."""
    assert is_dataclass(config)
    own = [field.name for field in fields(config) if isinstance(getattr(config, field.name), Training)]
    members = getattr(config, "members", ())
    return own + [f"members.{one.name}.config.{stage}" for one in members for stage in stages(one.config)]


def _copy_stages(trained: Step, recipe: str, run: str) -> Step:
    """The stages that a training shares with `trained`, copied into the folder in which it would resume."""
    folder = Path(trained.out).parent
    shared = ["autoencoder", *_same_stages(RECIPES.get(folder.name), RECIPES[recipe])]
    if hasattr(RECIPES[recipe], "copies"):  # latents of copies of the training cells, which take long to make
        shared.append("shown")
    names = [*(f"{stage}.safetensors" for stage in shared), "log.jsonl"]
    return Step(f"{run}/run/{names[0]}", ("copy", str(folder / "run"), f"{run}/run", *names), (trained,))


def _same_stages(one: Any, other: Any) -> list[str]:
    """Stages behind the autoencoder's that come out the same for two recipes with one autoencoder."""
    same = []
    if type(one) is not type(other):
        return same
    if one.denoiser_training is not None and _denoiser_of(one) == _denoiser_of(other):
        same.append("denoiser")
    if _head_of(one)[0] and _head_of(one) == _head_of(other):
        same.append("head")
        if _adversarial_of(one)[0] and _adversarial_of(one) == _adversarial_of(other):
            same.append("adversarial")
    return same


def _denoiser_of(config: Any) -> tuple[Any, ...]:
    return config.denoiser, config.denoiser_training


def _head_of(config: Any) -> tuple[Any, ...]:
    return getattr(config.autoencoder, "head", ()), *(vars(config).get(f"head_{of}") for of in ("training", "noise"))


def _adversarial_of(config: Any) -> tuple[Any, ...]:
    return vars(config).get("adversarial_training"), vars(config).get("adversarial")


def draw(s: Setting, model: Step | str, out: str, n: int, seed: int = 0, options: Words = ()) -> Step:
    """Cells of a model (a training, or the name of a model) in `out`."""
    needs = (model,) if isinstance(model, Step) else ()
    name = model.out if isinstance(model, Step) else model

    def command() -> list[str]:
        return ["generate", name, "--n", str(n), "--seed", str(seed), *made(options), "--out", out]

    return Step(out, command, needs)


def made(words: Words) -> Sequence[str]:
    """The words of a command, worked out if they are a function."""
    return words() if callable(words) else words


def score(cells: Step, data: Step, name: str, out: str, options: Words = ()) -> Step:
    """Scores of cells against a set, as a row of that name, in `out`."""

    def command() -> list[str]:
        return ["evaluate", cells.out, "--reference", data.out, "--name", name, *made(options), "--out", out]

    return Step(out, command, (cells, data))


def reference_rows(pattern: str, size: int) -> Words:
    """Options of `evaluate` that score held-out cells, training cells and noise too, if no folder has them yet."""
    return lambda: () if any(Path().glob(pattern)) else ("--rows", "--row-size", str(size))


def picture(cells: Step, out: str, n: int = 64) -> Step:
    """A picture of the first n cells, in file `out`."""
    return Step(out, ("render", cells.out, "--n", str(n), "--out", out), (cells,))


def compare(scores: Sequence[Step], out: str, options: Words = (), found: Sequence[str] = ()) -> Step:
    """One table of these scores, and of all that the patterns `found` find, in folder `out`."""

    def command() -> list[str]:
        others = [str(folder) for pattern in found for folder in sorted(Path().glob(pattern))]
        folders = dict.fromkeys([*(step.out for step in scores), *others])
        return ["compare", *folders, *made(options), "--out", out, "--overwrite"]

    return Step(out, command, tuple(scores), follows=True)


def script(name: str, out: str, arguments: Words = (), needs: Sequence[Step] = (), follows: bool = False) -> Step:
    """A script of this folder that writes `out`."""
    return Step(out, lambda: [f"{name}.py", *made(arguments), "--out", out], tuple(needs), follows)
