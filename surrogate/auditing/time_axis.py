"""The time axis, and what attributes say of it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import xarray as xr

from surrogate.auditing.finding import Finding, NotApplicable

_EQUAL = 1e-3  # as for `surrogate.datasets.fields.uniform_step`


def time_axis(fields: xr.Dataset) -> Iterator[Finding]:
    """Find steps that vary, a start that is not 0, and a ``dt`` in the attributes that is not that of the axis."""
    if "time" not in fields.dims:
        raise NotApplicable("no time")
    if "time" not in fields.coords or fields["time"].dtype.kind not in "fiu":
        raise NotApplicable("no numbers on the time axis")
    times = fields["time"].values.astype(np.float64)
    steps = np.diff(times)
    if len(steps) and (steps <= 0).any():
        yield Finding("error", "does not increase", "Sort the data with fields.sortby('time').", "time")
        return
    if times[0] != 0 and "since" not in str(fields["time"].attrs.get("units")):
        cure = "If this is the initial state, count time from 0 (open_dataset(..., times=(0, end)))."
        yield Finding("note", f"starts at {times[0]:.6g}", cure, "time")
    if not len(steps):
        return
    step = float(steps.mean())
    if np.abs(steps / step - 1).max() > _EQUAL:
        cure = "Interpolate to equal steps (fields.interp): steppers and windows take them as equal."
        yield Finding("warning", f"has steps between {steps.min():.6g} and {steps.max():.6g}", cure, "time")
        return
    for origin, dt in _stated_steps(fields.attrs):
        left_out = step / dt
        if abs(left_out / max(1, round(left_out)) - 1) > _EQUAL or (origin == "dt_out" and round(left_out) != 1):
            message = f"has steps of {step:.6g}, where the attribute {origin} says {dt:.6g}"
            yield Finding("error", message, "Correct the times or the attribute: which is it?", "time")


def _stated_steps(attrs: Mapping[Any, Any]) -> Iterator[tuple[str, float]]:
    """Yield the time steps that attributes name; solvers may have stored only some of theirs."""
    for name in ("dt", "dt_out"):
        if isinstance(attrs.get(name), int | float | np.number) and attrs[name] > 0:
            yield name, float(attrs[name])
    for name in ("case", "solver"):
        try:
            settings = json.loads(attrs.get(name, "{}"))
        except (TypeError, ValueError):
            continue
        if isinstance(settings, dict) and isinstance(settings.get("dt"), int | float) and settings["dt"] > 0:
            yield name, float(settings["dt"])
