import hashlib

import numpy as np
import pytest
from scipy import ndimage
from skimage.transform import resize

from voxplore.data.published import metashell
from voxplore.data.synthetic import levelsets, octants, shells
from voxplore.errors import VoxploreError


@pytest.fixture(scope="module")
def cells():
    return shells.build_shells(24, seed=0, workers=1)


def flood(solid):
    """The solid reached from one solid voxel by steps between face neighbours, periodic: a plain oracle."""
    reached = np.zeros_like(solid)
    reached[tuple(np.argwhere(solid)[0])] = True
    while True:
        grown = reached.copy()
        for axis in range(3):
            grown |= np.roll(reached, 1, axis) | np.roll(reached, -1, axis)
        grown &= solid
        if np.array_equal(grown, reached):
            return reached
        reached = grown


def test_every_shell_is_one_periodic_component(cells):
    assert all(np.array_equal(flood(cell), cell) for cell in cells.voxels())


def test_every_shell_equals_its_mirror_images(cells):
    voxels = cells.voxels()
    assert all(np.array_equal(voxels, np.flip(voxels, axis)) for axis in (1, 2, 3))


def test_every_face_has_solid(cells):
    voxels = cells.voxels()
    assert all(voxels.take(0, axis=axis).any(axis=(1, 2)).all() for axis in (1, 2, 3))


def test_densities_are_in_range(cells):
    density = cells.relative_density()
    assert density.min() >= 0.03
    assert density.max() <= 0.5
    assert 0.1 < density.mean() < 0.25


def test_no_wall_is_thinner_than_two_voxels(cells):
    for cell in cells.voxels():
        wrapped = np.pad(cell, 1, mode="wrap")
        opened = ndimage.binary_opening(wrapped, np.ones((2, 2, 2)))[1:-1, 1:-1, 1:-1]
        assert (opened & cell).sum() > 0.95 * cell.sum()


def test_no_void_is_sealed(cells):
    for cell in cells.voxels():
        # In the lattice of 3 x 3 x 3 cells a sealed void stays clear of the ends.
        labels, voids = ndimage.label(np.tile(~cell, (3, 3, 3)))
        middle = set(np.unique(labels[48:96, 48:96, 48:96])) - {0}
        ends = [set(np.unique(labels.take(end, axis=axis))) for axis in range(3) for end in (0, -1)]
        assert middle <= set.union(*ends)
        assert voids


def test_workers_and_chunks_do_not_show(cells, monkeypatch):
    monkeypatch.setattr(shells, "_CHUNK", 5)
    again = shells.build_shells(12, seed=0, workers=2)
    assert np.array_equal(again.packed, cells.packed[:12])
    assert again.index["family"].tolist() == cells.index["family"][:12].tolist()


def test_seeds_differ(cells):
    assert not np.array_equal(shells.build_shells(2, seed=1, workers=1).packed, cells.packed[:2])


def test_the_bytes_of_a_seed_never_change(cells):
    """The shipped model's reference is rebuilt from its seed: another checksum here is another reference."""
    digest = hashlib.sha256(cells.packed.tobytes()).hexdigest()
    assert digest.startswith("7b17f915be35639a")


def test_ids_sources_and_families_are_in_the_index(cells):
    assert cells.index["id"][3] == "shells-000003"
    assert cells.index["source_id"][3] == "shells-000003"
    assert set(cells.index["family"]) <= set(levelsets.SHARES)


@pytest.mark.parametrize("resolution", [16, 24])
def test_coarser_shells_are_sound_too(resolution):
    voxels = shells.build_shells(4, resolution=resolution, workers=1).voxels()
    assert voxels.shape == (4, resolution, resolution, resolution)
    assert all(np.array_equal(flood(cell), cell) for cell in voxels)


def test_bad_numbers_are_refused():
    with pytest.raises(VoxploreError, match="resolution: expected an even number from 8 to 128, got 47"):
        shells.build_shells(1, resolution=47)
    with pytest.raises(VoxploreError, match="n: expected a number from 1 to"):
        shells.build_shells(0)


