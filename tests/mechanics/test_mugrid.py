import importlib.util
from pathlib import Path

import numpy as np
import pytest

from voxplore.mechanics import effective_stiffness

pytest.importorskip("muGrid", reason="muGrid (LGPL) is not installed: pip install muGrid", exc_type=ImportError)


def test_mugrid_finds_the_same_stiffness(blobs):
    path = Path(__file__).parents[2] / "benchmarks" / "check_mugrid.py"
    spec = importlib.util.spec_from_file_location("check_mugrid", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for cell in (blobs[4], blobs[7], blobs[10]):
        other = module.mugrid_stiffness(cell)
        np.testing.assert_allclose(effective_stiffness(cell), other, rtol=0, atol=1e-4 * abs(other).max())
