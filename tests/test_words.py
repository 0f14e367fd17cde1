"""Words that a person misspells get the nearest three; recipes are listed by family."""

import pytest

from voxplore.cli import main
from voxplore.errors import VoxploreError, nearest
from voxplore.recipes import RECIPES
from voxplore.workflows.train import recipe_with


def test_a_misspelt_verb_gets_the_nearest_three(capsys):
    assert main(["generat"]) == 2
    told = capsys.readouterr().err
    assert "such as generate, " in told
    assert told.count("\n") == 1
    assert len(told) < 200


def test_a_misspelt_recipe_gets_the_nearest_three():
    with pytest.raises(
        VoxploreError,
        match=r"such as voxplore-principal-nets-small, .* lists all\), got 'voxplor-principal-nets-small'",
    ):
        recipe_with("voxplor-principal-nets-small")


def test_recipes_are_listed_by_family_and_in_full_where_filtered(capsys):
    assert main(["recipes"]) == 0
    lines = capsys.readouterr().out.splitlines()
    families = {name.rsplit("-", 2)[0] for name in RECIPES}
    assert {line.split()[0] for line in lines} == families
    assert main(["recipes", "graph"]) == 0
    assert capsys.readouterr().out.split() == [name for name in RECIPES if "graph" in name]
    assert main(["recipes", "nothing-like-it"]) == 2
    assert "filter: expected a part of a recipe's name, such as " in capsys.readouterr().err


def test_the_nearest_words_are_three_at_most():
    assert nearest("a", []) == "nothing"
    assert nearest("ab", ["ab"]) == "ab"
    assert nearest("abc", ["abd", "xyz", "abcd", "q"]).startswith("abcd, abd or ")
