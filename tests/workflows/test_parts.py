"""Bodies filled with a cell, and cells blended along an axis into one lattice."""

from dataclasses import replace

import numpy as np
import pytest

from voxplore.cli.export import Command
from voxplore.data.synthetic.nets import build_nets
from voxplore.errors import VoxploreError
from voxplore.export import Mesh
from voxplore.export.meshes import stl
from voxplore.kernels import bodies
from voxplore.mechanics import effective_stiffness
from voxplore.models import Generator, model_of
from voxplore.recipes import RECIPES
from voxplore.unitcells import UnitCells
from voxplore.workflows.decoders import latents_of, line_of
from voxplore.workflows.grade import graded
from voxplore.workflows.parts import fill, filled
from voxplore.workflows.steer import steer
from voxplore.workflows.targets import parse_target

D = 16


def cross(width: int) -> np.ndarray:
    cell, low = np.zeros((D, D, D), bool), (D - width) // 2
    part = slice(low, low + width)
    cell[part, part], cell[part, :, part], cell[:, part, part] = True, True, True
    return cell


def box_file(path, low, high) -> None:
    corners = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)]) * (np.subtract(high, low)) + low
    faces = [[0, 1, 3], [0, 3, 2], [4, 6, 7], [4, 7, 5], [0, 4, 5], [0, 5, 1], [2, 3, 7], [2, 7, 6], [0, 2, 6]]
    faces += [[0, 6, 4], [1, 5, 7], [1, 7, 3]]
    path.write_bytes(stl(Mesh(corners.astype(float), np.array(faces, np.int32))))


@pytest.fixture(
    scope="module", params=["closed-form-sym-nets-tiny", "voxplore-paper-nets-tiny", "voxplore-field-nets-tiny"]
)
def model(request) -> Generator:
    config = RECIPES[request.param]
    stages = {name: getattr(config, name) for name in ("autoencoder_training", "denoiser_training")}
    cells = 320 if request.param.startswith("closed") else 3200  # a transformer heeds its latent later
    brief = {name: replace(stage, cells=cells) for name, stage in stages.items() if stage is not None}
    brief["loss"] = replace(
        config.loss, noise=0.0
    )  # of so short a training noise leaves little that a step could change
    changed = replace(config, **brief)
    return model_of(changed)(changed, "cpu").fit(build_nets(24, resolution=D, workers=1))


def test_a_filled_body_is_the_lattice_where_the_body_is_and_its_skin():
    body = np.zeros((20, 40, 9), bool)
    body[2:18, 3:38, 1:8] = True
    cell = cross(6)
    solid = filled(cell, body)
    at = np.argwhere(body)
    assert (solid[tuple(at.T)] == cell[tuple((at % D).T)]).all()
    assert not (solid & ~body).any()
    skinned = filled(cell, body, skin=2)
    inner = np.zeros_like(body)
    inner[4:16, 5:36, 3:6] = True
    assert (skinned == (solid | (body & ~inner))).all()


def test_a_box_is_filled_in_its_place_and_holds_the_density_of_the_cell(tmp_path):
    pytest.importorskip("trimesh")
    box_file(tmp_path / "box.stl", (-3, 4, 1), (17, 14, 21))
    cells = UnitCells.from_voxels(cross(6)[None], {"id": np.array(["cross"])})
    (part,) = fill(cells, tmp_path / "box.stl", tmp_path / "out", size_mm=5.0)
    assert part.density == pytest.approx(cross(6).mean(), rel=0.02)
    assert part.dropped == 0
    import trimesh

    mesh = trimesh.load_mesh(part.path)
    assert mesh.is_watertight
    assert mesh.bounds[0] == pytest.approx([-3, 4, 1], abs=0.4)
    assert mesh.bounds[1] == pytest.approx([17, 14, 21], abs=0.4)
    assert mesh.volume == pytest.approx(20 * 10 * 20 * cross(6).mean(), rel=0.05)


