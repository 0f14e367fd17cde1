"""Published moduli of slender lattices; the whole table is `benchmarks/check_literature.py`."""

import importlib
import sys
from pathlib import Path

import pytest

from voxplore.mechanics import derived, effective_stiffness


@pytest.fixture(scope="module")
def literature():
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    yield importlib.import_module("benchmarks.check_literature")
    sys.path.pop(0)


@pytest.mark.parametrize(
    ("lattice", "key", "published"),
    [
        ("simple cubic", "young_x", 1 / 3),  # Lumpe & Stankovic 2021
        ("simple cubic", "bulk_hill", 1 / 9),  # Christensen 1986
        ("body-centred", "bulk_hill", 1 / 9),
    ],
)
def test_slender_lattices_come_near_to_their_published_moduli(literature, lattice, key, published):
    rows = []
    for radius in (1.5, 2.3):
        cell = literature.struts(lattice, 40, radius)
        density = float(cell.mean())
        row = {"density": density} | {k: float(v) for k, v in derived(effective_stiffness(cell), density).items()}
        rows.append([row, row])
    assert literature.limit(lattice, key, {lattice: rows})[0] == pytest.approx(published, rel=0.12)


def test_a_sheet_gyroid_is_stiff_in_every_direction_alike(literature):
    solved, _ = literature.constants(literature.gyroid_sheet(24))
    assert 0.24 < solved["poisson_min"] < solved["poisson_max"] < 0.40  # DeValk & Lakes 2021: .34 +- .06
    assert solved["young_share"] > 0.6
