"""Space groups: operations, averaged lattices, special positions and their orbits."""

import numpy as np
import pytest

from voxplore.data.synthetic.spacegroup import SYSTEMS, Draw, average_metric, hall_numbers, operations, random_site

HALLS = (1, 2, 90, 227, 349, 430, 488, 523, 530)


def wrapped(points):
    """Sorted rows of whole hundred-thousandths of a period."""
    return np.unique(np.round(points * 1e5).astype(np.int64) % 100_000, axis=0)


@pytest.mark.parametrize("hall", HALLS)
def test_an_orbit_is_mapped_onto_itself_by_the_operations(hall):
    rotations, translations = operations(hall)
    for position in range(4):
        site, point = random_site(Draw(hall, position), hall, 0.2 * position)
        orbit = site.orbit(point)
        for rotation, translation in zip(rotations[::5], translations[::5], strict=True):
            image = orbit @ rotation.T + translation
            apart = image[:, None] - orbit[None]
            assert np.abs(apart - np.round(apart)).max(axis=2).min(axis=1).max() < 1e-6


@pytest.mark.parametrize("hall", HALLS)
def test_the_length_of_an_orbit_divides_the_order_of_the_group(hall):
    for position in range(6):
        site, point = random_site(Draw(hall, position), hall, 0.15 * position)
        assert len(operations(hall)[0]) % len(site.orbit(point)) == 0


def test_a_moved_point_keeps_its_special_position():
    site, point = random_site(Draw(3), 523, 0.5)
    assert len(wrapped(site.orbit(point + np.array([0.01, 0.02, -0.01])))) == len(site.orbit(point))


def test_a_special_position_has_fewer_free_coordinates_than_a_general_one():
    assert {random_site(Draw(i), 523, 0.0)[0].freedom for i in range(10)} == {3}
    assert {random_site(Draw(i), 523, 0.5)[0].freedom for i in range(20)} >= {0, 1, 2}


@pytest.mark.parametrize("hall", HALLS)
def test_the_averaged_metric_is_unchanged_by_the_group(hall):
    metric = average_metric(np.array([[0.7, 0, 0], [0.2, 0.9, 0], [-0.1, 0.3, 1.0]]), hall)
    for rotation in operations(hall)[0]:
        assert np.allclose(rotation.T @ metric @ rotation, metric)


def test_every_crystal_system_has_groups_with_and_without_an_inversion_centre():
    for system in SYSTEMS:
        assert hall_numbers(system, True)
        assert hall_numbers(system, False)


def test_centrosymmetric_settings_invert_about_the_origin():
    for system in SYSTEMS:
        for hall in hall_numbers(system, True):
            rotations, translations = operations(hall)
            inversion = (rotations == -np.eye(3)).all(axis=(1, 2))
            assert (np.abs(translations[inversion]).sum(axis=1) == 0).any()


def test_choices_follow_their_weights():
    draw = Draw(0)
    chosen = [draw.choice("ab", (0.25, 0.75)) for _ in range(4000)]
    assert chosen.count("b") / 4000 == pytest.approx(0.75, abs=0.03)
