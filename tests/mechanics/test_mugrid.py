import importlib.util
from pathlib import Path

import numpy as np
import pytest

from voxplore.mechanics.element import elastic_element
from voxplore.mechanics.grid import Grid
from voxplore.mechanics.homogenise import homogenise

pytest.importorskip("muGrid", reason="muGrid (LGPL) is not installed: pip install muGrid", exc_type=ImportError)


@pytest.fixture
def gyroids() -> list[np.ndarray]:
    x, y, z = 2 * np.pi * (np.indices((16, 16, 16)) + 0.5) / 16
    field = np.sin(x) * np.cos(y) + np.sin(y) * np.cos(z) + np.sin(z) * np.cos(x)
    return [field > 0, abs(field) < 0.6]


def test_mugrid_finds_the_same_stiffness_with_its_plain_elements(gyroids):
    path = Path(__file__).parents[2] / "benchmarks" / "check_mugrid.py"
    spec = importlib.util.spec_from_file_location("check_mugrid", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for cell in gyroids:
        assert len(np.unique(places := Grid.of(cell).places)) == len(places), "no contact by edges"
        other = module.mugrid_stiffness(cell)
        ours = homogenise(cell, elastic_element(0.3).without_modes()).tensor
        np.testing.assert_allclose(ours, other, rtol=0, atol=1e-4 * abs(other).max())