def test_a_body_that_is_too_long_or_a_format_that_is_no_mesh_is_refused_and_nothing_written(tmp_path):
    pytest.importorskip("trimesh")
    box_file(tmp_path / "box.stl", (0, 0, 0), (1000, 10, 10))
    cells = UnitCells.from_voxels(cross(6)[None])
    with pytest.raises(VoxploreError, match="1024 voxels long"):
        fill(cells, tmp_path / "box.stl", tmp_path / "out", size_mm=5.0)
    with pytest.raises(VoxploreError, match="a mesh: stl"):
        fill(cells, tmp_path / "box.stl", tmp_path / "out", format="vti")
    assert sorted(path.name for path in tmp_path.iterdir() if not path.name.startswith(".")) == ["box.stl"]


def test_a_graded_lattice_begins_and_ends_with_the_very_cells_and_is_one_body(model):
    cells = UnitCells.from_voxels(np.stack([cross(4), cross(8)]))
    found = graded(model, cells, axis=2, tile=(1, 2, 4))
    assert found.voxels.shape == (D, 2 * D, 4 * D)
    assert (found.voxels[:, :D, :D] == cross(4)).all()
    assert (found.voxels[:, D:, 3 * D :] == cross(8)).all()
    assert bodies(found.voxels).count == 1
    assert found.through
    assert found.density[0] == pytest.approx(cross(4).mean())
    assert found.density[-1] == pytest.approx(cross(8).mean())
    assert found.faces > 0.4


def test_one_cell_or_two_layers_are_not_graded(model):
    with pytest.raises(VoxploreError, match="three layers"):
        graded(model, UnitCells.from_voxels(cross(4)[None]), axis=0, tile=(4, 1, 1))
    with pytest.raises(VoxploreError, match="three layers"):
        graded(model, UnitCells.from_voxels(np.stack([cross(4), cross(6)])), axis=0, tile=(2, 1, 1))


def test_a_start_leads_back_to_its_cell_as_it_lies_and_fitting_brings_it_no_further_away(model):
    cells = model.generate(3, seed=5)
    plain = list(latents_of(model, cells, steps=0))
    for before, start, voxels in zip(plain, latents_of(model, cells), cells.voxels(), strict=True):
        assert start.iou >= before.iou
        solid = (start.decode(start.latent)[0] > 0).cpu().numpy()
        assert (solid & voxels).sum() / max((solid | voxels).sum(), 1) == pytest.approx(start.iou)


def test_cells_of_a_line_share_one_decoder(model):
    cells = UnitCells.from_voxels(np.stack([cross(4), cross(8)]))
    line = line_of(model, cells)
    for latent, voxels, iou in zip(line.latents, cells.voxels(), line.ious, strict=True):
        solid = (line.decode(latent[None])[0] > 0).detach().cpu().numpy()
        assert (solid & voxels).sum() / (solid | voxels).sum() == pytest.approx(iou)


def test_steps_through_the_decoder_of_a_model_come_nearer_to_a_target(model):
    target, shares = parse_target("young_z=0.2, relative_density=0.3"), []
    for start in latents_of(model, UnitCells.from_voxels(np.stack([cross(width) for width in (4, 5, 6, 7)]))):
        found = steer(start.decode, start.latent, target, effective_stiffness, steps=6)
        if found is None:  # it began at the nearest cell
            continue
        shares.append(found.end / found.start)
        off = [abs(1 / np.linalg.inv(effective_stiffness(found.voxels))[2, 2] / 0.2 - 1), found.voxels.mean() / 0.3 - 1]
        assert np.square(off).sum() == pytest.approx(found.end, rel=1e-6, abs=1e-9)
    assert min(shares) < 0.85
    assert max(shares) <= 1


def test_the_command_line_takes_one_of_the_two(tmp_path):
    UnitCells.from_voxels(cross(6)[None]).save(tmp_path / "cells")
    command = Command(tmp_path / "cells", tmp_path / "out", (5.0,), fill=tmp_path / "box.stl", grade="z")
    with pytest.raises(VoxploreError, match="one of --fill and --grade"):
        command.run()
