"""What `voxplore info` says: statistics of a set of cells, scores, or a model."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from voxplore import kernels, storage
from voxplore.data.opening import load_cells
from voxplore.errors import VoxploreError
from voxplore.mechanics.known import property_rows
from voxplore.metrics import Scores, connectivity, diversity, evaluate, symmetry
from voxplore.metrics.neighbours import Reference
from voxplore.unitcells import UnitCells
from voxplore.workflows.evaluate import reference_of

__all__ = ["Verdict", "cell_statistics", "describe", "facts", "repeated", "table", "verify"]

#: IoU from which on two source cells count as near duplicates, as a fraction in integers.
NEAR = (98, 100)
Verdict = list[tuple[str, str]]


def describe(path: str | Path, quick: bool = False) -> str:
    """Text on whatever stands at `path`; see `facts`."""
    found = facts(path, quick)
    return str(found) if isinstance(found, Scores) else table(found)


def facts(path: str | Path, quick: bool = False) -> Verdict | Scores:
    """Name and value of what can be said of cells or of a saved model, or the scores that stand at `path`.

    "default" is the shipped model with its known cells. quick: leave out what compares cells.
    """
    if _is_default(path):
        return [*_model_facts(_shipped()), ("known cells", "those it is scored against"), *_known_facts(quick)]
    path = Path(path)
    if (path / "scores.json").is_file():
        return Scores.load(path)
    if (path / "config.json").is_file():
        return _model_facts(path)
    if (path / "properties.csv").is_file() and not (path / "cells.json").exists():
        return list(_property_facts(path / "properties.csv"))
    cells = load_cells(path)
    return cell_statistics(cells) + ([] if quick else list(_comparisons(cells)))


#: Columns of properties that are told, where a file has them.
_TOLD = ("relative_density", "young_hill", "young_share", "poisson_min", "poisson_max", "universal_anisotropy")


def _property_facts(path: Path) -> Iterator[tuple[str, str]]:
    """Name and value of what can be said of a table of properties."""
    rows = property_rows(path)
    yield "properties", storage.counted(len(rows), "cell")
    for name in _TOLD:
        try:
            values = np.array([float(row.get(name) or "nan") for row in rows])
        except ValueError as error:
            raise VoxploreError(path, expected=f"numbers in column {name}", got=str(error)) from error
        values = values[np.isfinite(values)]
        if len(values):
            yield name, f"median {np.median(values):.4g} (from {values.min():.4g} to {values.max():.4g})"


def _is_default(path: str | Path) -> bool:
    return str(path) == "default" and not Path(path).exists()


def _shipped() -> Path:
    """The folder of the model in the package."""
    from voxplore.models import model_folder

    return model_folder("default")


def _known_facts(quick: bool) -> Verdict:
    """Of the shipped model's known cells; quick: without making them, where they are not in the cache."""
    if quick:
        from voxplore.data.record.shipped import reference_cells

        return [("cells", repr(reference_cells()))]
    return cell_statistics(load_cells("default"))


def cell_statistics(cells: UnitCells) -> Verdict:
    """Name and value of what can be said of n cells without comparing them with each other."""
    facts = [(key, str(cells.about[key])) for key in ("name", "source", "licence", "split_rule") if key in cells.about]
    facts += [("cells", f"{len(cells)} at {cells.resolution}^3")]
    facts += [("edges", " : ".join(f"{edge:g}" for edge in cells.about["edges"]))] if "edges" in cells.about else []
    if not len(cells):
        return facts
    if "split" in cells.index:
        names, counts = np.unique(cells.index["split"], return_counts=True)
        shares = sorted(zip(counts.tolist(), names.tolist(), strict=True), reverse=True)
        facts.append(("splits", ", ".join(f"{count} {name}" for count, name in shares)))
    density = cells.relative_density()
    facts.append(("relative density", f"{density.mean():.3f} (from {density.min():.3f} to {density.max():.3f})"))
    facts.append(("centrosymmetric", f"{_percent(symmetry(cells) == 1)} (S_sym of 1)"))
    facts.append(("one periodic component", _percent(connectivity(cells) == 1)))
    if "periodicity_floor" in cells.about:
        facts.append(("periodicity floor", f"{cells.about['periodicity_floor']:.3f}"))
    return facts


