"""Rows about sampling: SRR, number of steps, requested densities and properties, targets, a million cells."""

import csv
from collections.abc import Sequence
from functools import partial
from itertools import product

import numpy as np
from commands import Setting, Step, build, compare, draw, reference_rows, score, script, train
from results_ablations import COARSE, coarse

#: Plain decoding, and symmetrised decoding, which can pay for a stronger repulsion: strengths and radii tried.
GRIDS = {
    "closed-form": (("0.6", "0.9", "1.2", "1.8"), ("1.1", "1.2", "1.3")),
    "closed-form-sym": (("1.2", "1.8", "2.4", "3.2"), ("1.1", "1.15", "1.2", "1.3")),
}
TINY_GRID = (("0.6", "1.2"), ("1.1",))


def _plain_and_sym(s: Setting, cells: str) -> tuple[Step, dict[str, Step]]:
    size, data = "tiny" if s.tiny else "small", build(s, cells)
    plain = train(s, data, f"closed-form-{cells}-{size}")
    return data, {
        "closed-form": plain,
        "closed-form-sym": train(s, data, f"closed-form-sym-{cells}-{size}", autoencoder_of=plain),
    }


def srr_choice(s: Setting, cells: str) -> list[Step]:
    """Strength and radius of SRR, chosen on the valid split; values: closed-form, closed-form-sym."""
    return [chosen_srr(s, cells, name) for name in s.of(("closed-form", "closed-form-sym"))]


def chosen_srr(s: Setting, cells: str, name: str, steps: int = 0) -> Step:
    """Table of all pairs of a grid, the chosen one first; steps: another number of sampling steps than the recipe's."""
    data, models = _plain_and_sym(s, cells)
    label = models[name].out.split("/")[1] + (f"-{steps}-steps" if steps else "")
    more, n, scores = ("--steps", str(steps)) if steps else (), 8 if s.tiny else 384, []
    rows = f"runs/srr/*-{cells}-*/*/rows"
    for strength, radius in product(*(TINY_GRID if s.tiny else GRIDS[name])):
        pair = f"{strength}-{radius}"
        options = (*more, "--set", f"srr.strength={strength}", f"srr.radius={radius}")
        drawn = draw(s, models[name], f"samples/srr/{label}/{pair}", n, options=options)
        once = reference_rows(rows, 20 if s.tiny else 1000)
        scores.append(score(drawn, data, pair, f"runs/srr/{label}/{pair}", partial(_valid_split, once)))
    return script("choose_srr", f"results/{cells}/srr-choice/{label}.csv", (f"runs/srr/{label}", rows), scores)


def _valid_split(rows) -> Sequence[str]:
    return ("--split", "valid", *rows())


def steps(s: Setting, cells: str) -> list[Step]:
    """The recipe's few sampling steps beside 1,000: at the same SRR, and at the one that is chosen for 1,000 steps."""
    data, models = _plain_and_sym(s, cells)
    model, n = models["closed-form-sym"], s.drawn(1000)
    recipe, scores = model.out.split("/")[1], []
    for long in s.of(("1000",), tiny=("40",)):
        chosen = chosen_srr(s, cells, "closed-form-sym", int(long))
        for seed in s.draws(0, 1, 2):
            out, place = f"results/{cells}/steps", f"samples/steps/{recipe}"
            usual = draw(s, model, f"samples/{recipe}/seed{seed}", n, seed)
            same = draw(s, model, f"{place}/seed{seed}", n, seed, ("--steps", long))
            options = partial(_chosen_pair, chosen.out, long)
            own = draw(s, model, f"{place}/own-srr-seed{seed}", n, seed, options)
            own = Step(own.out, own.command, (*own.needs, chosen))
            scores.append(score(usual, data, recipe, f"results/{cells}/{recipe}/seed{seed}"))
            scores.append(score(same, data, f"{recipe}, {long} steps", f"{out}/seed{seed}"))
            scores.append(score(own, data, f"{recipe}, {long} steps, their own SRR", f"{out}/own-srr-seed{seed}"))
    return [compare(scores, f"results/{cells}/steps/table")]


def _chosen_pair(table: str, steps: str) -> list[str]:
    with open(table, newline="") as file:
        strength, radius = list(csv.reader(file))[2][:2]  # after the header and the valid split
    return ["--steps", steps, "--set", f"srr.strength={strength}", f"srr.radius={radius}"]


