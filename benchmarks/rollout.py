"""By which part a rollout takes longer than the calls of its network, or of the step of its solver, within it.

Run: ``python benchmarks/rollout.py`` (one thread, process CPU time; about a minute).
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial, wraps
from pathlib import Path
from typing import Any

import numpy as np
import torch
import xarray as xr

import surrogate as sg
from surrogate.datasets import Normalizer, Signature
from surrogate.training import SurrogateStepper

REPEATS = 9


class Clock:
    """Process CPU time spent in a function."""

    seconds = 0.0

    def of(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function, timed."""

        @wraps(function)
        def timed(*arguments: Any, **options: Any) -> Any:
            began = time.process_time()
            result = function(*arguments, **options)
            self.seconds += time.process_time() - began
            return result

        return timed


def surrogate(network: torch.nn.Module, grid: sg.Grid) -> SurrogateStepper:
    """Return an untrained stepper with this network."""
    signature = Signature(("u",), ("u",), grid, dt=0.01)
    return SurrogateStepper(network, signature, {"input": Normalizer(["u"]), "output": Normalizer(["u"])}).eval()


def waves(grid: sg.Grid, samples: int) -> xr.Dataset:
    """Return smooth initial states."""
    phases = np.linspace(0, 1, samples, endpoint=False)
    x = grid.coordinates()["x"].values
    u = np.sin(2 * np.pi * (x + phases[:, None])).reshape(samples, -1, *[1] * (grid.dim - 1))
    values = np.broadcast_to(u, (samples, *grid.shape))
    return xr.Dataset({"u": (("sample", *grid.names), values, {"units": "1"})}, coords=grid.coordinates())


def costs(march: Callable[..., xr.Dataset], clock: Clock, steps: int) -> tuple[float, float]:
    """Return the CPU seconds of a rollout within the timed calls and around them: medians."""
    inside, around = [], []
    for _ in range(REPEATS):
        clock.seconds, began = 0.0, time.process_time()
        march(steps=steps).close()
        inside.append(clock.seconds)
        around.append(time.process_time() - began - clock.seconds)
    return statistics.median(inside), statistics.median(around)


def row(stepper: sg.Stepper, fields: xr.Dataset, steps: int, path: Path) -> str:
    """Return the time of a call, what comes around each call and as a part of it, and what it costs to begin."""
    clock = Clock()
    if isinstance(stepper, sg.Surrogate):
        stepper.network.forward = clock.of(stepper.network.forward)
    else:
        stepper.step = clock.of(stepper.step)
    march = partial(sg.rollout, stepper, fields, progress=False)
    words = ""
    for sink in (march, partial(march, path=path, overwrite=True), partial(march, every=10)):
        (_, begin), (inside, around) = (costs(sink, clock, n) for n in (10, steps))
        each, call = (around - begin) / (steps - 10), inside / steps
        words += f"{1e3 * call:10.3f}{1e6 * each:7.0f}{each / call:8.1%}{1e3 * begin:6.0f}"
    return words


def main() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    line, plane = sg.Grid((256,), periodic=True), sg.Grid((64, 64), periodic=True)
    small = partial(sg.models.FNO, 1, 1, dim=1, hidden_channels=64, n_modes=32, n_layers=4, periodic=True)
    large = sg.models.FNO(1, 1, dim=2, hidden_channels=32, n_modes=16, n_layers=4, periodic=True)
    solver = partial(sg.solvers.Burgers, line, viscosity=0.05)
    cases = {
        "FNO, 256 points, batch 1": (surrogate(small(), line), waves(line, 1), 210),
        "FNO, 256 points, batch 16": (surrogate(small(), line), waves(line, 16), 50),
        "FNO, 64 x 64 points, batch 4": (surrogate(large, plane), waves(plane, 4), 30),
        "Burgers, 16 substeps, batch 16": (solver(dt=0.016, substeps=16), waves(line, 16), 110),
        "Burgers, 4 substeps, batch 16": (solver(dt=0.004, substeps=4), waves(line, 16), 410),
        "Burgers, 1 substep, batch 16": (solver(dt=0.001, substeps=1), waves(line, 16), 1010),
    }
    print(f"{'':32}" + "".join(f"{sink:>31}" for sink in ("to memory", "to a file", "every 10th to memory")))
    print(f"{'':32}" + 3 * f"{'call ms':>10}{'μs':>7}{'over':>8}{'begin':>6}")
    with tempfile.TemporaryDirectory() as folder:
        for name, (stepper, fields, steps) in cases.items():
            print(f"{name:32}{row(stepper, fields, steps, Path(folder) / 'u.h5')}", flush=True)


if __name__ == "__main__":
    main()