def _comparisons(cells: UnitCells) -> Iterator[tuple[str, str]]:
    """What compares cells: near duplicates among the sources, held-out cells against the training cells."""
    if len(cells) > 1:
        yield "near duplicates", f"{_percent(repeated(_one_a_source(cells)))} of the source cells (IoU of 0.98 or more)"
    benchmark = reference_of(cells)
    if benchmark.held_out is not None and len(benchmark.held_out):
        # All of them: S_div falls as more cells share their nearest ones, so a part would look more diverse.
        yield "held-out against training", _nearness(benchmark.held_out, benchmark.train)
        scores = evaluate(benchmark.held_out, benchmark.reference, vun=False)
        yield (
            "held-out row of benchmark v1",
            f"S_nov {scores.value('novelty'):.3f}, S_div {scores.value('diversity'):.3f} (gated, against all "
            f"{len(benchmark.reference)} oriented training cells)",
        )


def _nearness(cells: UnitCells, train: UnitCells) -> str:
    """S_nov and S_div by Eq. 15 to 17 as they are printed: no gate, and training cells as they were built."""
    known = Reference(train)
    novelty, share = 1 - known.nearest(cells)[1], diversity(cells, known)
    return f"S_nov {novelty.mean():.3f}, S_div {share:.3f} (no gate, {len(cells)} against {len(train)} as built)"


def repeated(cells: UnitCells, limit: tuple[int, int] = NEAR) -> np.ndarray:
    """Bool (n,): whether another cell has IoU of `limit` or more in one of the 48 orientations of the cube; exact."""
    bits = Reference(cells).bits
    found = np.zeros(len(cells), bool)
    for order in (np.arange(len(cells)), np.arange(len(cells))[::-1]):  # an earlier one, then a later one
        prepared = kernels.orbits(bits.rows(order), cells.resolution, shifts=False)
        found[order] |= kernels.first_equivalent(prepared, prepared, limit, earlier=True) >= 0
    return found


def verify(path: str | Path) -> Verdict:
    """Compare the files of a folder of cells or of a model with their checksums, and load what they hold.

    Returns what was checked; VoxploreError names what differs, with the checksum expected and the one found. Models
    without checksums, and files that hold none, are loaded only.
    """
    path = _shipped() if _is_default(path) else Path(path)
    if (path / "scores.json").is_file():
        Scores.load(path)
        return [(name, "loads; it holds no checksums") for name in ("scores.json", "scores.csv")]
    if (path / "config.json").is_file():
        checked = _checksums(path, "config.json")
        return checked + [(name, "loads") for name in _parts(path)]
    if not path.is_dir():
        load_cells(path)
        return [(path.name, "loads; it holds no checksums")]
    checked = _checksums(path, "cells.json")
    if not checked:
        raise VoxploreError(path / "cells.json", expected="checksums under sha256", got="none")
    load_cells(path)
    return checked


def _checksums(path: Path, header: str) -> Verdict:
    """The files that the header `header` in the folder holds checksums of, compared with them."""
    read = storage.read_json(path / header)
    recorded = read.get("sha256") if isinstance(read, dict) else None
    return [(name, "sha256 as recorded") for name in storage.check_sha256(path, recorded)]


def _parts(path: Path) -> list[str]:
    """The parts of a model or of a refiner, all of them loaded."""
    if storage.read_json(path / "config.json").get("format") == "voxplore-refiner":
        from voxplore.refine import load_refiner

        return ["network"] if load_refiner(path) else []
    from voxplore.models import load_model

    return list(load_model(path, "cpu").parts())


def _one_a_source(cells: UnitCells) -> UnitCells:
    sources = cells.index.get("source_id")
    return cells if sources is None else cells[np.sort(np.unique(sources, return_index=True)[1])]


def _model_facts(path: Path) -> Verdict:
    header = storage.read_json(path / "config.json")
    if not isinstance(header, dict) or "model" not in header:
        raise VoxploreError(path / "config.json", expected="the header of a model", got="something else")
    trained: dict[str, Any] = header.get("trained") or {}
    facts = [("model", str(header["model"])), ("made with", f"voxplore {header.get('voxplore_version')}")]
    facts += [(key.replace("_", " "), str(value)) for key, value in trained.items()]
    sizes = {part.stem: part.stat().st_size for part in sorted(path.glob("*.safetensors"))}
    return facts + [(f"part {name}", f"{size / 1e6:.2f} MB") for name, size in sizes.items()]


def _percent(flags: np.ndarray) -> str:
    return f"{100 * flags.mean():.1f} %"


def table(facts: Verdict) -> str:
    """Names and values as two columns of text."""
    width = max(len(name) for name, _ in facts)
    return "\n".join(f"{name:<{width}}  {value}" for name, value in facts)
