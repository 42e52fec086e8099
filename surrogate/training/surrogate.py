"""A trained network in physical units."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import xarray as xr
from torch import Tensor, nn

from surrogate.datasets.errors import expected
from surrogate.datasets.grids.grid import Grid
from surrogate.datasets.samples.normalizer import Normalizer
from surrogate.datasets.samples.signature import Signature
from surrogate.layers.interpolation_scaler import resize
from surrogate.operator import Operator, Stepper
from surrogate.training.boundary_values import BoundaryValues

Attributes = Mapping[str, Mapping[str, str]]


class Surrogate(Operator):
    r"""A network with its normalization: :math:`y = \sigma_y \, N\big((x - \mu_x)/\sigma_x\big) + \mu_y`.

    It is an operator like a solver: physical fields in, physical fields out. Fields whose values on Dirichlet sides the
    data state (the attribute ``boundary_value``) have these on the points of a grid that lie there.

    Parameters
    ----------
    network
        Any ``nn.Module`` on ``(batch, channel, *space)``. Where its ``forward`` has arguments ``coordinates`` or
        ``parameters`` it is given them. If it has the attribute ``layout = "series"``, it maps ``(batch, time,
        channel)`` to ``(batch, horizon, channel)``: see `surrogate.forecasters`. The answer of one with an
        ``out_shape`` is interpolated to the grid that entered, linearly along each axis.
    signature
        What enters and leaves.
    normalizers
        One `Normalizer` for each of ``input``, ``output`` and, where present, ``static``, ``forcing``, ``parameter``.
    attributes
        Units and long names of the output fields.
    record
        How it was made: data hash, versions, seed, command, cost.
    """

    def __init__(
        self,
        network: nn.Module,
        signature: Signature,
        normalizers: Mapping[str, Normalizer],
        *,
        attributes: Attributes | None = None,
        record: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self.network = network
        self.signature = signature
        self.normalizers = nn.ModuleDict(normalizers)
        self.attributes = attributes or {}
        self.record = dict(record or {})
        self.in_fields, self.out_fields = signature.in_fields, signature.out_fields
        self.static_fields, self.parameter_fields = signature.static_fields, signature.parameter_fields
        self.domain = signature.domain
        self.boundary_values = BoundaryValues(signature)
        self._arguments = set(inspect.signature(network.forward).parameters)
        self._coordinates: dict[tuple[Any, ...], Tensor] = {}
        if signature.parameter_fields and "parameters" not in self._arguments:
            do = "Add the argument, or leave the parameters out of the inputs."
            raise expected("a network whose forward takes `parameters`", type(network).__name__, do)
        self._on_series = getattr(network, "layout", "") == "series"
        if self._on_series and signature.in_channels != signature.history * len(signature.in_fields):
            more = [*signature.static_fields, *signature.forcing_fields]
            do = "Leave them out of the inputs, or choose another network."
            raise expected("only series that are stepped in time for a forecaster", more, do)

    def forward(self, x: Tensor, static: Tensor | None = None, parameters: Tensor | None = None) -> Tensor:
        """Return the output fields of the input fields ``x``."""
        return self.apply_network({"input": x, "static": static}, parameters)

    def apply_network(self, channels: Mapping[str, Tensor | None], parameters: Tensor | None) -> Tensor:
        """Normalize, stack the channels, apply the network, denormalize."""
        stacked = torch.cat([self.normalizer(k).normalize(v) for k, v in channels.items() if v is not None], dim=1)
        if parameters is not None and len(parameters) != len(stacked):
            raise expected(f"parameters of {len(stacked)} samples", len(parameters), "Give a row for each sample.")
        extra: dict[str, Tensor] = {}
        if "coordinates" in self._arguments:
            extra["coordinates"] = self._points(stacked)
        extra |= self.scaled_parameters(parameters)
        if self._on_series:
            series = stacked.reshape(len(stacked), self.signature.history, -1)
            output = self.network(series, **extra).flatten(1)
        else:
            output = self.network(stacked, **extra)
            if getattr(self.network, "out_shape", None) is not None:
                output = resize(output, stacked.shape[2:], self.domain.is_periodic)
        y: Tensor = self.boundary_values(self.normalizer("output").denormalize(output))
        return y

    def scaled_parameters(self, parameters: Tensor | None) -> dict[str, Tensor]:
        """Return the normalized parameters as the argument of the network; empty where it takes none."""
        if not self.parameter_fields:
            return {}
        if parameters is None:
            raise expected(f"parameters {self.parameter_fields}", "none", "Add them to the fields.")
        if parameters.shape[1] != len(self.parameter_fields):
            do = "Give a column for each, in this order."
            raise expected(f"parameters {self.parameter_fields}", f"{parameters.shape[1]} columns", do)
        return {"parameters": self.normalizer("parameter").normalize(parameters)}

    def standardize(self, y: Tensor) -> Tensor:
        """Return output fields in units of their mean and deviation in the training part."""
        return self.normalizer("output").normalize(y)

    def check_domain(self, domain: Grid) -> None:
        """Raise `InputError` unless ``domain`` is the box the network was trained on, at a resolution it accepts."""
        own = self.domain
        if domain.dim != own.dim:
            raise expected(f"fields in {own.dim} space dimensions", domain.dim, "Use the data it was trained for.")
        if domain.boundary != own.boundary:
            raise expected(f"the boundary {own.boundary}", domain.boundary, "Use the boundary it was trained for.")
        if domain.location != own.location:
            raise expected(f"values at each {own.location}", f"at each {domain.location}", "Interpolate the fields.")
        if domain.stretching != own.stretching:
            do = "Resample the fields to the axes it was trained for (surrogate.datasets.resample)."
            raise expected(f"the axes {own.kinds}", f"others {domain.kinds}", do)
        pairs = zip(own.extent, domain.extent, own.lengths, strict=True)
        if any(abs(a - b) > 1e-6 * length for one, two, length in pairs for a, b in zip(one, two, strict=True)):
            raise expected(f"the extent {own.extent}", domain.extent, "Use the box it was trained for.")
        free = getattr(self.network, "resolution", own.shape) is None
        per_point = any(isinstance(part, Normalizer) and part.shape for part in self.normalizers.values())
        if (not free or per_point) and domain.shape != own.shape:
            do = "Resample the fields, or use a network with `resolution = None`."
            if per_point:
                do = "Resample the fields, or train with normalize='field'."
            raise expected(f"the training resolution {own.shape}", domain.shape, do)

    def state_dict(self, *arguments: Any, **options: Any) -> dict[str, Any]:  # type: ignore[override]  # passed on
        """Return the tensors; some libraries' networks add their constructor arguments, which are left out."""
        state: dict[str, Any] = super().state_dict(*arguments, **options)
        for name in [name for name, value in state.items() if not isinstance(value, Tensor)]:
            del state[name]
        return state

    def predict(self, fields: xr.Dataset | xr.DataTree, **options: Any) -> xr.Dataset:
        """Apply the surrogate to fields: see `surrogate.predict`. Warns where inputs leave the training range."""
        from surrogate.prediction import predict

        return predict(self, fields, **options)

    def save(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Write weights and manifest to one safetensors file."""
        from surrogate.training.manifest import save

        save(self, path, overwrite=overwrite)

    def warn_outside(self, x: Any, parameters: Tensor | None = None) -> None:
        """Warn where inputs leave the range of the training data."""
        self.normalizer("input").warn_outside(x)
        if parameters is not None and self.parameter_fields:
            self.normalizer("parameter").warn_outside(parameters)

    def outside(self, x: Tensor) -> Tensor | None:
        """Return a mask ``(batch, channel)`` of where states ``x`` leave the range of the training data."""
        return self.normalizer("input").outside(x)

    def normalizer(self, role: str) -> Normalizer:
        """Return the normalization of ``input``, ``output``, ``static``, ``forcing``, ``parameter`` or a function."""
        normalizer = self.normalizers[role]
        assert isinstance(normalizer, Normalizer)
        return normalizer

    def _points(self, x: Tensor) -> Tensor:
        """Return the unit coordinates at the resolution of ``x``, made once for each resolution and device."""
        key = (tuple(x.shape[2:]), x.dtype, x.device)
        if key not in self._coordinates:
            grid = self.domain.with_shape(tuple(x.shape[2:]))
            with torch.inference_mode(False):  # they outlive this call, and may be differentiated in a later one
                self._coordinates[key] = grid.unit_coordinates(dtype=x.dtype, device=x.device)
        return self._coordinates[key]


class SurrogateStepper(Surrogate, Stepper):
    """A trained network that advances a state by ``dt``."""

    def __init__(self, network: nn.Module, signature: Signature, *args: Any, **options: Any) -> None:
        super().__init__(network, signature, *args, **options)
        if signature.dt is None:
            raise expected("a signature with a time step", "a steady one", "Use `Surrogate`.")
        self.dt, self.history, self.horizon = signature.dt, signature.history, signature.horizon
        self.forcing_fields = signature.forcing_fields

    def forward(  # type: ignore[override]  # a stepper also takes forcing
        self,
        state: Tensor,
        static: Tensor | None = None,
        forcing: Tensor | None = None,
        parameters: Tensor | None = None,
    ) -> Tensor:
        """Return the next ``horizon`` frames."""
        return self.apply_network({"input": state, "static": static, "forcing": forcing}, parameters)


def function_role(number: int) -> str:
    """Return the key of the normalizer of an input function on points."""
    return f"function_{number}"


def fit_normalizers(
    fields: xr.Dataset, signature: Signature, dtype: torch.dtype, *, per_point: bool = False
) -> dict[str, Normalizer]:
    """Return a normalizer for each role, with the statistics of ``fields`` (the training part)."""
    functions = {function_role(i): members for i, members in enumerate(signature.functions)}
    names = {
        **(functions or {"input": signature.in_fields}),
        "output": signature.out_fields,
        "static": signature.static_fields,
        "forcing": signature.forcing_fields,
        "parameter": signature.parameter_fields,
    }
    shapes: dict[str, tuple[int, ...]] = {}
    if per_point:
        if not isinstance(signature.domain, Grid):
            raise expected("fields on a grid to normalize each point", "meshes or points", "Use normalize='field'.")
        shapes = dict.fromkeys(names.keys() - {"parameter"}, signature.domain.shape)
    return {
        role: Normalizer(members, shapes.get(role, ())).to(dtype).fit(fields)
        for role, members in names.items()
        if members
    }
