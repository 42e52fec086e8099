"""Solutions that Chebfun computed, published beside physics-informed networks (github.com/maziarraissi/PINNs)."""

from __future__ import annotations

import math
import os
from pathlib import Path

import numpy as np
import pytest
import scipy.io
import torch
from torch import Tensor

from surrogate.datasets.grids.grid import Grid
from surrogate.solvers import Burgers, KdV, KuramotoSivashinsky, Semilinear

REFERENCE = Path(os.environ.get("SURROGATE_REFERENCE", ""), "data/public")
pytestmark = pytest.mark.skipif(not (REFERENCE / "KdV.mat").exists(), reason="SURROGATE_REFERENCE is not set")


def line(n: int) -> Grid:
    return Grid((n,), extent=((-1.0, 1.0),), periodic=True)


def points(grid: Grid) -> Tensor:
    return torch.as_tensor(grid.axes[0])[None, None]


def largest_difference(solver: Semilinear, u: Tensor, x: np.ndarray, frames: np.ndarray) -> float:
    """Return the largest difference at the points ``x`` from frames ``(x, time)`` that begin at ``u``."""
    carry = solver.init(u)
    n_modes = carry.modes.shape[-1]
    basis = np.exp(1j * math.pi * (x[:, None] + 1) * np.arange(n_modes)) * np.where(np.arange(n_modes) > 0, 2, 1)
    differences = []
    for frame in frames.T[1:]:
        carry, _ = solver.step(carry)
        values = (basis @ carry.modes[0, 0].numpy()).real / u.shape[-1]
        differences.append(abs(values - frame).max())
    return max(differences)


def test_kdv() -> None:
    data, grid = scipy.io.loadmat(REFERENCE / "KdV.mat"), line(512)
    solver = KdV(grid, convection=1.0, dispersion=0.0025, dt=0.005, substeps=40)
    start = torch.cos(math.pi * points(grid))
    assert largest_difference(solver, start, data["x"][0], data["uu"]) < 1e-10


def test_kuramoto_sivashinsky() -> None:
    data, grid, scale = scipy.io.loadmat(REFERENCE / "KS.mat"), line(1024), 5 / math.pi
    solver = KuramotoSivashinsky(
        grid, convection=scale, antidiffusion=scale**2 / 15, hyperdiffusion=scale**4 / 3375, dt=0.005, substeps=20
    )
    start = -torch.sin(math.pi * points(grid))
    assert largest_difference(solver, start, data["x"][0], data["uu"]) < 1e-9


def test_the_shock_of_burgers() -> None:
    """The data have boundary values of zero, which an odd function keeps on the periodic interval."""
    data, grid = scipy.io.loadmat(REFERENCE / "burgers_shock.mat"), line(3072)
    solver = Burgers(grid, viscosity=0.01 / math.pi, dt=0.01, substeps=60)
    start = -torch.sin(math.pi * points(grid))
    assert largest_difference(solver, start, data["x"][:, 0], data["usol"]) < 1e-10
