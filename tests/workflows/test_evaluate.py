"""Which cells are the reference, and what every built set ends with."""

import contextlib
import os
import re
from dataclasses import replace

import numpy as np
import pytest

from voxplore import geometry
from voxplore.errors import VoxploreError
from voxplore.metrics import evaluate, periodicity
from voxplore.unitcells import UnitCells
from voxplore.workflows.build import build, finish, join
from voxplore.workflows.evaluate import Options, reference_of, score
from voxplore.workflows.info import cell_statistics, describe, repeated


@pytest.fixture
def cells(rng) -> UnitCells:
    """Fifty smooth cells at 8^3."""
    field = rng.normal(size=(50, 8, 8, 8))
    for axis in (1, 2, 3):
        field = field + np.roll(field, 1, axis)
    return UnitCells.from_voxels(field > 0.8, name="smooth")


def rows_of(cells: UnitCells) -> set[bytes]:
    return {row.tobytes() for row in cells.packed}


class TestReference:
    """Training split in six orientations; the test split is held out."""

    @pytest.mark.parametrize("stored", [1, 6])
    def test_it_does_not_matter_how_many_orientations_were_stored(self, cells, stored):
        one, other = reference_of(finish(cells)), reference_of(finish(cells, orientations=stored))
        assert rows_of(one.reference) == rows_of(other.reference)
        assert rows_of(one.train) == rows_of(other.train)
        assert one.held_out is not None
        assert other.held_out is not None
        assert rows_of(one.held_out) == rows_of(other.held_out)

    def test_it_holds_every_training_cell_turned_six_ways(self, cells):
        built = finish(cells)
        reference = reference_of(built).reference
        train = built.split("train")
        assert len(reference) == 6 * len(train)
        expected = {np.packbits(geometry.orient(cell, k)).tobytes() for cell in train.voxels() for k in range(6)}
        assert rows_of(reference) == expected

    def test_no_held_out_cell_is_in_it(self, cells):
        found = reference_of(finish(cells))
        assert found.held_out is not None
        assert not set(found.held_out.index["source_id"]) & set(found.reference.index["source_id"])

    def test_the_valid_split_can_be_held_out_in_its_place(self, cells):
        built = finish(cells)
        found = reference_of(built, "valid")
        assert found.held_out is not None
        assert rows_of(found.held_out) == rows_of(built.split("valid"))
        assert rows_of(found.reference) == rows_of(reference_of(built).reference)

    def test_a_set_without_splits_is_a_reference_as_it_is(self, cells):
        found = reference_of(cells)
        assert found.reference is cells
        assert found.held_out is None

    def test_the_papers_split_holds_out_but_tunes_on_nothing(self, cells):
        found = reference_of(finish(cells, rule="paper"))
        assert found.held_out is not None
        assert (len(found.train), len(found.held_out)) == (40, 10)


class TestFinish:
    """Split, floor, orientations."""

    def test_the_floor_is_nine_tenths_of_the_tenth_percentile_of_held_out_periodicity(self, cells):
        built = finish(cells, seed=3)
        expected = 0.9 * np.quantile(periodicity(built.split("test")), 0.1)
        assert built.about["periodicity_floor"] == pytest.approx(expected, abs=1e-6)

    def test_cells_that_bring_a_split_keep_it(self, cells):
        mine = np.array(["train"] * 49 + ["test"])
        built = finish(replace(cells, index={**cells.index, "split": mine}))
        assert built.index["split"].tolist() == mine.tolist()

    def test_cells_turned_before_stay_as_they_are(self, cells):
        turned = finish(cells, orientations=6)
        assert np.array_equal(finish(turned).packed, turned.packed)
        with pytest.raises(VoxploreError, match="got cells oriented before"):
            finish(turned, orientations=6)

    def test_two_cells_have_no_floor_where_none_is_held_out(self, cells):
        assert "periodicity_floor" not in finish(cells[:2]).about

    def test_nothing_is_made_where_something_stands(self, cells, tmp_path):
        (tmp_path / "out").write_text("")

        def never() -> UnitCells:
            raise AssertionError

        with pytest.raises(VoxploreError, match="got an existing one"):
            build(never, tmp_path / "out")
        with pytest.raises(VoxploreError, match="orientations: expected 1 or 6, got 2"):
            build(never, tmp_path / "other", orientations=2)

    def test_one_set_is_not_joined(self, cells):
        with pytest.raises(VoxploreError, match="expected two or more, got 1"):
            join([cells])


