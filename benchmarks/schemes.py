"""What each time scheme costs at which error, on the two cases of the literature; process CPU time, one thread.

Run: ``python benchmarks/schemes.py``. Prints milliseconds per trajectory and relative error of the last frame, beside
float64 with eight times the steps. The solvers compute in float32, whose round-off ends the fall of the error.
"""

from __future__ import annotations

import time

import torch

import surrogate as sg
from surrogate.cases import PeriodicCase
from surrogate.solvers.schemes import SCHEMES

FLOWS = {"NavierStokes": (sg.cases.NavierStokes(steps=10), 32, 8, (8, 16, 32))}
WAVES = {"Burgers": (sg.cases.Burgers(256, 0.01, dt=0.1, steps=10), 256, 64, (4, 8, 16, 32))}


def solved(solver: sg.Stepper, start: torch.Tensor, steps: int) -> tuple[torch.Tensor, float]:
    """Return the last frame and the seconds per trajectory."""
    state = start.to(solver.dtype)
    began = time.process_time()
    carry = solver.init(state)
    for _ in range(steps):
        carry, state = solver.step(carry)
    return state.double(), (time.process_time() - began) / len(start)


def measure(name: str, case: PeriodicCase, points: int, batch: int, substeps: tuple[int, ...]) -> None:
    start = case.initial_state(range(batch), seed=0, resolution=points)
    truth, _ = solved(case.solver(points, 8 * substeps[-1]), start, case.steps)
    for scheme in SCHEMES:
        row = []
        for count in substeps:
            end, seconds = solved(case.solver(points, count, torch.float32, scheme), start, case.steps)
            error = ((end - truth).flatten(1).norm(dim=1) / truth.flatten(1).norm(dim=1)).mean()
            row.append(f"{error:8.1e} {1e3 * seconds:7.2f} ms")
        print(f"{name:12} {scheme:7}", *row, sep=" | ", flush=True)


def main() -> None:
    torch.set_num_threads(1)
    for name, (case, points, batch, substeps) in (FLOWS | WAVES).items():
        print(f"{name}, {points} points an axis, batch {batch}, substeps {substeps}")
        measure(name, case, points, batch, substeps)


if __name__ == "__main__":
    main()
