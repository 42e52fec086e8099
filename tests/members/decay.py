"""Steppers with a solution in closed form, and where they break."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from surrogate import Grid, Stepper

AsFields = Callable[..., xr.Dataset]
GRID = Grid(shape=(6,), extent=(2.0,), periodic=True)
DT = 0.25
RATES = torch.tensor([0.5, 2.0], dtype=torch.float64)


class Decay(Stepper):
    """u_t = -rate u, exactly, for two fields with a rate each."""

    in_fields = out_fields = ("u", "v")
    domain = GRID
    dt = DT
    attributes = {"v": {"units": "kg", "long_name": "mass"}}

    def __init__(self, horizon: int = 1) -> None:
        super().__init__()
        self.horizon = horizon
        self.register_buffer("rates", RATES)

    def forward(
        self,
        state: Tensor,
        static: Tensor | None = None,
        forcing: Tensor | None = None,
        parameters: Tensor | None = None,
    ) -> Tensor:
        factor = torch.exp(-self.dt * self.rates)[:, None]
        return torch.cat([state * factor**k for k in range(1, self.horizon + 1)], dim=1)


class Broken(Decay):
    """Decay whose field ``v`` of the sample with the mark 1 in ``u`` is not a number from a step on."""

    def __init__(self, first: int, horizon: int = 1, value: float = torch.nan) -> None:
        super().__init__(horizon)
        self.first, self.value = first, value

    def init(self, state: Tensor, static: Tensor | None = None, parameters: Tensor | None = None) -> Any:
        return 0, state[:, 0, 0] > 100, super().init(state, static, parameters)

    def step(self, carry: Any, forcing: Tensor | None = None) -> tuple[Any, Tensor]:
        count, marked, inner = carry
        inner, new = super().step(inner, forcing)
        out = new.clone()
        for k in range(self.horizon):
            if count + k + 1 >= self.first:
                out[marked, 2 * k + 1, 3] = self.value
        return (count + self.horizon, marked, inner), out


def random_start(as_fields: AsFields) -> xr.Dataset:
    """Return seven samples of four frames, of which a rollout reads the first."""
    rng = np.random.default_rng(0)
    variables = {name: ("sample time x", rng.normal(size=(7, 4, 6))) for name in ("u", "v")}
    return as_fields(GRID, variables, time=1.0 + DT * np.arange(4), case="decay", seed=3)


def exact(start: xr.Dataset, steps: np.ndarray, samples: slice = slice(None)) -> np.ndarray:
    """Return the solution (sample, time, field, x)."""
    first = np.stack([start["u"].values[samples, 0], start["v"].values[samples, 0]], axis=1)
    factors = np.exp(-DT * steps[:, None] * RATES.numpy())
    return factors[None, :, :, None] * first[:, None]


def stacked(fields: xr.Dataset) -> np.ndarray:
    return np.stack([fields["u"].values, fields["v"].values], axis=2)
