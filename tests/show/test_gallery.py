import base64
import io
import json
import os
import re
import zlib
from pathlib import Path

import numpy as np
import pytest

from voxplore.errors import VoxploreError
from voxplore.show import Plot, gallery
from voxplore.unitcells import UnitCells

HOSTILE = [
    "<script>document.title='harmed'</script>",
    "</script><img src=x onerror=document.title='harmed'>",
    "\"&\u2028'",
]


def ball(d: int, radius: float) -> np.ndarray:
    x, y, z = np.indices((d, d, d)) + 0.5 - d / 2
    return x * x + y * y + z * z < radius * radius


def strut_cells(n: int, d: int) -> np.ndarray:
    """Random periodic struts along the axes: cells of varied density that compress as real ones do."""
    rng = np.random.default_rng(0)
    cells = np.zeros((n, d, d, d), bool)
    disc = ball(d, d / 12).any(0)
    for cell in cells:
        for axis in (0, 1, 2):
            for _ in range(2):
                i, j = rng.integers(0, d, 2)
                thick = np.roll(np.roll(disc, i, 0), j, 1)
                cell |= np.expand_dims(thick, axis)
    return cells


@pytest.fixture
def page(tmp_path) -> Path:
    d = 16
    cells = UnitCells.from_voxels(
        np.stack([ball(d, 7), ball(d, 5), np.ones((d, d, d), bool), np.zeros((d, d, d), bool)]),
        {"id": [*HOSTILE, "plain"]},
    )
    columns = {
        "novelty": [0.1, np.nan, 0.7, 0.4],
        "family": np.array([*HOSTILE, "void"]),
        "valid": np.array([1, 1, 0, 0], bool),
    }
    nearest = UnitCells.from_voxels(np.stack([ball(d, 6)] * 3 + [ball(d, 2)]), {"id": [HOSTILE[1]] * 4})
    path = tmp_path / "page.html"
    gallery(cells, path, columns, nearest, title="A <b>title</b> & more", sort="novelty")
    return path


def payload(path: Path) -> dict:
    return json.loads(re.search(r'<script id="data"[^>]*>(.*?)</script>', path.read_text(), re.S).group(1))


def test_the_page_carries_the_cells_bit_by_bit_and_each_nearest_cell_once(page):
    data = payload(page)
    raw = zlib.decompress(base64.b64decode(data["volumes"]))
    bits = np.unpackbits(np.frombuffer(raw, np.uint8)).reshape(-1, 16, 16, 16).astype(bool)
    assert len(bits) == 6
    assert (bits[0] == ball(16, 7)).all()
    assert (bits[data["nearest"]["volume"][0]] == ball(16, 6)).all()
    assert (bits[data["nearest"]["volume"][3]] == ball(16, 2)).all()
    assert data["columns"][0]["values"] == [0.1, None, 0.7, 0.4]
    assert data["columns"][2]["values"] == ["yes", "yes", "no", "no"]


def test_no_text_of_the_cells_becomes_markup(page):
    text = page.read_text()
    assert text.count("<script") == 2
    assert text.count("</script>") == 2
    assert "<img" not in text
    assert "<b>" not in text
    assert not re.search(r"https?:|src=|href=|url\(|@import", re.sub(r"<script id.*", "", text, flags=re.S)), (
        "no address"
    )


def test_sixty_four_cells_with_their_nearest_stay_under_300_kilobytes(tmp_path):
    cells = UnitCells.from_voxels(strut_cells(128, 48))
    gallery(cells[:64], tmp_path / "a.html", {"score": np.linspace(0, 1, 64)}, cells[64:])
    assert (tmp_path / "a.html").stat().st_size < 300_000


def test_wrong_input_is_named_and_writes_nothing(tmp_path):
    cells = UnitCells.from_voxels(ball(8, 3)[None])
    with pytest.raises(VoxploreError, match="column score"):
        gallery(cells, tmp_path / "a.html", {"score": [1, 2]})
    with pytest.raises(VoxploreError, match="nearest cells"):
        gallery(cells, tmp_path / "a.html", nearest=UnitCells.from_voxels(ball(16, 3)[None]))
    with pytest.raises(VoxploreError, match="sort"):
        gallery(cells, tmp_path / "a.html", sort="score")
    with pytest.raises(VoxploreError, match="html"):
        gallery(cells, tmp_path / "a.png")
    assert not list(tmp_path.iterdir())