#: Of SRR, and of RAS: its published weights times 0, .1, 1, 10.
POINTS = {
    "strength": ("0", "0.6", "1.2", "1.8", "2.4", "3.6", "4.8"),
    "radius": ("0.8", "1.0", "1.2", "1.4", "1.6", "2.0"),
    "cap": ("1", "3", "10", "30", "100"),
    "inter": ("0", "0.4", "4", "40"),
    "intra": ("0", "0.00004", "0.0004", "0.004"),
    "sink": ("0", "0.0001", "0.001", "0.01"),
}
OF_SRR = ("strength", "radius", "cap")


def sensitivity(s: Setting, cells: str) -> list[Step]:
    """Scores along one number at a time: of SRR from one training, of RAS with a short training at 24^3 a point."""
    data, coarse_data, goals, n = build(s, cells), coarse(s, cells), [], s.drawn(500)
    recipe = f"closed-form-{cells}-{'tiny' if s.tiny else 'small'}"
    for field in s.of(tuple(POINTS)):
        out, scores = f"results/{cells}/sensitivity/{field}", []
        for value in POINTS[field][:3:2] if s.tiny else POINTS[field]:
            options: tuple[str, ...] = ()
            if field in OF_SRR:
                model, reference, options = train(s, data, recipe), data, ("--set", f"srr.{field}={value}")
            else:
                changes = () if s.tiny else ("autoencoder.resolution=24", *COARSE)
                run = f"runs/sensitivity-{cells}/{field}-{value}"
                model, reference = (
                    train(s, coarse_data, recipe, run, (*changes, f"regularisation.{field}={value}")),
                    coarse_data,
                )
            drawn = draw(s, model, f"samples/sensitivity-{cells}/{field}/{value}", n, options=options)
            rows = reference_rows(f"{out}/*/rows", n)
            scores.append(score(drawn, reference, f"{field} {value}", f"{out}/{value}", rows))
        along = f"sampling.srr.{field}" if field in OF_SRR else f"regularisation.{field}"
        page = f"{out}/page"
        words = ("report", out, "--along", along, "--out", page, "--overwrite")
        goals.append(Step(page, words, tuple(scores), follows=True))
    return goals


def density(s: Setting, cells: str) -> list[Step]:
    """Cells of a requested relative density, from the 5th to the 95th percentile of the held-out cells."""
    data, models = _plain_and_sym(s, cells)
    ways = {
        "uncorrected": ("--set", "after.match_density.corrections=0"),
        "decoded": (),
        "calibrated": ("--calibrate",),
    }
    goals = []
    for way in s.of(tuple(ways)):
        options = partial(_density_range, data.out, ways[way])
        drawn = draw(s, models["closed-form"], f"samples/density-{cells}-{way}", s.drawn(1000), options=options)
        drawn = Step(drawn.out, drawn.command, (*drawn.needs, data))
        out = f"results/{cells}/density-{way}"
        goals.append(score(drawn, data, f"closed form, density requested, {way}", f"{out}/seed0"))
        goals.append(script("wanted_and_measured", f"{out}/wanted.json", (drawn.out, "relative_density"), (drawn,)))
    return goals


def _density_range(data: str, more: Sequence[str]) -> list[str]:
    import voxplore as vp

    values = vp.load_cells(data, split="test").relative_density()
    return ["--density", *(f"{x:.4f}" for x in np.quantile(values, [0.05, 0.95])), *more]


def stiffness(s: Setting, cells: str) -> list[Step]:
    """Cells of a requested property, from the 5th to the 95th percentile of what is known of training cells."""
    data, size = coarse(s, cells), "tiny" if s.tiny else "small"
    changes = () if s.tiny else ("autoencoder.resolution=24", *COARSE)
    model = train(s, data, f"closed-form-sym-{cells}-{size}", f"runs/stiffness-{cells}", changes)
    n, known = s.drawn(200), s.known or (30 if s.tiny else 3000)
    alone = ("--workers", "1", "--no-cache") if s.tiny else ()
    table = f"properties/{cells}-24"
    words = ("properties", data.out, "--split", "train", "--n", str(known), *alone, "--out", table)
    solved, goals = Step(table, words, (data,)), []
    for name in s.of(("young_hill", "young_share", "poisson_xy"), tiny=("young_hill",)):
        options = partial(_property_range, table, name, data.out)
        drawn = draw(s, model, f"samples/stiffness-{cells}/{name}", n, options=options)
        drawn = Step(drawn.out, drawn.command, (*drawn.needs, solved, data))
        out = f"results/{cells}/stiffness/{name}"
        found = Step(f"{out}/properties", ("properties", drawn.out, *alone, "--out", f"{out}/properties"), (drawn,))
        goals.append(score(drawn, data, f"{name} requested", f"{out}/seed0"))
        compared = (drawn.out, name, "--table", f"{found.out}/properties.csv")
        goals.append(script("wanted_and_measured", f"{out}/wanted.json", compared, (drawn, found)))
    return goals


