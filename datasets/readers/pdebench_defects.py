"""What is known to be wrong with the data of PDEBench."""

from __future__ import annotations

import warnings

import numpy as np
import xarray as xr

from surrogate.datasets.grids.grid import Grid
from surrogate.datasets.readers.known_defects import KnownDefect, flux_factor, repeats_at_the_seam, speed_factor


def double_speed(fields: xr.Dataset, name: str, correct: bool) -> xr.Dataset:
    """Advection: in files of before September 2023 profiles move twice as far as their times say (issue 46)."""
    u, times = fields["u"].isel(sample=0), fields["time"].values
    length, velocity = Grid.from_fields(fields).lengths[0], float(fields["velocity_x"])
    frame = int(np.clip(np.searchsorted(times, 0.05 * length / abs(velocity)), 1, len(times) - 1))
    shift = velocity * (times[frame] - times[0]) / length
    factor = speed_factor(u[0].values.astype(float), u[frame].values.astype(float), shift)
    if factor != 2:
        return fields
    done = "They were doubled." if correct else "They were left; open_dataset(path, correct=True) doubles them."
    _warn(f"The profiles in {name!r} move at 2 velocity_x: its times are half of what its equation needs. {done}")
    return fields.assign_coords(time=fields["time"] * 2) if correct else fields


def wide_interval(fields: xr.Dataset, name: str, correct: bool) -> xr.Dataset:
    """Burgers: Nu is pi times the viscosity; in files of before 2024 x and the flux do not fit (issue 51)."""
    given = float(fields["viscosity"]) * np.pi
    grid = Grid.from_fields(fields)
    first, second = fields["u"].isel(sample=0, time=slice(0, 2)).values.astype(float)
    dt = float(fields["time"][1] - fields["time"][0])
    factor = flux_factor(first, second, dt, grid.spacing[0], float(fields["viscosity"]))
    if factor != 2:
        _warn(f"Nu = {given:.6g} of {name!r} is divided by pi in its equation. The viscosity was set so.")
        return fields
    words = f"{name!r}, on x from {grid.extent[0][0]:g} to {grid.extent[0][1]:g}, solves u_t + (u^2)_x = Nu/pi u_xx"
    if not correct:
        fields = fields.assign_attrs(equation="u_t + (u^2)_x = viscosity u_xx")
        _warn(f"{words}, twice the flux of Burgers. open_dataset(path, correct=True) halves x, which mends it.")
        return fields
    low, high = grid.extent[0]
    unit = Grid(shape=grid.shape, extent=((high - low) / 2,), boundary=grid.boundary, location="cell")
    _warn(f"{words}. It was put on an interval of half the length, with viscosity Nu/(4 pi), where it solves Burgers.")
    return fields.assign_coords(unit.coordinates()).assign(viscosity=fields["viscosity"] / 4)


def short_period(fields: xr.Dataset, name: str) -> None:
    """Random waves in 1-D: their period is the distance of the outer centers, one cell less than the interval."""
    first = next(iter(fields.data_vars.values()))
    if repeats_at_the_seam(first.isel(sample=slice(0, 16), time=0).values.astype(float)):
        _warn(f"Initial data of {name!r} repeat after L - dx, not L: a kink at the seam of the period. They were left.")


def continuity(name: str) -> None:
    """Compressible flow: the stored frames do not balance mass (issue 63)."""
    _warn(f"Mass balance computed from the frames of {name!r}, which are far apart, is known to fail. They were left.")


def _warn(text: str) -> None:
    warnings.warn(text, KnownDefect, stacklevel=4)