def test_hostile_names_do_no_harm_and_nothing_is_loaded(chrome, page):
    chrome.open(page)
    chrome.wait("Number(document.documentElement.dataset.drawn) === 4")
    assert chrome.run("document.title") == "A <b>title</b> & more"
    assert chrome.run("[...document.querySelectorAll('.card span:nth-child(2)')].map(e => e.textContent)") == [
        HOSTILE[2],
        "plain",
        HOSTILE[0],
        HOSTILE[1],
    ]
    assert chrome.run("document.images.length + document.scripts.length") == 2
    chrome.run("document.querySelectorAll('.card')[2].click()")
    assert chrome.run("document.getElementById('name').textContent") == HOSTILE[0]
    assert chrome.requests() == []
    assert chrome.complaints() == []
    assert chrome.run("document.title") == "A <b>title</b> & more"


def test_cells_are_drawn_and_an_empty_one_is_blank(chrome, page):
    chrome.open(page)
    chrome.wait("Number(document.documentElement.dataset.drawn) === 4")
    shares = chrome.run(
        """[...document.querySelectorAll('.card canvas')].map(c => {
        const p = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
        let n = 0; for (let i = 3; i < p.length; i += 4) n += p[i] > 128; return n / p.length * 4; })"""
    )
    full, empty, large, small = shares
    assert empty == 0
    edge = 1 / 1.5  # of the picture's side
    assert large == pytest.approx(np.pi * (7 / 16 * edge) ** 2, rel=0.04)
    assert small == pytest.approx(np.pi * (5 / 16 * edge) ** 2, rel=0.04)
    a, e = np.radians(-58), np.radians(26)
    hexagon = abs(np.cos(a) * np.cos(e)) + abs(np.sin(a) * np.cos(e)) + np.sin(e)
    assert full == pytest.approx(hexagon * edge**2, rel=0.02)


def test_sorting_and_filtering_by_any_column(chrome, page):
    chrome.open(page)
    names = "[...document.querySelectorAll('.card span:nth-child(2)')].map(e => e.textContent)"
    chrome.run("document.getElementById('direction').click()")
    assert chrome.run(names) == [HOSTILE[0], "plain", HOSTILE[2], HOSTILE[1]], "the lowest first, the unknown last"
    chrome.run("document.getElementById('add').click()")
    fill = (
        "e => { const i = document.querySelector('#filters input'); i.value = e; i.dispatchEvent(new Event('input')); }"
    )
    chrome.run(f"({fill})('0.3')")
    assert chrome.run(names) == ["plain", HOSTILE[2]]
    assert chrome.run("document.getElementById('count').textContent") == "2 of 4 unit cells"
    choose = (
        "(n, v) => { const s = document.querySelectorAll('#filters select')[n];"
        " s.value = v; s.dispatchEvent(new Event('change')); }"
    )
    chrome.run(f"({choose})(1, 'at most')")
    assert chrome.run(names) == [HOSTILE[0]]
    chrome.run(f"({choose})(0, 'family')")
    chrome.run(f"({fill})('VOID')")
    assert chrome.run(names) == ["plain"]
    chrome.run("document.querySelector('#filters button').click()")
    assert len(chrome.run(names)) == 4


def test_a_cell_opens_turns_and_closes_by_keyboard_alone(chrome, page):
    chrome.open(page)
    pixels = "document.getElementById('view').toDataURL()"
    chrome.run("document.querySelectorAll('.card')[0].focus()")
    chrome.key("Enter")
    chrome.wait("document.getElementById('detail').open")
    chrome.wait("document.documentElement.dataset.still === 'yes'")
    before = chrome.run(pixels)
    chrome.key("ArrowLeft")
    chrome.wait("document.documentElement.dataset.still === 'yes'")
    assert chrome.run(pixels) != before
    chrome.key("PageDown")
    assert chrome.run("document.getElementById('name').textContent") == "plain"
    chrome.key("Escape")
    chrome.wait("!document.getElementById('detail').open")
    chrome.wait("document.activeElement.textContent.startsWith('plain')")


def test_tiling_and_slicing_change_both_pictures(chrome, page):
    chrome.open(page)
    both = "['view', 'nearest-view'].map(i => document.getElementById(i).toDataURL())"
    chrome.run("document.querySelectorAll('.card')[2].click()")
    chrome.wait("document.documentElement.dataset.still === 'yes'")
    single = chrome.run(both)
    chrome.run("document.querySelector('[data-tile=\"2\"]').click()")
    chrome.wait("document.documentElement.dataset.still === 'yes'")
    tiled = chrome.run(both)
    chrome.run("(s => { s.value = '0'; s.dispatchEvent(new Event('change')); })(document.getElementById('axis'))")
    chrome.wait("document.documentElement.dataset.still === 'yes'")
    sliced = chrome.run(both)
    assert all(len({a, b, c}) == 3 for a, b, c in zip(single, tiled, sliced, strict=True))


