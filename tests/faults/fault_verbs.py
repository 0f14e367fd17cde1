"""The verbs that write, each on inputs of a second."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

TINY = ("autoencoder_training.cells=160", "denoiser_training.cells=320", "sampling.steps=3")
RECIPE = "voxplore-published-nets-tiny"


@dataclass
class Verb:
    """A command but for --out; `artefact` is what must be whole at any moment, below --out."""

    name: str
    arguments: Callable[[Path], list[object]]
    old: Callable[[Path], list[object]] | None = None
    """The command whose result stands at --out before, to be replaced by --overwrite."""
    artefact: str = "."
    suffix: str = ""
    """What the path after --out ends in, where a verb writes a file."""
    kills: int = 0
    lost: list[str] = field(default_factory=list)
    differing: list[str] = field(default_factory=list)
    seconds: float = 0.0


def train_arguments(work: Path) -> list[object]:
    return ["train", work / "nets", "--recipe", RECIPE, "--device", "cpu", "--set", *TINY]


def verbs(scores: str = "scores") -> list[Verb]:
    """All verbs that write below --out; each reads what `prepare` made."""
    return [
        Verb(
            "build",
            lambda w: ["build", "spinodoid", "--n", 12, "--resolution", 16, "--workers", 1],
            lambda w: ["build", "spinodoid", "--n", 12, "--resolution", 16, "--workers", 1, "--seed", 5],
        ),
        Verb("train", train_arguments, artefact="model"),
        Verb(
            "generate",
            lambda w: ["generate", w / "run/model", "--n", 12, "--seed", 1, "--device", "cpu"],
            lambda w: ["generate", w / "run/model", "--n", 12, "--seed", 2, "--device", "cpu"],
        ),
        Verb(
            "evaluate",
            lambda w: ["evaluate", w / "drawn", "--reference", w / "nets", "--rows", "--row-size", 4],
            lambda w: ["evaluate", w / "drawn", "--reference", w / "nets", "--no-vun"],
        ),
        Verb(
            "properties",
            lambda w: ["properties", w / "cells.npy", "--n", 3, "--workers", 1],
            lambda w: ["properties", w / "cells.npy", "--n", 1, "--workers", 1],
        ),
        Verb(
            "export",
            lambda w: ["export", w / "cells.npy", "--size", 5, "--workers", 1],
            lambda w: ["export", w / "cells.npy", "--size", 5, "--workers", 1, "--format", "vti"],
        ),
        Verb(
            "refine",
            lambda w: ["refine", w / "cells.npy", "--workers", 1],
            lambda w: ["refine", w / "cells.npy", "--workers", 1, "--method", "learned"],
        ),
        Verb(
            "compare",
            lambda w: ["compare", w / scores],
            lambda w: ["compare", w / scores, "--printed", "metatruss"],
        ),
        Verb(
            "degrade",
            lambda w: ["degrade", w / "cells.npy"],
            lambda w: ["degrade", w / "cells.npy", "--seed", 5],
        ),
        Verb(
            "render",
            lambda w: ["render", w / "cells.npy", "--n", 2, "--size", 40],
            lambda w: ["render", w / "cells.npy", "--n", 1, "--size", 40],
            suffix=".png",
        ),
        Verb(
            "report",
            lambda w: ["report", w / "drawings"],
            lambda w: ["report", w / "drawings", "--rows", w / "others"],
        ),
        Verb(
            "latents",
            lambda w: ["latents", w / "run/model", "--cells", w / "nets", "--n", 8, "--device", "cpu"],
            lambda w: ["latents", w / "run/model", "--cells", w / "nets", "--n", 4, "--device", "cpu"],
        ),
        Verb(
            "discover",
            lambda w: ["discover", "--n", 2, "--workers", 1, "--device", "cpu"],
            lambda w: ["discover", "--n", 1, "--workers", 1, "--device", "cpu"],
        ),
    ]


def prepare(server) -> None:
    """A set, a model, cells drawn from it, their scores, and those of other cells."""
    w = server.work
    if (w / "scores").exists():
        return
    server.done("build", "nets", "--n", 24, "--resolution", 16, "--workers", 1, "--out", w / "nets")
    server.done(*train_arguments(w), "--out", w / "run")
    server.done("generate", w / "run/model", "--n", 8, "--device", "cpu", "--out", w / "drawn")
    server.done("evaluate", w / "drawn", "--reference", w / "nets", "--out", w / "scores")
    server.done("evaluate", w / "cells.npy", "--reference", w / "nets", "--no-vun", "--out", w / "others")
    shutil.copytree(w / "scores", w / "drawings" / "one")