class TestSoundness:
    """Octants of 12^3 with one fault each."""

    def cross(self):
        octant = np.zeros((12, 12, 12), dtype=bool)
        for axis in range(3):
            octant[tuple(slice(None) if other == axis else slice(4, 7) for other in range(3))] = True
        return octant

    def test_a_cross_of_bars_is_sound(self):
        assert shells.is_sound(self.cross())

    def test_an_island_is_not(self):
        octant = self.cross()
        octant[9:11, 9:11, 9:11] = True
        assert not shells.is_sound(octant)

    def test_solid_that_misses_a_face_is_not(self):
        octant = self.cross()
        octant[-1] = False
        assert not shells.is_sound(octant)

    def test_a_wall_of_one_voxel_is_not(self):
        octant = self.cross()
        octant[5] = True
        assert not shells.is_sound(octant)

    def test_a_wall_of_one_voxel_on_a_mirror_is_two_voxels_thick(self):
        octant = self.cross()
        octant[0] = True
        assert shells.is_sound(octant)

    def test_a_sealed_void_is_not(self):
        octant = self.cross()
        octant[2:9, 2:9, 2:9] = True
        octant[5, 5, 5] = False
        assert not shells.is_sound(octant)

    def test_full_and_empty_are_not(self):
        assert not shells.is_sound(np.ones((12, 12, 12), dtype=bool))
        assert not shells.is_sound(np.zeros((12, 12, 12), dtype=bool))


def level_set(family, thickness=0.06, level=0.1):
    coefficients = levelsets._surface_coefficients(family)
    scale, phase = np.array([0.7, 1.0, 1.1]), np.array([0.1, 0.0, 0.3])
    return levelsets.LevelSet(family, coefficients, scale, phase, level, thickness)


PLAIN = {  # written out in full, x, y, z in radians
    "primitive": lambda x, y, z: np.cos(x) + np.cos(y) + np.cos(z),
    "diamond": lambda x, y, z: (
        np.sin(x) * np.sin(y) * np.sin(z)
        + np.sin(x) * np.cos(y) * np.cos(z)
        + np.cos(x) * np.sin(y) * np.cos(z)
        + np.cos(x) * np.cos(y) * np.sin(z)
    ),
    "gyroid": lambda x, y, z: np.sin(x) * np.cos(y) + np.sin(y) * np.cos(z) + np.sin(z) * np.cos(x),
    "iwp": lambda x, y, z: (
        2 * (np.cos(x) * np.cos(y) + np.cos(y) * np.cos(z) + np.cos(z) * np.cos(x))
        - (np.cos(2 * x) + np.cos(2 * y) + np.cos(2 * z))
    ),
    "frd": lambda x, y, z: (
        4 * np.cos(x) * np.cos(y) * np.cos(z)
        - (np.cos(2 * x) * np.cos(2 * y) + np.cos(2 * y) * np.cos(2 * z) + np.cos(2 * z) * np.cos(2 * x))
    ),
    "neovius": lambda x, y, z: 3 * (np.cos(x) + np.cos(y) + np.cos(z)) + 4 * np.cos(x) * np.cos(y) * np.cos(z),
    "lidinoid": lambda x, y, z: (
        0.5
        * (
            np.sin(2 * x) * np.cos(y) * np.sin(z)
            + np.sin(2 * y) * np.cos(z) * np.sin(x)
            + np.sin(2 * z) * np.cos(x) * np.sin(y)
        )
        - 0.5 * (np.cos(2 * x) * np.cos(2 * y) + np.cos(2 * y) * np.cos(2 * z) + np.cos(2 * z) * np.cos(2 * x))
        + 0.15
    ),
    "fischer-koch-s": lambda x, y, z: (
        np.cos(2 * x) * np.sin(y) * np.cos(z)
        + np.cos(x) * np.cos(2 * y) * np.sin(z)
        + np.sin(x) * np.cos(y) * np.cos(2 * z)
    ),
}


def field(shell, points):
    """f at the points (3, n) of the octant, in cell edges."""
    angles = 2 * np.pi * (shell.scale[:, None] * points + shell.phase[:, None])
    return PLAIN[shell.family](*angles)


