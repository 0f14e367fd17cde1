"""The table of rows: one row, one result. What each is made of stands in results_*.py beside it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import results_ablations as ablations
import results_generators as generators
import results_measurements as measurements
import results_sampling as sampling
from commands import Setting, Step

__all__ = ["ROWS", "Row"]


@dataclass(frozen=True)
class Row:
    """One result.

    minutes: on two CPU cores, with the trainings that it needs. goals: its last steps, which name what they need.
    """

    name: str
    minutes: str
    what: str
    goals: Callable[[Setting], list[Step]]


def _on_sets(
    name: str, minutes: str, what: str, goals: Callable, sets: tuple[str, ...] = ("nets", "shells")
) -> list[Row]:
    return [Row(f"{name}-{cells}", minutes, what.format(cells=cells), partial(goals, cells=cells)) for cells in sets]


def _tables() -> list[Row]:
    rows = []
    for number, cells, what in (
        (2, "nets", "Table 2: no regularisation, contrastive, RAS, and their maps of latents"),
        (3, "nets", "Table 3: with and without RAS and SRR, all four"),
        (4, "nets", "Table 4: autoencoder and denoiser deeper, shallower, wider, narrower"),
        (5, "shells", "Table 5: with and without RAS and SRR, all four"),
        (6, "shells", "Table 6: autoencoder and denoiser deeper, shallower, wider, narrower"),
    ):
        goals = partial(ablations.table, number=number, cells=cells)
        rows.append(Row(f"table{number}", "20 a row", f"{what}; {cells}; values: variants", goals))
        brief = partial(goals, resolution=24)
        rows.append(Row(f"table{number}-24", "1-10 a row", "the same at 24^3, to be compared within itself", brief))
    return rows


BOTH = ("nets", "shells", "both")

ROWS: list[Row] = [
    *_on_sets("table1", "20 a model", "Table 1 on {cells}, each also refined; values: generators", generators.table1),
    *_on_sets(
        "equal-budget",
        "180 a model",
        "Table 1 on {cells} at 24^3, each model trained for 10,800 processor seconds; values: generators",
        generators.equal_budget,
    ),
    *_on_sets(
        "closed-form", "30", "closed-form denoiser on {cells}, plain and symmetrised", generators.closed_form, BOTH
    ),
    *_on_sets("field", "hours", "field latents, trained denoiser, on {cells}; values: variants", generators.field),
    Row("field-both", "1", "field latents of nets and of shells as one model", generators.field_both),
    *_on_sets("paper", "hours", "the paper's network, trained denoiser, on {cells}", generators.paper),
    *_on_sets("tuned", "hours", "that row on {cells}, its decoder shown fresh cells too", generators.tuned),
    Row("shipped", "60", "the model in the package against nets and shells", generators.shipped),
    Row("families", "30", "one model on seven families; values: plain, sym", generators.families),
    *_on_sets("resolution", "85", "24^3, 48^3, 64^3, 96^3 on {cells}; values: resolutions", generators.resolution),
    *_tables(),
    *_on_sets("negatives", "15", "are degraded {cells} invalid? values: kinds of damage", ablations.negatives),
    *_on_sets("negatives-trained", "80", "does the mix of negatives matter on {cells}?", ablations.negatives_trained),
    Row(
        "negatives-trained-24",
        "8",
        "the same on nets at 24^3",
        partial(ablations.negatives_trained, cells="nets", resolution=24),
    ),
    *_on_sets(
        "latent-lines", "1", "neighbours and lines between latents of the paper's {cells}", ablations.latent_lines
    ),
    *_on_sets("latent-classes", "1", "are the nearest latents of {cells} valid or degraded?", ablations.latent_classes),
    *_on_sets(
        "srr-choice",
        "10",
        "SRR of the closed form on {cells}, by the valid split",
        sampling.srr_choice,
        BOTH,
    ),
    *_on_sets("steps", "12", "46 and 1,000 sampling steps on {cells}", sampling.steps),
    *_on_sets("sensitivity", "60", "novelty against quality along SRR and RAS; values: fields", sampling.sensitivity),
    *_on_sets("density", "3", "{cells} of a requested relative density", sampling.density),
    *_on_sets("stiffness", "10", "{cells} of a requested property at 24^3; values: properties", sampling.stiffness),
    Row("targets", "60", "cells asked for by their properties; values: kinds of targets", sampling.targets),
    Row("stiffest", "60", "the stiffest cell found at each density, beside the stiffest known one", sampling.stiffest),
    Row("surrogate", "6", "moduli foretold without solving, of held-out and drawn cells", sampling.surrogate),
    Row("million", "45", "a million cells drawn and scored; values: number of cells", sampling.million),
    *_on_sets("orientations", "1", "held-out {cells}, rotated randomly", measurements.orientations, BOTH),
    *_on_sets("linear-limit", "3", "reconstruction of {cells} by principal components", measurements.linear_limit),
    *_on_sets(
        "floors", "60", "benchmark v2 of sets made from {cells} without learning; values: floors", measurements.floors
    ),
    Row("cost", "4", "time and memory of RAS and SRR", measurements.cost),
    Row("figure4", "1", "Figure 4: the forces of RAS on two clusters in the plane", measurements.figure4),
    Row(
        "reference-record",
        "10",
        "the record that rebuilds the shipped model's training cells",
        measurements.record,
    ),
    Row("metric-pictures", "1", "the pictures of docs/metrics.md", measurements.metric_pictures),
    Row(
        "known-properties",
        "60",
        "the shipped table of properties of known cells",
        measurements.known_properties,
    ),
]
