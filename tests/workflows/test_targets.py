"""The grammar of targets, and how far cells of known stiffness are from them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxplore.errors import VoxploreError
from voxplore.mechanics import derived, hashin_shtrikman
from voxplore.mechanics.properties import CONDUCTIVITY_COLUMNS, STIFFNESS_COLUMNS, properties_of
from voxplore.unitcells import UnitCells
from voxplore.workflows.targets import PROPERTIES, Condition, Target, parse_target, read_stiffness


def isotropic(young: float, poisson: float) -> np.ndarray:
    tensor = np.full((6, 6), 0.0)
    tensor[:3, :3] = young * poisson / ((1 + poisson) * (1 - 2 * poisson))
    tensor[range(6), range(6)] += young / (1 + poisson) * np.array([1, 1, 1, 0.5, 0.5, 0.5])
    return tensor


def table(tensors: np.ndarray, density: float | np.ndarray) -> dict[str, np.ndarray]:
    """Columns as `properties_of` gives them, from stiffness tensors (n, 6, 6)."""
    rows, columns = np.triu_indices(6)
    density = np.broadcast_to(np.asarray(density, float), len(tensors))
    stiffness = dict(zip(STIFFNESS_COLUMNS, tensors[:, rows, columns].T, strict=True))
    heat = {name: np.zeros(len(tensors)) for name in CONDUCTIVITY_COLUMNS}
    return {"relative_density": density, **stiffness, **heat, **derived(tensors, density)}


def test_every_number_of_properties_can_be_asked_for_by_its_name():
    solid = np.zeros((8, 8, 8), bool)
    solid[2:6] = solid[:, 2:6] = True
    columns = properties_of(UnitCells.from_voxels(solid[None]))
    assert {name for name in columns if not name.startswith("solver_")} <= set(PROPERTIES)
    for name in set(columns) & set(PROPERTIES):
        value = float(columns[name][0])
        if np.isfinite(value):
            assert parse_target(f"{name}={value!r}").misses(columns) == pytest.approx([0], abs=1e-12), name
    assert all(constant.label and constant.unit for constant in PROPERTIES.values())


def test_conditions_are_read_with_short_names_and_shares_of_the_bound():
    target = parse_target(" relative_density = 0.2,young_hill>=0.4*bound, poisson_xy<-1e-1 ,anisotropy<.2")
    assert target.conditions == (
        Condition("relative_density", "=", 0.2),
        Condition("young_hill", ">=", 0.4, of_bound=True),
        Condition("poisson_xy", "<", -0.1),
        Condition("universal_anisotropy", "<", 0.2),
    )
    assert target.columns == ("relative_density", "young_hill", "poisson_xy", "universal_anisotropy")


@given(
    st.sampled_from(sorted(PROPERTIES)),
    st.sampled_from(["=", "<", "<=", ">", ">="]),
    st.floats(-1e6, 1e6).map(lambda x: float(f"{x:g}")),
)
def test_what_is_written_reads_back(column, relation, value):
    target = Target((Condition(column, relation, value),))
    assert parse_target(str(target)) == target


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("young_hil>0.1", r"nearest: young_hill.*got young_hil"),
        ("density=0.2, stiffness>1", "got stiffness"),
        ("relative_density", "column relation number.*'relative_density'"),
        ("relative_density==0.2", "column relation number"),
        ("relative_density=a", "column relation number"),
        ("zener>0.5*bound", "beside `bound`, got zener"),
        ("", "one condition or more"),
    ],
)
def test_what_does_not_read_is_named_in_one_sentence(text, told):
    with pytest.raises(VoxploreError, match=told) as caught:
        parse_target(text)
    assert "\n" not in str(caught.value)


def test_an_unknown_column_brings_the_three_nearest():
    with pytest.raises(VoxploreError) as caught:
        parse_target("poison_xy<0")
    near = str(caught.value).split("nearest: ")[1].split(")")[0].replace(" or ", ", ").split(", ")
    assert len(near) == 3
    assert near[0] == "poisson_xy"


def test_misses_are_shares_of_the_value_and_nothing_where_it_is_reached():
    columns = table(np.stack([isotropic(0.1, 0.3), isotropic(0.05, -0.2)]), 0.25)
    assert parse_target("young_hill=0.08").misses(columns) == pytest.approx([0.25, 0.375])
    assert parse_target("young_hill>=0.08").misses(columns) == pytest.approx([0, 0.375])
    assert parse_target("young_hill<0.08").misses(columns) == pytest.approx([0.25, 0])
    assert parse_target("poisson_xy<-0.1").misses(columns) == pytest.approx([0.4, 0]), "the difference itself"
    both = parse_target("young_hill=0.08, poisson_xy<-0.1")
    assert both.misses(columns) == pytest.approx([0.4, 0.375]), "the largest"
    assert list(both.parts(columns)) == ["young_hill=0.08", "poisson_xy<-0.1"]


def test_a_share_of_the_bound_follows_the_density_of_the_cell():
    density = np.array([0.1, 0.4])
    bulk, shear = hashin_shtrikman(density)
    half = np.stack([isotropic(0.5 * 9 * k * g / (3 * k + g), 0.3) for k, g in zip(bulk, shear, strict=True)])
    assert parse_target("young_hill=0.5*bound").misses(table(half, density)) == pytest.approx([0, 0], abs=1e-9)
    assert parse_target("young_hill>=1*bound").misses(table(half, density)) == pytest.approx([0.5, 0.5])


def test_a_cell_without_the_property_misses_by_infinity():
    nothing = table(np.zeros((1, 6, 6)), 0.0)
    assert parse_target("poisson_xy<0.1").misses(nothing)[0] == np.inf
    assert parse_target("young_hill>=0.1*bound, zener=1").misses(nothing)[0] == np.inf


def test_the_miss_of_a_tensor_does_not_depend_on_the_axes():
    """Rotated by any angle, two tensors are as far apart as before: the norm is that of the fourth rank."""
    rng = np.random.default_rng(0)
    one, other = (m @ m.T for m in rng.normal(size=(2, 6, 6)))
    spin = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    turned = [rotated(tensor, spin) for tensor in (one, other)]
    misses = [
        Target(stiffness=tuple(wanted.ravel())).misses(table(has[None], 0.3))[0]
        for wanted, has in ((one, other), turned)
    ]
    assert misses[0] == pytest.approx(misses[1])
    assert Target(stiffness=tuple(one.ravel())).misses(table(one[None], 0.3))[0] < 1e-12


def rotated(tensor: np.ndarray, spin: np.ndarray) -> np.ndarray:
    """Voigt (6, 6) after a rotation (3, 3), index by index: an oracle that knows no Mandel weights."""
    pairs = [(0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1)]
    full = np.zeros((3, 3, 3, 3))
    for a, (i, j) in enumerate(pairs):
        for b, (k, m) in enumerate(pairs):
            for p, q in {(i, j), (j, i)}:
                for r, s in {(k, m), (m, k)}:
                    full[p, q, r, s] = tensor[a, b]
    full = np.einsum("ai,bj,ck,dl,ijkl->abcd", spin, spin, spin, spin, full)
    return np.array([[full[i, j, k, m] for k, m in pairs] for i, j in pairs])


def test_a_stiffness_is_read_from_a_table_and_checked(tmp_path):
    wanted = isotropic(0.03, 0.25)
    path = tmp_path / "C.csv"
    np.savetxt(path, wanted, delimiter=",")
    assert np.allclose(np.reshape(read_stiffness(path), (6, 6)), wanted)
    for rows, told in (
        (wanted[:5], "6 lines of 6 numbers"),
        (np.triu(wanted), "symmetric"),
        (-wanted, "no negative eigenvalue"),
        (0 * wanted, "other than zero"),
        (wanted * np.nan, "36 finite numbers"),
    ):
        np.savetxt(path, rows, delimiter=",")
        with pytest.raises(VoxploreError, match=told):
            read_stiffness(path)
    path.write_text("a,b\n")
    with pytest.raises(VoxploreError, match=r"C\.csv: expected numbers"):
        read_stiffness(path)
