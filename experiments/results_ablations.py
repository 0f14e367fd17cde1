"""Rows about ablations: Tables 2 to 6, negatives, and which latents lie next to which."""

from commands import Setting, Step, build, compare, draw, score, script, stages, train

from voxplore.recipes import RECIPES

SIZES = ("base", "ae-1", "ae+1", "aehalf", "aex2", "mlp", "diff-1", "diff+1", "diffhalf", "diffx2")
CORNERS = ("noreg", "noreg-nosrr", "base", "nosrr")
VARIANTS = {2: ("base", "noreg", "contrastive"), 3: CORNERS, 4: SIZES, 5: CORNERS, 6: SIZES}
#: Variants that differ from another one in the sampling or the denoiser alone have its autoencoder.
AUTOENCODER_OF = {"nosrr": "base", "sym": "base", "mlp": "base", "noreg-nosrr": "noreg"}
AUTOENCODER_OF |= {variant: "base" for variant in SIZES if variant.startswith("diff")}
#: What a set at another resolution than 48^3 has: fewer cells and a third of the training.
COARSE_CELLS = 4000
COARSE = ("autoencoder_training.cells=170000",)


#: The base of each size: the closed form, the paper's network, the published one.
BASES = {"tiny": "closed-form", "small": "closed-form", "medium": "voxplore-paper", "full": "voxplore-published"}


def recipe_of(s: Setting, variant: str, cells: str) -> str:
    """The recipe of a variant; mlp and diff* beside a closed form are those of a trained denoiser."""
    base = BASES[s.size]
    if variant == "mlp" or variant.startswith("diff"):
        base = base.replace("closed-form", "voxplore-principal")
    return f"{base}-{cells}-{s.size}" if variant in ("base", "mlp") else f"{base}-{variant}-{cells}-{s.size}"


def coarse(s: Setting, cells: str, resolution: int = 24) -> Step:
    """A set of fewer and smaller cells (of 16^3 in the tiny run)."""
    n, edge = (s.cells, 16) if s.tiny else (COARSE_CELLS, resolution)
    return build(s, cells, n, edge, f"{cells}-{resolution}")


def trainings(s: Setting, cells: str, variants: tuple[str, ...], resolution: int = 0) -> dict[str, Step]:
    """Variant -> its training; those that share an autoencoder train it once."""
    data = coarse(s, cells, resolution) if resolution else build(s, cells)
    label = f"-{resolution}" if resolution else ""
    brief = (f"autoencoder.resolution={resolution}", *COARSE) if resolution and not s.tiny else ()
    found: dict[str, Step] = {}

    def trained(variant: str) -> Step:
        if variant not in found:
            recipe = recipe_of(s, variant, cells)
            shared = AUTOENCODER_OF.get(variant)
            shared = None if shared is None or recipe_of(s, shared, cells) == recipe else trained(shared)
            trained_denoiser = brief and recipe in RECIPES and "denoiser_training" in stages(RECIPES[recipe])
            changes = (*brief, "denoiser_training.cells=400000") if trained_denoiser else brief
            found[variant] = train(s, data, recipe, f"runs/{recipe}{label}", changes, shared)
        return found[variant]

    return {variant: trained(variant) for variant in variants}


def table_of(
    s: Setting, name: str, cells: str, variants: tuple[str, ...], resolution: int, seeds: tuple[int, ...]
) -> Step:
    """One table of variants on one set."""
    scores: dict[str, Step] = {}
    data = coarse(s, cells, resolution) if resolution else build(s, cells)
    for variant, model in trainings(s, cells, variants, resolution).items():
        recipe, run = recipe_of(s, variant, cells), model.out.split("/")[1]
        label = f"{recipe} at {resolution}^3" if resolution else recipe
        for seed in s.draws(*seeds):
            drawn = draw(s, model, f"samples/{run}/seed{seed}", s.drawn(1000), seed)
            row = score(drawn, data, label, f"results/{data.out[5:]}/{recipe}/seed{seed}")
            scores[row.out] = row
    return compare(list(scores.values()), f"results/{data.out[5:]}/{name}")


