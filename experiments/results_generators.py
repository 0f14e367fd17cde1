"""Rows about generators: Table 1, the closed form, field latents, the shipped model, families, resolutions."""

from functools import partial

from commands import Setting, Step, Words, build, compare, draw, made, picture, reference_rows, score, script, train

from voxplore.recipes.common import MEDIUM_SECONDS

MODELS = {
    "nets": (
        "closed-form",
        "voxplore-paper",
        "voxplore-field",
        "dit3d",
        "yang2024",
        "xcube",
        "trellis",
        "cdm3d",
        "graph",
        "vae",
        "edits",
    ),
    "shells": (
        "closed-form",
        "voxplore-paper",
        "voxplore-field",
        "dit3d",
        "yang2024",
        "xcube",
        "trellis",
        "cdm3d",
        "vae",
        "edits",
    ),  # they have no struts
}
PRINTED = {"nets": "metatruss", "shells": "metashell"}


#: Rows of one size: hours of one CPU core, and in place of the paper's network the published one on a GPU.
ONE_SIZE = {
    ("closed-form", "full"): "closed-form-{cells}-small",
    ("closed-form", "medium"): "closed-form-{cells}-small",
    ("voxplore-paper", "small"): "voxplore-paper-{cells}-medium",
    ("voxplore-paper", "full"): "voxplore-published-{cells}-full",
    ("voxplore-field", "small"): "voxplore-field-{cells}-medium",
    ("voxplore-field", "full"): "voxplore-field-{cells}-medium",
}


def recipe_of(s: Setting, model: str, cells: str) -> str:
    """The recipe of a model's row."""
    return ONE_SIZE.get((model, s.size), f"{model}-{{cells}}-{s.size}").format(cells=cells)


def table1(s: Setting, cells: str) -> list[Step]:
    """Every generator: train once, draw with three seeds, score; seed 0 also refined. One table of all there are."""
    data, scores, others = build(s, cells), [], []
    n = s.drawn(1000, tiny=6)
    for model in s.of(MODELS[cells]):
        recipe = recipe_of(s, model, cells)
        trained, kept = train(s, data, recipe), f"results/{cells}/{recipe}"
        draws = {seed: draw(s, trained, f"samples/{recipe}/seed{seed}", n, seed) for seed in s.draws(0, 1, 2)}
        for seed, drawn in draws.items():
            rows = reference_rows(f"results/{cells}/*/seed0/rows", n) if seed == 0 else ()
            scores.append(score(drawn, data, recipe, f"{kept}/seed{seed}", rows))
        if 0 in draws:
            refined = f"refined/{recipe}/seed0"
            repaired = Step(
                refined, ("refine", draws[0].out, "--reference", data.out, "--out", refined), (draws[0], data)
            )
            scores.append(score(repaired, data, f"{recipe} refined", f"{kept}/seed0-refined"))
            others.append(Step(f"{kept}/refinement.json", ("copy", refined, kept, "refinement.json"), (repaired,)))
            others.append(picture(draws[0], f"{kept}/cells.png", 64))
    sizes = ("small", "medium") if s.size == "small" else (s.size,)
    found = [f"results/{cells}/*-{cells}-{size}/seed[0-2]*" for size in sizes]
    return [*others, compare(scores, f"results/{cells}/table1", ("--printed", PRINTED[cells]), found)]


#: VoxPlore at 24^3, and the share of the budget that each stage takes.
AT_24 = {
    "voxplore-paper": ({"patch": 4, "margin": 1}, {"autoencoder": 0.5, "denoiser": 0.5}),
    "voxplore-field": (
        {"patch": 6, "margin": 1, "scale": 1},
        {"autoencoder": 0.3, "denoiser": 0.5, "head": 0.1, "adversarial": 0.1},
    ),
}


def equal_budget(s: Setting, cells: str) -> list[Step]:
    """Every generator at 24^3 after as many processor seconds of training: three draws each, by v2, and their logs."""
    size, n, goals, scores = "tiny" if s.tiny else "medium", s.drawn(1000), [], []
    data = build(s, cells, resolution=0 if s.tiny else 24, name=f"{cells}-24")
    for model in s.of((*AT_24, "yang2024", "dit3d", "trellis", "xcube", "cdm3d"), tiny=("voxplore-paper", "dit3d")):
        recipe = f"{model}-{cells}-{size}"
        run, kept = f"runs/{recipe}-24", f"results/{cells}-24/{recipe}"
        trained = train(s, data, recipe, run, () if s.tiny else _at_24(model))
        goals.append(Step(f"{kept}/log.jsonl", ("copy", f"{run}/run", kept, "log.jsonl"), (trained,)))
        for seed in s.draws(0, 1, 2):
            drawn = draw(s, trained, f"samples/{recipe}-24/seed{seed}", n, seed)
            rows = reference_rows(f"results/{cells}-24/*-{size}/seed0/rows", n) if seed == 0 else ()
            words = partial(_with, rows, ("--benchmark", "v2"))
            scores.append(score(drawn, data, f"{recipe} at 24^3", f"{kept}/seed{seed}", words))
            if seed == 0:
                goals.append(picture(drawn, f"{kept}/cells.png"))
    return [*goals, compare(scores, f"results/{cells}-24/equal-budget")]


