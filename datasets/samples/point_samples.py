"""Samples on meshes of different size, for training and prediction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import xarray as xr
from torch import Tensor
from torch.utils.data import Dataset

from surrogate.datasets.meshes.points import Points
from surrogate.datasets.samples.point_sets import Places, point_values
from surrogate.datasets.samples.tensors import to_parameters

PointBatch = dict[str, Any]


class PointSamples(Dataset[PointBatch]):
    """The samples of steady fields on meshes; batches of any of them, joined without padding.

    A batch has ``x``, one `Points` for each input function, the first on the points of the output; where asked for
    ``y`` of shape ``(points, channel)`` at these; and, where there are any, ``parameters`` of shape ``(batch, P)``.

    Parameters
    ----------
    fields
        Their samples.
    functions
        Names of the fields of each input function: see `Signature`.
    location
        Dimension of the points of the output.
    out_fields
        Names of the channels of ``y``; none to predict.
    parameter_fields
        Names of the columns of ``parameters``.
    dtype
        Of all.

    Attributes
    ----------
    functions, parameters
        All samples together.

    Raises
    ------
    InputError
        A field is missing, or the fields of a function are on different points.
    """

    def __init__(
        self,
        fields: xr.Dataset,
        functions: Sequence[Sequence[str]],
        *,
        location: str = "node",
        out_fields: Sequence[str] = (),
        parameter_fields: Sequence[str] = (),
        dtype: torch.dtype = torch.float32,
    ) -> None:
        places, (first, *others) = Places(fields), functions
        sets = [places.point_set(first, at=location, dtype=dtype)]
        sets += [places.point_set(names, dtype=dtype) for names in others]
        self.functions, self.parameters = tuple(sets), to_parameters(fields, parameter_fields, dtype)
        self._functions = [points.split() for points in sets]
        self._targets: Sequence[Tensor] = ()
        if out_fields:
            self._targets = torch.split(point_values(fields, out_fields, dtype), sets[0].counts.tolist())

    def __len__(self) -> int:
        return len(self._functions[0])

    @property
    def n_points(self) -> int:
        """Number of points of the output, of all samples together."""
        return len(self.functions[0].coordinates)

    def __getitem__(self, index: int) -> PointBatch:
        return self.__getitems__([index])

    def __getitems__(self, indices: Sequence[int]) -> PointBatch:
        """Return the batch of these samples."""
        joined = tuple(Points.join([samples[i] for i in indices]) for samples in self._functions)
        batch: PointBatch = {"x": joined}
        if self._targets:
            batch["y"] = torch.cat([self._targets[i] for i in indices])
        if self.parameters is not None:
            batch["parameters"] = self.parameters[torch.as_tensor(indices)]
        return batch