def table(s: Setting, number: int, cells: str, resolution: int = 0) -> list[Step]:
    """One of Tables 2 to 6; Table 2 also with its maps of latents."""
    tiny = ("base", "ae-1", "mlp", "diff+1")
    variants = s.of(VARIANTS[number], tiny if number in (4, 6) else None)
    seeds = (0,) if resolution or number in (4, 6) else (0, 1, 2)
    goals = [table_of(s, f"table{number}", cells, variants, resolution, seeds)]
    if number == 2:
        data = coarse(s, cells, resolution) if resolution else build(s, cells)
        models = trainings(s, cells, ("noreg", "contrastive", "base"), resolution)
        n = str(40 if s.tiny else 1000)
        shown = ("--cells", data.out, "--names", "none", "contrastive", "RAS", "--n", n)
        out = f"results/{data.out[5:]}/table2/latents"
        words = ("latents", *(model.out for model in models.values()), *shown, "--out", out)
        # The table is written anew as a whole, so the map goes into its folder afterwards.
        goals.append(Step(out, words, (*models.values(), data, *goals)))
    return goals


KINDS = ("noise", "void_block", "other_block", "noise_block", "scatter", "broken_struts", "floating_islands")
KINDS += ("closed_faces", "published")
SHOWN = ("symmetry", "periodicity", "connectivity", "quality", "valid", "novelty_ungated")


def negatives(s: Setting, cells: str) -> list[Step]:
    """Held-out cells degraded in each way, scored like generated ones, and why they are not valid."""
    data, n, out, scores = build(s, cells), s.drawn(500), f"results/{cells}/negatives", []
    for kind in s.of(KINDS, tiny=("noise", "published")):
        place = f"samples/negatives-{cells}/{kind}"
        words = ("degrade", data.out, "--split", "test", "--n", str(n), "--kind", kind, "--out", place)
        rows = ("--rows", "--row-size", str(n)) if not scores else ()
        scores.append(score(Step(place, words, (data,)), data, f"negatives: {kind}", f"{out}/{kind}", rows))
    table = compare(scores, f"{out}/table", ("--columns", *SHOWN))
    return [table, script("invalid_reasons", f"{out}/reasons.json", (out,), scores, follows=True)]


def negatives_trained(s: Setting, cells: str, resolution: int = 0) -> list[Step]:
    """One training with the published negatives and one with each other mix."""
    variants = s.of(("base", "neg-scatter", "neg-failures", "neg-all"))
    return [table_of(s, "negatives-trained", cells, variants, resolution, (0,))]


def latent_lines(s: Setting, cells: str) -> list[Step]:
    """Classes of neighbours in the latent space of the paper's network, and cells along lines through it; with RAS, and
    without regularisation."""
    data, size = build(s, cells), "tiny" if s.tiny else "medium"
    few, steps = ("--n", "12") if s.tiny else (), []
    for variant in ("", "-noreg"):
        model = train(s, data, f"voxplore-paper{variant}-{cells}-{size}")
        out = f"results/{cells}/latent_lines{variant.replace('-', '_')}.json"
        steps.append(script("latent_lines", out, (model.out, data.out, *few), (model, data)))
    return steps


def latent_classes(s: Setting, cells: str) -> list[Step]:
    """For which share of cells the nearest known latent is that of a degraded cell; plain and symmetrised decoding."""
    size, data = "tiny" if s.tiny else "small", build(s, cells)
    plain = train(s, data, f"closed-form-{cells}-{size}")
    models = {"near": plain, "near-sym": train(s, data, f"closed-form-sym-{cells}-{size}", autoencoder_of=plain)}
    few = ("--n", "20") if s.tiny else ()
    return [
        script("latent_classes", f"results/{cells}/negatives/{name}.json", (model.out, data.out, *few), (model, data))
        for name, model in models.items()
    ]
