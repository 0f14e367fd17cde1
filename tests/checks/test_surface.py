import numpy as np
import pytest

from voxplore.checks import surface


def test_layers_have_two_flat_faces_and_one_normal():
    layer = np.zeros((16, 16, 16), bool)
    layer[:, 3:7] = True
    skin = surface(layer)
    assert skin.area == pytest.approx(2.0)
    np.testing.assert_allclose(skin.orientation, np.diag([0, 1, 0]), atol=1e-9)
    assert skin.anisotropy == pytest.approx(1.0)


def test_a_layer_across_the_seam_has_the_same_area():
    layer = np.zeros((16, 16, 16), bool)
    layer[:, 3:7] = True
    assert surface(np.roll(layer, 11, 1)).area == pytest.approx(2.0)


def test_a_ball_is_a_tenth_too_large_and_has_no_axis():
    centres = np.indices((32, 32, 32)) + 0.5 - 16
    skin = surface((centres**2).sum(0) < 100)
    exact = 4 * np.pi * 100 / 32**2
    assert exact < skin.area < 1.12 * exact
    assert skin.anisotropy == pytest.approx(0, abs=1e-6)


def test_solid_and_void_share_their_surface(blobs):
    for cell in blobs[4:8]:
        # Marching cubes joins solid corners or void corners at ambiguous faces, so the two differ by a little.
        assert surface(~cell).area == pytest.approx(surface(cell).area, rel=0.05)


@pytest.mark.parametrize("value", [True, False])
def test_a_cell_of_one_phase_has_no_surface(value):
    skin = surface(np.full((6, 6, 6), value))
    assert skin.area == 0
    assert np.isnan(skin.anisotropy)
