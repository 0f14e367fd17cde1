import numpy as np
import pytest

from voxplore.checks import operation_name, symmetry_group
from voxplore.geometry import CUBE_OPERATIONS, apply_operation


def made_symmetric(rng: np.random.Generator, operations: list) -> np.ndarray:
    """Random cell made symmetric under a group of operations."""
    seed = rng.random((12, 12, 12)) < 0.05
    out = np.zeros_like(seed)
    for operation in operations:
        out |= apply_operation(seed, operation)
    return out


def inversion() -> tuple:
    return (0, 1, 2), (True, True, True)


GROUPS = {
    "triclinic": [CUBE_OPERATIONS[0], inversion()],
    "monoclinic": [CUBE_OPERATIONS[0], ((0, 1, 2), (True, True, False))],
    "orthorhombic": [o for o in CUBE_OPERATIONS if o[0] == (0, 1, 2)],
    "tetragonal": [o for o in CUBE_OPERATIONS if o[0][2] == 2],
    "trigonal": [o for o in CUBE_OPERATIONS if len(set(o[1])) == 1],
    "cubic": list(CUBE_OPERATIONS),
}


@pytest.mark.parametrize("system", GROUPS)
def test_the_group_of_a_cell_made_symmetric_is_found(system, rng):
    group = symmetry_group(made_symmetric(rng, GROUPS[system]))
    expected = [o in GROUPS[system] for o in CUBE_OPERATIONS]
    assert group.holds.tolist() == expected
    assert group.order == len(GROUPS[system])
    assert group.system == system
    assert group.centred == (inversion() in GROUPS[system])


def test_a_random_cell_has_the_identity_alone(rng):
    group = symmetry_group(rng.random((8, 8, 8)) < 0.5)
    assert group.operations == ("x,y,z",)
    assert group.system == "triclinic"
    assert not group.centred


def test_overlap_is_counted_and_compared_with_the_threshold(rng):
    cell = made_symmetric(rng, GROUPS["cubic"])
    damaged = cell.copy()
    damaged[tuple(np.argwhere(cell)[0])] = False
    assert symmetry_group(damaged, 1.0).order < 48
    assert symmetry_group(damaged, 0.9).order == 48
    iou = symmetry_group(damaged).iou
    for number in (0, 7, 30):
        image = apply_operation(damaged, CUBE_OPERATIONS[number])
        assert iou[number] == (damaged & image).sum() / (damaged | image).sum()


def test_an_empty_and_a_full_cell_have_all_symmetries():
    assert symmetry_group(np.zeros((4, 4, 4), bool)).order == 48
    assert symmetry_group(np.ones((4, 4, 4), bool)).order == 48


def test_operations_have_readable_names():
    names = [operation_name(o) for o in CUBE_OPERATIONS]
    assert len(set(names)) == 48
    assert names[0] == "x,y,z"
    assert operation_name(inversion()) == "-x,-y,-z"
