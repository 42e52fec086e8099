"""The times at which steppers of different time steps can be compared."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import xarray as xr

from surrogate.datasets.errors import expected
from surrogate.datasets.fields import uniform_step
from surrogate.operator import Stepper

_TOLERANCE = 1e-4


@dataclass(frozen=True)
class Schedule:
    """All start from frame ``first`` of the truth and are compared at every ``stride``-th frame after it.

    ``dt`` is the time between two frames of the truth, ``count`` the number of compared frames.
    """

    first: int
    stride: int
    count: int
    dt: float

    @property
    def frames(self) -> np.ndarray:
        """Numbers of the compared frames of the truth."""
        return self.first + self.stride * np.arange(1, self.count + 1)

    @property
    def lead_times(self) -> np.ndarray:
        """Times of the compared frames since the start."""
        return self.stride * self.dt * np.arange(1, self.count + 1)

    def steps(self, stepper: Stepper) -> tuple[int, int]:
        """Return how many steps the stepper makes, and which of them are compared: every how manieth."""
        every = round(self.stride * self.dt / stepper.dt)
        return every * self.count, every

    def given(self, stepper: Stepper, truth: xr.Dataset) -> xr.Dataset:
        """Return the fields from which the stepper starts, at its own time step."""
        spacing = _spacing("the stepper", stepper, self.dt)
        return truth.isel(time=slice(self.first - spacing * (stepper.history - 1), None, spacing))


def agree(steppers: Mapping[str, Stepper], truth: xr.Dataset, steps: int | None) -> Schedule:
    """Return the schedule that all steppers can follow.

    Parameters
    ----------
    steppers
        By name.
    truth
        Fields with a uniform time axis.
    steps
        Number of compared frames; default: to the end of the truth.

    Raises
    ------
    InputError
        A time step that is neither a multiple nor a whole fraction of the cadence of the truth, or a truth that is too
        short.
    """
    dt = uniform_step(truth)
    spacings = {name: _spacing(name, stepper, dt) for name, stepper in steppers.items()}
    first = max(spacings[name] * (stepper.history - 1) for name, stepper in steppers.items())
    stride = math.lcm(*spacings.values())
    available = (truth.sizes["time"] - 1 - first) // stride
    count = available if steps is None else steps
    if not 1 <= count <= available:
        got = f"{truth.sizes['time']} frames, enough for {max(available, 0)}"
        raise expected(f"a truth long enough for {max(count, 1)} steps", got, "Give a longer truth or fewer `steps`.")
    return Schedule(first, stride, count, dt)


def _spacing(name: str, stepper: Stepper, dt: float) -> int:
    """Return the number of frames of the truth in one step, 1 for a stepper that is finer in time."""
    relation = stepper.dt / dt
    if relation > 1 - _TOLERANCE and abs(relation - round(relation)) < _TOLERANCE * relation:
        return round(relation)
    finer = 1 / relation
    if stepper.history == 1 and relation < 1 and abs(finer - round(finer)) < _TOLERANCE * finer:
        return 1
    do = "Select frames of the truth with isel(time=slice(None, None, k)), or use another dt."
    raise expected(f"a multiple of the truth's time step {dt:.6g} as dt of {name!r}", f"{stepper.dt:.6g}", do)
