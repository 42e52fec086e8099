"""From fields to tensors and back, once at the edge."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from surrogate.datasets.fields import require
from surrogate.datasets.grids.grid import AXES
from surrogate.datasets.samples.ragged import counts
from surrogate.datasets.storage.blocks import boxes, stored_chunks
from surrogate.datasets.storage.finite import all_finite, not_finite, not_held
from surrogate.datasets.storage.stored import BoxReader, is_lazy
from surrogate.datasets.storage.stored_piece import Key


def to_tensor(
    fields: xr.Dataset, names: Sequence[str], dtype: torch.dtype = torch.float32, *, share: bool = False
) -> Tensor:
    """Stack fields on a channel axis: ``(sample, channel, *space)``, or ``(sample, time, channel, *space)``.

    Fields without a sample dimension are repeated for every sample. With ``share`` the tensor uses the memory of the
    fields where it can, for a single field of type ``dtype`` that is in memory: it must not be written to. What is in a
    file is read block by block into the tensor, which is all that is held of it, and looked at on the way.

    Raises
    ------
    InputError
        A field is missing, or one in a file has values that are not finite.
    """
    require(fields, names)
    variables = [fields[name] for name in names]
    axis = 2 if "time" in variables[0].dims else 1
    if share and len(names) == 1 and "sample" in variables[0].dims and not is_lazy(variables[0]):
        return all_values(variables[0]).to(dtype).unsqueeze(axis)
    shape = [fields.sizes.get("sample", 1), *(n for dim, n in variables[0].sizes.items() if dim != "sample")]
    stacked = _empty([*shape[:axis], len(names), *shape[axis:]], dtype)
    for channel, variable in zip(stacked.unbind(axis), variables, strict=True):
        if "sample" not in variable.dims:
            channel.copy_(all_values(variable).expand_as(channel[0]))
            continue
        reader = BoxReader(variable.variable)
        for box in boxes(variable.shape, variable.dtype.itemsize, chunks=stored_chunks(variable.variable)):
            read_tensor(reader, box, channel[box])
            if reader.is_lazy and not all_finite(channel[box].numpy()):
                raise not_held(str(variable.name), variable.variable, box, dtype)
    return stacked


def read_tensor(reader: BoxReader, box: Key, out: Tensor) -> None:
    """Read the values in a box into a tensor, which may be of another type."""
    values = out.numpy()
    if values.dtype == reader.dtype:
        reader.read(box, values)
    else:
        out.copy_(torch.from_numpy(np.require(reader.read(box), requirements=["C", "W"])))


def to_parameters(fields: xr.Dataset, names: Sequence[str], dtype: torch.dtype = torch.float32) -> Tensor | None:
    """Return parameters as ``(sample, P)``, or None where there are no names."""
    return to_tensor(fields, names, dtype) if names else None


def all_values(field: xr.DataArray) -> Tensor:
    """Return a whole field; raise `InputError` where it is read for it and has values that are not finite."""
    is_new = is_lazy(field)
    values = np.require(field.values, requirements=["C", "W"])
    if is_new and not all_finite(values):
        raise not_finite(str(field.name), field.variable, tuple(slice(0, size) for size in field.shape))
    return torch.from_numpy(values)


def _empty(shape: Sequence[int], dtype: torch.dtype) -> Tensor:
    """Return memory from numpy, which asks for large pages: to fill it for the first time takes a fraction."""
    return torch.from_numpy(np.empty(math.prod(shape) * dtype.itemsize, np.uint8)).view(dtype).view(*shape)


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
