"""A run of somebody else's solver, as a competitor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import xarray as xr

from surrogate.datasets.domain import is_on_points
from surrogate.datasets.errors import expected
from surrogate.datasets.fields import Fields, as_dataset, check
from surrogate.datasets.grids.grid import Grid
from surrogate.datasets.opening import open_dataset
from surrogate.evaluation.timing import Cost, Timing


@dataclass(frozen=True)
class Recorded:
    """What another solver has computed and what that took, as a member of ``solvers`` in `compare`.

    Parameters
    ----------
    files
        The fields: a path or pattern for `open_dataset`, or fields that are open. They hold the samples of the truth,
        by their ``sample`` labels or as many in the same order, and the compared times. On grids they may be coarser
        than the truth: they are interpolated, outside of their time; on meshes they have the same points.
    seconds
        Wall-clock time of one run: one sample, from its start to the last compared time. Of several runs median and
        quartiles are taken.
    hardware
        What it ran on, in words. The table and every verdict that rests on this run say so.
    name
        How the report calls it; default: the files.

    Raises
    ------
    InputError
        Seconds that are not positive, no hardware, a missing or damaged file.

    Examples
    --------
    >>> import surrogate as sg
    >>> case = sg.cases.Burgers(resolution=32, viscosity=0.1, dt=0.1, steps=2)
    >>> truth = sg.generate(case, samples=2, progress=False)
    >>> theirs = Recorded(truth, seconds=3.4, hardware="32 cores", name="theirs")
    >>> report = sg.compare({"itself": case.solver()}, truth, solvers=[theirs], time_budget=0.5, progress=False)
    >>> [(row.name, row.hardware) for row in report.rows if row.kind == "solver"]
    [('theirs', '32 cores')]
    """

    files: str | Path | Fields
    seconds: float | Sequence[float]
    hardware: str
    name: str = ""

    def __post_init__(self) -> None:
        seconds = self._runs
        if not seconds.size or not np.isfinite(seconds).all() or not (seconds > 0).all():
            raise expected("the positive wall-clock seconds of one run", self.seconds, "Measure them.")
        if not self.hardware.strip():
            raise expected("the hardware of the run in words", repr(self.hardware), 'Say it, such as "32 cores".')

    @cached_property
    def fields(self) -> xr.Dataset:
        """The fields, checked."""
        return open_dataset(self.files) if isinstance(self.files, str | Path) else check(as_dataset(self.files))

    @property
    def label(self) -> str:
        """How the report calls it."""
        return self.name or (str(self.files) if isinstance(self.files, str | Path) else "recorded")

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of points along each axis; empty where there is no grid."""
        return () if is_on_points(self.fields) else Grid.from_fields(self.fields).shape

    @property
    def dtype(self) -> str:
        """Precision in which the fields are stored."""
        return str(next(iter(self.fields.data_vars.values())).dtype)

    @property
    def cost(self) -> Cost:
        """The seconds as the user says, the same for one sample and in batches."""
        lower, median, upper = (float(value) for value in np.quantile(self._runs, [0.25, 0.5, 0.75]))
        timing = Timing(1, self._runs.size, median, lower, upper)
        return Cost(timing, timing, (timing,), 0.0)

    @property
    def _runs(self) -> np.ndarray:
        return np.atleast_1d(np.asarray(self.seconds, dtype=np.float64))
