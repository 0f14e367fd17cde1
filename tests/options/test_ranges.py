"""What a range is, and that fields of recipes and arguments of Python have the ranges of options."""

import importlib
import inspect
import itertools
from collections.abc import Iterator

import numpy as np
import pytest
from option_values import options

from voxplore.errors import VoxploreError
from voxplore.ranges import Count, Device, Range, Seed, Share, _ranges, check_options, within

ROOMS = ("checks", "data", "export", "mechanics", "refine", "show")
#: Arguments of Python that an option of the same name has nothing to do with, or that are checked as they are used.
APART = {
    ("export", "cell_mesh", "size"),  # of a body, which may be long
    ("export", "cell_mesh", "tile"),
    ("export", "export", "size"),
    ("export", "Material", "young"),
    ("export", "Material", "poisson"),
    ("export", "Material", "density"),
    ("export", "Material", "yield_stress"),
    ("refine", "RefinerConfig", "seed"),
    ("show", "gallery", "columns"),  # of a table
}


def arguments() -> Iterator[tuple[str, str, str, object]]:
    """Arguments of public functions that are called as an option of a verb: room, function, name, type."""
    names = {option.name for option in options() if list(_ranges(option.hint))}
    for room in ROOMS:
        module = importlib.import_module(f"voxplore.{room}")
        for function in module.__all__:
            found = getattr(module, function)
            hints = getattr(inspect.unwrap(found), "__annotations__", {}) if callable(found) else {}
            for name in hints.keys() & names:
                if "ndarray" not in str(hints[name]) and hints[name] is not str:
                    yield room, function, name, hints[name]


def test_public_functions_have_the_ranges_of_options():
    found = {(room, function, name): hint for room, function, name, hint in arguments()}
    missing = {where for where, hint in found.items() if not list(_ranges(hint))}
    results = {where for where in missing if where[1] in ("Checks", "StrutFit", "Verdict")}  # what is given back
    assert missing - results == APART
    assert len(found) > 40


def test_fields_of_recipes_out_of_range_are_refused_by_name():
    from voxplore.workflows.train import recipe_with

    name = "voxplore-principal-nets-small"
    for change in itertools.chain(
        (f"sampling.srr.every={value}" for value in (0, -1)),
        (f"sampling.points={value}" for value in (-1, 10**11)),
        (f"sampling.threshold={value}" for value in (-1, "1e300", "NaN", "Infinity")),
        (f"autoencoder.layers={value}" for value in (-1, 2**20)),
        (f"denoiser.time_width={value}" for value in (0, 10**12)),
    ):
        with pytest.raises(VoxploreError, match=r"recipe .*: expected a number"):
            recipe_with(name, [change])


def test_arguments_of_python_out_of_range_are_refused():
    import voxplore as vp
    from voxplore.checks import checks_of, verdict
    from voxplore.parallel import map_items
    from voxplore.workflows.evaluate import Options
    from voxplore.workflows.ranking import Use

    one = np.ones((4, 4, 4), bool)
    cells = vp.UnitCells.from_voxels(one[None])
    refused = [
        lambda: map_items(abs, [1], workers=0),
        lambda: map_items(abs, [1], workers=np.int64(-1)),  # pyright: ignore
        lambda: vp.mechanics.properties_of(cells, tolerance=float("inf")),
        lambda: vp.mechanics.properties_of(cells, young=float("nan")),
        lambda: vp.mechanics.properties_of(cells, edges=np.array([1, 1, np.nan])),  # pyright: ignore
        lambda: vp.mechanics.effective_stiffness(one, poisson=0.6),
        lambda: vp.mechanics.effective_conductivity(one, tolerance=0.0),
        lambda: vp.data.build_family("plates", 1, seed=-1),
        lambda: vp.data.build_family("plates", 1, resolution=0),
        lambda: vp.data.build_shells(10**12),
        lambda: vp.data.build_metashell("/nowhere/at/all", -1),
        lambda: vp.show.render_lattice(cells, "x.png", size=-1),
        lambda: vp.show.render(cells, "x.png", columns=0),
        lambda: vp.export.encode(one, size=(1.0, 1.0, float("inf"))),
        lambda: vp.export.export(cells, "/nowhere/at/all", triangles=0),
        lambda: checks_of(cells, size_mm=float("nan")),
        lambda: verdict(one, tile=(1, 1, 100)),
        lambda: Use(tile=0),
        lambda: Options(row_size=-1),
        lambda: vp.discover("/nowhere/at/all", n=0),
        lambda: vp.discover("/nowhere/at/all", minutes=float("nan")),
    ]
    for call in refused:
        with pytest.raises(VoxploreError, match="expected a number"):
            call()


def test_a_lattice_that_no_machine_holds_is_refused_before_it_is_made():
    import voxplore as vp
    from voxplore.checks import check

    cells = vp.UnitCells.from_voxels(np.ones((1, 16, 16, 16), bool))
    cell = cells.voxels()[0]
    for call in (
        lambda: vp.export.export(cells, "/nowhere/at/all", tile=(64, 64, 64)),
        lambda: vp.export.encode(cell, "vti", tile=(64, 64, 64)),
        lambda: vp.show.render_lattice(cells, "x.png", tile=(64, 64, 64)),
        lambda: check(cell, tile=(64, 64, 64)),
        lambda: vp.geometry.tile(cell, (64, 64, 64)),
    ):
        with pytest.raises(VoxploreError, match=r"tile: expected at most \d+ voxels"):
            call()
    with pytest.raises(VoxploreError, match="tile: expected three positive counts"):
        vp.geometry.tile(cell, (1, 0, 1))


def test_a_device_that_is_not_there_is_one_sentence():
    import torch

    from voxplore.training import pick_device

    for word in ["nonsense", "", "cuda:x"] + ["cuda"] * (not torch.cuda.is_available()):
        with pytest.raises(VoxploreError, match="device: expected auto, cpu, or cuda"):
            pick_device(word)
    assert pick_device("cpu") == "cpu"


def test_a_range_says_what_it_takes_and_takes_it():
    assert 0 in Range(0, 1)
    assert 0 not in Range(0, 1, above=True)
    assert float("nan") not in Range(0, 1)
    assert str(Range(0, 1, above=True)) == "above 0 and up to 1"

    @within
    def shares(n: Count, *, of: tuple[Share, ...] = (), seed: Seed = 0, device: Device = "auto") -> int:
        return n

    assert shares(3, of=(0.5, 1), device="cuda:1") == 3
    for call in (
        lambda: shares(0),
        lambda: shares(1, of=(0.5, 2)),
        lambda: shares(1, of=np.float32([0.5, 2])),  # pyright: ignore
        lambda: shares(1, seed=10**5000),
    ):
        with pytest.raises(VoxploreError, match="expected a number"):
            call()
    with pytest.raises(VoxploreError, match="device: expected auto, cpu or cuda, got 'gpu'"):
        shares(1, device="gpu")
    check_options(Range(0, 1))
