"""Poisson's equation on triangulations that differ by sample, as an operator on points."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from scipy.spatial import cKDTree
from torch import Tensor

from surrogate.datasets.errors import expected
from surrogate.datasets.grids.box import Box
from surrogate.datasets.meshes.mesh import Mesh
from surrogate.datasets.meshes.points import Points
from surrogate.operator import Operator
from surrogate.solvers.poisson import Poisson

_SAME = 1e-6  # of the size of the mesh: round-off of single precision


class PoissonOnPoints(Operator):
    r"""The solution of :math:`-\nabla \cdot (a \nabla u) = f` by finite elements on the triangles of each sample.

    Input functions are the source f at the nodes, with the triangles between them; at the boundary nodes whether they
    are on the Dirichlet part, the value g there, and the inward flux q elsewhere; the conductivity a of each triangle.
    A side of a triangle is on the Dirichlet part if both of its ends are. The elements are assembled for each sample.

    Parameters
    ----------
    domain
        Box around the points; it is not enforced.
    degree
        Of the elements, 1 or 2.

    Raises
    ------
    InputError
        Points without triangles, boundary points that are no nodes, and what `Poisson` refuses.
    """

    functions = (("source",), ("is_dirichlet", "boundary_value", "flux"), ("conductivity",))
    in_fields = ("source", "is_dirichlet", "boundary_value", "flux", "conductivity")
    out_fields = ("u",)
    attributes = Poisson.attributes
    domain: Box

    def __init__(self, domain: Box, *, degree: int = 1) -> None:
        super().__init__()
        self.domain, self.degree = domain, degree
        self.settings = {"solver": type(self).__name__, "degree": degree}
        self.register_buffer("precision", torch.empty(0, dtype=torch.float64), persistent=False)

    def forward(self, x: Sequence[Points], static: None = None, parameters: None = None) -> Float[Tensor, "points 1"]:
        """Return u at the nodes, in the dtype and on the device of the source."""
        samples = zip(*(points.to("cpu").split() for points in x), strict=True)
        solutions = np.concatenate([self._solved(*functions) for functions in samples])
        return torch.from_numpy(solutions).to(x[0].coordinates)[:, None]

    def _solved(self, source: Points, boundary: Points, material: Points) -> np.ndarray:
        if source.simplices is None:
            raise expected("points with triangles", "points alone", "Give fields on a mesh.")
        nodes = source.coordinates.double().numpy()
        numbers = _numbers(nodes, boundary.coordinates.double().numpy())
        held, g, q = np.zeros((3, len(nodes)))
        held[numbers], g[numbers], q[numbers] = _values(boundary).T
        mesh = Mesh(nodes, {"triangle": source.simplices.numpy()})
        tags = {"dirichlet": mesh.boundary_facets[held[mesh.boundary_facets].all(axis=1)]}
        solver = Poisson(Mesh(mesh.points, mesh.cells, tags, cell_dim=2), dirichlet=["dirichlet"], degree=self.degree)
        f, g, q = solver.lifted(np.stack([_values(source)[:, 0], g, q])[None])[0]
        return solver.solve(solver.load(f, q), g, _values(material)[:, 0])[: len(nodes)]


def _values(points: Points) -> np.ndarray:
    assert points.values is not None
    values: np.ndarray = points.values.double().numpy()
    return values


def _numbers(nodes: np.ndarray, boundary: np.ndarray) -> np.ndarray:
    """Return which nodes the boundary points are."""
    distance, numbers = map(np.asarray, cKDTree(nodes).query(boundary))
    if distance.max(initial=0.0) > _SAME * np.ptp(nodes, axis=0).max():
        got = f"points up to {distance.max():.3g} away from the next one"
        raise expected("boundary points that are nodes", got, "Give the boundary data at nodes.")
    return numbers
