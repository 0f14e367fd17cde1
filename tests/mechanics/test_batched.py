import numpy as np
import pytest

from voxplore.mechanics import properties_of
from voxplore.mechanics.batched import homogenise_batch
from voxplore.mechanics.element import conductive_element, elastic_element
from voxplore.mechanics.homogenise import homogenise
from voxplore.unitcells import UnitCells

torch = pytest.importorskip("torch")
DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA"))]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("element", [elastic_element(0.2), conductive_element((1.0, 2.0, 0.5))], ids=["3", "1"])
def test_a_batch_equals_its_cells_one_by_one(device, element, blobs):
    cells = blobs[[0, 1, 4, 8]][:, ::2, ::2, ::2]
    for cell, got in zip(cells, homogenise_batch(cells, element, 1e-7, device), strict=True):
        np.testing.assert_allclose(got.tensor, homogenise(cell, element, 1e-7).tensor, atol=1e-9)
        assert got.residual <= 1e-7


def test_a_batch_that_gives_up_says_so(blobs):
    short = homogenise_batch(blobs[4:5, ::2, ::2, ::2], elastic_element(0.3), 1e-7, "cpu", max_iterations=2)
    assert short[0].residual > 1e-7


def test_the_table_is_the_same_from_a_device(blobs, monkeypatch):
    from voxplore.mechanics import properties

    cells = UnitCells.from_voxels(blobs[[1, 4, 8]][:, ::2, ::2, ::2])
    batch = properties.homogenise_batch
    monkeypatch.setattr(properties, "homogenise_batch", lambda v, e, t, _, **kw: batch(v, e, t, "cpu", **kw))
    monkeypatch.setattr(properties, "_BATCH", 2)
    one, other = properties_of(cells, workers=1, tolerance=1e-7), properties_of(cells, device="meta", tolerance=1e-7)
    assert list(one) == list(other)
    for key in ("C11", "C44", "conductivity_xx", "young_hill"):
        np.testing.assert_allclose(one[key], other[key], atol=1e-8)
