import re

import numpy as np

import voxplore as vp
from voxplore.data.prepare.splits import with_split
from voxplore.workflows.info import describe


def test_held_out_cells_are_read_against_the_training_cells_by_the_printed_equations(tmp_path):
    rng = np.random.default_rng(0)
    voxels = rng.random((50, 8, 8, 8)) < rng.uniform(0.2, 0.6, (50, 1, 1, 1))
    cells = with_split(vp.UnitCells.from_voxels(voxels, name="specks"), 0)
    cells.save(tmp_path / "cells")
    train, held_out = (cells.split(name).voxels() for name in ("train", "test"))
    iou = np.array([[(a & b).sum() / (a | b).sum() for b in train] for a in held_out])
    line = next(line for line in describe(tmp_path / "cells").splitlines() if line.startswith("held-out against"))
    novelty, diversity = (float(value) for value in re.findall(r"S_\w+ ([\d.]+)", line))
    assert abs(novelty - (1 - iou.max(1)).mean()) < 5e-4
    assert abs(diversity - len(set(iou.argmax(1))) / len(held_out)) < 5e-4