class TestScore:
    """Evaluating and writing."""

    def test_held_out_cells_of_ones_own_are_used(self, cells, tmp_path):
        found = score(cells[:5], reference_of(cells), tmp_path / "s", Options(rows=True, row_size=4), cells[5:9])
        assert set(found) == {"samples", "held-out", "training", "noise"}
        assert found["held-out"].n == 4
        assert found["samples"].about["held_out"]["n"] == 4


class TestDescribe:
    """What `info` says."""

    def test_near_duplicates_are_those_of_a_plain_loop(self, rng):
        base = rng.random((6, 8, 8, 8)) < 0.4
        near = geometry.apply_operation(base[1], geometry.CUBE_OPERATIONS[17]).copy()
        near[0, 0, 0] ^= True
        far = base[2].copy()
        far[0, :2] ^= True
        voxels = np.concatenate([base, near[None], far[None], geometry.shift(base[3:4], (0.5, 0, 0))])
        expected = [
            any(
                (both := np.count_nonzero(turned & b)) >= 0.98 * np.count_nonzero(turned | b) and both > 0
                for j, b in enumerate(voxels)
                if j != i
                for turned in (geometry.apply_operation(a, o) for o in geometry.CUBE_OPERATIONS)
            )
            for i, a in enumerate(voxels)
        ]
        assert sum(expected) == 2
        assert repeated(UnitCells.from_voxels(voxels)).tolist() == expected

    def test_copies_in_other_orientations_are_no_duplicates_of_their_source(self, cells, tmp_path):
        finish(cells, orientations=6).save(tmp_path / "six")
        assert re.search(r"near duplicates +0\.0 %", describe(tmp_path / "six"))

    def test_no_cells_are_described_too(self):
        assert cell_statistics(UnitCells.from_voxels(np.zeros((0, 8, 8, 8), bool))) == [("cells", "0 at 8^3")]

    def test_quick_leaves_out_comparisons(self, cells, tmp_path):
        finish(cells).save(tmp_path / "s")
        assert "near duplicates" not in describe(tmp_path / "s", quick=True)


class TestBlocks:
    """Cells scored block by block are scored as at once, broken off or not."""

    @pytest.fixture(autouse=True)
    def small_blocks(self, monkeypatch):
        monkeypatch.setattr("voxplore.metrics.rows.BLOCK", 7)
        monkeypatch.setattr("voxplore.storage.resumable._FLUSH_SECONDS", 0.0)

    def read(self, folder) -> list[bytes]:
        return [(folder / name).read_bytes() for name in ("scores.json", "scores.csv")]

    @pytest.mark.parametrize("five", [False, True])
    def test_they_have_the_scores_of_one_block(self, cells, tmp_path, monkeypatch, five):
        options = Options(five=five, vun=not five)
        score(cells, reference_of(finish(cells)), tmp_path / "blocks", options)
        monkeypatch.setattr("voxplore.metrics.rows.BLOCK", 1000)
        score(cells, reference_of(finish(cells)), tmp_path / "whole", options)
        assert self.read(tmp_path / "blocks") == self.read(tmp_path / "whole")
        known = reference_of(finish(cells))
        alone = evaluate(cells, known.reference, held_out=known.held_out, vun=not five, five=five)
        alone.save(tmp_path / "alone")
        assert self.read(tmp_path / "alone") == self.read(tmp_path / "whole")
        assert (alone.vendi is None) == (alone.novelty_opened is None) == five
        assert sorted(path.name for path in tmp_path.iterdir()) == ["alone", "blocks", "whole"]

    @pytest.mark.parametrize("at", range(0, 22, 2))
    def test_what_is_broken_off_goes_on_and_ends_in_the_same_bytes(self, cells, tmp_path, monkeypatch, at):
        known, options = reference_of(finish(cells)), Options(vun=False)
        score(cells, known, tmp_path / "whole", options)
        flush, count = os.fsync, [0]

        def breaks(descriptor: int) -> None:
            count[0] += 1
            if count[0] == at + 1:
                raise KeyboardInterrupt
            flush(descriptor)

        with monkeypatch.context() as broken, contextlib.suppress(KeyboardInterrupt):
            broken.setattr(os, "fsync", breaks)
            score(cells, known, tmp_path / "out", options)
        if not (tmp_path / "out").exists():
            score(cells, known, tmp_path / "out", options)
        assert self.read(tmp_path / "whole") == self.read(tmp_path / "out")
        assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "whole"]
