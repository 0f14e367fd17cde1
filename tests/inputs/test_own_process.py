"""Commands and scripts in processes of their own: other encodings, a long TMPDIR, no home, no main guard."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from input_files import SOLID

#: Environments in which the same must come out, whatever they say.
HOSTILE = {
    "PYTHONIOENCODING": "latin-1",
    "LC_ALL": "C",
    "PYTHONCOERCECLOCALE": "0",
    "PYTHONUTF8": "0",
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
}


def run(folder: Path, *command: str, **environment: str) -> subprocess.CompletedProcess:
    """A process that ends by itself; its environment without coverage, which warns on standard error."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    return subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env={**inherited, **environment},
        capture_output=True,
        timeout=300,
        check=False,
        stdin=subprocess.DEVNULL,
    )


@pytest.fixture
def folder(tmp_path) -> Path:
    np.save(tmp_path / "cells.npy", SOLID.repeat(2, 1).repeat(2, 2).repeat(2, 3))
    return tmp_path


def test_output_that_is_not_utf_8_gets_question_marks_for_arrows(folder):
    name = "\N{GREEK SMALL LETTER ALPHA}\N{LATIN SMALL LETTER O WITH DIAERESIS}"
    command = ["-m", "voxplore", "evaluate", "cells.npy", "--reference", "cells.npy", "--five", "--out", "out"]
    done = run(folder, *command, **HOSTILE)
    assert done.returncode == 0, done.stderr
    assert b"S_sym            ? " in done.stdout
    assert done.stderr == b""
    done = run(folder, "-m", "voxplore", "render", "cells.npy", "--out", f"{name}.gif", **HOSTILE)
    assert done.returncode == 2
    assert done.stderr.count(b"\n") == 1
    assert b"expected a path that ends in .png, got .gif" in done.stderr


#: A plain script, as a person writes it, without `if __name__ == "__main__":`.
SCRIPT = """
import numpy as np
import voxplore as vp
from voxplore.checks import checks_of
print("begun")
two = {"workers": 2}
cells = vp.load_cells("cells.npy")
print(len(checks_of(cells, **two)["printable"]))
print(len(vp.data.build_family("plates", 4, resolution=16, **two)))
"""
MORE = """
print(len(vp.mechanics.properties_of(cells, **two)["young_hill"]))
print(len(vp.data.build_shells(4, resolution=16, **two)))
from voxplore.data.synthetic.nets import build_nets
print(len(build_nets(4, resolution=16, **two)))
print(len(vp.export.export(cells, "parts", "vti", **two)))
print(len(vp.refine.refine(cells, **two)))
"""
DISCOVER = """
import voxplore as vp
print("begun")
print(len(vp.discover("found", n=2, reference=vp.load_cells("cells.npy"), model="model", workers=2).cells))
"""


@pytest.mark.parametrize("more", ["", pytest.param(MORE, marks=pytest.mark.slow)], ids=["two", "all"])
def test_a_plain_script_without_a_main_guard_below_a_long_tmpdir_and_without_a_home(folder, more):
    long = folder / ("x" * 110)
    long.mkdir()
    (folder / "script.py").write_text(SCRIPT + more)
    places = {"TMPDIR": str(long), "HOME": "/proc/none", "VOXPLORE_CACHE": str(folder / "cache")}
    done = run(folder, "script.py", **HOSTILE, **places)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode().split() == ["begun", "2", "4"] + ["2", "4", "4", "2", "2"] * bool(more)
    assert not list(long.iterdir())


@pytest.mark.slow
def test_discover_in_a_plain_script_without_a_main_guard(folder):
    from voxplore.models import MODELS
    from voxplore.recipes import RECIPES

    recipe = RECIPES["vae-nets-tiny"]
    MODELS["vae"](recipe, "cpu").save(folder / "model")
    d = recipe.resolution  # pyright: ignore
    np.save(folder / "cells.npy", np.random.default_rng(0).random((4, d, d, d)) > 0.5)
    (folder / "script.py").write_text(DISCOVER)
    done = run(folder, "script.py", VOXPLORE_CACHE=str(folder / "cache"))
    assert done.returncode == 0, done.stderr
    assert done.stdout.decode().split() == ["begun", "2"]
