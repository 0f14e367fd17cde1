"""Records: the same bits as the builders', small, and no file however damaged does more than raise VoxploreError."""

import contextlib
import json
import lzma

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import load, save

from voxplore.data.prepare.splits import with_split
from voxplore.data.record import container
from voxplore.data.record.plans import level_sets_from_arrays, level_sets_to_arrays, nets_from_arrays, nets_to_arrays
from voxplore.data.record.sets import cells_from_record, read_record, write_record
from voxplore.data.synthetic.levelsets import LevelSet
from voxplore.data.synthetic.nets import build_nets, draw_nets, nets_with_plans
from voxplore.data.synthetic.periodic import PeriodicNet
from voxplore.data.synthetic.shells import build_shells, draw_shells, shells_with_plans
from voxplore.errors import VoxploreError
from voxplore.unitcells import UnitCells

N = 60
LENIENT = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def nets():
    cells, plans = nets_with_plans(N, seed=0, workers=1)
    return with_split(cells), plans


@pytest.fixture(scope="module")
def shells():
    cells, plans = shells_with_plans(N, seed=0, workers=1)
    return with_split(cells), plans


@pytest.fixture(scope="module")
def both(nets, shells, tmp_path_factory):
    path = tmp_path_factory.mktemp("record") / "both.bin"
    write_record(path, nets=nets, shells=shells, about={"name": "both", "periodicity_floor": 0.25})
    return path


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A record of four nets and four shells at 16^3, to be damaged."""
    path = tmp_path_factory.mktemp("small") / "small.bin"
    nets = nets_with_plans(4, seed=3, resolution=16, workers=1)
    write_record(path, nets=nets, shells=shells_with_plans(4, seed=3, resolution=16, workers=1))
    return path


def content(path):
    arrays = load(lzma.decompress(path.read_bytes()))
    facts = json.loads(arrays.pop("facts").tobytes())
    return arrays, facts


def test_nets_come_back_as_they_were_built(nets, tmp_path):
    write_record(tmp_path / "nets.bin", nets=nets)
    again = cells_from_record(tmp_path / "nets.bin", workers=1)
    assert_same(again, nets[0])
    assert np.array_equal(again.packed, build_nets(N, seed=0, workers=1).packed)


def test_shells_come_back_as_they_were_built(shells, tmp_path):
    write_record(tmp_path / "shells.bin", shells=shells)
    again = cells_from_record(tmp_path / "shells.bin", workers=1)
    assert_same(again, shells[0])
    assert np.array_equal(again.packed, build_shells(N, seed=0, workers=1).packed)


def assert_same(again: UnitCells, cells: UnitCells):
    assert again.sha256() == cells.sha256()
    assert list(again.index) == list(cells.index)
    for name, column in cells.index.items():
        assert again.index[name].tolist() == column.tolist(), name
    assert again.about == json.loads(json.dumps(cells.about))


def test_a_record_of_both_holds_nets_then_shells_with_the_columns_that_both_have(both, nets, shells):
    again = cells_from_record(both, workers=1)
    assert np.array_equal(again.packed, np.concatenate([nets[0].packed, shells[0].packed]))
    assert set(again.index) == {"id", "source_id", "family", "split"}
    assert again.index["id"][[0, N]].tolist() == ["nets-000000", "shells-000000"]
    assert again.index["family"][0].startswith("net-")
    assert again.about == {"name": "both", "periodicity_floor": 0.25}


def test_the_rows_of_one_split_can_be_recorded_alone(nets, tmp_path):
    cells, plans = nets
    rows = np.flatnonzero(cells.index["split"] == "train")
    write_record(tmp_path / "train.bin", nets=(cells[rows], [plans[row] for row in rows]))
    assert_same(cells_from_record(tmp_path / "train.bin", workers=1), cells.split("train"))


def test_a_record_takes_less_than_two_hundred_bytes_a_cell(both):
    size = both.stat().st_size / (2 * N)
    print(f"{size:.0f} bytes a cell")
    assert size < 200


def test_the_same_cells_make_the_same_record(both, nets, shells, tmp_path):
    write_record(tmp_path / "again.bin", nets=nets, shells=shells, about={"name": "both", "periodicity_floor": 0.25})
    assert (tmp_path / "again.bin").read_bytes() == both.read_bytes()


def test_workers_do_not_show_and_progress_counts_all_cells(small):
    seen = []
    cells = cells_from_record(small, workers=2, progress=seen.append)
    assert np.array_equal(cells.packed, cells_from_record(small, workers=1).packed)
    assert seen == [4, 4]


def test_nets_keep_every_bit(nets):
    again = nets_from_arrays(nets_to_arrays(nets[1]), N, "nets")
    for net, other in zip(nets[1], again, strict=True):
        assert all(np.array_equal(getattr(net, f), getattr(other, f)) for f in ("nodes", "start", "end", "period"))


def test_level_sets_keep_every_bit(shells):
    again = level_sets_from_arrays(level_sets_to_arrays(shells[1]), [plan.family for plan in shells[1]], "shells")
    assert {plan.thickness for plan in again} >= {None}, "networks are among them"
    for plan, other in zip(shells[1], again, strict=True):
        assert all(np.array_equal(getattr(plan, f), getattr(other, f)) for f in ("coefficients", "scale", "phase"))
        assert (plan.family, plan.level, plan.thickness) == (other.family, other.level, other.thickness)


whole = st.integers(-60_000, 160_000)


@given(points=st.lists(st.tuples(whole, whole, whole), min_size=1, max_size=8), origin=st.tuples(*[st.booleans()] * 3))
def test_any_five_decimals_moved_by_half_periods_are_given_back_exactly(points, origin):
    nodes = np.round(np.array(points) / 1e5, 5) + np.array(origin) * 0.5
    net = PeriodicNet(nodes, np.zeros(1, np.int64), np.zeros(1, np.int64), np.array([[1, 0, -1]]))
    again = nets_from_arrays(nets_to_arrays([net, net]), 2, "nets")[1]
    assert np.array_equal(again.nodes, nodes)


number = st.floats(-1e3, 1e3).map(lambda x: x + 0.0)


@given(st.data())
def test_any_level_set_is_given_back_exactly(data):
    coefficients = np.zeros((7, 7, 7))
    for place in data.draw(st.lists(st.tuples(*[st.integers(0, 6)] * 3), max_size=6)):
        coefficients[place] = data.draw(number)
    scale, phase = (np.array(data.draw(st.tuples(number, number, number))) for _ in range(2))
    level_set = LevelSet("f", coefficients, scale, phase, data.draw(number), data.draw(st.none() | st.floats(0.01, 1)))
    if not coefficients.any() and not scale.any() and not phase.any() and not level_set.level:
        return
    again = level_sets_from_arrays(level_sets_to_arrays([level_set]), ["f"], "shells")[0]
    assert np.array_equal(again.coefficients, coefficients)
    assert np.array_equal(np.stack([again.scale, again.phase]), np.stack([scale, phase]))
    assert (again.level, again.thickness) == (level_set.level, level_set.thickness)


def test_a_net_of_more_decimals_is_refused():
    net = PeriodicNet(np.full((1, 3), 1 / 3), np.zeros(1, np.int64), np.zeros(1, np.int64), np.array([[1, 0, 0]]))
    with pytest.raises(VoxploreError, match="net: expected coordinates of 5 decimals"):
        nets_to_arrays([net])


class TestWriting:
    def test_as_many_plans_as_cells(self, nets, tmp_path):
        with pytest.raises(VoxploreError, match="one plan a cell"):
            write_record(tmp_path / "x.bin", nets=(nets[0], nets[1][:-1]))
        assert not list(tmp_path.iterdir())

    def test_one_set_at_least(self, tmp_path):
        with pytest.raises(VoxploreError, match="nets, shells or both"):
            write_record(tmp_path / "x.bin")

    def test_one_resolution(self, nets, tmp_path):
        with pytest.raises(VoxploreError, match=r"one even resolution up to 128, got resolutions \[16, 48\]"):
            write_record(tmp_path / "x.bin", nets=nets, shells=shells_with_plans(2, resolution=16, workers=1))


def rewritten(path, folder, change):
    """The record with its arrays and facts changed, packed as a record is."""
    arrays, facts = content(path)
    change(arrays, facts)
    container.write_arrays(folder / "changed.bin", arrays, facts)
    return folder / "changed.bin"


class TestDamagedFiles:
    def test_none(self, tmp_path):
        with pytest.raises(VoxploreError, match=r"no.bin: expected a record of cells, got no such file"):
            read_record(tmp_path / "no.bin")

    def test_cut_short(self, small, tmp_path):
        path = tmp_path / "short.bin"
        for size in (0, 1, 100, small.stat().st_size - 1):
            path.write_bytes(small.read_bytes()[:size])
            with pytest.raises(VoxploreError, match=r"short.bin: expected"):
                read_record(path)

    def test_something_behind(self, small, tmp_path):
        (tmp_path / "long.bin").write_bytes(small.read_bytes() + b"more")
        with pytest.raises(VoxploreError, match="one whole xz stream"):
            read_record(tmp_path / "long.bin")

    def test_other_cells_than_were_recorded_are_named_by_both_checksums(self, small, tmp_path):
        def move(arrays, facts):
            nodes = arrays["nets.nodes"].copy()
            nodes[0] += 20_000
            arrays["nets.nodes"] = nodes

        _, facts = content(small)
        with pytest.raises(VoxploreError, match="nets: expected cells of sha256 ") as raised:
            cells_from_record(rewritten(small, tmp_path, move), workers=1)
        assert facts["sets"]["nets"]["sha256"] in str(raised.value)
        assert len(str(raised.value).split("got ")[1]) == 64

    def test_what_unpacks_to_too_much_is_not_unpacked(self, tmp_path, monkeypatch):
        monkeypatch.setattr(container, "LIMIT", 1 << 16)
        (tmp_path / "bomb.bin").write_bytes(lzma.compress(bytes(1 << 20)))
        with pytest.raises(VoxploreError, match="at most 65536 bytes once unpacked"):
            read_record(tmp_path / "bomb.bin")

    def test_an_xz_stream_that_asks_for_much_memory_is_refused(self, small, monkeypatch):
        monkeypatch.setattr(container, "_MEMORY", 1 << 20)
        with pytest.raises(VoxploreError, match="memory"):
            read_record(small)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (lambda a, f: f.update(format="other"), "voxplore-record 1"),
            (lambda a, f: f.update(format_version=2), "voxplore-record 1"),
            (lambda a, f: f.update(sets={}), "nets, shells or both"),
            (lambda a, f: f.update(sets=[]), "sets: dict"),
            (lambda a, f: f["sets"].update(foams={}), "nets, shells or both"),
            (lambda a, f: f["sets"]["nets"].update(n=5), "of 5 texts"),
            (lambda a, f: f["sets"]["nets"].update(n=True), "n: int"),
            (lambda a, f: f["sets"]["nets"].update(n=1 << 60), "bytes"),
            (lambda a, f: f["sets"]["nets"].update(resolution=1 << 20), "even resolution"),
            (lambda a, f: f["sets"]["nets"].update(resolution=18), "sets of one resolution"),
            (lambda a, f: f["sets"]["nets"].update(radius=9.0), "radius of at most"),
            (lambda a, f: f["sets"]["nets"].update(columns=["nobody"]), "column nobody"),
            (lambda a, f: f["sets"]["shells"].pop("sha256"), "sha256: str"),
            (lambda a, f: a.pop("nets.halves"), "halves: uint8 in 2 axes"),
            (lambda a, f: a.update({"nets.halves": a["nets.halves"] + 2}), "nodes within 3"),
            (lambda a, f: a.update({"nets.halves": a["nets.halves"][:, :2].copy()}), "halves: length 3 of axis 1"),
            (lambda a, f: a.update({"nets.nodes": a["nets.nodes"] * 1000}), "nodes within 3"),
            (lambda a, f: a.update({"nets.period": a["nets.period"] + np.int8(100)}), "struts within 3"),
            (lambda a, f: a.update({"nets.end": a["nets.end"] + np.uint16(999)}), "a strut past them"),
            (lambda a, f: a.update({"nets.end": a["nets.end"][:-1]}), "start, end and period"),
            (lambda a, f: a.update({"nets.struts_of": a["nets.struts_of"] + np.uint32(99)}), "nodes and struts for 4"),
            (lambda a, f: a.update({"nets.node_counts": a["nets.node_counts"] * 0}), "parts that fill"),
            (lambda a, f: a.update({"shells.values": a["shells.values"] * np.nan}), "numbers of at most 1000"),
            (lambda a, f: a.update({"shells.patterns": a["shells.patterns"] + np.uint16(99)}), "as many numbers"),
            (lambda a, f: a.update({"shells.pattern_of": a["shells.pattern_of"][:3]}), "patterns for 4 level sets"),
            (lambda a, f: a.update({"shells.index.id": np.full(9, 255, np.uint8)}), "column id of 4 texts"),
            (lambda a, f: a.update({"shells.index.id": np.full(10**6, 65, np.uint8)}), "column id of 4 texts"),
        ],
    )
    def test_what_contradicts_itself_is_named(self, small, tmp_path, change, message):
        with pytest.raises(VoxploreError, match=f"changed.bin.*expected .*{message}"):
            read_record(rewritten(small, tmp_path, change))


def harmless(path):
    """Reading and drawing either succeeds, and then gives the recorded cells, or raises VoxploreError."""
    with contextlib.suppress(VoxploreError):
        record = read_record(path)
        assert record.matches(record.cells(workers=1))


edits = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=6)


def edited(data: bytes, places) -> bytes:
    changed = bytearray(data)
    for place, value in places:
        changed[int(place * len(changed))] = value
    return bytes(changed)


@LENIENT
@given(edits, st.floats(0, 1))
def test_no_bytes_do_more_than_be_refused(small, tmp_path, places, end):
    data = edited(small.read_bytes(), places)
    (tmp_path / "x.bin").write_bytes(data[: len(data) - int(0.1 * end * len(data))] if end > 0.5 else data)
    harmless(tmp_path / "x.bin")


@LENIENT
@given(edits)
def test_no_bytes_beneath_the_compression_do_more_than_be_refused(small, tmp_path, places):
    data = edited(lzma.decompress(small.read_bytes()), places)
    (tmp_path / "x.bin").write_bytes(lzma.compress(data, preset=0))
    harmless(tmp_path / "x.bin")


json_values = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5)
json_values = json_values | st.lists(json_values, max_size=2) | st.dictionaries(st.text(max_size=5), json_values)


@LENIENT
@given(st.data())
def test_no_facts_and_no_arrays_do_more_than_be_refused(small, tmp_path, data):
    arrays, facts = content(small)
    part = data.draw(st.sampled_from([facts, facts["sets"], facts["sets"]["nets"], facts["sets"]["shells"]]))
    if data.draw(st.booleans()):
        part[data.draw(st.sampled_from(sorted(part)))] = data.draw(json_values)
    name = data.draw(st.sampled_from(sorted(arrays)))
    kind = data.draw(st.sampled_from([arrays[name].dtype, np.dtype(np.int64), np.dtype(np.float64)]))
    shape = data.draw(st.sampled_from([arrays[name].shape, (0,), (1,), (3, 0), (4,), (2, 3)]))
    arrays[name] = np.resize(arrays[name], shape).astype(kind) + kind.type(data.draw(st.integers(0, 3)))
    container.write_arrays(tmp_path / "x.bin", arrays, facts)
    harmless(tmp_path / "x.bin")


def test_arrays_of_other_kinds_are_refused(small, tmp_path):
    data = save({"facts": np.zeros(3, np.float32)})
    (tmp_path / "x.bin").write_bytes(lzma.compress(data))
    with pytest.raises(VoxploreError, match=r"x.bin: expected a record of cells"):
        read_record(tmp_path / "x.bin")


def test_cells_are_drawn_as_the_builders_draw_them(nets, shells):
    assert np.array_equal(draw_nets(nets[1][7:9]), nets[0].packed[7:9])
    assert np.array_equal(draw_shells(shells[1][7:9]), shells[0].packed[7:9])
