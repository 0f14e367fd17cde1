"""Rows that a script of this folder, or one verb, measures alone."""

from commands import Setting, Step, build, compare, score, script


def orientations(s: Setting, cells: str) -> list[Step]:
    """Held-out cells, each rotated to a random one of the six orientations, scored like generated ones."""
    data, n = build(s, cells), s.drawn(1000)
    rotated = script("rotated_held_out", f"samples/rotated-{cells}.npy", (data.out, str(n)), (data,))
    return [score(rotated, data, "held-out, rotated randomly", f"results/{cells}/held-out-rotated")]


def linear_limit(s: Setting, cells: str) -> list[Step]:
    """IoU of the best linear autoencoder by its number of latents."""
    data = build(s, cells)
    few = ("--latents", "4", "16") if s.tiny else ()
    return [script("linear_limit", f"results/{cells}/linear_limit.json", (data.out, *few), (data,))]


def cost(s: Setting) -> list[Step]:
    """Time and memory of RAS and of SRR."""
    brief = (
        "--recipe",
        "closed-form-nets-tiny",
        "--cells",
        "200",
        "--drawn",
        "8",
        "--steps",
        "2",
        "--repetitions",
        "1",
    )
    return [script("cost", "results/cost/cost.json", brief if s.tiny else ())]


def figure4(s: Setting) -> list[Step]:
    """Two clusters in the plane under each force of repel-and-sink."""
    return [Step("results/figure4", ("report", "figure4", "--out", "results/figure4"))]


def record(s: Setting) -> list[Step]:
    """reference.bin, which goes into src/voxplore/shipped by hand."""
    few = ("--n", "20", "--workers", "1") if s.tiny else ()
    return [script("reference_record", "records/reference.bin", few)]


def metric_pictures(s: Setting) -> list[Step]:
    """docs/metrics-*.png, copied there by hand."""
    data = build(s, "nets")
    return [script("metric_pictures", "pictures/metrics", (data.out,), (data,))]


def known_properties(s: Setting) -> list[Step]:
    """properties.npz, which goes into src/voxplore/shipped by hand."""
    few = ("--n", "2", "--workers", "1") if s.tiny else ("--n", "1600")
    return [script("known_properties", "records/properties.npz", few)]


FLOORS = ("warped", "displaced", "mean-of-two", "union-of-two", "offset-half", "offset-quarter", "shifted", "roughened")
FLOORS += ("dilated-x", "dilated-x-twice")


def floors(s: Setting, cells: str) -> list[Step]:
    """Sets made from training cells without learning, scored by benchmark v2 beside held-out cells."""
    data, n, folder = build(s, cells), s.drawn(1000), f"samples/floors-{cells}"
    words = ("floors.py", data.out, "--out", folder, "--n", str(n))
    made = Step(f"{folder}/{FLOORS[-1]}", words, (data,))  # the last that the script writes
    scores = []
    for name in s.of(FLOORS):
        options = ("--benchmark", "v2", *(("--rows", "--row-size", str(n)) if not scores else ()))
        found = score(
            Step(f"{folder}/{name}", (), (made,)), data, f"floor: {name}", f"results/{cells}/floors/{name}", options
        )
        scores.append(Step(found.out, found.command, (made, data)))
    return [compare(scores, f"results/{cells}/floors/table")]
