"""docs/architecture.md names every module of the package, and none that is not there."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "docs"))

from module_table import END, START, modules  # noqa: E402

PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


def test_every_module_stands_once_in_the_table_and_no_other():
    table = PAGE.partition(START)[2].partition(END)[0]
    named = re.findall(r"^\| `([^`]+)` \| \S", table, re.MULTILINE)
    assert sorted(named) == sorted(modules()), "run: python docs/module_table.py"


def test_files_that_the_page_leads_to_exist():
    text = PAGE.partition(START)[0]
    places = set(re.findall(r"`((?:\w+/)+\w*(?:\.py)?)`", text)) - {"src/voxplore"}
    assert len(places) > 20
    for place in places:
        inside = ROOT / "src" / "voxplore" / place
        assert inside.exists() or (ROOT / place).exists(), place


def test_every_room_is_in_the_picture():
    picture = re.search(r"```mermaid\n(.*?)```", PAGE, re.DOTALL)
    assert picture
    rooms = {path.parent.name for path in (ROOT / "src" / "voxplore").glob("*/__init__.py")}
    assert rooms <= set(re.findall(r"\w+", picture[1]))
