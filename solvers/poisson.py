"""Stationary diffusion on triangles by finite elements."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import SuperLU, splu
from skfem import Basis, BilinearForm, ElementTriP1, ElementTriP2, FacetBasis, MeshTri
from skfem.helpers import dot, grad
from torch import Tensor

from surrogate.datasets.errors import expected
from surrogate.datasets.meshes.cells import TRIANGLE
from surrogate.datasets.meshes.connectivity import contains_rows
from surrogate.datasets.meshes.mesh import Mesh
from surrogate.operator import Operator

_ELEMENTS = {1: ElementTriP1, 2: ElementTriP2}


class Poisson(Operator):
    r"""The equation :math:`-\nabla \cdot (a \nabla u) = f` with :math:`u = g` on a part of the boundary.

    On another part :math:`a\, \partial u / \partial n = q`, and nothing flows through the rest. The conductivity a is
    constant in each cell, so that it may jump between materials. Linear or quadratic elements, with errors in
    :math:`L^2` of order 2 and 3.

    As an operator on tensors it takes ``x`` of shape ``(batch, 3, node)`` with the channels f, g and q at the points
    of the mesh, of which only the values on the respective part of the boundary matter for g and q, and ``static`` of
    shape ``(batch, 1, cell)`` with a; it gives ``(batch, 1, node)``. Between the points f, g and q are linear, also for
    ``degree=2``; `solve` takes and gives all coefficients. No gradient flows through it.

    Parameters
    ----------
    mesh
        Triangles in the plane.
    dirichlet
        Tags of the parts of the boundary on which ``u = g``.
    neumann
        Tags of the parts on which the flux q enters; default: all but the Dirichlet part, which goes first where both
        are tagged. Between a side with flux and one without, only tags let q jump.
    conductivity
        The value a > 0, or those of all cells ``(M,)``, where ``static`` gives none.
    degree
        Of the elements: 1 or 2.

    Raises
    ------
    InputError
        Another mesh, a tag with no boundary facets, a piece of the mesh without Dirichlet part (there u is not unique),
        a conductivity that is not positive.

    References
    ----------
    Gustafsson & McBain, J. Open Source Softw. 5 (2020) 2369 (scikit-fem, which assembles the matrices).

    Examples
    --------
    >>> tags = {"left": [0, 3], "right": [1, 2]}
    >>> square = Mesh([[0, 0], [1, 0], [1, 1], [0, 1]], {"triangle": [[0, 1, 2], [0, 2, 3]]}, tags)
    >>> f, g, q = torch.zeros(4), torch.zeros(4), torch.ones(4)
    >>> solver = Poisson(square, dirichlet=["left"], neumann=["right"])
    >>> solver(torch.stack([f, g, q])[None])[0, 0].round(decimals=3).tolist()
    [0.0, 1.0, 1.0, 0.0]
    """

    in_fields = ("source", "boundary_value", "flux")
    static_fields = ("conductivity",)
    out_fields = ("u",)
    attributes = {
        "u": {"units": "1", "long_name": "solution"},
        "source": {"units": "1", "long_name": "source density"},
        "boundary_value": {"units": "1", "long_name": "value prescribed on the Dirichlet part of the boundary"},
        "flux": {"units": "1", "long_name": "inward flux prescribed on the Neumann part of the boundary"},
        "conductivity": {"units": "1", "long_name": "conductivity of the material"},
    }
    equation = "-div(a grad u) = f; u = g or a du/dn = q on the boundary"
    domain: Mesh
    points: Tensor

    def __init__(
        self,
        mesh: Mesh,
        *,
        dirichlet: Sequence[str],
        neumann: Sequence[str] | None = None,
        conductivity: Any = 1.0,
        degree: int = 1,
    ) -> None:
        super().__init__()
        if mesh.dim != 2 or [block.kind for block in mesh.blocks] != [TRIANGLE]:
            kinds = [block.kind.name for block in mesh.blocks]
            raise expected("a mesh of triangles in the plane", f"{kinds} in {mesh.dim}-D", "Cut its cells.")
        if degree not in _ELEMENTS:
            raise expected("degree 1 or 2", degree, "Correct `degree`.")
        self.domain = mesh
        self.degree = degree
        self.settings = {
            "solver": type(self).__name__,
            "degree": degree,
            "dirichlet": list(dirichlet),
            "neumann": neumann and list(neumann),
        }
        triangles = MeshTri(np.ascontiguousarray(mesh.points.T), np.ascontiguousarray(mesh.cells.T))
        self._basis = Basis(triangles, _ELEMENTS[degree](), intorder=2 * degree)
        fixed = self._tagged_facets(dirichlet)
        rest = self._basis.mesh.boundary_facets() if neumann is None else self._tagged_facets(neumann)
        self._neumann_facets = np.setdiff1d(rest, fixed)
        self.fixed = np.sort(self._basis.get_dofs(fixed).all())
        self._check_pieces()
        self.conductivity = self._check_conductivity(conductivity)
        self.register_buffer("points", torch.from_numpy(mesh.points.copy()), persistent=False)

    @property
    def locations(self) -> np.ndarray:
        """Points ``(n, 2)`` of the coefficients: those of the mesh, then, for degree 2, the middles of the edges."""
        locations: np.ndarray = self._basis.doflocs.T
        return locations

    @cached_property
    def mass(self) -> csr_matrix:
        r"""Matrix :math:`\int N_i N_j`."""
        return csr_matrix(BilinearForm(lambda u, v, w: u * v).assemble(self._basis))

    @cached_property
    def boundary_mass(self) -> csr_matrix:
        """The same over the Neumann part of the boundary."""
        if not len(self._neumann_facets):
            return csr_matrix(self.mass.shape)
        order = 2 * self.degree
        basis = FacetBasis(self._basis.mesh, self._basis.elem, facets=self._neumann_facets, intorder=order)
        return csr_matrix(BilinearForm(lambda u, v, w: u * v).assemble(basis))

    def stiffness(self, conductivity: Any = None) -> csr_matrix:
        r"""Return the matrix :math:`\int a \nabla N_i \cdot \nabla N_j`."""
        a = self.conductivity if conductivity is None else self._check_conductivity(conductivity)
        form = BilinearForm(lambda u, v, w: w["a"] * dot(grad(u), grad(v)))
        return csr_matrix(form.assemble(self._basis, a=np.repeat(a[:, None], self._basis.X.shape[1], axis=1)))

    def load(self, source: np.ndarray, flux: np.ndarray) -> np.ndarray:
        r"""Return :math:`\int f N_i + \int q N_i` for the coefficients of f and q, ``(n,)`` or ``(n, k)``."""
        load: np.ndarray = self.mass @ source + self.boundary_mass @ flux
        return load

    def solve(self, load: np.ndarray, boundary_value: np.ndarray, conductivity: Any = None) -> np.ndarray:
        """Return the coefficients of u, at `locations`, for a load and the coefficients of g."""
        matrix = self.stiffness(conductivity)
        free = np.setdiff1d(np.arange(len(load)), self.fixed)
        u = np.array(boundary_value, dtype=np.float64)
        u[free] = 0.0
        u[free] = _factorized(matrix[free][:, free]).solve((load - matrix @ u)[free])
        return u

    def reactions(self, u: np.ndarray, load: np.ndarray, conductivity: Any = None) -> np.ndarray:
        """Return what flows in at each coefficient of the Dirichlet part (`fixed`): with the load it sums to zero."""
        reactions: np.ndarray = (self.stiffness(conductivity) @ u - load)[self.fixed]
        return reactions

    def forward(
        self,
        x: Float[Tensor, "batch 3 node"],
        static: Float[Tensor, "batch 1 cell"] | None = None,
        parameters: None = None,
    ) -> Float[Tensor, "batch 1 node"]:
        """Return u at the points of the mesh, in the dtype and on the device of ``x``."""
        values = self.lifted(x.detach().cpu().double().numpy())
        if static is None:
            f, g, q = values.transpose(1, 2, 0)
            solution = self.solve(self.load(f, q), g)[: self.domain.n_points].T
        else:
            materials = static.detach().cpu().double().numpy()[:, 0]
            samples = zip(*values.transpose(1, 0, 2), materials, strict=True)
            solution = np.stack([self.solve(self.load(f, q), g, a)[: self.domain.n_points] for f, g, q, a in samples])
        return torch.from_numpy(np.ascontiguousarray(solution)).to(x)[:, None]

    def check_domain(self, domain: Mesh) -> None:
        """Raise `InputError` unless the fields are on the mesh of this solver."""
        if domain.key != self.domain.key:
            raise expected("fields on the mesh of the solver", "another", "Make a solver for that mesh.")

    def lifted(self, values: np.ndarray) -> np.ndarray:
        """Return the coefficients ``(batch, channel, n)`` of values at the points of the mesh, linear in between."""
        if values.shape[2] != self.domain.n_points:
            got = f"{values.shape[2]} values"
            raise expected(f"values at the {self.domain.n_points} points of the mesh", got, "Interpolate them.")
        if self.degree == 1:
            return values
        middles = values[:, :, self._basis.mesh.facets].mean(axis=2)
        return np.concatenate([values, middles], axis=2)

    def _tagged_facets(self, names: Sequence[str]) -> np.ndarray:
        boundary = self._basis.mesh.boundary_facets()
        ends = self._basis.mesh.facets[:, boundary].T
        chosen = np.zeros(len(boundary), dtype=bool)
        for name in names:
            tagged = contains_rows(self.domain.tagged_facets(name), ends)
            if not tagged.any() and len(self.domain.tags[name]):
                raise expected(f"boundary facets in tag {name!r}", "none", "Tag facets, or the points of whole facets.")
            chosen |= tagged
        return np.sort(boundary[chosen])

    def _check_pieces(self) -> None:
        edges = self.domain.edges
        graph = csr_matrix((np.ones(len(edges)), edges.T), shape=(self.domain.n_points,) * 2)
        count, piece = connected_components(graph, directed=False)
        held = np.unique(piece[self.fixed[self.fixed < self.domain.n_points]])
        if len(held) < count:
            got = f"{count - len(held)} of {count} without"
            raise expected("a Dirichlet part in every piece of the mesh", got, "Add tags to `dirichlet`.")

    def _check_conductivity(self, conductivity: Any) -> np.ndarray:
        a = np.asarray(conductivity, dtype=np.float64)
        if a.shape not in ((), (self.domain.n_cells,)):
            raise expected(f"one conductivity or {self.domain.n_cells}", f"shape {a.shape}", "Give one for each cell.")
        if not (np.isfinite(a) & (a > 0)).all():
            raise expected("a positive conductivity", f"{a.min()} and more", "Correct it.")
        return np.broadcast_to(a, self.domain.n_cells)


def _factorized(matrix: csr_matrix) -> SuperLU:
    """Return the factors of a symmetric positive definite matrix: no pivoting, an order for symmetric ones."""
    options = {"SymmetricMode": True}
    return splu(matrix.tocsc(), permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options=options)
