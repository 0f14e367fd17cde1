"""NumPy columns as CSV tables, written in one step."""

import csv
import io
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from voxplore.storage.atomic import atomic_file

__all__ = ["csv_line", "csv_rows", "quoted", "unquoted", "write_csv"]

#: What a text begins with that a spreadsheet takes for a formula.
_FORMULA = ("=", "+", "@", "\t", "\r")
_NUMBER = re.compile(r"-(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?|-inf|-nan", re.IGNORECASE)


def write_csv(path: str | Path, columns: Mapping[str, Any]) -> None:
    """Write NumPy arrays (n,) as the columns of a table with a header, in one step; Bool as 0 and 1."""
    with atomic_file(path) as temporary, open(temporary, "w", encoding="utf-8", newline="") as file:
        file.write(csv_line(columns))
        for start in range(0, max(map(len, columns.values()), default=0), 4096):  # as Python objects all would be large
            file.write(csv_rows({name: values[start : start + 4096] for name, values in columns.items()}))


def csv_line(values: Iterable[Any]) -> str:
    """One row of a table as text, names of columns among them; see `unquoted`."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(quoted(one) if isinstance(one, str) else one for one in values)
    return text.getvalue()


def csv_rows(columns: Mapping[str, Any]) -> str:
    """NumPy arrays (n,) as the n rows of a table without a header; Bool as 0 and 1."""
    plain = [_plain(values) for values in columns.values()]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(zip(*plain, strict=True))
    return text.getvalue()


def _plain(values: Any) -> list[Any]:
    """Python values of a column; a text that a spreadsheet would run as a formula gets an apostrophe in front."""
    if values.dtype == bool:
        return (values * 1).tolist()
    found = values.tolist()
    if values.dtype.kind != "U":
        return found
    return [quoted(text) for text in found]


def quoted(text: str) -> str:
    """The text with an apostrophe in front where a spreadsheet would run it as a formula; numbers are none."""
    return f"'{text}" if _is_formula(text) else text


def unquoted(text: str) -> str:
    """A text of a table that voxplore wrote, without the apostrophe that keeps it from being a formula."""
    return text[1:] if text[:1] == "'" and _is_formula(text) else text


def _is_formula(text: str) -> bool:
    bare = text.lstrip("'")
    return bare.startswith(_FORMULA) or (bare.startswith("-") and not _NUMBER.fullmatch(bare))
