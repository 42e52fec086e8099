"""From fields to tensors and back, once at the edge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from surrogate.datasets.fields import require
from surrogate.datasets.grid import AXES
from surrogate.datasets.ragged import counts


def to_tensor(fields: xr.Dataset, names: Sequence[str], dtype: torch.dtype = torch.float32) -> Tensor:
    """Stack fields on a channel axis: ``(sample, channel, *space)``, or ``(sample, time, channel, *space)``.

    Fields without a sample dimension are repeated for every sample.
    """
    require(fields, names)
    samples = fields.sizes.get("sample", 1)
    arrays = []
    for name in names:
        values = torch.from_numpy(np.require(fields[name].values, requirements=["C", "W"])).to(dtype)
        arrays.append(values if "sample" in fields[name].dims else values.expand(samples, *values.shape))
    has_time = "time" in fields[names[0]].dims
    return torch.stack(arrays, dim=2 if has_time else 1)


def to_parameters(fields: xr.Dataset, names: Sequence[str], dtype: torch.dtype = torch.float32) -> Tensor | None:
    """Return parameters as ``(sample, P)``, or None where there are no names."""
    return to_tensor(fields, names, dtype) if names else None


def to_fields(
    frames: Tensor,
    names: Sequence[str],
    template: xr.Dataset,
    *,
    time: np.ndarray | None = None,
    attributes: Mapping[str, Mapping[str, str]] | None = None,
) -> xr.Dataset:
    """Return ``(sample, channel, *space)``, or ``(sample, time, channel, *space)`` with ``time``, as fields.

    Coordinates come from ``template``; so do units and long names where ``attributes`` has none.
    """
    space = tuple(axis for axis in (*AXES, "node") if axis in template.dims)
    dims = ("sample", *(() if time is None else ("time",)), *space)
    channels = frames.detach().cpu().unbind(1 if time is None else 2)
    variables = {
        name: (dims, channel.numpy(), field_attributes(name, template, attributes))
        for name, channel in zip(names, channels, strict=True)
    }
    return xr.Dataset(variables, coords=coordinates(template, time))


def to_point_fields(
    values: Tensor,
    names: Sequence[str],
    template: xr.Dataset,
    *,
    at: str,
    attributes: Mapping[str, Mapping[str, str]] | None = None,
) -> xr.Dataset:
    """Return ``(points, channel)`` at the points of dimension ``at`` as fields on the meshes of ``template``.

    On a mesh that all samples share they have the dimension ``sample``, too.
    """
    shared = at not in counts(template)
    dims, shape = (("sample", at), (-1, template.sizes[at])) if shared else ((at,), (-1,))
    lies = {"mesh": "mesh", "location": at} if "mesh" in template.coords and at == "node" else {}
    variables = {
        name: (dims, column.reshape(shape).numpy(), field_attributes(name, template, attributes) | lies)
        for name, column in zip(names, values.detach().cpu().unbind(1), strict=True)
    }
    return xr.Dataset(variables, coords=coordinates(template, None))


def coordinates(template: xr.Dataset, time: np.ndarray | None) -> dict[str, xr.Variable]:
    """Return the coordinates sample, space and mesh of ``template``, and ``time`` with the template's units."""
    still = {str(name): coord.variable for name, coord in template.coords.items() if "time" not in coord.dims}
    coords = {name: variable for name, variable in still.items() if set(variable.dims) <= set(template.dims)}
    if time is not None:
        attrs = template["time"].attrs if "time" in template.coords else {"units": "1", "long_name": "time"}
        coords["time"] = xr.Variable(("time",), time, attrs)
    return coords


def field_attributes(
    name: str, template: xr.Dataset, attributes: Mapping[str, Mapping[str, str]] | None
) -> dict[str, str]:
    """Return ``units`` and ``long_name`` of a field from ``attributes``, else from ``template``, else plain ones."""
    if attributes and name in attributes:
        return dict(attributes[name])
    if name in template:
        attrs = template[name].attrs
        return {key: attrs[key] for key in ("units", "long_name") if key in attrs}
    return {"units": "1", "long_name": name}
