"""Meshes whose points move."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from surrogate.datasets.errors import expected
from surrogate.datasets.grids.grid import AXES
from surrogate.datasets.meshes.mesh import Mesh
from surrogate.datasets.meshes.ugrid import find_topology
from surrogate.datasets.samples.ragged import select_samples


@dataclass(frozen=True, eq=False)
class MovingMesh:
    """A mesh whose points move in time while its cells stay.

    Parameters
    ----------
    mesh
        Cells and tags; its points are those of the first time.
    times
        Increasing times ``(T,)``.
    points
        Coordinates ``(T, N, d)``.

    Raises
    ------
    InputError
        Times that do not increase, points of another shape, or cells that are turned inside out on the way; the message
        names the time.
    """

    mesh: Mesh
    times: Any
    points: Any

    def __post_init__(self) -> None:
        times, points = np.array(self.times, dtype=np.float64), np.array(self.points, dtype=np.float64)
        if times.ndim != 1 or not len(times) or not (np.diff(times) > 0).all():
            raise expected("increasing times", times, "Sort them.")
        shape = (len(times), *self.mesh.points.shape)
        if points.shape != shape:
            raise expected(f"points of shape {shape}", points.shape, "Give all points at all times.")
        object.__setattr__(self, "times", times)
        object.__setattr__(self, "points", points)
        for frame, time in enumerate(times):
            try:
                self.at(frame)
            except ValueError as error:
                raise type(error)(f"{error} (At time {time:.6g}.)") from error

    def at(self, frame: int) -> Mesh:
        """Return the mesh at that time."""
        return Mesh(self.points[frame], self.mesh.cells, self.mesh.tags, cell_dim=self.mesh.cell_dim)

    def coordinates(self, units: str = "1", time_units: str = "1") -> dict[str, xr.Variable]:
        """Return the variables that describe the mesh in fields, the coordinates of its nodes over ``time``."""
        still = self.mesh.coordinates(units)
        moving = {
            name: xr.Variable(("time", "node"), self.points[:, :, i], still[name].attrs)
            for i, name in enumerate(AXES[: self.mesh.dim])
        }
        time = xr.Variable(("time",), self.times, {"units": time_units, "long_name": "time"})
        return still | moving | {"time": time}

    @classmethod
    def from_fields(cls, fields: xr.Dataset, sample: int | None = None) -> MovingMesh:
        """Read the moving mesh of ``fields``; where it differs by sample, that of sample number ``sample``.

        Raises
        ------
        InputError
            The nodes do not move, there is no mesh, or it is wrong in itself.
        """
        own = fields if sample is None else select_samples(fields, [sample])
        topology = find_topology(own)
        names = [] if topology is None else str(topology["node_coordinates"]).split()
        if not names or any(own[name].dims != ("time", "node") for name in names):
            raise expected("nodes with coordinates over time and node", names, "Use Mesh.from_fields for others.")
        mesh = Mesh.from_fields(own.isel(time=0))
        points = np.stack([own[name].values for name in names], axis=-1)
        return cls(mesh, own["time"].values, points)
