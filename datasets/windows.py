"""Pairs of input and target cut from trajectories, as views."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import xarray as xr
from torch import Tensor
from torch.utils.data import Dataset

from surrogate.datasets.signature import Signature
from surrogate.datasets.tensors import to_parameters, to_tensor

Batch = dict[str, Tensor]


@dataclass
class Windows(Dataset[Batch]):
    """Windows of ``history`` frames in and ``horizon`` frames out; for steady data the samples themselves.

    A batch has ``x`` of shape ``(batch, in_channels, *space)``, ``y`` ``(batch, out_channels, *space)`` and, where the
    data have them, ``static``, ``forcing`` and ``parameters``.
    """

    fields: xr.Dataset
    signature: Signature
    dtype: torch.dtype = torch.float32

    def __post_init__(self) -> None:
        names, fields, dtype = self.signature, self.fields, self.dtype
        self._inputs = to_tensor(fields, names.in_fields, dtype)
        steady = names.dt is None
        self._targets = to_tensor(fields, names.out_fields, dtype) if steady else self._inputs
        self._static = to_tensor(fields, names.static_fields, dtype) if names.static_fields else None
        self._forcing = to_tensor(fields, names.forcing_fields, dtype) if names.forcing_fields else None
        self._parameters = to_parameters(fields, names.parameter_fields, dtype)
        self._per_sample = 1 if steady else self._inputs.shape[1] - names.history - names.horizon + 1

    def __len__(self) -> int:
        return self._inputs.shape[0] * self._per_sample

    def __getitem__(self, index: int) -> Batch:
        return {key: value[0] for key, value in self.__getitems__([index]).items()}

    def __getitems__(self, indices: list[int]) -> Batch:
        """Return the whole batch at once: one gather for each tensor."""
        index = torch.as_tensor(indices)
        sample, start = index // self._per_sample, index % self._per_sample
        if self.signature.dt is None:
            batch = {"x": self._inputs[sample], "y": self._targets[sample]}
        else:
            history, horizon = self.signature.history, self.signature.horizon
            batch = {
                "x": _frames(self._inputs, sample, start, history),
                "y": _frames(self._targets, sample, start + history, horizon),
            }
        if self._forcing is not None:
            batch["forcing"] = _frames(self._forcing, sample, start + self.signature.history - 1, 1)
        if self._static is not None:
            batch["static"] = self._static[sample]
        if self._parameters is not None:
            batch["parameters"] = self._parameters[sample]
        return batch


def _frames(trajectories: Tensor, sample: Tensor, start: Tensor, count: int) -> Tensor:
    """Gather ``count`` frames of each sample from its start on, stacked on the channel axis."""
    return trajectories[sample[:, None], start[:, None] + torch.arange(count)].flatten(1, 2)
