"""The one error that bad input raises."""

import difflib
from collections.abc import Iterable

__all__ = ["VoxploreError", "nearest"]

#: Letters of what was got that a sentence tells.
_LONGEST = 500


class VoxploreError(ValueError):
    """Input is not what it should be.

    The message is one sentence that names where (a file, a field, an argument), what was expected and what it got.
    The command line prints it without a traceback and exits with status 2.
    """

    def __init__(self, where: object, *, expected: str, got: str):
        shown = got if len(got) <= _LONGEST else f"{got[:_LONGEST]}..."
        self.where, self.expected, self.got = str(where), expected, shown or "nothing"
        super().__init__(f"{self.where}: expected {expected}, got {self.got}")

    def __reduce__(self):
        # Keyword-only arguments do not survive the default pickling that worker processes use.
        return _rebuild, (self.where, self.expected, self.got)


def _rebuild(where: str, expected: str, got: str) -> VoxploreError:
    return VoxploreError(where, expected=expected, got=got)


def nearest(word: str, known: Iterable[str]) -> str:
    """The three known words that a misspelt one is nearest to: "a, b or c"."""
    words = list(known)
    found = difflib.get_close_matches(word, words, 3, cutoff=0.0)
    return " or ".join(filter(None, [", ".join(found[:-1]), found[-1]])) if found else "nothing"
