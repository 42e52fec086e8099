"""Overhead of a rollout over bare calls of its stepper, and over bare calls of the network in it.

Run: ``python benchmarks/rollout.py`` (one thread, process CPU time; about two minutes).
"""

from __future__ import annotations

import statistics
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

LIMIT = 0.05
STEPS = 200
ROUNDS = 5


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


def bare(stepper: sg.Stepper, fields: xr.Dataset) -> Callable[[], object]:
    """Return what calls the network, or a solver's step, again and again, and keeps nothing."""
    u = torch.from_numpy(fields["u"].values.copy()).unsqueeze(1).to(stepper.dtype)
    network = getattr(stepper, "network", None)

    @torch.inference_mode()
    def steps() -> None:
        if network is not None:
            state, points = u, stepper.domain.unit_coordinates(dtype=u.dtype)
            with_points = "coordinates" in torch.nn.Module.forward.__code__.co_varnames
            for _ in range(STEPS):
                state = network(state, coordinates=points) if with_points else network(state)
        else:
            carry = stepper.init(u)
            for _ in range(STEPS):
                carry, _ = stepper.step(carry)

    return steps


def side_by_side(first: Callable[[], object], others: list[Callable[[], object]]) -> tuple[float, list[float]]:
    """Return the process CPU time of the first in ms for a step, and by which part the others take longer.

    They are called in turns, the first before and after each of the others: medians of the times and of the quotients.
    """
    times, excess = [], [[] for _ in others]
    for _ in range(ROUNDS):
        before = _seconds(first)
        for other, quotients in zip(others, excess, strict=True):
            cost, after = _seconds(other), _seconds(first)
            quotients.append(2 * cost / (before + after) - 1)
            times.append(1e3 * after / STEPS)
            before = after
    return statistics.median(times), [statistics.median(quotients) for quotients in excess]


def _seconds(function: Callable[[], object]) -> float:
    began = time.process_time()
    function()
    return time.process_time() - began


def main() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    line, plane = sg.Grid((256,), periodic=True), sg.Grid((64, 64), periodic=True)
    fno = {"periodic": True, "n_layers": 4}
    cases = {
        "FNO, 1-D, 256 points, batch 16": (
            surrogate(sg.models.FNO(1, 1, dim=1, hidden_channels=64, n_modes=32, **fno), line),
            waves(line, 16),
        ),
        "FNO, 1-D, 256 points, batch 1": (
            surrogate(sg.models.FNO(1, 1, dim=1, hidden_channels=64, n_modes=32, **fno), line),
            waves(line, 1),
        ),
        "FNO, 2-D, 64 x 64 points, batch 4": (
            surrogate(sg.models.FNO(1, 1, dim=2, hidden_channels=32, n_modes=16, **fno), plane),
            waves(plane, 4),
        ),
        "Burgers solver, 256 points, 4 substeps, batch 16": (
            sg.solvers.Burgers(line, viscosity=0.05, dt=0.004, substeps=4),
            waves(line, 16),
        ),
        "Burgers solver, 256 points, 1 substep, batch 16": (
            sg.solvers.Burgers(line, viscosity=0.05, dt=0.001, substeps=1),
            waves(line, 16),
        ),
    }
    print(f"{'':52}{'bare ms':>9}{'memory':>9}{'file':>9}{'every 10':>9}")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "u.h5"
        for name, (stepper, fields) in cases.items():
            march = partial(sg.rollout, stepper, fields, steps=STEPS, progress=False)
            rollouts = [march, lambda march=march: march(path=path, overwrite=True).close(), partial(march, every=10)]
            cost, over = side_by_side(bare(stepper, fields), rollouts)
            print(f"{name:52}{cost:9.3f}" + "".join(f"{excess:9.1%}" for excess in over), flush=True)


if __name__ == "__main__":
    main()
