"""What a notebook shows of a set of cells: one line, and the first cells as a small picture in the page itself."""

import base64
import html
import io

from voxplore.show.picture import sheet
from voxplore.unitcells import UnitCells

__all__ = ["html_of"]

_SHOWN, _SIZE = 8, 96


def html_of(cells: UnitCells) -> str:
    """HTML of n cells: their line and, where there are any, a picture of the first 8."""
    line = f"<div>{html.escape(repr(cells))}</div>"
    if not len(cells):
        return line
    out = io.BytesIO()
    sheet(cells[:_SHOWN], columns=_SHOWN, size=_SIZE).save(out, format="PNG")
    return f'{line}<img alt="the first cells" src="data:image/png;base64,{base64.b64encode(out.getvalue()).decode()}">'
