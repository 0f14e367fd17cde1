"""The one error that bad input raises."""

__all__ = ["VoxploreError"]


class VoxploreError(ValueError):
    """Input is not what it should be.

    The message is one sentence that names where (a file, a field, an argument), what was expected and what came.
    The command line prints it without a traceback and exits with status 2.
    """

    def __init__(self, where: object, *, expected: str, came: str):
        self.where, self.expected, self.came = str(where), expected, came
        super().__init__(f"{self.where}: expected {expected}, came {came}")

    def __reduce__(self):
        # Keyword-only arguments do not survive the default pickling that worker processes use.
        return _rebuild, (self.where, self.expected, self.came)


def _rebuild(where: str, expected: str, came: str) -> VoxploreError:
    return VoxploreError(where, expected=expected, came=came)
