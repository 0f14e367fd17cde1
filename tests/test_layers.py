"""Who may import whom: the rules of the house, read off the syntax trees of all modules."""

import ast
import itertools
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "src" / "voxplore"

LEVELS = (
    {"errors", "storage", "ranges", "processes", "parallel", "config", "unitcells", "geometry", "kernels"},
    {"data", "metrics", "checks", "mechanics", "show", "export", "recipes", "training"}
    | {"networks", "latent", "diffusion"},
    {"models", "refine"},
    {"workflows", "hub", "report"},
    {"cli", "__main__"},
)
#: Within `data`, what a room may import besides itself.
DATA = {
    "prepare": set(),
    "synthetic": {"prepare"},
    "published": {"prepare", "synthetic"},
    "imported": {"synthetic"},
    "record": {"synthetic"},
}
#: Modules that stand beside the rooms at the top, at most.
MOST_AT_THE_TOP = 8
#: Torch only, none of ours.
PURE = {"networks", "latent", "diffusion"}
MAY_LOAD_TORCH = PURE | {"training", "models", "refine"}
MAY_LOAD_NUMBA = {"kernels"}
#: What the lowest level may load: these, the standard library, and numba in the kernels.
LOW = {"numpy", "scipy", "voxplore"}
#: Files of models that all models may import.
COMMON_TO_MODELS = {"__init__", "base", "encoding", "registry", "voxels"}


class Import(NamedTuple):
    """One import: the file and its room, the absolute module, and whether it is at module level."""

    path: Path
    room: str
    module: str
    top: bool

    def __str__(self) -> str:
        return f"{self.path.relative_to(PACKAGE)} imports {self.module}"


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def room_of(path: Path) -> str:
    first = path.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


def imports_of(path: Path) -> Iterator[Import]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    package = ["voxplore", *path.relative_to(PACKAGE).parent.parts]
    inside = {
        id(node)
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) or is_type_checking(function)
        for node in ast.walk(function)
    }
    for node in ast.walk(tree):
        top = id(node) not in inside
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(path, room_of(path), alias.name, top)
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*start, *([node.module] if node.module else [])])
            for alias in node.names:
                yield Import(path, room_of(path), f"{base}.{alias.name}", top)


def is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


IMPORTS = [found for path in modules() for found in imports_of(path)]


def room_imported(found: Import) -> str | None:
    """The room of ours that is imported, if it is one; the package itself counts as none."""
    parts = found.module.split(".")
    return parts[1] if parts[0] == "voxplore" and len(parts) > 1 and parts[1] not in ("__version__",) else None


def level(room: str) -> int:
    return next(number for number, rooms in enumerate(LEVELS) if room in rooms)


def loads(found: Import, package: str) -> bool:
    return found.module.split(".")[0] == package


def names(offenders: list[Import]) -> str:
    return "\n".join(map(str, offenders))


def test_every_room_has_a_level():
    known = set().union(*LEVELS) | {"__init__"}
    assert {room_of(path) for path in modules()} <= known


def test_imports_point_downwards():
    ours = [found for found in IMPORTS if room_imported(found) and found.room != "__init__"]
    wrong = [
        found
        for found in ours
        if (target := room_imported(found)) != found.room and level(str(target)) > level(found.room)
    ]
    assert not wrong, names(wrong)


def test_rooms_of_the_first_level_do_not_import_each_other():
    first = LEVELS[1]
    wrong = [
        found
        for found in IMPORTS
        if found.room in first and (target := room_imported(found)) in first and target != found.room
        if not (found.room == "training" and target in PURE)
    ]
    assert not wrong, names(wrong)


def test_networks_latent_and_diffusion_import_none_of_ours():
    wrong = [found for found in IMPORTS if found.room in PURE and room_imported(found) not in (None, found.room)]
    assert not wrong, names(wrong)


