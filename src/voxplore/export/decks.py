"""Input decks for finite elements: Abaqus (and CalculiX) `.inp` with periodic equations, gmsh `.msh`.

The `.inp` prescribes a mean strain. Let m be a node, p its periodic partner, and L the edges of the cell. Three further
nodes R_1, R_2, R_3 carry the mean displacement gradient H as U_i(R_j) = H_ij L_j, and each pair is tied by

    u_i(m) - u_i(p) - sum_j (x_j(m) - x_j(p)) / L_j U_i(R_j) = 0.

The reaction there is the mean stress, F_i(R_j) = sigma_ij V / L_j with V the volume of the cell (virtual work), for
solvers that hand the forces of equations to the reference nodes. CalculiX 2.20 prints none: average its stresses.
"""

import io

import numpy as np
from scipy import sparse

from voxplore.errors import VoxploreError
from voxplore.export.hexahedra import HexMesh, hex_mesh

__all__ = ["inp", "msh"]

Triple = tuple[float, float, float]
_STRAIN = 1e-3
#: Voigt order xx, yy, zz, yz, xz, xy: the entries (i, j) of the displacement gradient that make one engineering strain.
_CASES = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))


def inp(voxels: np.ndarray, size: Triple, young: float = 1.0, poisson: float = 0.3, case: int = 0) -> bytes:
    """Abaqus deck of C3D8 elements, in millimetres (stresses then come in the unit of `young`).

    voxels: Bool (a, b, c); size: edges of the whole array; case: 0 to 5, the strain in Voigt order (xx, yy, zz, yz, xz,
    xy) that the step prescribes, 0.001 large. Node sets X0 to Z1 (faces), REFERENCE (R_1 to R_3), PINNED. Solid that
    does not connect to its own periodic image cannot carry load and would leave the system singular: it is left out,
    and the header says how much. Raises VoxploreError where nothing is left.
    """
    mesh = hex_mesh(_carrying(voxels))
    if not len(mesh.elements):
        raise VoxploreError("cell for a deck", expected="solid that spans the cell", came="none")
    left_out = int(voxels.sum()) - len(mesh.elements)
    length = np.array(size) / mesh.shape
    out = io.StringIO()
    out.write(
        "*HEADING\nvoxplore unit cell, millimetres\n"
        f"** {len(mesh.elements)} elements; {left_out} solid voxels left out that do not span the cell\n"
    )
    nodes = len(mesh.places)
    reference = [nodes + 1, nodes + 2, nodes + 3]
    out.write("*NODE\n")  # one block: meshio reads no second one
    places = np.concatenate([mesh.places * length, np.diag(size) * 1.2])
    _rows(out, np.arange(1, nodes + 4), places, "%d, %.9g, %.9g, %.9g")
    out.write("*ELEMENT, TYPE=C3D8, ELSET=SOLID\n")
    np.savetxt(out, np.column_stack([np.arange(1, len(mesh.elements) + 1), mesh.elements + 1]), "%d", ", ")
    for axis, name in enumerate("XYZ"):
        for side, place in enumerate((0, mesh.shape[axis])):
            _node_set(out, f"{name}{side}", np.flatnonzero(mesh.places[:, axis] == place) + 1)
    _node_set(out, "REFERENCE", np.array(reference))
    fixed = _fixed(mesh)
    _node_set(out, "PINNED", np.unique([node + 1 for node, _ in fixed]))
    _equations(out, mesh, reference)
    out.write(
        f"*MATERIAL, NAME=BASE\n*ELASTIC\n{young:.9g}, {poisson:.9g}\n*SOLID SECTION, ELSET=SOLID, MATERIAL=BASE\n"
    )
    out.write("*STEP\n*STATIC\n*BOUNDARY\n")
    out.writelines(f"{node + 1}, {axis + 1}, {axis + 1}, 0.0\n" for node, axis in fixed)
    i, j = _CASES[case]
    gradient = np.zeros((3, 3))
    gradient[i, j] += _STRAIN / 2
    gradient[j, i] += _STRAIN / 2
    for column, node in enumerate(reference):
        for row in range(3):
            out.write(f"{node}, {row + 1}, {row + 1}, {gradient[row, column] * size[column]:.9g}\n")
    out.write("*NODE PRINT, NSET=REFERENCE\nU, RF\n*NODE FILE\nU\n*EL FILE\nS\n*END STEP\n")
    return out.getvalue().encode("ascii")


def msh(voxels: np.ndarray, size: Triple) -> bytes:
    """gmsh mesh (format 2.2, text) of 8-node hexahedra, in millimetres; physical volume 1 is `solid`."""
    mesh = hex_mesh(voxels)
    if not len(mesh.elements):
        raise VoxploreError("cell for a mesh of hexahedra", expected="some solid", came="none")
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


def _carrying(voxels: np.ndarray) -> np.ndarray:
    """The solid that connects to its own periodic image along some direction."""
    mesh = hex_mesh(voxels)
    kept = np.zeros_like(voxels)
    kept[voxels] = mesh.rank()[mesh.component] > 0
    return kept


def _fixed(mesh: HexMesh) -> list[tuple[int, int]]:
    """(node, axis) to hold, so that no part of the cell can move freely; never a node that an equation eliminates."""
    master = np.arange(len(mesh.places))
    master[mesh.pairs[:, 0]] = mesh.pairs[:, 1]
    ends = master[mesh.elements]
    links = np.stack([np.repeat(ends[:, 0], 7), ends[:, 1:].ravel()])
    graph = sparse.coo_matrix((np.ones(links.shape[1], bool), links), (len(master), len(master)))
    group = sparse.csgraph.connected_components(graph, directed=False)[1]
    held = []
    for number in np.unique(group[ends[:, 0]]):
        nodes = np.flatnonzero((group == number) & (master == np.arange(len(master))))
        held += [(int(nodes[0]), axis) for axis in range(3)]
        parts = np.unique(mesh.component[group[ends[:, 0]] == number])
        if len(parts) == 1 and mesh.rank()[parts[0]] == 1:
            windings = mesh.windings[parts[0]]  # all along one direction, and some of them loops of no length
            longest = windings[(windings**2).sum(1).argmax()]
            held.append(_against_turning(mesh, nodes, longest * mesh.shape))
    return held


def _against_turning(mesh: HexMesh, nodes: np.ndarray, along: np.ndarray) -> tuple[int, int]:
    """A chain that repeats along one direction only could turn about it: hold one component of a far node."""
    arms = np.cross(along / np.linalg.norm(along), mesh.places[nodes] - mesh.places[nodes[0]])
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