def _at_24(model: str) -> tuple[str, ...]:
    """What is changed in a recipe of VoxPlore; the others are of this resolution and budget as they are."""
    shape, shares = AT_24.get(model, ({}, {}))
    if not shape:
        return ()
    lengths = [(f"{stage}_training.{key}", value) for stage, share in shares.items() for key, value in _length(share)]
    changes = [("autoencoder.resolution", 24), *((f"autoencoder.{key}", value) for key, value in shape.items())]
    return tuple(f"{name}={value}" for name, value in (*changes, *lengths))


def _length(share: float) -> tuple[tuple[str, float], ...]:
    """A stage that its share of the budget ends."""
    return ("budget", share * MEDIUM_SECONDS), ("cells", 100_000_000)


def closed_form(s: Setting, cells: str) -> list[Step]:
    """The small recipe, and the same training with symmetrised decoding: three draws each, reconstruction, picture."""
    size = "tiny" if s.tiny else "small"
    data, plain = build(s, cells), f"closed-form-{cells}-{size}"
    trained = train(s, data, plain)
    symmetrised = train(s, data, f"closed-form-sym-{cells}-{size}", autoencoder_of=trained)
    return [step for model in (trained, symmetrised) for step in _measured(s, model, data)]


def field(s: Setting, cells: str) -> list[Step]:
    """Field latents with a trained denoiser: three draws a variant, reconstruction, picture, one table."""
    without = ("unprojected", "nohead", "nodiscriminator", "noreg", "nosrr")
    return _variants(s, cells, "field", ("plain", *without, "largest", "contrastive"))


def field_both(s: Setting) -> list[Step]:
    """The members trained on nets and on shells as one model; `shipped` measures what of it is in the package."""
    size = "tiny" if s.tiny else "medium"
    members = {cells: train(s, build(s, cells), f"voxplore-field-{cells}-{size}") for cells in ("nets", "shells")}
    return [train(s, build(s, "both"), f"voxplore-families-both-{size}", members=members)]


def paper(s: Setting, cells: str) -> list[Step]:
    """The paper's network as a CPU can train it: three draws a variant, reconstruction, picture, one table."""
    variants = ("plain", "velocity", "velocity-nosrr", "nosrr", "largest", "noreg", "contrastive")
    return _variants(s, cells, "paper", variants)


#: Variants with an autoencoder of their own; the others take that of the plain row.
_OWN = ("plain", "noreg", "contrastive")


def _variants(s: Setting, cells: str, model: str, variants: tuple[str, ...]) -> list[Step]:
    """Rows voxplore-MODEL[-VARIANT], measured by benchmark v2, and their table."""
    data, size, goals, scores = build(s, cells), "tiny" if s.tiny else "medium", [], []
    named = {v: f"voxplore-{model}{'' if v == 'plain' else f'-{v}'}-{cells}-{size}" for v in ("plain", *variants)}
    trainings = {"plain": train(s, data, named["plain"])}
    for variant in s.of(variants):
        shared = None if variant in _OWN else trainings.get(variant.removesuffix("-nosrr"), trainings["plain"])
        trainings[variant] = trained = train(s, data, named[variant], autoencoder_of=shared)
        measured = _measured(s, trained, data, ("--benchmark", "v2"))
        goals += measured
        scores += [step for step in measured if "/seed" in step.out]
    return [*goals, compare(scores, f"results/{cells}/{model}")]


def tuned(s: Setting, cells: str) -> list[Step]:
    """The row `voxplore-paper-velocity` with a decoder that was shown fresh cells too: three draws, reconstruction; the
    same three without SRR."""
    data, size = build(s, cells), "tiny" if s.tiny else "medium"
    shape = ("--resolution", "16") if s.tiny else ()
    count, name = s.drawn(40_000, tiny=40), f"{cells}-fresh"
    words = ("build", cells, "--n", str(count), "--seed", "1", *shape, "--workers", "1", "--out", f"data/{name}")
    fresh = Step(f"data/{name}", words)
    base = train(s, data, f"voxplore-paper-{cells}-{size}")
    trained = train(s, data, f"voxplore-paper-velocity-{cells}-{size}", autoencoder_of=base)
    run = f"runs/voxplore-paper-velocity-tuned-{cells}-{size}"
    words = ["tune_decoder.py", trained.out, "--cells", data.out, "--fresh", fresh.out, "--out", run]
    words += ["--shown", "160"] if s.tiny else []
    model = Step(f"{run}/model", words, (trained, data, fresh))
    name = run.removeprefix("runs/")
    drawn = draw(s, model, f"samples/{name}/seed0", s.drawn(1000), 0)
    words = (drawn.out, data.out, fresh.out)
    novel = script("fresh_novelty", f"results/{cells}/{name}/fresh_novelty.json", words, (drawn, data, fresh))
    plain = name.replace("tuned", "tuned-nosrr")
    without = []
    for seed in s.draws(0, 1, 2):
        cells_without = draw(s, model, f"samples/{plain}/seed{seed}", s.drawn(1000), seed, ("--set", "srr=null"))
        options = ("--benchmark", "v2") if seed == 0 else ()
        without.append(score(cells_without, data, plain, f"results/{cells}/{plain}/seed{seed}", options))
    return [*_measured(s, model, data, ("--benchmark", "v2")), novel, *without]


