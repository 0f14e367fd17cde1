import itertools

import numpy as np
import pytest
from scipy import ndimage

from voxplore.data.synthetic import families, kirigami, planar, spinodoid, voronoi
from voxplore.errors import VoxploreError

NAMES = sorted(families.FAMILIES)


@pytest.fixture(scope="module", params=NAMES)
def cells(request):
    return families.build_family(request.param, 6, seed=0, workers=1)


def test_there_are_the_five_families():
    assert NAMES == ["extruded", "kirigami", "plates", "spinodoid", "voronoi"]


def test_every_cell_is_one_periodic_component(cells):
    """In the lattice of 2 x 2 x 2 cells all solid that a component of one cell reaches through the faces is joined."""
    for cell in cells.voxels():
        labels, count = ndimage.label(cell)
        joined = {frozenset({k}) for k in range(1, count + 1)}
        for axis in range(3):
            for a, b in zip(labels.take(0, axis=axis).ravel(), labels.take(-1, axis=axis).ravel(), strict=True):
                if a and b:
                    parts = {part for part in joined if a in part or b in part}
                    if len(parts) > 1:
                        joined = (joined - parts) | {frozenset.union(*parts)}
        assert len(joined) == 1


def test_every_cell_spans_all_axes(cells):
    """One row of cells along an axis is joined from end to end through its neighbours in the lattice."""
    for cell in cells.voxels():
        labels, _ = ndimage.label(np.tile(cell, (3, 3, 3)))
        d = len(cell)
        middle = labels[d : 2 * d, d : 2 * d, d : 2 * d]
        for axis in range(3):
            behind = np.roll(labels, -d, axis)[d : 2 * d, d : 2 * d, d : 2 * d]
            assert (middle[cell] == behind[cell]).any()


def test_every_cell_has_central_symmetry(cells):
    voxels = cells.voxels()
    assert np.array_equal(voxels, voxels[:, ::-1, ::-1, ::-1])


def test_opposite_faces_match(cells):
    for cell in cells.voxels():
        match = [(cell.take(0, axis=k) & cell.take(-1, axis=k)).sum() for k in range(3)]
        union = [(cell.take(0, axis=k) | cell.take(-1, axis=k)).sum() for k in range(3)]
        assert np.mean(np.array(match) / union) >= 0.5


def test_densities_are_in_range(cells):
    density = cells.relative_density()
    assert density.min() >= 0.03
    assert density.max() <= 0.75


def test_workers_and_chunks_do_not_show(cells, monkeypatch):
    name = cells.about["name"]
    monkeypatch.setattr(families, "_CHUNK", 2)
    assert np.array_equal(families.build_family(name, 3, workers=1).packed, cells.packed[:3])
    assert not np.array_equal(families.build_family(name, 3, seed=1, workers=1).packed, cells.packed[:3])


def test_two_workers_give_the_same_bytes(monkeypatch):
    monkeypatch.setattr(families, "_CHUNK", 2)
    one, two = (families.build_family("kirigami", 5, workers=workers, resolution=16) for workers in (1, 2))
    assert np.array_equal(one.packed, two.packed)


@pytest.mark.parametrize("name", NAMES)
def test_coarse_cells_are_built_too(name):
    cells = families.build_family(name, 2, resolution=16, workers=1)
    assert cells.resolution == 16
    assert cells.index["id"].tolist() == [f"{name}-000000", f"{name}-000001"]
    assert set(cells.index["family"]) == {name}


def test_bad_requests_are_refused():
    with pytest.raises(VoxploreError, match="family: expected spinodoid or voronoi or plates"):
        families.build_family("foam", 1)
    with pytest.raises(VoxploreError, match="n: expected a number from 1 to"):
        families.build_family("plates", 0)


def test_spinodoids_have_the_density_that_their_level_asks_for(monkeypatch):
    """Waves enough, a Gaussian field's level set at ndtri(density) holds that share of the volume."""
    rng = np.random.default_rng(0)
    densities = [spinodoid.draw_spinodoid(rng, 24).mean() for _ in range(60)]
    assert 0.2 < np.mean(densities) < 0.5
    assert np.mean(densities) == pytest.approx(0.35, abs=0.04)


class TestPlanar:
    def test_seeds_come_in_inverse_pairs_apart(self):
        seeds = voronoi.spread_seeds(np.random.default_rng(0), 3, (4, 4))
        assert seeds.shape == (8, 3)
        assert np.allclose((seeds[0::2] + seeds[1::2]) % 1.0, 0.0)
        gaps = np.linalg.norm((seeds[:, None] - seeds + 0.5) % 1 - 0.5, axis=-1) + np.eye(8)
        assert gaps.min() > 0.15

    def test_voronoi_edges_lie_as_far_from_three_seeds_and_no_nearer_to_another(self):
        seeds = voronoi.spread_seeds(np.random.default_rng(1), 3, (3, 3))
        edges = voronoi.voronoi_edges(seeds)
        images = np.concatenate([seeds + np.array(shift) for shift in itertools.product(range(-2, 3), repeat=3)])
        for point in edges.mean(axis=1):
            distance = np.sort(np.linalg.norm(images - point, axis=1))
            assert distance[2] - distance[0] < 1e-9

    def test_voronoi_of_a_square_of_seeds_is_the_square_grid(self):
        edges = voronoi.voronoi_edges(np.array([[0.25, 0.25], [0.75, 0.25], [0.25, 0.75], [0.75, 0.75]]))
        lengths = np.linalg.norm(edges[:, 1] - edges[:, 0], axis=1)
        assert lengths == pytest.approx(np.full(len(edges), 0.5))
        assert ((edges * 2) % 1.0 == pytest.approx(0.0)) or np.allclose((edges * 2 + 1e-9) % 1.0, 0.0, atol=1e-6)

    def test_distance_to_segments_wraps_around(self):
        segment = np.array([[[0.0, 0.0], [0.0, 1.0]]])
        distance = planar._distance_to_segments(segment, 8)
        u = (np.arange(8) + 0.5) / 8
        assert distance == pytest.approx(np.repeat(np.minimum(u, 1 - u)[:, None], 8, axis=1))

    @pytest.mark.parametrize("ratio", [1.0, 0.7])
    def test_each_hinge_joins_two_units(self, ratio):
        hinges = kirigami._Units(angle=0.4, ratio=ratio).hinges() % 1.0
        gaps = np.linalg.norm((hinges[:, None] - hinges + 0.5) % 1 - 0.5, axis=-1)
        assert ((gaps < 1e-9).sum(axis=1) == 2).all()

    def test_rotating_squares_fill_the_share_that_their_angle_leaves(self):
        angle = np.radians(20)
        share = kirigami._Units(angle=angle, ratio=1.0).solid(400, [None, None]).mean()
        assert share == pytest.approx(1 / (1 + np.sin(2 * angle)), abs=0.005)
