"""All errors of a member on meshes that differ by sample, by the quadrature weights of their nodes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import xarray as xr
from jaxtyping import Bool, Float
from torch import Tensor

from surrogate.datasets.errors import expected
from surrogate.datasets.meshes.points import Points
from surrogate.datasets.samples.point_sets import Places, point_values
from surrogate.datasets.samples.ragged import counts
from surrogate.evaluation.metrics import ratio

_TINY = torch.finfo(torch.float64).eps ** 2


@dataclass(frozen=True)
class PointTarget:
    """What is to be predicted at the points of each sample.

    ``weights`` are the shares of its domain that belong to each point, ``rim`` tells which are nodes on its boundary.
    """

    names: tuple[str, ...]
    points: Points
    weights: Float[Tensor, " points"]
    rim: Bool[Tensor, " points"]

    lead_times = np.zeros(1)

    @classmethod
    def from_fields(cls, fields: xr.Dataset, names: tuple[str, ...], location: str) -> PointTarget:
        """Return the target in ``fields``."""
        places = Places(fields)
        points = places.point_set(names, at=location, dtype=torch.float64)
        return cls(names, points, point_weights(places, points, location), boundary_nodes(places, points, location))

    def score(self, prediction: xr.Dataset) -> xr.Dataset:
        """Return all errors of predicted fields: variables over sample, time (one) and field, as of steady grids.

        Means over a sample are integrals, by the quadrature weights. What is not finite has the error infinity.

        Raises
        ------
        InputError
            A target that is not finite.
        """
        p = point_values(prediction, self.names, torch.float64)
        t = self.points.values
        assert t is not None
        if not bool(torch.isfinite(t).all()):
            raise expected("a finite target", "values that are not finite", "Repair the truth.")
        finite = self._smallest(torch.isfinite(p).double()) > 0
        error = torch.where(torch.isfinite(p), p - t, 0.0)
        squares, size = self._mean(error.square()), self._mean(t.square())
        variance = self._variance(t)
        measured = {
            "relative_l2": ratio(squares.sqrt(), size.sqrt()),
            "nrmse": ratio(squares.sqrt(), size.mean(0).sqrt().expand_as(squares)),
            "vrmse": ratio(squares, variance + _TINY * size).sqrt(),
            "max_error": -self._smallest(-error.abs()),
            "correlation": self._correlation(t + error, t),
        }
        if bool(self.rim.any()):
            measured["boundary_error"] = self._on_rim(error)
        joint = ratio(squares.sum(1).sqrt(), size.sum(1).sqrt()).masked_fill(~finite.all(1), torch.inf)
        guarded = {name: values.masked_fill(~finite, torch.inf) for name, values in measured.items()}
        guarded["correlation"] = measured["correlation"].masked_fill(~finite, 0.0)
        per_field = ("sample", "time", "field")
        variables = {name: (per_field, values[:, None].numpy()) for name, values in guarded.items()}
        whole = {
            "error": (("sample",), guarded["relative_l2"].mean(1).numpy()),
            "geometric_l2": (("sample", "field"), guarded["relative_l2"].numpy()),  # of one time
            "joint_l2": (("sample", "time"), joint[:, None].numpy()),
            "finite_frames": (("sample",), finite.all(1).int().numpy()),
        }
        return xr.Dataset(variables | whole, {"field": list(self.names), "time": self.lead_times})

    def _on_rim(self, error: Tensor) -> Float[Tensor, "samples channel"]:
        """Return the root-mean-square error over the boundary nodes, which count the same."""
        counted = self.rim.double()[:, None]
        return (self._sums(error.square() * counted) / self._sums(counted).clamp(min=1)).sqrt()

    def _mean(self, values: Tensor) -> Float[Tensor, "samples channel"]:
        """Return the integral over each sample, relative to that of 1."""
        sums = self._sums(values * self.weights[:, None])
        return sums / self._sums(self.weights[:, None])

    def _correlation(self, one: Tensor, two: Tensor) -> Tensor:
        """Return Pearson's correlation: exactly 1 for equal fields, 0 where one of two different ones is constant."""
        value = self._covariance(one, two) / (self._variance(one) * self._variance(two)).sqrt()
        same = self._smallest((one == two).double()) > 0
        return torch.where(same, torch.ones_like(value), value.nan_to_num(0.0, posinf=0.0, neginf=0.0))

    def _variance(self, values: Tensor) -> Tensor:
        return self._covariance(values, values)

    def _covariance(self, one: Tensor, two: Tensor) -> Tensor:
        batch = self.points.batch
        one, two = (values - self._mean(values)[batch] for values in (one, two))
        return self._mean(one * two)

    def _sums(self, values: Tensor) -> Tensor:
        shape = (self.points.n_samples, values.shape[1])
        return values.new_zeros(shape).index_add(0, self.points.batch, values)

    def _smallest(self, values: Tensor) -> Tensor:
        start = values.new_full((self.points.n_samples, values.shape[1]), torch.inf)
        return start.scatter_reduce(0, self.points.batch[:, None].expand_as(values), values, "amin")


def point_weights(places: Places, points: Points, location: str) -> Float[Tensor, " points"]:
    """Return the quadrature weights of nodes, the measures of cells, 1 for points without a mesh."""
    if "mesh" not in places.fields.coords or location not in ("node", "cell"):
        return torch.ones(len(points.coordinates), dtype=torch.float64)
    mesh = places.mesh
    weights = torch.from_numpy(mesh.quadrature_weights if location == "node" else mesh.cell_measures)
    return weights if location in counts(places.fields) else weights.repeat(points.n_samples)


def boundary_nodes(places: Places, points: Points, location: str) -> Bool[Tensor, " points"]:
    """Return which points are nodes on the boundary of their mesh; none without a mesh."""
    rim = torch.zeros(len(points.coordinates), dtype=torch.bool)
    if "mesh" not in places.fields.coords or location != "node":
        return rim
    own = torch.zeros(places.mesh.n_points, dtype=torch.bool)
    own[torch.from_numpy(places.mesh.boundary_points)] = True
    return own if "node" in counts(places.fields) else own.repeat(points.n_samples)