@pytest.mark.parametrize("family", sorted(PLAIN))
def test_a_sheet_is_where_the_distance_to_the_surface_is_small_to_first_order(family):
    shell = level_set(family)
    u = (np.arange(16) + 0.5) / 32
    points = np.stack(np.meshgrid(u, u, u, indexing="ij")).reshape(3, -1)
    scale = norm(family)
    value = field(shell, points) / scale - shell.level
    step = 1e-5
    slope = [
        (field(shell, points + step * unit[:, None]) - field(shell, points - step * unit[:, None])) / (2 * step * scale)
        for unit in np.eye(3)
    ]
    gradient = np.sqrt(sum(part**2 for part in slope) + levelsets._LEAST_SLOPE**2)
    expected = np.abs(value) < shell.thickness / 2 * gradient
    clear = np.abs(np.abs(value) - shell.thickness / 2 * gradient) > 1e-4
    got = levelsets.octant_solid(shell, 16).reshape(-1)
    assert np.array_equal(got[clear], expected[clear])
    assert 0.05 < got.mean() < 0.6


def norm(family):
    """Of the coefficients as `PLAIN` writes them; those of a LevelSet have norm 1."""
    total = np.zeros((7, 7, 7))
    for coefficient, product in levelsets.SURFACES[family][1]:
        place = [{"1": 0, "c1": 1, "s1": 2, "c2": 3, "s2": 4}[f] for f in product.split()]
        for turn in range(3):
            total[tuple(np.roll(place, turn))] += coefficient
    return np.linalg.norm(total)


def test_a_network_is_the_solid_above_the_level():
    shell = level_set("gyroid", thickness=None, level=0.2)
    u = (np.arange(16) + 0.5) / 32
    points = np.stack(np.meshgrid(u, u, u, indexing="ij")).reshape(3, -1)
    expected = field(shell, points) / np.sqrt(3) > 0.2
    assert np.array_equal(levelsets.octant_solid(shell, 16).reshape(-1), expected)


def test_cubic_fourier_sums_do_not_change_when_axes_are_swapped():
    kinds = [levelsets.draw_level_set(np.random.default_rng(seed), "fourier", 0.05) for seed in range(60)]
    swaps = [
        tuple(np.allclose(k.coefficients, np.swapaxes(k.coefficients, *axes)) for axes in ((0, 1), (1, 2)))
        for k in kinds
    ]
    assert set(swaps) == {(True, True), (True, False), (False, False)}
    assert swaps.count((True, False)) > 20
    assert all(not k.coefficients[2::2].any() for k in kinds), "cosines alone, so that the octant's faces are mirrors"


class TestOctants:
    def test_a_cell_is_its_octant_mirrored(self):
        octant = np.random.default_rng(0).random((64, 64, 64)) < 0.5
        cell = octants.mirror_octant(octant)
        assert cell.shape == (128, 128, 128)
        assert np.array_equal(cell[:64, :64, :64], octant)
        assert cell[64 + 3, 5, 127 - 9] == octant[63 - 3, 5, 9]
        assert all(np.array_equal(cell, np.flip(cell, axis)) for axis in range(3))

    @pytest.mark.parametrize("resolution", [48, 24, 96])
    def test_resizing_the_octant_equals_resizing_the_cell_with_skimage(self, resolution):
        rng = np.random.default_rng(1)
        rough = rng.random((64, 64, 64)) < 0.5
        smooth = levelsets.octant_solid(level_set("gyroid"), 64)
        for octant in (rough, smooth):
            whole = resize(octants.mirror_octant(octant).astype(float), (resolution,) * 3)
            clear = np.abs(whole - 0.5) > 1e-6
            got = octants.mirror_octant(octants.resize_octant(octant, resolution))
            assert np.array_equal(got[clear], whole[clear] > 0.5)
            assert got[np.abs(whole - 0.5) < 1e-12].all(), "a tie is solid"

    def test_resizing_to_128_changes_nothing(self):
        octant = np.random.default_rng(2).random((64, 64, 64)) < 0.5
        assert np.array_equal(octants.resize_octant(octant, 128), octant)


