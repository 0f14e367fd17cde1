"""VoxPlore with field latents for several families, at its tiny size."""

from dataclasses import replace

import numpy as np
import pytest

import voxplore as vp
from voxplore.data.synthetic.nets import build_nets
from voxplore.data.synthetic.shells import build_shells
from voxplore.errors import VoxploreError
from voxplore.recipes import SRR, FamiliesConfig, Member
from voxplore.unitcells import UnitCells


@pytest.fixture(scope="module")
def cells() -> UnitCells:
    return UnitCells.concatenate([build(24, seed=3, resolution=16, workers=1) for build in (build_nets, build_shells)])


@pytest.fixture(scope="module")
def model(cells, tmp_path_factory):
    config = vp.RECIPES["voxplore-families-both-tiny"]
    short = {
        f"{stage}_training": replace(getattr(config.members[0].config, f"{stage}_training"), cells=480)
        for stage in ("autoencoder", "denoiser", "head", "adversarial")
    }
    members = tuple(replace(one, config=replace(one.config, **short)) for one in config.members)
    return vp.MODELS["voxplore-families"](replace(config, members=members), "cpu").fit(
        cells, tmp_path_factory.mktemp("run")
    )


def test_each_member_learns_the_cells_of_its_families_alone(model, cells):
    families = cells.index["family"]
    for name, rows in (
        ("nets", np.char.startswith(families, "net-")),
        ("shells", ~np.char.startswith(families, "net-")),
    ):
        assert model.members[name].trained["data_cells"] == rows.sum()
        assert model.members[name].trained["data_sha256"] == cells[np.flatnonzero(rows)].sha256()
    assert model.trained["data_cells"] == len(cells)


def test_members_draw_as_often_as_they_have_cells_and_are_named(model):
    drawn = model.generate(200, seed=0)
    share = (drawn.index["member"] == "nets").mean()
    assert abs(share - 0.5) < 0.15


def test_a_cell_is_drawn_by_the_member_that_the_index_names(model, monkeypatch):
    for name, solid in (("nets", True), ("shells", False)):
        drawn = lambda *_, solid=solid: np.full((model.config.sampling.batch, 16, 16, 16), solid)  # noqa: E731
        monkeypatch.setattr(model.members[name], "_cells", drawn)
    cells = model.generate(40, seed=4)
    np.testing.assert_array_equal(cells.relative_density() == 1, cells.index["member"] == "nets")
    assert len(np.unique(cells.index["member"])) == 2


def test_each_member_draws_with_its_share_of_the_strength_that_is_asked_for(model, monkeypatch):
    strengths = {}

    def watched(name, config):
        def drawn(group, known, sampling, noise, wanted):
            strengths[name] = sampling.srr and sampling.srr.strength / config.repulsion
            return np.zeros((sampling.batch, 16, 16, 16), bool)

        return drawn

    for one in model.config.members:
        monkeypatch.setattr(model.members[one.name], "_cells", watched(one.name, one))
    assert model.config.members[0].repulsion < model.config.members[1].repulsion
    for strength in (model.config.sampling.srr.strength, 3.0, None):
        srr = None if strength is None else SRR(strength=strength)
        model.generate(40, seed=4, sampling=replace(model.config.sampling, srr=srr))
        assert strengths == {name: strength if strength is None else pytest.approx(strength) for name in strengths}


def test_a_member_draws_the_cells_of_its_own_row():
    """The strength of SRR that each row of the families has is the one that its cells are drawn with."""
    config = vp.RECIPES["voxplore-families-both-medium"]
    for one in config.members:
        own = one.config.sampling
        share = replace(config.sampling.srr, strength=one.repulsion * config.sampling.srr.strength)
        assert replace(config.sampling, srr=share) == own


def test_a_cell_is_reconstructed_by_the_member_that_gives_it_back_best(model, cells):
    whole = model.reconstruct(cells).voxels()
    alone = np.stack([member.reconstruct(cells).voxels() for member in model.members.values()])
    iou = lambda some: (some & cells.voxels()).sum((-3, -2, -1)) / (some | cells.voxels()).sum((-3, -2, -1))  # noqa: E731
    np.testing.assert_allclose(iou(whole), iou(alone).max(0))
    assert len(np.unique(iou(alone).argmax(0))) == 2


def test_what_only_one_family_has_is_drawn_by_its_member(model, cells):
    densities = cells.relative_density()
    nets = np.char.startswith(cells.index["family"], "net-")
    marked = np.where(nets, 0.0, 1.0)
    model.know(cells, {"sheet": marked + 0.01 * densities})
    high = model.generate(16, seed=1, condition={"sheet": 1.0})
    low = model.generate(16, seed=1, condition={"sheet": 0.01 * float(np.median(densities[nets]))})
    for member in model.members.values():
        member.told = None
    assert (high.index["member"] == "shells").all()
    assert (low.index["member"] == "nets").all()


