"""Diffusion in random polygons of several materials, with three input functions on points of their own."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import torch
import xarray as xr

from surrogate.cases.steady_case import SteadyCase
from surrogate.datasets.errors import expected
from surrogate.datasets.grids.box import Box
from surrogate.datasets.meshes.mesh import Mesh
from surrogate.datasets.meshes.ugrid import count_variable, describe_many, node_numbers
from surrogate.datasets.samples.ragged import pointer
from surrogate.solvers.geometry.polygon import Polygon, distances
from surrogate.solvers.geometry.random_polygons import RandomPolygons
from surrogate.solvers.geometry.triangulation import triangulate
from surrogate.solvers.poisson import Poisson
from surrogate.solvers.poisson_fields import solve_poisson
from surrogate.solvers.poisson_points import PoissonOnPoints
from surrogate.solvers.random_streams import generator

_WAVES = 3


@dataclass(frozen=True)
class PoissonPolygons(SteadyCase):
    r"""The equation :math:`-\nabla \cdot (a \nabla u) = f` in random polygons with holes and inclusions.

    Three input functions, each on points of its own: the source f, a sum of one to four Gaussians, at the nodes; the
    boundary data at the boundary nodes, where ``is_dirichlet`` says whether ``boundary_value`` holds, and elsewhere
    ``flux`` enters; the conductivity a, constant in each material, at the centers of the cells. Up to half of the outer
    sides and any hole have a flux. Boundary data are sums of three plane waves.

    Parameters
    ----------
    nodes
        Smallest and largest number of nodes, about; drawn uniformly in the logarithm.
    conductivity
        Smallest and largest conductivity of a material, drawn uniformly in the logarithm.
    domain
        Distribution of the polygons.

    Raises
    ------
    InputError
        Ranges that are none.

    Examples
    --------
    >>> case = PoissonPolygons(nodes=(100, 200))
    >>> fields = case.solve(case.inputs([0, 1], seed=0))
    >>> fields["u"].sizes["node"] == fields["node_count"].sum().item()
    True
    """

    nodes: tuple[int, int] = (300, 3000)
    conductivity: tuple[float, float] = (0.2, 5.0)
    domain: RandomPolygons = field(default=RandomPolygons(), kw_only=True)

    equation: ClassVar[str] = Poisson.equation
    input_functions = {
        "source": ("source",),
        "boundary": ("is_dirichlet", "boundary_value", "flux"),
        "material": ("conductivity",),
    }
    out_fields = ("u",)

    def __post_init__(self) -> None:
        for name, (low, high) in (("nodes", self.nodes), ("conductivity", self.conductivity)):
            if not 0 < low <= high < math.inf:
                raise expected(f"a range of {name} above 0", (low, high), f"Correct `{name}`.")

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> PoissonPolygons:
        """Return the case that `settings` describes."""
        values = cls.own_values(settings)
        domain = RandomPolygons.from_settings(values["domain"])
        return cls(tuple(values["nodes"]), tuple(values["conductivity"]), domain=domain)

    @property
    def settings(self) -> dict[str, Any]:
        """Everything that identifies the case (JSON)."""
        ranges = {"nodes": list(self.nodes), "conductivity": list(self.conductivity)}
        return {"case": type(self).__name__, **ranges, "domain": self.domain.settings}

    @property
    def parameters(self) -> dict[str, float]:
        """None: the conductivity is a field."""
        return {}

    def inputs(self, indices: Iterable[int], *, seed: int, refinement: float = 1.0) -> xr.Dataset:
        """Return meshes and input functions of these samples of the ensemble ``seed``.

        ``refinement`` divides the size of the triangles; domain and functions stay the same.
        """
        samples = {index: self._sample(seed, index, refinement) for index in indices}
        if not samples:
            raise expected("at least one sample", "none", "Ask for more.")
        meshes = [mesh for mesh, _ in samples.values()]
        starts = pointer(np.array([mesh.n_points for mesh in meshes]))
        boundary = [mesh.boundary_points for mesh in meshes]
        numbered = np.concatenate([own + start for own, start in zip(boundary, starts, strict=False)])
        coords = describe_many(meshes) | {
            "boundary_index": node_numbers(("boundary_node",), numbered, "nodes on the boundary"),
            "boundary_node_count": count_variable("boundary_node", [len(own) for own in boundary]),
            "sample": xr.Variable(("sample",), np.array(list(samples))),
        }
        variables = {}
        for name, dim in _DIMENSIONS.items():
            values = np.concatenate([functions[name] for _, functions in samples.values()])
            location = {"mesh": "mesh", "location": _LOCATIONS[dim]} if dim in _LOCATIONS else {}
            variables[name] = (dim, values, _ATTRIBUTES[name] | location)
        return xr.Dataset(variables, coords=coords)

    def solver(self) -> PoissonOnPoints:
        """Return finite elements of first order on the triangles of the data."""
        return PoissonOnPoints(Box((-1.0, -1.0), (1.0, 1.0)))

    def solve(
        self,
        inputs: xr.Dataset,
        *,
        degree: int = 1,
        batch_size: int | None = None,
        device: str | torch.device | None = None,
    ) -> xr.Dataset:
        """Return the inputs with the solution ``u``, by elements of that degree.

        Each sample has a matrix of its own, factorized by itself on the CPU, whatever ``batch_size`` and ``device``.
        """
        solution = solve_poisson(inputs, dirichlet=["dirichlet"], neumann=["neumann"], degree=degree)
        return inputs.assign(u=solution["u"])

    def ladder(self) -> dict[str, PoissonOnPoints]:
        """Return the solver that makes the data."""
        return {"finite elements, P1": self.solver()}

    def _sample(self, seed: int, index: int, refinement: float) -> tuple[Mesh, dict[str, np.ndarray]]:
        polygon = self.domain.sample(seed=seed, index=index)
        rng = generator(seed, index, stream=1)
        nodes = float(_log_uniform(rng, self.nodes, 1)[0])
        size = math.sqrt(2 * polygon.area / math.sqrt(3) / nodes) / refinement  # of as many equilateral triangles
        mesh, material = triangulate(polygon, size)
        fluxes = _flux_sides(rng, polygon)
        conductivity = _log_uniform(rng, self.conductivity, polygon.n_materials)
        source = _gaussians(rng, polygon, mesh.points)
        mesh = _tagged(mesh, polygon, fluxes)
        rim = mesh.points[mesh.boundary_points]
        on_dirichlet = np.isin(mesh.boundary_points, mesh.tagged_points("dirichlet"))
        on_neumann = np.isin(mesh.boundary_points, mesh.tagged_points("neumann"))
        functions = {
            "source": source,
            "is_dirichlet": on_dirichlet.astype(float),
            "boundary_value": np.where(on_dirichlet, _waves(rng, rim), 0.0),
            "flux": np.where(on_neumann, _waves(rng, rim), 0.0),
            "conductivity": conductivity[material],
        }
        return mesh, functions


_DIMENSIONS = {
    "source": "node",
    "is_dirichlet": "boundary_node",
    "boundary_value": "boundary_node",
    "flux": "boundary_node",
    "conductivity": "cell",
}
_LOCATIONS = {"node": "node", "cell": "face"}
_INDICATOR = {"units": "1", "long_name": "1 on the Dirichlet part of the boundary, 0 elsewhere"}
_ATTRIBUTES: dict[str, dict[str, str]] = {name: dict(attrs) for name, attrs in Poisson.attributes.items()}
_ATTRIBUTES["is_dirichlet"] = _INDICATOR


def _log_uniform(rng: np.random.Generator, between: tuple[float, float] | tuple[int, int], count: int) -> np.ndarray:
    return np.exp(rng.uniform(math.log(between[0]), math.log(between[1]), count))


def _flux_sides(rng: np.random.Generator, polygon: Polygon) -> np.ndarray:
    """Return for each side of the outer loop, then for each hole, whether a flux is prescribed there."""
    sides, holes = len(polygon.outer), len(polygon.holes)
    chosen = np.zeros(sides + holes, dtype=bool)
    chosen[rng.permutation(sides)[: rng.integers(0, sides // 2 + 1)]] = True
    chosen[sides:] = rng.random(holes) < 0.5
    return chosen


def _tagged(mesh: Mesh, polygon: Polygon, fluxes: np.ndarray) -> Mesh:
    """Return the mesh with its boundary facets under the tags ``dirichlet`` and ``neumann``."""
    sides = polygon.segments[: len(polygon.outer)]
    outer = mesh.tags["outer"]
    facets, flux = [outer], [fluxes[distances(mesh.points[outer].mean(axis=1), sides).argmin(axis=1)]]
    for number in range(len(polygon.holes)):
        hole = mesh.tags[f"hole_{number}"]
        facets.append(hole)
        flux.append(np.full(len(hole), fluxes[len(sides) + number]))
    rows, chosen = np.concatenate(facets), np.concatenate(flux)
    tags = {"dirichlet": rows[~chosen], "neumann": rows[chosen]}
    return Mesh(mesh.points, mesh.cells, tags, cell_dim=2)


def _gaussians(rng: np.random.Generator, polygon: Polygon, points: np.ndarray) -> np.ndarray:
    """Return a sum of one to four Gaussians around points of the polygon, each of about unit integral."""
    total = np.zeros(len(points))
    for _ in range(int(rng.integers(1, 5))):
        candidates = rng.uniform(-1, 1, (64, 2))
        center = candidates[polygon.contains(candidates)][0]
        width, weight = rng.uniform(0.1, 0.3), rng.standard_normal()
        squared = ((points - center) ** 2).sum(axis=1)
        total += weight / (2 * np.pi * width**2) * np.exp(-squared / (2 * width**2))
    return total


def _waves(rng: np.random.Generator, points: np.ndarray) -> np.ndarray:
    """Return a constant and three plane waves with wavenumbers up to about 4, of variance 1 together."""
    wavenumbers, phases = 2 * rng.standard_normal((2, _WAVES)), rng.uniform(0, 2 * np.pi, _WAVES)
    constant, *amplitudes = rng.standard_normal(1 + _WAVES) * np.sqrt([0.5] + [1 / _WAVES] * _WAVES)
    waves: np.ndarray = constant + np.cos(points @ wavenumbers + phases) @ np.array(amplitudes)
    return waves
