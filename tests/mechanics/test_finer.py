import numpy as np
import pytest

from voxplore.mechanics.element import elastic_element
from voxplore.mechanics.finer import finer_stiffness
from voxplore.mechanics.homogenise import homogenise


def frame(d: int, thick: int) -> np.ndarray:
    x, y, z = np.indices((d, d, d)) < thick
    return (x & y) | (y & z) | (z & x)


def body_centred(d: int, radius: float) -> np.ndarray:
    places = (np.indices((d, d, d)) + 0.5) / d - 0.5
    cell = np.zeros((d, d, d), bool)
    for signs in ((1, 1, 1), (1, 1, -1), (1, -1, 1), (-1, 1, 1)):
        along = np.array(signs) / np.sqrt(3)
        reach = np.einsum("i,ixyz->xyz", along, places)
        cell |= (places**2).sum(0) - reach**2 < radius**2
    return cell


CELLS = {
    "frame of 2 voxels": frame(12, 2),
    "frame of 3 voxels": frame(12, 3),
    "frame of 4 voxels": frame(16, 4),
    "slanted struts of 2 voxels radius": body_centred(20, 0.1),
    "slanted struts of 3 voxels radius": body_centred(24, 0.125),
}


@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
def test_the_finer_mesh_lies_within_what_is_stated(cell):
    element = elastic_element(0.3)
    coarse = homogenise(cell, element)
    fine = homogenise(cell.repeat(2, 0).repeat(2, 1).repeat(2, 2), element).tensor
    foretold, error, left = (one[0] for one in finer_stiffness(coarse.tensor[None], coarse.bound[None]))
    size = np.linalg.norm(coarse.tensor)
    gap, remaining = (np.linalg.norm(tensor - fine) / size for tensor in (coarse.tensor, foretold))
    assert gap <= error
    assert remaining <= left


def test_of_slanted_struts_what_is_foretold_is_nearer_to_the_finer_mesh_than_what_was_solved():
    cell, element = body_centred(16, 0.12), elastic_element(0.3)
    coarse = homogenise(cell, element)
    fine = homogenise(cell.repeat(2, 0).repeat(2, 1).repeat(2, 2), element).tensor
    foretold = finer_stiffness(coarse.tensor[None], coarse.bound[None])[0][0]
    assert np.linalg.norm(foretold - fine) < 0.7 * np.linalg.norm(coarse.tensor - fine)


def test_nothing_is_foretold_for_rubber_and_nothing_is_off_where_the_stress_is_even():
    rubber = homogenise(frame(8, 2), elastic_element(0.4999))
    foretold, error, left = finer_stiffness(rubber.tensor[None], rubber.bound[None])
    assert np.isnan(foretold).all()
    assert np.isnan(left).all()
    assert error[0] > 0.5
    plate = np.zeros((4, 4, 4), bool)
    plate[:, :, 1:3] = True
    even = homogenise(plate, elastic_element(0.3), 1e-9)
    foretold, error, left = finer_stiffness(even.tensor[None], even.bound[None])
    np.testing.assert_allclose(foretold[0], even.tensor, atol=1e-9)
    empty = finer_stiffness(np.zeros((1, 6, 6)), np.zeros((1, 6, 6)))
    assert not any(one.any() for one in empty)
