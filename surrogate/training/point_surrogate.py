"""A trained network on points that differ by sample."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from surrogate.datasets.errors import expected
from surrogate.datasets.grids.box import Box
from surrogate.datasets.meshes.points import Points
from surrogate.datasets.samples.normalizer import OutsideTrainingRange
from surrogate.datasets.samples.signature import Signature
from surrogate.models.network import GridNetwork
from surrogate.training.surrogate import Surrogate, function_role

_MARGIN = 0.01  # of the box: the boxes of finite samples differ by as much


class PointSurrogate(Surrogate):
    r"""A network on input functions, each on its own points, with its normalization.

    The network is given values of zero mean and unit variance, and coordinates in which the training box is the unit
    box: ``network(functions, coordinates=points, parameters=None)`` with `Points`; it returns ``(points, channel)``.
    """

    domain: Box

    def __init__(self, network: nn.Module, signature: Signature, *arguments: Any, **options: Any) -> None:
        if isinstance(network, GridNetwork):
            do = "Wrap it: `surrogate.models.OnGrid`."
            raise expected("a network on points for fields on meshes", f"{type(network).__name__}, on grids", do)
        super().__init__(network, signature, *arguments, **options)
        self.functions = signature.functions

    def forward(  # type: ignore[override]  # points differ from tensors
        self, x: Sequence[Points], static: None = None, parameters: Float[Tensor, "batch parameter"] | None = None
    ) -> Float[Tensor, "points channel"]:
        """Return the output fields at the points of the first input function.

        Raises
        ------
        InputError
            Wrong number of functions.
        """
        if len(x) != len(self.functions):
            what = f"{len(self.functions)} input functions"
            raise expected(what, len(x), "Give the points of the output and those of each function.")
        scaled = [self._scaled(i, points) for i, points in enumerate(x)]
        given = [points for points, names in zip(scaled, self.functions, strict=True) if names]
        output = self.network(given or scaled[:1], coordinates=scaled[0], **self.scaled_parameters(parameters))
        return self.normalizer("output").denormalize(output)

    def check_domain(self, domain: Any) -> None:
        """Raise `InputError` unless the points have as many coordinates as those of the training data."""
        if domain.dim != self.domain.dim:
            do = "Use the data it was trained for."
            raise expected(f"points in {self.domain.dim} dimensions", domain.dim, do)

    def warn_outside(self, x: Any, parameters: Tensor | None = None) -> None:
        """Warn where points leave the box, or values the range, of the training data."""
        for number, (points, names) in enumerate(zip(x, self.functions, strict=True)):
            if names and points.values is not None:
                self.normalizer(function_role(number)).warn_outside(points.values)
        distance = self.domain.distance(torch.cat([points.coordinates for points in x]))
        outside = int((distance > _MARGIN * max(self.domain.lengths)).sum())
        if outside:
            text = f"{outside} points lie outside the training box, by up to {float(distance.max()):.3g}"
            warnings.warn(f"{text}: the prediction extrapolates.", OutsideTrainingRange, stacklevel=3)
        if parameters is not None and self.parameter_fields:
            self.normalizer("parameter").warn_outside(parameters)

    def _scaled(self, number: int, points: Points) -> Points:
        scaled = points._replace(coordinates=self.domain.unit(points.coordinates))
        if not self.functions[number]:
            return scaled._replace(values=None)
        if points.values is None:
            raise expected(f"values of {self.functions[number]}", "points alone", "Give a column for each field.")
        return scaled._replace(values=self.normalizer(function_role(number)).normalize(points.values))
