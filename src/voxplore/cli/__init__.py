"""The command line: one file a verb. A verb parses, calls the library and prints one result.

Nothing is imported before it is needed: `--help` answers without NumPy, numba or torch.
"""

import dataclasses
import importlib
import os
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from voxplore.cli.common import Result, Verb

__all__ = ["VERBS", "main"]

#: verb -> what it does; the module of the same name defines the dataclass `Command`.
VERBS = {
    "discover": "draw new unit cells with the shipped model, score them and show them",
    "build": "make a set of unit cells: nets, shells, metatruss, metashell, or your own",
    "recipes": "list the recipes that `train` takes, by family",
    "train": "train a generator on cells; the same command again resumes",
    "generate": "draw unit cells from a trained model",
    "refine": "repair cells: drop what floats, join parts, symmetrise, keep the density",
    "degrade": "corrupt cells, as the negatives of a training are made",
    "evaluate": "score cells against a reference set (benchmark v1)",
    "compare": "put scores into one table: text, Markdown, LaTeX, CSV",
    "report": "results as tables, plots and one page; Figure 4",
    "latents": "show where cells and negatives lie in the latent spaces of models",
    "properties": "effective stiffness and conductivity, and constants derived from them",
    "export": "write cells as meshes, solver decks or volumes",
    "render": "show cells: a PNG picture, or an HTML page to turn them in",
    "push": "send a model or cells to a hub, with a card",
    "info": "say what a folder or file of cells, scores or a model holds",
}

_USAGE = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; returns the exit status: 0, 2 for bad input, 130 when interrupted."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    if not arguments or arguments[0] in ("-h", "--help"):
        print(_overview())
        return 0
    if arguments[0] == "--version":
        from voxplore import __version__

        print(__version__)
        return 0
    if arguments[0] not in VERBS:
        from voxplore.errors import nearest

        expected = f"a verb, such as {nearest(arguments[0], VERBS)} (`voxplore --help` lists all)"
        return _fail(f"{arguments[0]}: expected {expected}, got another word")
    return _guarded(arguments[0], arguments[1:])


def _guarded(verb: str, arguments: list[str]) -> int:
    """Run the verb; whatever the user can put right is told in one sentence."""
    from voxplore.cli.interrupt import prompt_exit
    from voxplore.storage.schema import printable

    for stream in (sys.stdout, sys.stderr):
        if reconfigure := getattr(stream, "reconfigure", None):
            reconfigure(errors="replace")  # a terminal that knows no arrow gets a question mark
    os.environ.pop("MPLBACKEND", None)  # a notebook's: nothing is shown in a window or a cell
    interrupted = None
    try:
        with warnings.catch_warnings(), prompt_exit() as interrupted:
            warnings.showwarning = _warned
            result = _run(verb, arguments)
        if _is_first():
            print(printable(result), flush=True)
    except KeyboardInterrupt:
        return _interrupted()
    except Exception as error:
        if interrupted is not None and interrupted.is_set():
            return _interrupted()
        return _told(verb, error)
    return 0


def _warned(message: Warning | str, *_: Any) -> None:
    """A warning as one line on stderr, without the place in the code that it comes from."""
    from voxplore.storage.schema import printable

    print("voxplore:", printable(" ".join(str(message).split())), file=sys.stderr)


def _interrupted() -> int:
    from voxplore.cli.interrupt import INTERRUPTED

    print("voxplore: interrupted", file=sys.stderr)
    return INTERRUPTED


def _told(verb: str, caught: Exception) -> int:
    """One sentence on an error that the user can put right, and the exit status; any other is raised again."""
    from voxplore.errors import VoxploreError

    try:
        raise caught
    except VoxploreError as error:
        return _fail(str(error))
    except BrokenPipeError:
        # The reader has gone (`| head`): the interpreter must not complain when it flushes at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except MemoryError as error:
        return _fail(f"memory: expected enough for this, got {str(error).strip().lower() or 'too little'}")
    except OSError as error:
        reason = str(error.strerror or error).lower()
        return _fail(f"{error.filename or verb}: expected to read or write it, got {reason}")
    return 0


def _run(verb: str, arguments: list[str]) -> str:
    """Parse and run; the text that is to be printed."""
    from voxplore.cli.parsing import parsed
    from voxplore.ranges import check_options
    from voxplore.storage.telling import telling

    options = importlib.import_module(f"voxplore.cli.{verb}").Command
    command = parsed(options, verb, arguments)
    check_options(command)
    with telling(command.quiet or bool(os.environ.get("VOXPLORE_QUIET")) or not _is_first()):
        result = _locked(command)
    return _json(verb, result) if command.json else result


def _json(verb: str, result: "Result") -> str:
    """The facts of a result as JSON."""
    import json

    from voxplore.cli.common import plain

    return json.dumps(plain({"verb": verb, **result.facts}), indent=2, ensure_ascii=False, allow_nan=False)


def _locked(command: "Verb") -> "Result":
    """Run with the lock on --out held, once nothing that is read stands where it would be replaced."""
    from voxplore import storage

    out = getattr(command, "out", None)
    if out is None or getattr(command, "dry_run", False) or not _is_first():
        return command.run()
    if getattr(command, "overwrite", False):
        storage.keep_inputs(out, _inputs(command))
    with storage.lock(out):
        return command.run()


def _inputs(command: Any) -> list[Path]:
    """The files and folders that the command reads."""
    options = {field.name: getattr(command, field.name) for field in dataclasses.fields(command) if field.name != "out"}
    found = [Path(value) for name, value in options.items() if name == "model"]
    for name, value in options.items():
        parts = value if isinstance(value, tuple) else (value,)
        found += [Path(part) for part in parts if isinstance(part, Path) or name == "models"]
    return found


def _is_first() -> bool:
    """Whether this is the process that writes and tells: of those that torchrun started, the first."""
    return os.environ.get("RANK", "0") == "0" or os.environ.get("WORLD_SIZE", "1") == "1"


def _fail(sentence: str) -> int:
    from voxplore.storage.schema import printable

    print("voxplore:", printable(" ".join(sentence.split())), file=sys.stderr)
    return _USAGE


def _overview() -> str:
    width = max(map(len, VERBS))
    lines = ["usage: voxplore VERB [options]", "", "Discover metamaterial unit cells that nobody has drawn before.", ""]
    lines += [f"  {verb:<{width}}  {text}" for verb, text in VERBS.items()]
    return "\n".join([*lines, "", "voxplore VERB --help tells the options of a verb; voxplore --version the version."])
