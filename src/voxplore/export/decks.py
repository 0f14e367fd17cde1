"""Input decks for finite elements: Abaqus (and CalculiX) `.inp` with periodic equations, gmsh `.msh`.

The `.inp` prescribes a mean strain. Let m be a node, p its periodic partner, and L the edges of the cell. Three further
nodes R_1, R_2, R_3 carry the mean displacement gradient H as U_i(R_j) = H_ij L_j, and each pair is tied by

    u_i(m) - u_i(p) - sum_j (x_j(m) - x_j(p)) / L_j U_i(R_j) = 0.

The reaction there is the mean stress, F_i(R_j) = sigma_ij V / L_j with V the volume of the cell (virtual work), for
solvers that hand the forces of equations to the reference nodes. CalculiX 2.20 prints none: average its stresses.
"""

import io
import math
from dataclasses import dataclass

import numpy as np

from voxplore.errors import VoxploreError
from voxplore.export.hexahedra import HexMesh, hex_mesh
from voxplore.kernels import carrying

__all__ = ["CASES", "Material", "inp", "msh"]

Triple = tuple[float, float, float]
_STRAIN = 1e-3
#: The engineering strains in Voigt order.
CASES = ("xx", "yy", "zz", "yz", "xz", "xy")


@dataclass(frozen=True)
class Material:
    """The solid of a deck. young: MPa, or any unit that the stresses shall have. density: kg/m^3, None leaves it out.
    yield_stress: from which it flows without hardening, in the unit of `young`; None leaves it elastic.
    """

    young: float = 1.0
    poisson: float = 0.3
    density: float | None = None
    yield_stress: float | None = None

    def __post_init__(self):
        positive = [value for value in (self.young, self.density, self.yield_stress) if value is not None]
        if not all(0 < value < math.inf for value in positive) or not -1 < self.poisson < 0.5:
            expected = "positive modulus, density and yield stress, and a Poisson's ratio between -1 and 0.5"
            raise VoxploreError("material", expected=expected, got=str(self))

    def lines(self) -> str:
        """In Abaqus's keywords; density in tonnes per cubic millimetre, which goes with MPa."""
        text = f"*MATERIAL, NAME=BASE\n*ELASTIC\n{self.young:.9g}, {self.poisson:.9g}\n"
        if self.density is not None:
            text += f"*DENSITY\n{self.density * 1e-12:.9g}\n"
        if self.yield_stress is not None:
            text += f"*PLASTIC\n{self.yield_stress:.9g}, 0.0\n"
        return text


def inp(voxels: np.ndarray, size: Triple, material: Material | None = None, case: str = "all") -> bytes:
    """Abaqus deck of C3D8I elements, in millimetres: element and contact (by faces) as in `voxplore.mechanics`.

    voxels: Bool (a, b, c); size: edges of the whole array; material: of the solid, by default Young's modulus 1 and
    Poisson's ratio 0.3. case: one of CASES, the strain that the step prescribes, 0.001 large, or "all": a step for each
    of the six. Node sets X0 to Z1 (faces), REFERENCE (R_1 to R_3), PINNED. Solid that does not connect to its own
    periodic image cannot carry load and would leave the system singular: it is left out, and the header says how much.
    Raises VoxploreError where nothing is left, or the case is unknown.
    """
    cases = CASES if case == "all" else (case,)
    if not set(cases) <= set(CASES):
        raise VoxploreError("case", expected=f"all, or one of {', '.join(CASES)}", got=case)
    mesh = hex_mesh(carrying(voxels))
    if not len(mesh.elements):
        raise VoxploreError("cell for a deck", expected="solid that spans the cell", got="none")
    out = io.StringIO()
    left_out = int(voxels.sum()) - len(mesh.elements)
    out.write(
        "*HEADING\nvoxplore unit cell, millimetres\n"
        f"** {len(mesh.elements)} elements; {left_out} solid voxels left out that do not span the cell\n"
    )
    fixed = _fixed(mesh)
    reference = [len(mesh.places) + 1 + k for k in range(3)]
    _write_mesh(out, mesh, size, reference, fixed)
    _equations(out, mesh, reference)
    out.write((material or Material()).lines() + "*SOLID SECTION, ELSET=SOLID, MATERIAL=BASE\n")
    for name in cases:
        out.write(f"** strain {name}\n*STEP\n*STATIC\n*BOUNDARY\n")
        out.writelines(f"{node + 1}, {axis + 1}, {axis + 1}, 0.0\n" for node, axis in fixed)
        gradient = np.zeros((3, 3))
        i, j = ("xyz".index(axis) for axis in name)
        gradient[i, j] += _STRAIN / 2
        gradient[j, i] += _STRAIN / 2
        for column, node in enumerate(reference):
            for row in range(3):
                out.write(f"{node}, {row + 1}, {row + 1}, {gradient[row, column] * size[column]:.9g}\n")
        out.write("*NODE PRINT, NSET=REFERENCE\nU, RF\n*NODE FILE\nU\n*EL FILE\nS\n*END STEP\n")
    return out.getvalue().encode("ascii")