def _property_range(table: str, name: str, known: str) -> list[str]:
    with open(f"{table}/properties.csv", newline="") as file:
        values = np.array([float(row[name]) for row in csv.DictReader(file)])
    low, high = np.quantile(values[np.isfinite(values)], [0.05, 0.95])
    return ["--condition", f"{name}={low:.6g}:{high:.6g}", "--properties", table, "--known", known]


KINDS = ("modulus", "poisson", "cubic", "isotropic")


def targets(s: Setting) -> list[Step]:
    """What a search for targets reaches with the shipped model; --n: targets of each kind."""
    kinds, nets = s.of(KINDS), build(s, "nets")
    held_out = (nets,) if s.tiny else (nets, build(s, "shells"))
    model = train(s, nets, "closed-form-sym-nets-tiny") if s.tiny else "default"
    words = ["targets.py", model if isinstance(model, str) else model.out, "--kinds", *kinds]
    words += ["--held-out", *(data.out for data in held_out), "--out", "results/targets"]
    if s.tiny:
        words += ["--reference", nets.out, "--targets", "1", "--pool", "16", "--solved", "8", "--starts", "1"]
    elif s.n:
        words += ["--targets", str(s.n)]
    needs = held_out if isinstance(model, str) else (*held_out, model)
    found = Step(f"results/targets/{kinds[-1]}", words, needs)  # the last that the script writes
    return [script("targets_table", "results/targets/table.md", ("results/targets",), (found,), follows=True)]


def stiffest(s: Setting) -> list[Step]:
    """At five densities the stiffest cell found beside the stiffest known one, both on a mesh twice as fine."""
    out, needs, model = "results/targets/stiffest.json", (), "default"
    few: tuple[str, ...] = ()
    if s.tiny:
        nets = build(s, "nets")
        trained = train(s, nets, "closed-form-sym-nets-tiny")
        needs, model = (nets, trained), trained.out
        few = ("--reference", nets.out, "--pool", "16", "--bins", "2", "--rounds", "1", "--few")
    return [Step(out, ["stiffest.py", model, *few, "--out", out], needs)]


def surrogate(s: Setting) -> list[Step]:
    """What the surrogate of the search for targets foretells of cells that it has not seen."""
    nets = build(s, "nets")
    held_out = (nets,) if s.tiny else (nets, build(s, "shells"))
    model = train(s, nets, "closed-form-sym-nets-tiny") if s.tiny else "default"
    words = ["surrogate.py", model if isinstance(model, str) else model.out, "--n", str(8 if s.tiny else s.n or 96)]
    words += ["--held-out", *(data.out for data in held_out), "--out", "results/targets/surrogate.json"]
    words += ["--learn", "32"] if s.tiny else []
    return [Step("results/targets/surrogate.json", words, held_out if isinstance(model, str) else (*held_out, model))]


def million(s: Setting) -> list[Step]:
    """Cells of a closed form, drawn with 14 steps and two levels, scored against 10,000 cells (2,193 nets)."""
    nets = 40 if s.tiny else 2193
    data = build(s, "nets", n=nets, resolution=0 if s.tiny else 48, name=f"nets{nets}")
    cells, size = ("nets", "tiny") if s.tiny else ("both", "small")
    model = train(s, build(s, cells), f"closed-form-sym-{cells}-{size}")
    quick = ("steps=14", "early=4", "points=10000", "after.levels.levels=[0.3]", "after.levels.spanning=false")
    quick += ("after.redraw.times=0", "after.orient.by=none")
    options = (
        "--device",
        "cpu",
        "--workers",
        str(1 if s.tiny else s.workers),
        "--set",
        *(quick[:1] if s.tiny else quick),
    )
    goals = []
    for n in s.of(("1000000",), tiny=("300",)):
        drawn = draw(s, model, f"samples/million/{n}", int(n), options=options)
        goals.append(score(drawn, data, "million", f"results/robustness/million/{n}", ("--five",)))
    return goals
