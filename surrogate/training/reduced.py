"""A stepper of fields made of one of their coefficients."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from surrogate.datasets.errors import expected
from surrogate.datasets.grids.grid import Grid
from surrogate.datasets.samples.pod import POD
from surrogate.operator import Stepper


class PODStepper(Stepper):
    r"""Advance the coefficients of modes: encode once, step as often as needed, decode what is asked for.

    Parameters
    ----------
    pod
        The modes.
    stepper
        A stepper of their coefficients, such as a forecaster trained on ``pod.transform(data)``.

    Raises
    ------
    InputError
        The stepper is not one of these coefficients.

    Examples
    --------
    >>> import surrogate as sg
    >>> fields = sg.generate(sg.cases.Burgers(resolution=32, steps=5), samples=10, seed=0, progress=False)
    >>> data = sg.prepare(fields, inputs=["u"], outputs=["u"], history=2, horizon=1)
    >>> pod = sg.datasets.POD(data, ["u"], rank=4)
    >>> series = pod.transform(data)
    >>> model = sg.PODStepper(pod, sg.fit(sg.forecasters.Ridge.for_data(series), series))
    >>> dict(sg.rollout(model, data["train"], steps=3, progress=False).sizes)
    {'sample': 8, 'time': 3, 'x': 32}
    """

    def __init__(self, pod: POD, stepper: Stepper) -> None:
        super().__init__()
        if stepper.in_fields != pod.coefficients or stepper.out_fields != pod.coefficients:
            got = f"one of {stepper.in_fields}"
            raise expected(f"a stepper of {pod.coefficients}", got, "Train it on `pod.transform(data)`.")
        self.pod, self.stepper = pod, stepper
        self.in_fields = self.out_fields = pod.names
        self.domain, self.attributes = pod.domain, pod.attributes
        self.dt, self.history, self.horizon = stepper.dt, stepper.history, stepper.horizon

    def init(self, state: Tensor, static: Tensor | None = None, parameters: Tensor | None = None) -> Any:
        """Carry the coefficients of the given frames."""
        return self.stepper.init(self._encode(state))

    def step(self, carry: Any, forcing: Tensor | None = None) -> tuple[Any, Tensor]:
        """Advance the coefficients, and decode the new frames."""
        carry, new = self.stepper.step(carry)
        frames = self.pod.decode(new.reshape(-1, self.pod.rank)).to(new.dtype)
        return carry, frames.reshape(len(new), -1, *self.domain.shape)

    def warn_outside(self, x: Tensor, parameters: Tensor | None = None) -> None:
        """Warn where coefficients leave the range for which their stepper was made."""
        self.stepper.warn_outside(self._encode(x))

    def outside(self, x: Tensor) -> Tensor | None:
        """Return which samples leave that range, the same for every field."""
        outside = self.stepper.outside(self._encode(x))
        return None if outside is None else outside.any(1, keepdim=True).expand(-1, len(self.out_fields))

    def check_domain(self, domain: Grid) -> None:
        """Raise `InputError` unless ``domain`` is the grid of the modes."""
        self.pod.check_domain(domain)

    @property
    def record(self) -> Mapping[str, Any]:
        """How the stepper of the coefficients was made."""
        record: Mapping[str, Any] = getattr(self.stepper, "record", {})
        return record

    def save(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Write modes, weights and manifest to one safetensors file; `surrogate.load` reads it back.

        Raises
        ------
        InputError
            The stepper of the coefficients is not one that `surrogate.fit` returned, or the path does not fit.
        """
        from surrogate.training.manifest import save

        save(self, path, overwrite=overwrite)

    def _encode(self, state: Tensor) -> Tensor:
        """Return ``(batch, history * rank)`` for ``(batch, history * C, *space)``."""
        frames = state.reshape(-1, len(self.in_fields), *self.domain.shape)
        return self.pod.encode(frames).to(self.stepper.dtype).reshape(len(state), -1)
