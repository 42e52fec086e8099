"""A training of seconds: a map that a convolution of three points is, and networks to learn it or to fail."""

from __future__ import annotations

from typing import Any

import lightning
import numpy as np
import torch
import xarray as xr
from torch import Tensor, nn

from surrogate import Grid, OneCycleAdamW, Surrogate, fit, prepare

CPU = {"accelerator": "cpu"}
FAST = OneCycleAdamW(learning_rate=0.05)
GRID = Grid(shape=(16,), extent=(2.0,), periodic=True)


def steady(samples: int = 24, scale: float = 1.0) -> xr.Dataset:
    """Return smooth random inputs and what a convolution of three points makes of them."""
    rng = np.random.default_rng(0)
    phases = rng.uniform(0, 2 * np.pi, size=(samples, 3, 1))
    a = np.cos(np.pi * np.arange(1, 4)[:, None] * GRID.axes[0] + phases).sum(1)
    u = scale * (2 * a - np.roll(a, 1, axis=-1) + 5)
    variables = {name: (("sample", "x"), v, {"units": "m", "long_name": name}) for name, v in {"a": a, "u": u}.items()}
    return xr.Dataset(variables, coords=GRID.coordinates())


def data(**options: Any) -> xr.DataTree:
    return prepare(steady(**options), inputs=["a"], outputs=["u"], split=(16, 4, 4))


def convolution(seed: int = 0, dropout: float = 0.0) -> nn.Module:
    torch.manual_seed(seed)
    layer = nn.Conv1d(1, 1, 3, padding=1, padding_mode="circular")
    return nn.Sequential(layer, nn.Dropout(dropout)) if dropout else layer


def train(network: nn.Module, tree: xr.DataTree, **options: Any) -> Surrogate:
    return fit(network, tree, **{"epochs": 3, "batch_size": 4, "optimizer": FAST, "trainer": CPU, **options})


def bits(model: nn.Module) -> dict[str, bytes]:
    return {name: value.numpy().tobytes() for name, value in model.state_dict().items()}


class Never(lightning.Callback):
    def on_train_start(self, *_: Any) -> None:
        raise AssertionError("trained again")


class Explodes(nn.Module):
    """Gives numbers for a while."""

    def __init__(self, training_steps: int, evaluations: int) -> None:
        super().__init__()
        self.inner, self.left = convolution(), {True: training_steps, False: evaluations}

    def forward(self, x: Tensor) -> Tensor:
        self.left[self.training] -= 1
        y: Tensor = self.inner(x)
        return y if self.left[self.training] >= 0 else y * torch.nan
