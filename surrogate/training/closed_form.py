"""Networks whose best weights are the solution of linear equations."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol, runtime_checkable

import xarray as xr
from torch import Tensor

from surrogate.datasets.samples.windows import Windows
from surrogate.training.surrogate import Surrogate

Pairs = Iterable[tuple[Tensor, Tensor]]


@runtime_checkable
class ClosedForm(Protocol):
    """A forecaster that finds its weights itself."""

    def solve(self, training: Pairs, validation: Pairs) -> Mapping[str, float]:
        """Set the weights from pairs ``(batch, time, channel)``, ``(batch, horizon, channel)``; return the outcome."""


def solve(model: Surrogate, training: xr.Dataset, validation: xr.Dataset, batch_size: int) -> dict[str, Any]:
    """Solve for the weights of the network of ``model``, in normalized units; return what belongs in the record."""
    assert isinstance(model.network, ClosedForm)
    began = time.perf_counter()
    parts = (_pairs(model, Windows(part, model.signature, model.dtype), batch_size) for part in (training, validation))
    outcome = model.network.solve(*parts)
    return {**outcome, "training_seconds": round(time.perf_counter() - began, 3)}


def _pairs(model: Surrogate, windows: Windows, batch_size: int) -> Iterator[tuple[Tensor, Tensor]]:
    for first in range(0, len(windows), batch_size):
        batch = windows.__getitems__(list(range(first, min(first + batch_size, len(windows)))))
        x, y = (model.standardize(batch[key].to(model.device)) for key in ("x", "y"))
        shape = (len(x), -1, len(model.in_fields))
        yield x.reshape(shape), y.reshape(shape)