def model_of(place: str) -> str:
    """The model that a file or folder of `models` belongs to: graph_slots is a part of graph."""
    rooms = {
        path.stem for path in (PACKAGE / "models").iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    return next((room for room in sorted(rooms) if place == room or place.startswith(f"{room}_")), place)


def test_a_model_never_imports_another_model():
    wrong = []
    for found in IMPORTS:
        own = found.path.relative_to(PACKAGE).parts[1:2]
        target = found.module.split(".")[2:3]
        if found.room != "models" or found.module.split(".")[:2] != ["voxplore", "models"] or not target:
            continue
        place = own[0].removesuffix(".py")
        if (
            place not in COMMON_TO_MODELS
            and target[0] not in COMMON_TO_MODELS
            and model_of(target[0]) != model_of(place)
        ):
            wrong.append(found)
    assert not wrong, names(wrong)


def test_rooms_of_data_import_each_other_in_one_direction():
    wrong = []
    for found in IMPORTS:
        place, target = found.path.relative_to(PACKAGE).parts[1:], found.module.split(".")
        if found.room == "data" and len(place) > 1 and target[:2] == ["voxplore", "data"]:
            wrong += [found] if target[2] not in DATA[place[0]] | {place[0]} else []
    assert not wrong, names(wrong)
    assert {path.parent.name for path in (PACKAGE / "data").glob("*/__init__.py")} == set(DATA)


def test_few_modules_stand_beside_the_rooms():
    top = {path.stem for path in PACKAGE.glob("*.py")} - {"__init__", "__main__"}
    assert len(top) <= MOST_AT_THE_TOP, sorted(top)


def test_the_lowest_level_loads_little():
    wrong = [
        found
        for found in IMPORTS
        if found.room in LEVELS[0]
        and (package := found.module.split(".")[0]) not in LOW | sys.stdlib_module_names
        and not (package == "numba" and found.room in MAY_LOAD_NUMBA)
    ]
    assert {(found.room, found.module.split(".")[0]) for found in wrong} <= {
        ("parallel", "ray"),
        ("kernels", "llvmlite"),
    }, names(wrong)


def test_torch_is_loaded_at_module_level_only_where_networks_live():
    torch = [found for found in IMPORTS if found.top and (loads(found, "torch") or loads(found, "safetensors"))]
    wrong = [found for found in torch if found.room not in MAY_LOAD_TORCH]
    assert not wrong, names(wrong)


def test_nothing_loads_a_room_of_torch_at_module_level_from_outside():
    """Or torch would come in by the back door."""
    wrong = [
        found
        for found in IMPORTS
        if found.top and room_imported(found) in MAY_LOAD_TORCH and found.room not in MAY_LOAD_TORCH
    ]
    assert not wrong, names(wrong)


def test_numba_is_loaded_by_the_kernels_alone():
    wrong = [found for found in IMPORTS if loads(found, "numba") and found.room not in MAY_LOAD_NUMBA]
    assert not wrong, names(wrong)


@pytest.mark.parametrize("package", ["pickle", "cloudpickle", "joblib", "dill", "shelve", "marshal"])
def test_nothing_is_pickled_by_hand(package):
    wrong = [found for found in IMPORTS if loads(found, package)]
    assert not wrong, names(wrong)


def test_every_read_of_arrays_refuses_pickles_and_torch_load_is_not_used():
    for path in modules():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            owner = node.func.value.id if isinstance(node.func.value, ast.Name) else ""
            where = f"{path.relative_to(PACKAGE)}:{node.lineno}"
            assert (owner, node.func.attr) not in {("torch", "load"), ("torch", "save")}, where
            if (owner, node.func.attr) == ("np", "load"):
                allowed = {keyword.arg: keyword.value for keyword in node.keywords}.get("allow_pickle")
                assert isinstance(allowed, ast.Constant), where
                assert allowed.value is False, where


def test_optional_packages_are_imported_inside_the_function_that_needs_them():
    optional = ("ray", "trimesh", "manifold3d", "fast_simplification", "lxml", "meshio", "huggingface_hub", "pooch")
    wrong = [found for found, name in itertools.product(IMPORTS, optional) if found.top and loads(found, name)]
    assert not wrong, names(wrong)


def test_command_line_files_load_nothing_heavy_at_module_level():
    light = {"tyro", "voxplore"}
    standard = {"collections", "contextlib", "dataclasses", "importlib", "os", "pathlib", "signal", "sys"}
    standard |= {"io", "re", "threading", "typing", "warnings"}
    wrong = [
        found
        for found in IMPORTS
        if found.room == "cli" and found.top and found.module.split(".")[0] not in light | standard
    ]
    assert not wrong, names(wrong)


def test_no_file_is_longer_than_350_lines():
    long = {str(path.relative_to(PACKAGE)): len(path.read_text().splitlines()) for path in modules()}
    assert not {name: length for name, length in long.items() if length > 350}
