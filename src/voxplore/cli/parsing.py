"""Words of the command line into the options of a verb; what does not parse is one sentence.

tyro tells of a mistake in a box of several lines on stderr. The box is caught, and its first paragraph is said anew.
"""

import contextlib
import io
import re
from typing import Any, get_args, get_origin, get_type_hints

from voxplore.errors import VoxploreError, nearest

__all__ = ["parsed"]

_USAGE = 2
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
#: What frames a box and stands in the lines drawn across it.
_FRAME = "│|╭╮╰╯─━-+ "
_LONGEST = 200
#: How an option or a positional argument is listed: "--out PATH", "CELLS".
_LISTED = re.compile(r"--[a-z][a-z-]*( \S*[A-Z.]\S*)*|[A-Z][A-Z|.]+")

#: What several values after one option look like.
_NUMBERS = "numbers with spaces between them and no unit, such as 10 or 10 10 20"
#: Endings of files -> the set that is built from them.
_KINDS = dict.fromkeys(("stl", "ply", "obj", "mesh"), "meshes") | {"json": "graphs", "graph": "graphs"}
_KINDS |= dict.fromkeys(("npy", "npz", "vti", "nrrd", "tif", "tiff", "voxels"), "own")

#: First paragraph -> where, what was expected, and what it got; groups of the pattern fill the braces.
_SAYINGS = (
    (r"Error parsing (\S+?): invalid literal for int\(\) with base 10: (.*)", "{0}", "a whole number", "{1}"),
    (r"Error parsing (\S+?): could not convert string to float: (.*)", "{0}", "a number", "{1}"),
    (r"Error parsing (\S+?): Could not find valid parse for arguments: \[(.*)\]", "{0}", _NUMBERS, "{1}"),
    (r"Error parsing (\S+?): (.*)", "{0}", "a value of its type", "{1}"),
    (r"Missing value for argument '(.+?)'. Expected (\d+) values?.*", "{0}", "so many values after it: {1}", "fewer"),
    (r"invalid choice (.+?) for argument '(.+?)'. Expected one of \((.*)\).*", "{1}", "one of {2}", "{0}"),
    (r"Missing from .*", "{verb}", "{listed}", "{typed}"),
    (r"Expected one of \{(.*)\}.*", "{verb}", "one of {0}", "none of them"),
    (r"Unrecognized[^:]*: (.*?)(?: \(applied to .*)?", "{verb}", "{near}", "{0}"),
)


def parsed(options: Any, verb: str, arguments: list[str]) -> Any:
    """An instance of the dataclass `options`, or of one of a union of them; VoxploreError where the words do not parse.

    `--help` prints and leaves with SystemExit, as tyro does.
    """
    import tyro

    arguments, told = _gathered(options, arguments), io.StringIO()
    try:
        with contextlib.redirect_stderr(told):
            return tyro.cli(options, args=arguments, prog=f"voxplore {verb}", config=(tyro.conf.FlagCreatePairsOff,))
    except SystemExit as error:
        if error.code != _USAGE:
            raise
    sets = [str(one.name) for part in get_args(options) for one in get_args(part) if hasattr(one, "name")]
    raise _in_one_sentence(verb, sets, arguments, told.getvalue())


def _gathered(options: Any, arguments: list[str]) -> list[str]:
    """Arguments in which each option stands once: values of one that takes several are put together."""
    places = [k for k, word in enumerate(arguments) if re.match("--[a-z]", word)]
    given: dict[str, list[list[str]]] = {}
    for first, last in zip(places, [*places[1:], len(arguments)], strict=False):
        words = arguments[first:last]
        given.setdefault(words[0].partition("=")[0].replace("_", "-"), []).append(words)
    kept = arguments[: places[0]] if places else arguments
    for name, times in given.items():
        if len(times) > 1 and name not in _of_several(options):
            raise VoxploreError(name, expected="this option once", got=f"{len(times)} times")
        kept = kept + (times[0] if len(times) == 1 else [name, *(value for words in times for value in _values(words))])
    return kept


def _values(words: list[str]) -> list[str]:
    """What follows an option, written --name VALUE or --name=VALUE."""
    _, equals, value = words[0].partition("=")
    return [value] * bool(equals) + words[1:]


def _of_several(options: Any) -> set[str]:
    """The options that take several values, as "--set"."""
    commands = [get_args(part)[0] for part in get_args(options)] or [options]
    hints = [pair for one in commands for pair in get_type_hints(one).items()]
    return {"--" + name.replace("_", "-") for name, hint in hints if get_origin(hint) is tuple}


def _in_one_sentence(verb: str, sets: list[str], arguments: list[str], box: str) -> VoxploreError:
    """What a box says, as the one error. sets: the words that choose one of several commands of a verb."""
    paragraphs = _paragraphs(box)
    first, rest = " ".join(paragraphs[0]), " ".join(line for lines in paragraphs[1:] for line in lines)
    within = arguments[0] if arguments and arguments[0] in sets else ""
    told = f"(`{f'voxplore {verb} {within}'.strip()} --help` lists all)"
    for pattern, *parts in _SAYINGS:
        if found := re.fullmatch(pattern, first):
            groups = found.groups("")
            listed = ", ".join(line for line in paragraphs[0] if _LISTED.fullmatch(line))
            names = {"verb": verb, "listed": listed or first, "near": _near(" ".join(groups), rest)}
            names["typed"] = " ".join(arguments[1:] if within else arguments) or "nothing"
            where, expected, got = (part.format(*map(_in_order, groups), **names) for part in parts)
            return VoxploreError(where, expected=f"{expected[:_LONGEST]} {told}", got=got[:_LONGEST])
    return VoxploreError(verb, expected=f"options that it has {told}", got=first[:_LONGEST])


def _near(unknown: str, rest: str) -> str:
    """What was meant in place of unknown words: the box lists options and sets whose names are like them."""
    word = next(iter(re.split(r"[,\s]+", unknown.strip())))
    if sets := re.search(r"Available subcommands: ((?:\w+, )*\w+)", rest):
        names = sets[1].split(", ")
        near = _KINDS.get(word) or (", ".join(names) if word.startswith("-") else nearest(word, names))
        return f"first a set, such as {near}"
    likely = [name for name in dict.fromkeys(re.findall(r"(?<!\w)--[a-z][a-z-]*", rest)) if name != "--help"]
    likely = [name for name in likely if name not in unknown.split()]
    return f"options such as {nearest(word, likely)}" if likely else "options that it has"


def _in_order(words: str) -> str:
    """Words in quotes and commas, in the order of the alphabet: tyro lists choices as a set has them."""
    return ", ".join(sorted(words.split(", "))) if re.fullmatch(r"('\w+', )+'\w+'", words) else words


def _paragraphs(box: str) -> list[list[str]]:
    """The lines of a box in pieces, as the lines drawn across it divide it, without its title and its frame."""
    pieces: list[list[str]] = [[]]
    for line in _COLOURS.sub("", box).splitlines()[1:]:
        text = line.strip("│| ")
        if text and not text.strip(_FRAME):
            pieces.append([])
        elif text:
            pieces[-1].append(text)
    return [piece for piece in pieces if piece] or [["another"]]
