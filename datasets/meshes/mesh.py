"""Unstructured meshes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import InitVar, dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from surrogate.datasets.errors import expected
from surrogate.datasets.meshes import mesh_checks
from surrogate.datasets.meshes.cells import CellKind, kind_of
from surrogate.datasets.meshes.connectivity import all_facets, facets_of_one_cell, padded, unique_rows


class Block(NamedTuple):
    """The cells of one kind: their places among all cells, and their nodes ``(cells, nodes)``."""

    kind: CellKind
    places: np.ndarray
    nodes: np.ndarray


@dataclass(frozen=True, eq=False)
class Mesh:
    r"""Points, cells between them, and named parts of the boundary.

    Parameters
    ----------
    points
        Coordinates ``(N, d)`` in one to three dimensions.
    cells
        For each kind out of ``segment``, ``triangle``, ``quad``, ``tetrahedron``, ``hexahedron`` the nodes of its cells
        ``(M, k)``, in the order of VTK; kinds of one dimension may be mixed. Stored as one array ``(M, k)`` of all
        cells, filled up with -1, which is taken as well if ``cell_dim`` says the dimension of the cells.
    tags
        Named sets: of points, ``(n,)`` point numbers, or of facets (ends, edges, faces), each by its points ``(n, k)``.
    cell_dim
        Dimension of the cells: that of the kinds. It may be below d, as for a surface in space.
    orient
        Turn cells that are inside out instead of refusing them.

    Raises
    ------
    InputError
        No points, one point or no cells; coordinates that are not finite; fewer dimensions than the cells have; nodes
        that do not exist; points in no cell; cells that are inside out, twisted or without volume; tags of something
        that the mesh does not have. The message counts them and names the first.

    Examples
    --------
    >>> square = Mesh([[0, 0], [1, 0], [1, 1], [0, 1]], {"quad": [[0, 1, 2, 3]]}, tags={"inlet": [[3, 0]]})
    >>> square.quadrature_weights.round(12).tolist(), square.tagged_points("inlet").tolist()
    ([0.25, 0.25, 0.25, 0.25], [0, 3])
    """

    points: Any
    cells: Any
    tags: Mapping[str, Any] = field(default_factory=dict)
    cell_dim: int = 0
    orient: InitVar[bool] = False

    def __post_init__(self, orient: bool) -> None:
        points = mesh_checks.points(self.points)
        given = self.cells if isinstance(self.cells, Mapping) else {self.cell_dim: self.cells}
        cells, dim = padded(given)
        mesh_checks.connectivity(points, cells, dim)
        if orient:
            cells = mesh_checks.oriented(points, _blocks(cells, dim), cells)
        for name, value in (("points", points), ("cells", cells), ("cell_dim", dim)):
            object.__setattr__(self, name, value)
        mesh_checks.volumes(points, self.blocks)
        tags = {name: mesh_checks.tag(name, nodes, self) for name, nodes in self.tags.items()}
        object.__setattr__(self, "tags", tags)
        for array in (self.points, self.cells, *tags.values()):
            array.flags.writeable = False  # what is computed from them is kept

    @property
    def dim(self) -> int:
        """Number of space dimensions."""
        return int(self.points.shape[1])

    @property
    def n_points(self) -> int:
        """Number of points."""
        return len(self.points)

    @property
    def n_cells(self) -> int:
        """Number of cells."""
        return len(self.cells)

    @cached_property
    def blocks(self) -> list[Block]:
        """The cells by kind."""
        return _blocks(self.cells, self.cell_dim)

    @cached_property
    def key(self) -> str:
        """Hash of points and cells: what depends on the geometry only is computed once for it."""
        digest = hashlib.sha256(f"{self.points.shape}{self.cells.shape}{self.cell_dim}".encode())
        digest.update(self.points.tobytes())
        digest.update(self.cells.tobytes())
        return digest.hexdigest()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Mesh):
            return NotImplemented
        names = self.tags.keys() | other.tags.keys()
        none = np.empty(0)
        return self.key == other.key and all(
            np.array_equal(self.tags.get(name, none), other.tags.get(name, none)) for name in names
        )

    def __hash__(self) -> int:
        return hash(self.key)

    @cached_property
    def edges(self) -> np.ndarray:
        """The edges ``(E, 2)``, each once, lower node first, sorted."""
        rows = [block.nodes[:, np.array(block.kind.edges)].reshape(-1, 2) for block in self.blocks]
        return unique_rows(np.sort(np.concatenate(rows), axis=1)).rows

    @cached_property
    def facets(self) -> np.ndarray:
        """The facets ``(F, k)`` of every cell, inner ones twice; filled up with -1 where they are triangles."""
        return all_facets(self.blocks)

    @cached_property
    def boundary_facets(self) -> np.ndarray:
        """The facets ``(F, k)`` of one cell only, seen from outside; filled up with -1 where they are triangles."""
        return facets_of_one_cell(self.facets)

    @cached_property
    def boundary_points(self) -> np.ndarray:
        """Numbers of the points on the boundary, sorted."""
        return np.unique(self.boundary_facets[self.boundary_facets >= 0])

    @cached_property
    def cell_measures(self) -> np.ndarray:
        """Length, area or volume of each cell ``(M,)``."""
        return self._integrate()[0]

    @cached_property
    def quadrature_weights(self) -> np.ndarray:
        r"""Weights :math:`w_i = \int N_i` at the points (N,): exact for linear functions; their sum is the measure."""
        return self._integrate()[1]

    @cached_property
    def cell_centers(self) -> np.ndarray:
        """Mean of the nodes of each cell ``(M, d)``."""
        centers = np.empty((self.n_cells, self.dim))
        for block in self.blocks:
            centers[block.places] = self.points[block.nodes].mean(axis=1)
        return centers

    @cached_property
    def simplices(self) -> np.ndarray:
        """Segments, triangles or tetrahedra ``(S, cell_dim + 1)`` that cut the cells."""
        rows = [block.nodes[:, np.array(block.kind.simplices)] for block in self.blocks]
        return np.concatenate([row.reshape(-1, self.cell_dim + 1) for row in rows])

    def tagged_points(self, name: str) -> np.ndarray:
        """Return the sorted numbers of the points of a tag, also of those of its facets."""
        tag = self._tag(name)
        return np.unique(tag[tag >= 0])

    def tagged_facets(self, name: str) -> np.ndarray:
        """Return the facets of a tag; of tagged points the boundary facets between them."""
        tag = self._tag(name)
        if tag.ndim == 2:
            return tag
        inside = np.isin(self.boundary_facets, np.append(tag, -1)).all(axis=1)
        return self.boundary_facets[inside]

    def coordinates(self, units: str = "1") -> dict[str, xr.Variable]:
        """Return the variables that describe this mesh in fields (UGRID 1.0), see `surrogate.datasets.meshes.ugrid`."""
        from surrogate.datasets.meshes.ugrid import describe

        return describe(self, units)

    @classmethod
    def from_fields(cls, fields: xr.Dataset, sample: int | None = None) -> Mesh:
        """Read the mesh of ``fields``; where it differs by sample, that of sample number ``sample``.

        Raises
        ------
        InputError
            No mesh, no sample said where it is needed, or a mesh that breaks UGRID or is wrong in itself.
        """
        from surrogate.datasets.meshes.ugrid import read

        return read(fields, sample)

    def _tag(self, name: str) -> np.ndarray:
        if name not in self.tags:
            raise expected(f"a tag out of {', '.join(self.tags) or 'none'}", repr(name), "Correct the name.")
        tag: np.ndarray = self.tags[name]
        return tag

    def _integrate(self) -> tuple[np.ndarray, np.ndarray]:
        measures, weights = np.empty(self.n_cells), np.zeros(self.n_points)
        for kind, places, nodes in self.blocks:
            points, gauss = kind.quadrature
            density = mesh_checks.density(self.points, kind, nodes, points) * gauss
            measures[places] = density.sum(axis=1)
            shares = density @ kind.functions(points)
            weights += np.bincount(nodes.ravel(), shares.ravel(), minlength=self.n_points)
        return measures, weights


def _blocks(cells: np.ndarray, dim: int) -> list[Block]:
    counts = (cells >= 0).sum(axis=1)
    blocks = []
    for count in np.unique(counts):
        places = np.flatnonzero(counts == count)
        kind = kind_of(dim, int(count))
        assert kind is not None
        blocks.append(Block(kind, places, cells[places, :count]))
    return blocks
