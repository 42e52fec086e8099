"""Fields as meshes with values, one for each sample and time, as programs for simulations know them."""

from __future__ import annotations

from collections.abc import Mapping

import meshio
import numpy as np
import xarray as xr

from surrogate.datasets.domain import is_on_points
from surrogate.datasets.errors import expected
from surrogate.datasets.grids.grid import AXES, Grid
from surrogate.datasets.meshes.grid_meshes import grid_mesh, on_mesh
from surrogate.datasets.meshes.mesh import Mesh
from surrogate.datasets.notes import is_parameter
from surrogate.datasets.readers.meshio_mesh import MESHIO_KINDS, TAG_PREFIX
from surrogate.datasets.samples.ragged import counts, select_samples

_NAMES = {ours: theirs for theirs, ours in MESHIO_KINDS.items()}


def spatial_fields(fields: xr.Dataset, what: str) -> list[str]:
    """Return the names of the fields over space.

    Raises
    ------
    InputError
        There are none, or some are on points of their own or over time only, for which ``what`` has no place.
    """
    places = {*AXES} if not is_on_points(fields) else {"node", "cell"}
    spatial = [str(name) for name, v in fields.data_vars.items() if places & set(v.dims)]
    others = [str(name) for name, v in fields.data_vars.items() if name not in spatial and not is_parameter(v)]
    if others:
        do = f"Leave it out (fields.drop_vars({others[0]!r})), or save to .h5 or .zarr."
        raise expected(f"fields on one mesh or grid for {what}", f"{others[0]!r} over {fields[others[0]].dims}", do)
    if not spatial:
        raise expected(f"fields over space for {what}", list(fields.data_vars), "Save them to .h5 or .zarr.")
    return spatial


class Snapshots:
    """The frames of fields on meshes or a grid, which becomes a mesh of segments, quads or hexahedra.

    Parameters
    ----------
    fields
        Fields that passed the check.
    """

    def __init__(self, fields: xr.Dataset) -> None:
        self.names = spatial_fields(fields, "a mesh in each frame")
        self._fields = fields
        self._grid = None if is_on_points(fields) else Grid.from_fields(fields)
        self._moving = self._grid is None and "time" in fields["x"].dims
        self._last_sample: tuple[int, xr.Dataset] | None = None
        self._last_mesh: tuple[tuple[int, int], Mesh] | None = None  # to make one takes longer than to write values
        self.samples = fields.sizes.get("sample", 1)
        self.times = fields["time"].values.astype(np.float64) if "time" in fields.dims else np.zeros(1)

    def frame(self, sample: int, number: int) -> meshio.Mesh:
        """Return one frame; values are read only now."""
        own = self._own(sample)
        own = own.isel(time=number) if "time" in own.dims else own
        mesh = self._mesh(own, sample, number)
        return to_meshio(mesh, own[self.names] if self._grid is None else on_mesh(own[self.names], self._grid, mesh))

    def _own(self, sample: int) -> xr.Dataset:
        if self._last_sample is None or self._last_sample[0] != sample:
            own = select_samples(self._fields, [sample]) if "sample" in self._fields.dims else self._fields
            self._last_sample = sample, own
        return self._last_sample[1]

    def _mesh(self, own: xr.Dataset, sample: int, number: int) -> Mesh:
        lengths = counts(own)
        key = (sample if lengths else 0, number if self._moving else 0)
        if self._last_mesh is None or self._last_mesh[0] != key:
            mesh = Mesh.from_fields(own, 0 if lengths else None) if self._grid is None else grid_mesh(self._grid)
            self._last_mesh = key, mesh
        return self._last_mesh[1]


def to_meshio(mesh: Mesh, fields: xr.Dataset) -> meshio.Mesh:
    """Return mesh and fields of one sample at one time; tags go along as fields of the nodes."""
    values = {str(name): np.asarray(v.values, dtype=v.dtype).reshape(-1) for name, v in fields.data_vars.items()}
    dims: Mapping[str, str] = {str(name): str(v.dims[-1]) for name, v in fields.data_vars.items() if v.dims}
    at_nodes = {name: values[name] for name, dim in dims.items() if dim == "node"}
    blocks = mesh.blocks
    in_cells = {name: [values[name][b.places] for b in blocks] for name, dim in dims.items() if dim == "cell"}
    for name in mesh.tags:
        indicator = np.zeros(mesh.n_points)
        indicator[mesh.tagged_points(name)] = 1.0
        at_nodes[TAG_PREFIX + name] = indicator
    cells = [(_NAMES[block.kind.name], block.nodes) for block in blocks]
    points = np.pad(mesh.points, ((0, 0), (0, 3 - mesh.dim)))  # VTK has three coordinates always
    return meshio.Mesh(points, cells, point_data=at_nodes, cell_data=in_cells)
