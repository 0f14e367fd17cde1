import numpy as np
import pytest

from voxplore.mechanics.element import elastic_element
from voxplore.mechanics.finer import finer_stiffness, stair_faces
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


def foretold_of(cell: np.ndarray, coarse) -> list[np.ndarray]:
    """Of one cell: the foretold stiffness, the limit of the error, and that of what is foretold."""
    stairs = np.array([stair_faces(cell)])
    return [one[0] for one in finer_stiffness(coarse.tensor[None], coarse.bound[None], stairs)]


@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
def test_the_finer_mesh_lies_within_what_is_stated(cell):
    element = elastic_element(0.3)
    coarse = homogenise(cell, element)
    fine = homogenise(cell.repeat(2, 0).repeat(2, 1).repeat(2, 2), element).tensor
    foretold, error, left = foretold_of(cell, coarse)
    size = np.linalg.norm(coarse.tensor)
    gap, remaining = (np.linalg.norm(tensor - fine) / size for tensor in (coarse.tensor, foretold))
    assert gap <= error
    assert remaining <= left


def test_of_slanted_struts_what_is_foretold_is_nearer_to_the_finer_mesh_than_what_was_solved():
    cell, element = body_centred(16, 0.12), elastic_element(0.3)
    coarse = homogenise(cell, element)
    fine = homogenise(cell.repeat(2, 0).repeat(2, 1).repeat(2, 2), element).tensor
    foretold = foretold_of(cell, coarse)[0]
    assert np.linalg.norm(foretold - fine) < 0.5 * np.linalg.norm(coarse.tensor - fine)


def test_nothing_is_foretold_for_rubber_and_nothing_is_off_where_the_stress_is_even():
    cell = frame(8, 2)
    foretold, error, left = foretold_of(cell, homogenise(cell, elastic_element(0.4999)))
    assert np.isnan(foretold).all()
    assert np.isnan(left)
    assert error > 0.5
    plate = np.zeros((4, 4, 4), bool)
    plate[:, :, 1:3] = True
    even = homogenise(plate, elastic_element(0.3), 1e-9)
    np.testing.assert_allclose(foretold_of(plate, even)[0], even.tensor, atol=1e-9)
    empty = finer_stiffness(np.zeros((1, 6, 6)), np.zeros((1, 6, 6)), np.zeros(1))
    assert not any(one.any() for one in empty)


def test_stairs_are_the_faces_that_end_at_an_inner_edge():
    plate = np.zeros((8, 8, 8), bool)
    plate[:, :, 2:4] = True
    assert stair_faces(plate) == 0
    plate[3:5, :, 4] = True  # a rib: two inner edges of eight voxels, two faces at each
    assert stair_faces(plate) == 2 * 2 * 8 / (2 * 64 + 2 * 8)
    for axis in range(3):
        assert stair_faces(np.flip(plate, axis)) == stair_faces(np.moveaxis(plate, 0, axis)) == stair_faces(plate)
