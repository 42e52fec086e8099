"""Predictions on meshes that know nothing of the equation: every surrogate must beat them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import torch
import xarray as xr
from jaxtyping import Float
from torch import Tensor

from surrogate.datasets.grids.box import Box
from surrogate.datasets.meshes.points import Points
from surrogate.datasets.samples.point_samples import PointSamples
from surrogate.datasets.transfer.grid_transfer import GridTransfer
from surrogate.evaluation.ridge_fit import RidgeFit
from surrogate.operator import Operator

_SHAPES = {1: (128,), 2: (32, 32), 3: (12, 12, 12)}

Features = Float[Tensor, "samples feature"]
Frames = Float[Tensor, "samples channel *space"]


class PointBaseline(Operator):
    """A prediction from the training part alone.

    Parameters
    ----------
    training
        The training part.
    like
        The operator whose input and output it has.
    """

    domain: Box

    def __init__(self, training: xr.Dataset, like: Operator) -> None:
        super().__init__()
        self.functions, self.domain = like.functions, like.domain
        self.in_fields, self.out_fields = like.in_fields, like.out_fields


class PointMean(PointBaseline):
    """The mean of the training targets over all their points, whatever the input."""

    mean: Tensor

    def __init__(self, training: xr.Dataset, like: Operator) -> None:
        super().__init__(training, like)
        means = [float(training[name].astype("float64").mean()) for name in like.out_fields]
        self.register_buffer("mean", torch.tensor(means, dtype=torch.float64), persistent=False)

    def forward(
        self, x: Sequence[Points], static: None = None, parameters: Tensor | None = None
    ) -> Float[Tensor, "points channel"]:
        """Return the mean at each point."""
        return self.mean.expand(len(x[0].coordinates), -1)


class GriddedBaseline(PointBaseline):
    """A prediction on a common grid from all training samples, by what they are there.

    Every input function is brought to the grid in units of its mean and deviation; the indicator of the domain joins
    them. The answer is interpolated to the points.
    """

    targets: Tensor
    known: Tensor

    def __init__(self, training: xr.Dataset, like: Operator) -> None:
        super().__init__(training, like)
        self._transfer = GridTransfer(_SHAPES[self.domain.dim])
        samples = PointSamples(
            training,
            like.functions,
            location=self.domain.location,
            out_fields=like.out_fields,
            dtype=torch.float64,
        )
        batch = samples.__getitems__(range(len(samples)))
        x = batch["x"]
        columns = [None if points.values is None else torch.std_mean(points.values, dim=0) for points in x]
        self._scales = [None if c is None else (c[1], torch.where(c[0] > 0, c[0], 1.0)) for c in columns]
        self.register_buffer("known", self.features(x), persistent=False)
        self.register_buffer("targets", self._transfer.to_grid(self._unit(x[0], batch["y"])), persistent=False)

    @abstractmethod
    def answer(self, features: Features) -> Frames:
        """Return the fields on the grid for the features of some samples."""

    def forward(
        self, x: Sequence[Points], static: None = None, parameters: Tensor | None = None
    ) -> Float[Tensor, "points channel"]:
        """Return the answer at the points of the first function."""
        return self._transfer.to_points(self.answer(self.features(x)), self._unit(x[0]))

    def features(self, x: Sequence[Points]) -> Features:
        """Return all functions and the indicator on the grid, a row for each sample."""
        channels = [self._transfer.inside(self._unit(x[0]))]
        for points, scale in zip(x, self._scales, strict=True):
            if points.values is not None and scale is not None:
                mean, std = (column.to(points.values) for column in scale)
                channels.append(self._transfer.to_grid(self._unit(points, (points.values - mean) / std)))
        return torch.cat(channels, dim=1).flatten(1)

    def _unit(self, points: Points, values: Tensor | None = None) -> Points:
        return points._replace(coordinates=self.domain.unit(points.coordinates), values=values)


class NearestSample(GriddedBaseline):
    """The answer of the training sample whose input functions are nearest in the Euclidean norm."""

    def answer(self, features: Features) -> Frames:
        """Return the targets of the nearest samples."""
        return self.targets[torch.cdist(features, self.known).argmin(1)]


class RidgeMap(GriddedBaseline):
    """A linear map from all input functions to the fields: see `RidgeFit`."""

    def __init__(self, training: xr.Dataset, like: Operator) -> None:
        super().__init__(training, like)
        self.fit = RidgeFit(self.known, self.targets.flatten(1))

    def answer(self, features: Features) -> Frames:
        """Return the linear prediction."""
        answer: Tensor = self.fit(features)
        return answer.reshape(-1, *self.targets.shape[1:])