def test_the_downloaded_stl_is_closed_flat_cut_and_of_the_cells_volume(chrome, tmp_path):
    trimesh = pytest.importorskip("trimesh", reason="trimesh is not installed (extra [export])")
    voxels = strut_cells(3, 24)
    gallery(voxels, tmp_path / "a.html")
    chrome.open(tmp_path / "a.html")
    for row, cell in enumerate(voxels):
        encoded = chrome.run(
            f"btoa(Array.from(new Uint8Array(stlOf({row}, 10)), b => String.fromCharCode(b)).join(''))"
        )
        mesh = trimesh.load(io.BytesIO(base64.b64decode(encoded)), file_type="stl")
        assert mesh.is_watertight
        assert mesh.is_winding_consistent
        assert mesh.volume == pytest.approx(1000 * cell.mean(), rel=0.01)
        assert mesh.bounds == pytest.approx(np.array([[0, 0, 0], [10, 10, 10]]), abs=1e-5)
        wall = mesh.area_faces[(mesh.triangles[:, :, 0] < 1e-6).all(1)].sum()
        assert wall == pytest.approx(100 * cell[0].mean(), rel=0.25), "flat, if rounded at its corners"


def test_sixty_four_cells_show_their_first_picture_within_two_seconds(chrome, tmp_path):
    cells = UnitCells.from_voxels(strut_cells(64, 48))
    gallery(cells, tmp_path / "a.html", {"score": np.linspace(0, 1, 64)})
    times = []
    for _ in range(3):  # the best of three: others may be at work on the machine
        chrome.call("Page.navigate", url="about:blank")
        chrome.open(tmp_path / "a.html")
        chrome.wait("document.documentElement.dataset.firstPicture !== undefined")
        times.append(chrome.run("Number(document.documentElement.dataset.firstPicture)"))
    if min(times) > 2000 and os.getloadavg()[0] > 2 * (os.cpu_count() or 1):
        pytest.skip("the machine is too busy to time anything")
    assert min(times) < 2000
    assert chrome.screenshot().std() > 5


def test_a_browser_without_webgl_is_told_so_and_keeps_the_table(chrome_without_webgl, page):
    browser = chrome_without_webgl
    browser.open(page)
    browser.wait("!document.getElementById('trouble').hidden")
    assert "WebGL2" in browser.run("document.getElementById('trouble').textContent")
    assert browser.run("document.querySelectorAll('.card').length") == 4
    browser.run("document.querySelectorAll('.card')[0].click()")
    assert browser.run("document.querySelectorAll('#values dt').length") == 3
    assert browser.complaints() == []


@pytest.fixture
def plotted(tmp_path) -> Path:
    """Four cells with properties, units, lines and a cloud, as `discover` writes them."""
    d = 16
    cells = UnitCells.from_voxels(np.stack([ball(d, r) for r in (7, 6, 5, 4)]), {"id": list("abcd")})
    columns = {
        "relative density": np.array([0.1, 0.2, 0.3, 0.4]),
        "modulus": np.array([0.01, 0.02, np.nan, 0.08]),
        "verdict": np.array(["of use", "of use", "loose", "of use"]),
    }
    line = np.array([0.1, 0.4])
    plot = Plot(
        "relative density",
        "modulus",
        {"bound": (line, line**2)},
        {k: np.full(5, 0.25) for k in columns if k != "verdict"},
    )
    tensors = np.arange(1, 5)[:, None, None] * np.eye(6)
    path = tmp_path / "plotted.html"
    gallery(cells, path, columns, units={"modulus": "Eₛ"}, plot=plot, tensors=tensors, size_mm=8)
    return path


def test_the_plot_shows_cells_known_cells_and_lines_and_opens_a_cell(chrome, plotted):
    chrome.open(plotted)
    assert chrome.run("document.querySelectorAll('#plot .point').length") == 3, "one has no modulus"
    assert chrome.run("document.querySelectorAll('#plot .known').length") == 5
    assert chrome.run("document.querySelectorAll('#plot .theory').length") == 1
    assert "modulus (Eₛ)" in chrome.run("document.getElementById('plot').textContent")
    points = "[...document.querySelectorAll('#plot .point')]"
    across = dict(chrome.run(f"{points}.map(p => [p.dataset.cell, Number(p.getAttribute('cx'))])"))
    assert across["0"] < across["1"] < across["3"]
    chrome.run("document.querySelector('#plot .point[data-cell=\"3\"]').dispatchEvent(new Event('click'))")
    assert chrome.run("document.getElementById('name').textContent") == "d"
    assert chrome.complaints() == []


