"""By which part a rollout takes longer than bare calls of its network, or of the step of its solver.

Run: ``python benchmarks/rollout.py`` (one thread, process CPU time; about three minutes).
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
import xarray as xr

import surrogate as sg
from surrogate.datasets import Normalizer, Signature
from surrogate.training import SurrogateStepper

ROUNDS = 15


def surrogate(network: torch.nn.Module, grid: sg.Grid) -> sg.Surrogate:
    """Return the network as a stepper whose states stay as large as they are given."""
    for parameter in network.parameters():
        parameter.data.mul_(0.5)
    signature = Signature(("u",), ("u",), grid, dt=0.01)
    return SurrogateStepper(network, signature, {"input": Normalizer(["u"]), "output": Normalizer(["u"])}).eval()


def waves(grid: sg.Grid, samples: int) -> xr.Dataset:
    """Return smooth initial states."""
    phases = np.linspace(0, 1, samples, endpoint=False)
    x = grid.coordinates()["x"].values
    u = np.sin(2 * np.pi * (x + phases[:, None])).reshape(samples, -1, *[1] * (grid.dim - 1))
    values = np.broadcast_to(u, (samples, *grid.shape))
    return xr.Dataset({"u": (("sample", *grid.names), values, {"units": "1"})}, coords=grid.coordinates())


def bare(stepper: sg.Stepper, fields: xr.Dataset, steps: int) -> Callable[[], object]:
    """Return what calls the network, or a solver's step, again and again, and keeps nothing."""
    u = torch.from_numpy(fields["u"].values.copy()).unsqueeze(1).to(stepper.dtype)

    @torch.inference_mode()
    def network() -> None:
        state, points = u, stepper.domain.unit_coordinates(dtype=u.dtype)
        for _ in range(steps):
            state = stepper.network(state, coordinates=points)

    @torch.inference_mode()
    def solver() -> None:
        carry = stepper.init(u)
        for _ in range(steps):
            carry, _ = stepper.step(carry)

    return network if isinstance(stepper, sg.Surrogate) else solver


def side_by_side(first: Callable[[], object], others: list[Callable[[], object]]) -> tuple[float, list[float]]:
    """Return the process CPU time of the first in seconds, and by which part the others take longer.

    They are called in turns; the least time of each counts, for other work on the machine only adds to it.
    """
    functions = [first, *others]
    times = [[_seconds(function) for function in functions] for _ in range(ROUNDS)]
    least = [min(column) for column in zip(*times, strict=True)]
    return least[0], [time / least[0] - 1 for time in least[1:]]


def _seconds(function: Callable[[], object]) -> float:
    began = time.process_time()
    function()
    return time.process_time() - began


def main() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    line, plane = sg.Grid((256,), periodic=True), sg.Grid((64, 64), periodic=True)
    small = sg.models.FNO(1, 1, dim=1, hidden_channels=64, n_modes=32, n_layers=4, periodic=True)
    large = sg.models.FNO(1, 1, dim=2, hidden_channels=32, n_modes=16, n_layers=4, periodic=True)
    solver = partial(sg.solvers.Burgers, line, viscosity=0.05)
    cases = {
        "FNO, 256 points, batch 1": (surrogate(small, line), waves(line, 1), 200),
        "FNO, 256 points, batch 16": (surrogate(small, line), waves(line, 16), 100),
        "FNO, 64 x 64 points, batch 4": (surrogate(large, plane), waves(plane, 4), 50),
        "Burgers solver, 16 substeps, batch 16": (solver(dt=0.016, substeps=16), waves(line, 16), 400),
        "Burgers solver, 4 substeps, batch 16": (solver(dt=0.004, substeps=4), waves(line, 16), 1000),
        "Burgers solver, 1 substep, batch 16": (solver(dt=0.001, substeps=1), waves(line, 16), 4000),
    }
    print(f"{'':40}{'steps':>6}{'bare ms':>9}{'memory':>9}{'file':>9}{'every 10':>9}")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "u.h5"
        for name, (stepper, fields, steps) in cases.items():
            march = partial(sg.rollout, stepper, fields, steps=steps, progress=False)
            rollouts = [march, lambda march=march: march(path=path, overwrite=True).close(), partial(march, every=10)]
            cost, over = side_by_side(bare(stepper, fields, steps), rollouts)
            words = "".join(f"{excess:9.1%}" for excess in over)
            print(f"{name:40}{steps:6}{1e3 * cost / steps:9.3f}{words}", flush=True)


if __name__ == "__main__":
    main()