def test_cells_of_one_family_alone_can_be_told_and_are_then_drawn_by_its_member(model, cells):
    nets = cells[np.flatnonzero(np.char.startswith(cells.index["family"], "net-"))]
    model.know(nets, {"middle": nets.voxels()[:, 6:10].mean((1, 2, 3))})
    drawn = model.generate(6, seed=1, condition={"middle": float(nets.voxels()[:, 6:10].mean())})
    with pytest.raises(VoxploreError, match="properties relative_density, middle"):
        model.generate(1, seed=1, condition={"young_hill": 0.1})
    both = model.generate(32, seed=1)
    for member in model.members.values():
        member.told = None
    assert (drawn.index["member"] == "nets").all()
    assert set(both.index["member"].tolist()) == {"nets", "shells"}


def test_told_cells_without_a_family_go_to_the_member_that_reconstructs_them_best(model, cells):
    density = np.where(np.arange(len(cells)) % 7 == 0, np.nan, cells.relative_density())
    model.know(replace(cells, index={}), {"told": density})
    counts = [0 if one.told is None else len(one.told.values()["told"]) for one in model.members.values()]
    for member in model.members.values():
        member.told = None
    assert sum(counts) in (np.isfinite(density).sum(), np.isfinite(density).sum() - 1)
    with pytest.raises(VoxploreError, match="two cells or more with finite ones, got 1"):
        model.know(cells[:1], {"told": np.ones(1)})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda cells: replace(cells, index={}), "a column `family` in their index, got none"),
        (
            lambda cells: cells[np.flatnonzero(np.char.startswith(cells.index["family"], "net-"))],
            "two or more of shells",
        ),
    ],
)
def test_cells_without_a_family_or_of_one_alone_are_refused(cells, change, said):
    model = vp.MODELS["voxplore-families"](vp.RECIPES["voxplore-families-both-tiny"], "cpu")
    with pytest.raises(VoxploreError, match=said):
        model.fit(change(cells))


def test_families_that_no_member_learns_are_refused(cells):
    one = Member("nets", ("net-",), vp.RECIPES["voxplore-field-nets-tiny"])
    model = vp.MODELS["voxplore-families"](FamiliesConfig((one,), one.config.sampling), "cpu")
    with pytest.raises(VoxploreError, match="expected families net-"):
        model.fit(cells)


@pytest.mark.parametrize("name", ["", "..", "a/b", "A", "a-b"])
def test_members_have_names_that_are_names_of_files(name):
    with pytest.raises(VoxploreError, match="small letters and digits"):
        Member(name, ("",), vp.RECIPES["voxplore-field-nets-tiny"])


def test_members_of_one_name_or_two_resolutions_are_refused():
    tiny, medium = (vp.RECIPES[f"voxplore-field-nets-{size}"] for size in ("tiny", "medium"))
    with pytest.raises(VoxploreError, match="each of another name, got a, a"):
        FamiliesConfig((Member("a", ("",), tiny), Member("a", ("",), tiny)), tiny.sampling)
    with pytest.raises(VoxploreError, match="one resolution, got 16, 48"):
        vp.MODELS["voxplore-families"](
            FamiliesConfig((Member("a", ("",), tiny), Member("b", ("",), medium)), tiny.sampling)
        )
    with pytest.raises(VoxploreError, match="one or more"):
        FamiliesConfig((), tiny.sampling)


def test_the_model_in_the_package_is_trained_and_draws_whole_cells_of_both_families_without_post_processing():
    model = vp.load_model("default", device="cpu")
    assert model.config.sampling.after == ()
    assert model.config.sampling.srr.strength > 0
    assert set(model.trained["stages"]) == {
        f"{name}-{stage}" for name in ("nets", "shells") for stage in ("autoencoder", "denoiser", "head", "adversarial")
    }
    for name, member in model.members.items():
        assert member.config.regularisation.name == "ras"
        assert model.trained["stages"][f"{name}-denoiser"]["cells"] >= 1_000_000
    cells = model.generate(12, seed=0)
    assert set(cells.index["member"].tolist()) == {"nets", "shells"}
    assert vp.metrics.connectivity(cells).mean() > 0.95
    assert vp.metrics.periodicity(cells).mean() > 0.75
    assert ((cells.relative_density() > 0.02) & (cells.relative_density() < 0.55)).all()
