"""PNG pictures of unit cells, with Pillow and NumPy alone: no OpenGL, no display.

Orange faces are where a cell is cut from its lattice; everything blue is its own surface.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from PIL.PngImagePlugin import PngInfo

from voxplore import geometry, storage
from voxplore.errors import VoxploreError
from voxplore.ranges import Columns, Pixels, Tile, within
from voxplore.show import shade
from voxplore.show.graph import graph_field
from voxplore.show.raymarch import Camera, Rays, rays, surface_field
from voxplore.unitcells import UnitCells, as_voxels

__all__ = ["render", "render_graph", "render_lattice", "sheet"]

_OVERSAMPLING = 2
_INK = (70, 76, 84)
Square = np.ndarray  # uint8 (size, size, 3)


@within
def render(
    cells: UnitCells | np.ndarray,
    path: str | Path,
    columns: Columns = 8,
    captions: Sequence[str] | None = None,
    size: Pixels = 200,
) -> None:
    """Write a PNG with a grid of unit cells, `columns` a row, each `size` pixels wide, on white.

    cells: UnitCells, Bool (n, d, d, d) or one cell Bool (d, d, d). captions: one text a cell, lines split by a newline.
    About 0.15 s a cell of 48^3 at 200 pixels on one core. Raises VoxploreError for no cells or a wrong number of texts.
    """
    _write(sheet(cells, columns, captions, size), path)


def sheet(
    cells: UnitCells | np.ndarray, columns: int = 8, captions: Sequence[str] | None = None, size: int = 200
) -> Image.Image:
    """The picture that `render` writes."""
    voxels = as_voxels(cells)
    if not len(voxels):
        raise VoxploreError("cells to render", expected="at least one cell", got="none")
    if captions is not None and len(captions) != len(voxels):
        raise VoxploreError("captions", expected=f"one for each of {len(voxels)} cells", got=str(len(captions)))
    view = _View(voxels.shape[1:], _checked(size, 16, 4096, "size"))
    tiles = [view.draw(surface_field(cell)) for cell in voxels]
    return _grid(tiles, min(_checked(columns, 1, 1000, "columns"), len(tiles)), captions)


@within
def render_lattice(
    cells: UnitCells | np.ndarray,
    path: str | Path,
    tile: tuple[Tile, Tile, Tile] = (3, 3, 3),
    size: Pixels = 420,
) -> None:
    """Write a PNG with a row for each cell: the unit cell, and beside it the lattice of `tile` cells along x, y, z."""
    voxels = as_voxels(cells)
    shape = voxels.shape[1:]
    single = _View(shape, size)
    many = _View((shape[0] * tile[0], shape[1] * tile[1], shape[2] * tile[2]), size)
    tiles = []
    for cell in voxels:
        field = surface_field(cell)
        tiles += [single.draw(field), many.draw(geometry.tile(field, tile))]
    _write(_grid(tiles, 2, None), path)


@within
def render_graph(
    nodes: np.ndarray,
    edges: np.ndarray,
    voxels: np.ndarray,
    path: str | Path,
    size: Pixels = 420,
) -> None:
    """Write a PNG with a strut graph beside the unit cell that was made from it.

    nodes: float (m, 3), fractions of the cell edge; edges: int (k, 2), rows of `nodes`; voxels: Bool (d, d, d).
    """
    field, is_node, overhang = graph_field(nodes, edges)
    beside = _View(as_voxels(voxels).shape[1:], size)
    camera = Camera(beside.camera.pixels, margin=0.5 - (0.5 - beside.camera.margin) * (1 + 2 * overhang))
    graph = _View(field.shape, size, camera)
    _write(_grid([graph.draw(field, is_node), beside.draw(surface_field(as_voxels(voxels)[0]))], 2, None), path)


class _View:
    """A camera framed on fields of one shape; its rays are shared by all of them."""

    def __init__(self, shape: tuple[int, ...], size: int, camera: Camera | None = None):
        self.camera = camera or Camera(_OVERSAMPLING * size)
        self._size = size
        self._rays: Rays = rays((shape[0], shape[1], shape[2]), self.camera)

    def draw(self, field: np.ndarray, accent: np.ndarray | None = None) -> Square:
        image = shade.draw(field, self._rays, self.camera.axes(), accent=accent)
        image = image.reshape(self._size, _OVERSAMPLING, self._size, _OVERSAMPLING, 4).mean((1, 3))
        colour = image[..., :3] + (1 - image[..., 3:])  # over white
        return (255 * np.clip(colour, 0, 1) ** (1 / 2.2) + 0.5).astype(np.uint8)


def _grid(tiles: list[Square], columns: int, captions: Sequence[str] | None) -> Image.Image:
    size = tiles[0].shape[0]
    height_of_text = max(9, round(size * 0.062))
    font = ImageFont.load_default(height_of_text)  # pyright: ignore
    line = round(height_of_text * 1.3)
    lines = max((caption.count("\n") + 1 for caption in captions), default=0) if captions else 0
    height = size + lines * line + (line // 2 if lines else 0)
    sheet = Image.new("RGB", (columns * size, -(-len(tiles) // columns) * height), "white")
    pen = ImageDraw.Draw(sheet)
    for k, picture in enumerate(tiles):
        left, top = k % columns * size, k // columns * height
        sheet.paste(Image.fromarray(picture), (left, top))
        for row, text in enumerate(captions[k].split("\n") if captions else ()):  # pyright: ignore
            fitted = _fitted(text, pen, font, 0.95 * size)
            pen.text((left + size / 2, top + size + row * line), fitted, fill=_INK, font=font, anchor="ma")
    return sheet


def _fitted(
    text: str, pen: ImageDraw.ImageDraw, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: float
) -> str:
    """The text, or as much of its beginning as fits, with an ellipsis."""
    text = "".join(letter if letter.isprintable() else " " for letter in text[:200])
    if pen.textlength(text, font) <= width:
        return text
    while text and pen.textlength(text + "…", font) > width:
        text = text[:-1]
    return text + "…"


def _checked(value: int, low: int, high: int, where: str) -> int:
    if not low <= value <= high:
        raise VoxploreError(where, expected=f"a number from {low} to {high}", got=str(value))
    return int(value)


def _write(image: Image.Image, path: str | Path) -> None:
    if Path(path).suffix.lower() != ".png":
        raise VoxploreError(path, expected="a path that ends in .png", got=Path(path).suffix or "no suffix")
    facts = PngInfo()
    facts.add_text("Software", "voxplore")  # `--overwrite` replaces pictures that say so
    with storage.atomic_file(path) as temporary:
        image.save(temporary, format="PNG", pnginfo=facts)
