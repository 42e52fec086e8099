"""Errors of forecasts on every window of a part, in the units of the literature."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
import xarray as xr
from torch import Tensor

from surrogate.compute import computing
from surrogate.datasets.errors import expected
from surrogate.datasets.fields import as_dataset
from surrogate.datasets.samples.normalizer import Normalizer
from surrogate.datasets.samples.signature import Signature
from surrogate.datasets.samples.splits import refuse_overlap
from surrogate.datasets.samples.windows import Batch, Windows
from surrogate.operator import Stepper


@dataclass(frozen=True)
class ForecastErrors:
    """Mean square and mean absolute error over all windows, lead times and fields, in training deviations.

    ``fields`` holds the pair ``(mse, mae)`` of each field alone; ``windows`` says over how many windows they are.
    """

    mse: float
    mae: float
    windows: int
    fields: Mapping[str, tuple[float, float]]


def forecast_errors(
    model: Stepper,
    data: xr.DataTree,
    *,
    part: str = "test",
    batch_size: int = 256,
    device: str | torch.device | None = None,
) -> ForecastErrors:
    r"""Forecast the ``horizon`` of ``data`` from every window of a part, and measure the error.

    Errors are of standardized values, :math:`(p - t)/\sigma` with the standard deviation of each field over the
    training part, with equal weight for all windows, lead times and fields. No window is left out, whatever the batch.

    Parameters
    ----------
    model
        A trained forecaster, or any other stepper without forcing. One of shorter horizon goes on from its forecasts.
    data
        What `surrogate.prepare` returned.
    part
        Which part: ``"test"`` or ``"validation"``.
    batch_size
        Windows forecast together.
    device
        Where to compute; default: where the model is.

    Raises
    ------
    InputError
        A model of other fields or of longer history than the windows have; a part that overlaps the training part.
    """
    signature = Signature.from_data(data)
    training, chosen = as_dataset(data["train"]), as_dataset(data[part])
    if training.attrs.get("split_by") == "time":
        refuse_overlap(training, chosen, signature.history)
    _check(model, signature)
    windows = Windows(chosen, signature, model.dtype)
    deviation = Normalizer(signature.out_fields).double().fit(training).std
    sums = torch.zeros(2, len(deviation), dtype=torch.float64)
    with computing(model, device) as target:
        for first in range(0, len(windows), batch_size):
            batch = windows.__getitems__(list(range(first, min(first + batch_size, len(windows)))))
            frames = _forecast(model, {key: value.to(target) for key, value in batch.items()}, signature.horizon)
            error = frames.cpu().double() - batch["y"].double()
            scaled = error.reshape(len(error), -1, len(deviation), *error.shape[2:]).movedim(2, -1) / deviation
            points = scaled.flatten(0, -2)
            sums += torch.stack([points.square().mean(0), points.abs().mean(0)]) * len(frames)
    square, size = sums / len(windows)
    fields = {name: (float(a), float(b)) for name, a, b in zip(signature.out_fields, square, size, strict=True)}
    return ForecastErrors(float(square.mean()), float(size.mean()), len(windows), fields)


def _forecast(model: Stepper, batch: Batch, horizon: int) -> Tensor:
    channels = len(model.out_fields)
    carry = model.init(batch["x"][:, -model.history * channels :], batch.get("static"), batch.get("parameters"))
    frames: list[Tensor] = []
    while sum(frame.shape[1] for frame in frames) < horizon * channels:
        carry, new = model.step(carry)
        frames.append(new)
    return torch.cat(frames, dim=1)[:, : horizon * channels]


def _check(model: Stepper, signature: Signature) -> None:
    if (model.in_fields, model.out_fields) != (signature.in_fields, signature.out_fields) or model.forcing_fields:
        got = f"{model.in_fields} with forcing {model.forcing_fields}"
        raise expected(f"a stepper of {signature.in_fields} without forcing", got, "Use the data it was trained for.")
    if model.history > signature.history:
        do = "Prepare the data with the history of the model."
        raise expected(f"a history of at most {signature.history}", model.history, do)
