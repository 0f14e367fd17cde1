"""How scores change along one field of the configuration: read off score files alone.

Every drawing says under `samples.made.config` what it was drawn with (`workflows.generate.draw`), so nothing but scores
is needed.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np

from voxplore import storage
from voxplore.metrics import METRIC, Scores

__all__ = ["Curve", "curves_of", "draw_curve", "field_of"]

#: Metrics against the field, beside novelty against quality.
_BESIDE = ("quality", "novelty", "diversity", "valid", "vun")


@dataclass(frozen=True)
class Curve:
    """One line: everything but the field is equal. values: (k,) ascending; mean: metric key -> (k,)."""

    label: str
    values: list[float]
    mean: dict[str, list[float]]


def field_of(scores: Scores, field: str) -> float | None:
    """The number that a drawing was made with, by its path in the configuration ("sampling.srr.strength")."""
    made = _samples(scores).get("made")
    place: Any = made.get("config") if isinstance(made, dict) else None
    for name in field.split("."):
        place = place.get(name) if isinstance(place, dict) else None
    return float(place) if isinstance(place, int | float) and not isinstance(place, bool) else None


def curves_of(scores: Iterable[Scores], field: str) -> list[Curve]:
    """A curve for each recipe and configuration that has two values of the field or more; draws of one value are
    averaged."""
    groups: dict[str, dict[float, list[Scores]]] = {}
    labels: dict[str, str] = {}
    for one in scores:
        value = field_of(one, field)
        if value is None:
            continue
        made = _samples(one)["made"]
        key = repr((made.get("recipe"), _without(made["config"], field.split("."))))
        labels[key] = str(made.get("recipe") or one.name)
        groups.setdefault(key, {}).setdefault(value, []).append(one)
    return [_curve(labels[key], group) for key, group in groups.items() if len(group) > 1]


def draw_curve(curves: list[Curve], others: dict[str, Scores], field: str, folder: Path) -> None:
    """Write curve.png and curve.csv to `folder`; others: rows to mark beside the curves, by name."""
    storage.write_csv(folder / "curve.csv", _columns(curves, field))
    _draw(curves, others, field, folder / "curve.png")


def _samples(scores: Scores) -> dict[str, Any]:
    samples = scores.about.get("samples")
    return samples if isinstance(samples, dict) else {}


def _without(config: Any, path: list[str]) -> Any:
    """The configuration less one field."""
    if not isinstance(config, dict):
        return config
    rest = {key: value for key, value in config.items() if key != path[0]}
    return {**rest, path[0]: _without(config.get(path[0]), path[1:])} if len(path) > 1 else rest


def _curve(label: str, group: dict[float, list[Scores]]) -> Curve:
    values = sorted(group)
    everywhere = [key for key in METRIC if all(key in one.mean for draws in group.values() for one in draws)]
    mean = {key: [fmean(one.mean[key] for one in group[value]) for value in values] for key in everywhere}
    return Curve(label, values, mean)


def _columns(curves: list[Curve], field: str) -> dict[str, np.ndarray]:
    keys = [key for key in METRIC if all(key in curve.mean for curve in curves)]
    columns: dict[str, list] = {"row": [], field: [], **{key: [] for key in keys}}
    for curve in curves:
        columns["row"] += [curve.label] * len(curve.values)
        columns[field] += curve.values
        for key in keys:
            columns[key] += curve.mean[key]
    return {key: np.array(values) for key, values in columns.items()}


def _draw(curves: list[Curve], others: dict[str, Scores], field: str, path: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4.5), layout="constrained")
    plane, along = figure.subplots(1, 2)
    for curve in curves:
        across, up = curve.mean["novelty"], curve.mean["quality"]
        plane.plot(across, up, "o-", label=curve.label)
        for value, x, y in zip(curve.values, across, up, strict=True):
            plane.annotate(f"{value:g}", (x, y), textcoords="offset points", xytext=(4, 4), fontsize="small")
    for (name, scores), mark in zip(others.items(), "*sX", strict=False):
        plane.plot(scores.mean["novelty"], scores.mean["quality"], mark, color="black", markersize=11, label=name)
    plane.set(xlabel=METRIC["novelty"].label, ylabel=METRIC["quality"].label, title=f"numbers: {field}")
    plane.legend(fontsize="small")
    styles = ("-", "--", ":", "-.")
    for number, curve in enumerate(curves):
        for k, key in enumerate(key for key in _BESIDE if key in curve.mean):
            label = METRIC[key].label if number == 0 else None
            style = styles[number % len(styles)]
            along.plot(curve.values, curve.mean[key], style, marker="o", color=f"C{k}", label=label)
    if all(value > 0 for curve in curves for value in curve.values) and _decades(curves) > 1.5:
        along.set_xscale("log")
    along.set(xlabel=field, ylim=(-0.02, 1.02))
    along.legend(fontsize="small")
    figure.savefig(path, dpi=100)


def _decades(curves: list[Curve]) -> float:
    values = [value for curve in curves for value in curve.values]
    return float(np.log10(max(values) / min(values)))