def test_a_range_leaves_the_cells_inside_it_and_dims_the_others_in_the_plot(chrome, plotted):
    chrome.open(plotted)
    chrome.run("document.getElementById('add').click()")
    chrome.run(
        "(s => { s.value = 'between'; s.dispatchEvent(new Event('change')); })"
        "(document.querySelectorAll('#filters select')[1])"
    )
    chrome.run(
        "(i => { i.value = '0.15 to 0.35'; i.dispatchEvent(new Event('input')); })"
        "(document.querySelector('#filters input'))"
    )
    assert chrome.run("[...document.querySelectorAll('.card span:nth-child(2)')].map(e => e.textContent)") == ["b", "c"]
    assert chrome.run("document.querySelectorAll('#plot .out').length") == 2


def test_chosen_cells_are_compared_and_downloaded(chrome, plotted):
    chrome.open(plotted)
    chrome.wait("Number(document.documentElement.dataset.drawn) === 4")
    assert chrome.run("document.getElementById('compare').disabled")
    chrome.run('for (const i of [1, 3]) document.querySelector(`input[data-choose="${i}"]`).click()')
    chrome.run("document.getElementById('compare').click()")
    rows = chrome.run(
        "[...document.querySelectorAll('#compared tr')].map(r => [...r.children].map(c => c.textContent))"
    )
    assert rows[0] == ["", "b", "d"]
    assert rows[2] == ["modulus (Eₛ)", "0.02", "0.08"]
    assert chrome.run("csvOf([1, 2])").splitlines() == [
        "id,relative density,modulus (Eₛ),verdict",
        "b,0.2,0.02,of use",
        "c,0.3,,loose",
    ]
    own = json.loads(chrome.run("jsonOf([3])"))[0]
    assert np.array_equal(own["stiffness"], 4 * np.eye(6))
    assert own["properties"]["modulus"] == {"value": 0.08, "unit": "Eₛ"}
    assert chrome.complaints() == []


def test_all_properties_and_the_verdict_stand_on_the_card(chrome, plotted):
    chrome.open(plotted)
    assert chrome.run("[...document.querySelectorAll('li > .verdict')].map(e => e.textContent)") == [
        "of use", "of use", "loose", "of use",
    ]  # fmt: skip
    chrome.run("document.querySelector('li summary').click()")
    chrome.wait("document.querySelectorAll('li dl dt').length === 3")
    assert chrome.run("document.querySelectorAll('li dl dd')[1].textContent") == "0.01\u00a0Eₛ"


@pytest.mark.parametrize("width", [390, 1400])
def test_nothing_is_wider_than_the_window_and_no_number_breaks(chrome, plotted, width):
    chrome.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
    try:
        chrome.open(plotted)
        assert chrome.run("document.documentElement.scrollWidth") <= width
        chrome.run("open(0)")
        chrome.wait("document.documentElement.dataset.still === 'yes'")
        lines = chrome.run(
            "[...document.querySelectorAll('#values dd')].map(e => { const r = document.createRange();"
            " r.selectNodeContents(e); return r.getClientRects().length; })"
        )
        assert max(lines) == 1
        assert chrome.run(
            "document.getElementById('detail').scrollWidth <= document.getElementById('detail').clientWidth"
        )
    finally:
        chrome.call("Emulation.clearDeviceMetricsOverride")


def test_chosen_numbers_stand_on_every_card_with_their_units(chrome, tmp_path):
    cells = UnitCells.from_voxels(np.stack([ball(16, 7), ball(16, 5)]))
    columns = {"relative density": [0.12345, 0.3], "modulus": [np.nan, 0.0456]}
    path = tmp_path / "page.html"
    with pytest.raises(VoxploreError, match="brief"):
        gallery(cells, path, columns, brief={"E": "nothing"})
    gallery(cells, path, columns, units={"modulus": "MPa"}, brief={"density": "relative density", "E": "modulus"})
    chrome.open(path)
    told = chrome.run(
        "[...document.querySelectorAll('.brief')].map(e => e.textContent.trim().replace(/\\u00a0/g, ' '))"
    )
    assert told == ["density 0.12 E –", "density 0.3 E 0.046 MPa"]
