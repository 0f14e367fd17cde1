"""Write the table of modules in docs/architecture.md from the first sentence of each module's docstring.

python docs/module_table.py
"""

import ast
import re
from pathlib import Path

PAGE = Path(__file__).resolve().parent / "architecture.md"
PACKAGE = PAGE.parents[1] / "src" / "voxplore"
START, END = "<!-- modules: python docs/module_table.py -->\n", "<!-- end of modules -->\n"


def modules() -> list[str]:
    """Every module of the package but the `__init__` files, such as "metrics/quality.py"; top level first."""
    names = [path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py") if path.name != "__init__.py"]
    return sorted(names, key=lambda name: ("/" in name, name))


def first_sentence(text: str) -> str:
    paragraph = " ".join(text.split("\n\n")[0].split())
    return re.split(r"(?<=[^.A-Z]\.) (?=[A-Z])", paragraph)[0].replace("|", "\\|")


def table() -> str:
    lines = ["| module | what it is |", "|---|---|"]
    for name in modules():
        text = ast.get_docstring(ast.parse((PACKAGE / name).read_text(encoding="utf-8"))) or ""
        lines.append(f"| `{name}` | {first_sentence(text)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(START)
    after = rest.partition(END)[2]
    PAGE.write_text(f"{before}{START}\n{table()}\n{END}{after}", encoding="utf-8")
