"""Options that are words of no closed list: wrong ones are refused in one sentence, with inputs that are there."""

import io
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from option_values import commands, words_of

from voxplore.cli import main

#: Verb -> a command with the inputs of `here`, and for each option of words what is refused.
WORDS = {
    "discover": ("discover --out out", {"target", "model"}),
    "recipes": ("recipes", {"filter"}),
    "train": ("train cells.npy --recipe vae-nets-tiny --out out", {"recipe", "set"}),
    "generate": ("generate model --n 2 --out out", {"model", "condition", "set"}),
    "degrade": ("degrade cells.npy --out out", {"kind"}),
    "compare": ("compare scores --out out", {"columns"}),
    "report": ("report scores --out out", {"along"}),
    "latents": ("latents model --cells cells.npy --out out", {"models", "names"}),
    "export": ("export cells.npy --size 1 --out out", {"format", "model"}),
    "push": ("push cells --to x", {"to"}),
    "build own": ("build own --source cells.npy --out out", {"key"}),
}
#: Options that are free texts: any is taken, and shown without control codes.
FREE = {("build joined", "name"), ("evaluate", "name")} | {
    (f"build {family}", "name") for family in ("spinodoid", "voronoi", "plates", "extruded", "kirigami")
}
KNOWN = ("--known", "cells.npy", "--properties", "x")
#: Verb, the words before the wrong one, wrong ones, and the words after it.
WRONG: list[tuple[str, str, tuple[str, ...], tuple[str, ...]]] = [
    ("discover", "--target", ("nope", "a=1", ",", "young_hill=1e999", "=1", "young_hill>", "\xfc<1", ";" * 9999), ()),
    ("discover", "--target", ("young_hill=nan", "anisotropy<0.2*bound", "density=0.2 0.3"), ()),
    ("discover", "--model", ("absent", "cells.npy"), ()),
    ("recipes", "", ("nonsense",), ()),
    ("train", "--recipe", ("", "nonsense", "../x", "vae-nets-tiny "), ()),
    (
        "train",
        "--set",
        ("a", "seed=nan", "seed=-1", "=1", "seed=", "seed=[1", "seed={}", "x.y=1", "seed=" + "[" * 9000),
        (),
    ),
    ("train", "--set", tuple(f"training.batch={text}" for text in ("0", "1e9", "null", "1" * 11, '"4"')), ()),
    ("generate", "--set", ("a", "threshold=2", "threshold=NaN", "spread=-1", "steps=3", "after=[]"), ()),
    ("generate", "--condition", ("a", "=", "a=b", "a=1:", "young_hill=nan", "young_hill=1:inf"), KNOWN),
    ("generate", "--condition", ("young_hill=1",), ()),
    ("degrade", "--kind", ("nonsense", "", "Noise"), ()),
    ("compare", "--columns", ("nonsense", "", "Vun"), ()),
    ("report", "--along", ("nonsense", "", "seed"), ()),
    ("latents", "--names", ("a",), ("b",)),
    ("export", "--format", ("nonsense", "", "STL2", "../stl"), ()),
    ("export", "--model", ("absent",), ("--grade", "x", "--tile", "4", "1", "1")),
    ("build own", "--key", ("nonsense", "", "../x"), ()),
]
REFUSED = [(verb, [*filter(None, [before]), word, *after]) for verb, before, words, after in WRONG for word in words]


@pytest.fixture(scope="module")
def here(tmp_path_factory) -> Path:
    """cells.npy and the folder cells (4 cells at 16^3), their scores, and a model of vae-nets-tiny without training."""
    from voxplore.models import MODELS
    from voxplore.recipes import RECIPES

    folder = tmp_path_factory.mktemp("here")
    np.save(folder / "cells.npy", np.random.default_rng(0).random((4, 16, 16, 16)) > 0.5)
    MODELS["vae"](RECIPES["vae-nets-tiny"], "cpu").save(folder / "model")
    cells, built = str(folder / "cells.npy"), str(folder / "cells")
    assert main(["build", "own", "--source", cells, "--out", built]) == 0
    assert main(["evaluate", cells, "--reference", built, "--five", "--out", str(folder / "scores")]) == 0
    return folder


def test_every_option_of_words_is_in_the_table():
    found = {(" ".join(words), name) for words, command in commands() for name in words_of(command)} - {
        (" ".join(words), name)
        for words, _ in commands()
        for name in ("device", "engine")  # forms of their own
    }
    assert found == FREE | {(verb, name) for verb, (_, names) in WORDS.items() for name in names}


@pytest.mark.parametrize(("verb", "words"), REFUSED, ids=[f"{verb} {' '.join(words)}"[:60] for verb, words in REFUSED])
def test_a_wrong_word_is_refused_in_one_sentence(here, capsys, monkeypatch, verb, words):
    monkeypatch.chdir(here)
    before = sorted(here.iterdir())
    assert main([*WORDS[verb][0].split(), *words]) == 2
    told = capsys.readouterr()
    assert (told.out, told.err.count("\n")) == ("", 1), told
    assert re.match(r"voxplore: .+: expected .+, got .+\n", told.err), told.err
    assert len(told.err) < 1500
    assert sorted(here.iterdir()) == before


@pytest.mark.parametrize("to", ["nope", "hf://", "hf://a", "hf://a/b@", "hf://../b", "", "https://a/b", "hf://a/b/c"])
def test_a_wrong_address_of_a_hub_is_refused_before_anything_is_sent(here, capsys, monkeypatch, to):
    monkeypatch.chdir(here)
    assert main(["push", "cells", "--to", to]) == 2
    told = capsys.readouterr()
    assert (told.out, told.err.count("\n")) == ("", 1), told


@pytest.mark.parametrize(
    "name", ["", "x" * 9000, "a\x1b[2Jb", "a\nb", "=1+1", "\N{GREEK SMALL LETTER ALPHA} b", "../../x"]
)
def test_a_free_name_is_taken_and_shown_without_control_codes(here, capsys, monkeypatch, tmp_path, name):
    monkeypatch.chdir(here)
    out = tmp_path / "out"
    status = main(["evaluate", "cells", "--reference", "cells", "--five", "--name", name, "--out", str(out)])
    told = capsys.readouterr()
    assert status in (0, 2)
    assert "\x1b" not in told.out + told.err
    assert out.exists() == (status == 0)
    assert sorted(tmp_path.iterdir()) == [out] * (status == 0)
    if status == 0:
        assert main(["compare", str(out), "--out", str(tmp_path / "table")]) == 0
        assert "\x1b" not in capsys.readouterr().out


def test_a_name_that_the_output_has_no_letters_for_is_shown_with_question_marks(here, monkeypatch, tmp_path):
    monkeypatch.chdir(here)
    stream = io.TextIOWrapper(io.BytesIO(), encoding="latin-1")
    monkeypatch.setattr(sys, "stdout", stream)
    name = "\N{GREEK SMALL LETTER ALPHA}"
    assert (
        main(["evaluate", "cells", "--reference", "cells", "--five", "--name", name, "--out", str(tmp_path / "o")]) == 0
    )
    stream.flush()
    assert b"?: 4 cells" in stream.buffer.getvalue()  # pyright: ignore
