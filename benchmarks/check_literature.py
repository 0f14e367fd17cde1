"""Moduli of well-known cells beside published values.

    python benchmarks/check_literature.py [--resolution D]

Slender lattices: published values are the limit of thin struts, modulus / (modulus of the solid x relative density), so
each is solved with struts of radius 2 and 3 voxels and carried on in a line to density 0. Sources:

- octet: Young's modulus 1/9, shear modulus 1/12, Poisson's ratio 1/3 (Deshpande, Fleck & Ashby, J. Mech. Phys. Solids
  49, 2001, 1747);
- simple cubic: Young's modulus along the axes 1/3 (a third of the struts; the catalogue of Lumpe & Stankovic, PNAS 118,
  2021, gives 3.34e-3 at density 0.01);
- bulk modulus 1/9 for each lattice whose struts only stretch under pressure: simple cubic, body-centred, octet
  (Christensen, J. Mech. Phys. Solids 34, 1986, 563);
- gyroid sheet: Poisson's ratio .34 +- .06 in every direction, and moduli near the Hashin-Shtrikman bound (DeValk &
  Lakes, Phys. Status Solidi B 258, 2021; measured on prints).

Voxels are a coarse mesh: `solved` is the cell as it is, `foretold` what a mesh twice as fine would give.
"""

import argparse
import itertools

import numpy as np

from voxplore.mechanics import derived, stiffness_of
from voxplore.mechanics.properties import FINER_COLUMNS, STIFFNESS_COLUMNS, properties_of
from voxplore.unitcells import UnitCells

DIAGONALS = [v for v in itertools.product((-1, 0, 1), repeat=3) if v > (0, 0, 0)]
#: Name -> directions of the struts, and points that they run through.
LATTICES = {
    "simple cubic": ([v for v in DIAGONALS if np.abs(v).sum() == 1], [(0, 0, 0)]),
    "body-centred": ([v for v in DIAGONALS if np.abs(v).sum() == 3], [(0, 0, 0)]),
    "octet": ([v for v in DIAGONALS if np.abs(v).sum() == 2], [(0, 0, 0), (0.5, 0.5, 0), (0.5, 0, 0.5), (0, 0.5, 0.5)]),
}


def struts(name: str, d: int, radius: float) -> np.ndarray:
    """Bool (d, d, d): endless straight struts; radius in voxels."""
    directions, points = LATTICES[name]
    centres = (np.indices((d, d, d)).reshape(3, -1).T + 0.5) / d
    solid = np.zeros(len(centres), bool)
    for along, point, image in itertools.product(directions, points, itertools.product((-1, 0, 1), repeat=3)):
        arm = centres - np.array(point) - image
        unit = np.array(along) / np.linalg.norm(along)
        solid |= (arm**2).sum(1) - (arm @ unit) ** 2 < (radius / d) ** 2
    return solid.reshape(d, d, d)


def gyroid_sheet(d: int, half: float = 0.35) -> np.ndarray:
    x, y, z = 2 * np.pi * (np.indices((d, d, d)) + 0.5) / d
    return np.abs(np.sin(x) * np.cos(y) + np.sin(y) * np.cos(z) + np.sin(z) * np.cos(x)) < half


def constants(voxels: np.ndarray) -> list[dict[str, float]]:
    """As solved and as foretold."""
    table = properties_of(UnitCells.from_voxels(voxels[None]), tolerance=1e-4, workers=1)
    finer = stiffness_of({name: table[key] for name, key in zip(STIFFNESS_COLUMNS, FINER_COLUMNS, strict=True)})
    density = float(voxels.mean())
    found = []
    for stiffness in (stiffness_of(table)[0], finer[0]):
        row = {"density": density, "zener": np.nan}
        if np.isfinite(stiffness).all():
            row |= {key: float(value) for key, value in derived(stiffness, density).items()}
        found.append(row)
    return found


def limit(name: str, key: str, rows: dict[str, list[list[dict[str, float]]]]) -> list[float]:
    """Modulus over density (Poisson's ratio as it is), in a line to density 0, as solved and foretold."""
    out = []
    for k in range(2):
        thin, thick = (row[k] for row in rows[name])
        a, b = (row.get(key, np.nan) / (1 if key.startswith("poisson") else row["density"]) for row in (thin, thick))
        out.append(float(a - (b - a) * thin["density"] / (thick["density"] - thin["density"])))
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--resolution", type=int, default=64)
    options = parser.parse_args()
    d = options.resolution
    rows = {name: [constants(struts(name, d, radius)) for radius in (2.0, 3.0)] for name in LATTICES}
    wanted = [
        ("simple cubic", "young_x", 1 / 3),
        ("simple cubic", "bulk_hill", 1 / 9),
        ("body-centred", "bulk_hill", 1 / 9),
        ("octet", "young_x", 1 / 9),
        ("octet", "shear_yz", 1 / 12),
        ("octet", "poisson_xy", 1 / 3),
        ("octet", "bulk_hill", 1 / 9),
    ]
    print(f"{'lattice':14}{'':12}{'published':>10}{'solved':>10}{'foretold':>10}   densities")
    for name, key, published in wanted:
        solved, foretold = limit(name, key, rows)
        densities = ", ".join(f"{row[0]['density']:.3f}" for row in rows[name])
        print(f"{name:14}{key:12}{published:10.4f}{solved:10.4f}{foretold:10.4f}   {densities}", flush=True)
    (gyroid, _) = constants(gyroid_sheet(d))
    print(
        f"gyroid sheet, density {gyroid['density']:.3f}: Poisson's ratio {gyroid['poisson_min']:.3f} to "
        f"{gyroid['poisson_max']:.3f} over all directions (published .34 +- .06), share of the bound "
        f"{gyroid['young_share']:.3f}, Zener ratio {gyroid['zener']:.3f}"
    )


if __name__ == "__main__":
    main()