def _measured(s: Setting, model: Step, data: Step, options: tuple[str, ...] = ()) -> list[Step]:
    """Three draws scored, reconstruction, and 64 cells of seed 0 shown."""
    recipe, cells = model.out.split("/")[1], data.out.removeprefix("data/")
    kept, n = f"results/{cells}/{recipe}", s.drawn(1000)
    goals = []
    for seed in s.draws(0, 1, 2):
        rows = reference_rows(f"results/{cells}/{'voxplore-*' if options else '*'}/seed0/rows", n)
        drawn = draw(s, model, f"samples/{recipe}/seed{seed}", n, seed)
        solved = ("--stiffness", "2" if s.tiny else "64") if options and seed == 0 else ()
        words = partial(_with, rows if seed == 0 else (), (*options, *solved))
        goals.append(score(drawn, data, recipe, f"{kept}/seed{seed}", words))
        if seed == 0:
            goals.append(picture(drawn, f"{kept}/cells.png"))
            if options:
                words = (drawn.out, data.out)
                goals.append(script("drawn_beside_held_out", f"{kept}/beside.png", words, (drawn, data)))
    return [*goals, reconstruction(s, model, data, f"{kept}/reconstruction.json")]


def _with(rows: Words, options: tuple[str, ...]) -> tuple[str, ...]:
    return (*made(rows), *options)


def reconstruction(s: Setting, model: Step | str, data: Step, out: str) -> Step:
    """Reconstruction IoU of training and held-out cells."""
    needs = (data,) if isinstance(model, str) else (model, data)
    name = model if isinstance(model, str) else model.out
    few = ("--limit", "16") if s.tiny else ()
    return script("reconstruction", out, (name, data.out, *few), needs)


def shipped(s: Setting) -> list[Step]:
    """The model in the package, at its own resolution: three draws, reconstruction, 64 cells beside held-out ones."""
    data, n = build(s, "both", n=40 if s.tiny else 0, resolution=48, name="both-48" if s.tiny else ""), s.drawn(1000)
    kept, goals = "results/both/shipped", []
    for seed in s.draws(0, 1, 2):
        drawn = draw(s, "default", f"samples/shipped/seed{seed}", n, seed)
        goals.append(score(drawn, data, "shipped model", f"{kept}/seed{seed}", ("--benchmark", "v2")))
        if seed == 0:
            goals.append(script("drawn_beside_held_out", f"{kept}/beside.png", (drawn.out, data.out), (drawn, data)))
    return [*goals, reconstruction(s, "default", data, f"{kept}/reconstruction.json")]


def families(s: Setting) -> list[Step]:
    """One model on seven families: reconstruction and scores of each family."""
    data, goals, n, size = build(s, "families"), [], s.drawn(1000), "tiny" if s.tiny else "small"
    plain = train(s, data, f"closed-form-families-{size}")
    for variant in s.of(("plain", "sym")):
        sym = variant == "sym"
        model = train(s, data, f"closed-form-sym-families-{size}", autoencoder_of=plain) if sym else plain
        recipe = model.out.split("/")[1]
        drawn, kept = draw(s, model, f"samples/{recipe}/seed0", n), f"results/families/{recipe}"
        scored = score(drawn, data, recipe, f"{kept}/seed0", ("--rows", "--row-size", str(n)))
        rebuilt = reconstruction(s, model, data, f"{kept}/reconstruction.json")
        goals.append(picture(drawn, f"{kept}/cells.png"))
        goals.append(script("scores_by_family", f"{kept}/families.json", (kept, data.out), (scored, rebuilt, data)))
    return goals


def resolution(s: Setting, cells: str) -> list[Step]:
    """The same recipe at several resolutions, 2,000 cells and a short training each: to be compared within itself."""
    goals, scores, n = [], [], s.drawn(200)
    shown, size = (160, "tiny") if s.tiny else (60_000, "small")
    for d in s.of(("24", "48", "64", "96"), tiny=("16", "24")):
        data = build(s, cells, n=60 if s.tiny else 2000, resolution=int(d), name=f"{cells}-{d}-few")
        changes = (f"autoencoder.resolution={d}", f"autoencoder_training.cells={shown}")
        model = train(s, data, f"closed-form-{cells}-{size}", f"runs/resolution-{cells}/{d}", changes)
        drawn, kept = draw(s, model, f"samples/resolution-{cells}/{d}", n), f"results/{cells}/resolution/{d}"
        scores.append(score(drawn, data, f"{d}^3", f"{kept}/seed0", ("--rows", "--row-size", str(n))))
        goals += [
            reconstruction(s, model, data, f"{kept}/reconstruction.json"),
            picture(drawn, f"{kept}/cells.png", 16),
        ]
    return [*goals, compare(scores, f"results/{cells}/resolution/table")]