def _write_mesh(
    out: io.StringIO, mesh: HexMesh, size: Triple, reference: list[int], fixed: list[tuple[int, int]]
) -> None:
    """Nodes, elements and node sets."""
    out.write("*NODE\n")  # one block: meshio reads no second one
    places = np.concatenate([mesh.places * (np.array(size) / mesh.shape), np.diag(size) * 1.2])
    _rows(out, np.arange(1, len(places) + 1), places, "%d, %.9g, %.9g, %.9g")
    out.write("*ELEMENT, TYPE=C3D8I, ELSET=SOLID\n")
    np.savetxt(out, np.column_stack([np.arange(1, len(mesh.elements) + 1), mesh.elements + 1]), "%d", ", ")
    for axis, name in enumerate("XYZ"):
        for side, place in enumerate((0, mesh.shape[axis])):
            _node_set(out, f"{name}{side}", np.flatnonzero(mesh.places[:, axis] == place) + 1)
    _node_set(out, "REFERENCE", np.array(reference))
    _node_set(out, "PINNED", np.unique([node + 1 for node, _ in fixed]))


def msh(voxels: np.ndarray, size: Triple) -> bytes:
    """gmsh mesh (format 2.2, text) of 8-node hexahedra, in millimetres; physical volume 1 is `solid`."""
    mesh = hex_mesh(voxels, periodic=False)
    if not len(mesh.elements):
        raise VoxploreError("cell for a mesh of hexahedra", expected="some solid", got="none")
    out = io.StringIO()
    out.write('$MeshFormat\n2.2 0 8\n$EndMeshFormat\n$PhysicalNames\n1\n3 1 "solid"\n$EndPhysicalNames\n')
    out.write(f"$Nodes\n{len(mesh.places)}\n")
    places = mesh.places * (np.array(size) / mesh.shape)
    _rows(out, np.arange(1, len(places) + 1), places, "%d %.9g %.9g %.9g")
    out.write(f"$EndNodes\n$Elements\n{len(mesh.elements)}\n")
    count = len(mesh.elements)
    kind = np.tile([5, 2, 1, 1], (count, 1))  # hexahedron, two tags: physical and geometrical entity
    np.savetxt(out, np.column_stack([np.arange(1, count + 1), kind, mesh.elements + 1]), "%d", " ")
    out.write("$EndElements\n")
    return out.getvalue().encode("ascii")


def _fixed(mesh: HexMesh) -> list[tuple[int, int]]:
    """(node, axis) to hold, so that no part of the cell can move freely; never a node that an equation eliminates."""
    is_master = np.ones(len(mesh.places), bool)
    is_master[mesh.pairs[:, 0]] = False
    held = []
    for part, (windings, rank) in enumerate(zip(mesh.windings, mesh.rank(), strict=True)):
        own = mesh.component == part
        ends = mesh.elements[own]
        kept = is_master[ends]
        nodes = ends[kept]
        held += [(int(nodes[0]), axis) for axis in range(3)]
        if rank == 1:  # all windings along one direction, and some of them loops of no length
            longest = windings[(windings**2).sum(1).argmax()] * mesh.shape
            places = (mesh.places[ends] + (mesh.cells[own] * mesh.shape)[:, None])[kept]
            held.append(_against_turning(nodes, places, longest))
    return held


def _against_turning(nodes: np.ndarray, places: np.ndarray, along: np.ndarray) -> tuple[int, int]:
    """A chain that repeats along one direction only could turn about it: hold one component of a far node.

    places: of the nodes, once the chain is put together across the faces of the cell.
    """
    arms = np.cross(along / np.linalg.norm(along), places - places[0])
    farthest = int((arms**2).sum(1).argmax())
    return int(nodes[farthest]), int(np.abs(arms[farthest]).argmax())


def _equations(out: io.StringIO, mesh: HexMesh, reference: list[int]) -> None:
    step = (mesh.places[mesh.pairs[:, 0]] - mesh.places[mesh.pairs[:, 1]]) // np.array(mesh.shape)
    for (node, partner), cells in zip(mesh.pairs.tolist(), step.tolist(), strict=True):
        far = [(reference[j], -cells[j]) for j in range(3) if cells[j]]
        for axis in (1, 2, 3):
            terms = [(node + 1, 1), (partner + 1, -1), *far]
            out.write(f"*EQUATION\n{len(terms)}\n")
            lines = [
                ", ".join(f"{n}, {axis}, {factor}" for n, factor in terms[k : k + 4]) for k in range(0, len(terms), 4)
            ]
            out.write(",\n".join(lines) + "\n")


def _node_set(out: io.StringIO, name: str, nodes: np.ndarray) -> None:
    out.write(f"*NSET, NSET={name}\n")
    out.writelines(", ".join(map(str, nodes[k : k + 12].tolist())) + ",\n" for k in range(0, len(nodes), 12))


def _rows(out: io.StringIO, numbers: np.ndarray, places: np.ndarray, form: str) -> None:
    np.savetxt(out, np.column_stack([numbers, places]), form)