def write_published(folder, cell_id, octant, stiffness, volume):
    """The three files of one cell, bit by bit as the data description says."""
    packed = bytearray(64**3 // 8)
    for i, j, k in np.argwhere(octant):
        bit = int(i + 64 * j + 64 * 64 * k)
        packed[bit // 8] |= 1 << (bit % 8)
    (folder / f"{cell_id}binary_voxel").write_bytes(bytes(packed))
    (folder / f"{cell_id}binary_C").write_bytes(np.asarray(stiffness, "<f4").tobytes())
    (folder / f"{cell_id}vol").write_bytes(np.asarray([volume], "<f4").tobytes())


@pytest.fixture
def published(tmp_path):
    rng = np.random.default_rng(3)
    for cell_id in ("10", "9"):
        octant = np.zeros((64, 64, 64), dtype=bool)
        octant[: 8 if cell_id == "9" else 20, :30] = True
        octant[tuple(rng.integers(0, 64, (3, 50)))] = True
        write_published(tmp_path, cell_id, octant, np.arange(36).reshape(6, 6) / 100, 0.25)
    return tmp_path


class TestPublishedFiles:
    def test_bits_are_little_endian_in_fortran_order(self, published):
        octant = np.zeros((64, 64, 64), dtype=bool)
        octant[1, 2, 3] = octant[63, 0, 0] = octant[0, 0, 63] = True
        write_published(published, "x", octant, np.eye(6), 0.5)
        cell = metashell.read_octant_cell(published, "x")
        assert np.array_equal(cell.octant, octant)
        assert np.array_equal(cell.stiffness, np.eye(6))
        assert cell.volume == 0.5

    def test_a_folder_becomes_cells_in_the_order_of_their_numbers(self, published):
        cells = metashell.build_metashell(published, workers=1)
        assert cells.index["id"].tolist() == ["metashell-9", "metashell-10"]
        assert cells.resolution == 48
        assert cells.index["volume_fraction"].tolist() == [0.25, 0.25]
        assert cells.index["c44"] == pytest.approx([0.21, 0.21])
        first = metashell.read_octant_cell(published, "9").octant
        whole = resize(octants.mirror_octant(first).astype(float), (48, 48, 48)) > 0.5
        assert np.array_equal(cells.voxels()[0], whole)
        assert len(metashell.build_metashell(published, n=1, workers=1)) == 1

    def test_cells_in_folders_below_are_found(self, published):
        (published / "more").mkdir()
        write_published(published / "more", "1", np.ones((64, 64, 64), dtype=bool), np.eye(6), 1.0)
        ids = metashell.build_metashell(published, workers=1, resolution=16).index["id"]
        assert ids.tolist() == ["metashell-9", "metashell-10", "metashell-more-1"]

    def test_a_short_file_is_named(self, published):
        (published / "9binary_voxel").write_bytes(b"\0" * 100)
        with pytest.raises(VoxploreError, match="9binary_voxel: expected a file of 32768 bytes, got 100 bytes"):
            metashell.build_metashell(published, workers=1)

    def test_a_missing_file_is_named(self, published):
        (published / "10vol").unlink()
        with pytest.raises(VoxploreError, match="10vol: expected a file of 4 bytes, got no such file"):
            metashell.build_metashell(published, workers=1)

    def test_stiffness_that_is_not_a_number_is_named(self, published):
        (published / "9binary_C").write_bytes(np.full(36, np.nan, "<f4").tobytes())
        with pytest.raises(VoxploreError, match="9binary_C: expected 36 finite numbers"):
            metashell.read_octant_cell(published, "9")

    def test_a_volume_past_one_is_named(self, published):
        (published / "9vol").write_bytes(np.array([1.5], "<f4").tobytes())
        with pytest.raises(VoxploreError, match="9vol: expected a fraction from 0 to 1"):
            metashell.read_octant_cell(published, "9")

    def test_a_folder_without_cells_is_named(self, tmp_path):
        with pytest.raises(VoxploreError, match="expected files <id>binary_voxel"):
            metashell.build_metashell(tmp_path)
