"""The rotation of a flow."""

from __future__ import annotations

import numpy as np
import torch
import xarray as xr

from surrogate.datasets.errors import expected
from surrogate.datasets.fields import Fields, as_dataset, require
from surrogate.datasets.grids.grid import Grid
from surrogate.training.objectives.derivatives import gradient

VELOCITY = ("velocity_x", "velocity_y", "velocity_z")


def vorticity(fields: Fields) -> xr.Dataset:
    r"""Return the curl :math:`\omega = \nabla \times u` of ``velocity_x``, ``velocity_y`` and ``velocity_z``.

    Derivatives are spectral along periodic axes, else of second order.

    Parameters
    ----------
    fields
        Velocities on a grid of two or three dimensions.

    Returns
    -------
    xarray.Dataset
        ``vorticity`` in two dimensions; in three ``vorticity_x``, ``vorticity_y``, ``vorticity_z`` and their
        ``vorticity_magnitude``, in units of velocity by length.

    Raises
    ------
    InputError
        Velocities are missing, or another number of dimensions.
    """
    dataset = as_dataset(fields)
    grid = Grid.from_fields(dataset)
    if grid.dim not in (2, 3):
        raise expected("a flow in two or three dimensions", f"{grid.dim}", "Give velocities on a grid.")
    names = VELOCITY[: grid.dim]
    require(dataset, names)
    first = dataset[names[0]]
    u = torch.from_numpy(np.stack([dataset[name].values for name in names])).double().reshape(grid.dim, -1, *grid.shape)
    by_axis = gradient(u.transpose(0, 1), grid).chunk(grid.dim, dim=1)
    around = [(0, 1)] if grid.dim == 2 else [(1, 2), (2, 0), (0, 1)]
    curl = [(by_axis[a][:, b] - by_axis[b][:, a]).reshape(first.shape).numpy() for a, b in around]
    units = f"({first.attrs.get('units', '1')}) / ({dataset['x'].attrs.get('units', '1')})"
    units = "1" if units == "(1) / (1)" else units

    def field(values: np.ndarray, name: str) -> xr.DataArray:
        return first.copy(data=values).assign_attrs(units=units, long_name=name)

    if grid.dim == 2:
        return dataset.assign(vorticity=field(curl[0], "vorticity"))[["vorticity"]]
    parts = {f"vorticity_{axis}": field(w, f"vorticity along {axis}") for axis, w in zip("xyz", curl, strict=True)}
    magnitude = field(np.sqrt(sum(w**2 for w in curl)), "magnitude of the vorticity")
    return dataset.assign({**parts, "vorticity_magnitude": magnitude})[[*parts, "vorticity_magnitude"]]
