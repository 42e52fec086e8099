"""Wrong tensors into a trained surrogate: refused with words, not by what fails first within."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr
from torch import Tensor, nn

from surrogate import Grid, InputError, fit, models, prepare, solvers

GRID = Grid(shape=(12,), periodic=True)


@pytest.fixture(scope="module")
def model() -> Any:
    rng = np.random.default_rng(0)
    variables = {
        "u": (("sample", "time", "x"), rng.normal(size=(6, 3, 12)), {"units": "1"}),
        "v": (("sample", "time", "x"), rng.normal(size=(6, 3, 12)), {"units": "1"}),
        "re": (("sample",), rng.uniform(1, 2, size=6), {"units": "1"}),
        "slope": (("sample",), rng.uniform(1, 2, size=6), {"units": "1"}),
    }
    coords = {"time": ("time", np.arange(3.0), {"units": "s"}), **GRID.coordinates()}
    data = prepare(xr.Dataset(variables, coords), inputs=["u", "v", "re", "slope"], outputs=["u", "v"], split=(4, 2, 0))
    network = models.FNO.for_data(data, hidden_channels=4, n_layers=1)
    return fit(network, data, epochs=1, trainer={"accelerator": "cpu"})


WRONG: dict[str, tuple[Callable[[], tuple[Tensor, Tensor]], str]] = {
    "another device": (lambda: (torch.zeros(2, 2, 12, device="meta"), torch.ones(2, 2)), r"on cpu, got meta\. Move"),
    "another dtype": (
        lambda: (torch.zeros(2, 2, 12, dtype=torch.float64), torch.ones(2, 2)),
        "x as torch.float32 on cpu, as the weights, got torch.float64",
    ),
    "a field too many": (lambda: (torch.zeros(2, 3, 12), torch.ones(2, 2)), r"a channel for each of \('u', 'v'\), got"),
    "a frame too many": (lambda: (torch.zeros(2, 4, 12), torch.ones(2, 2)), r"x of shape \(batch, 2, \*1 axes\)"),
    "a parameter too few": (lambda: (torch.zeros(2, 2, 12), torch.ones(2, 1)), r"\('re', 'slope'\), got 1 columns"),
    "parameters too many": (lambda: (torch.zeros(2, 2, 12), torch.ones(2, 4)), r"\('re', 'slope'\), got 4 columns"),
    "parameters of other samples": (
        lambda: (torch.zeros(2, 2, 12), torch.ones(3, 2)),
        "parameters of 2 samples, got 3",
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_wrong_tensors_are_refused(model: Any, what: str) -> None:
    make, message = WRONG[what]
    x, parameters = make()
    with pytest.raises(InputError, match=message):
        model(x, parameters=parameters)
    with pytest.raises(InputError, match=r"parameters \('re', 'slope'\), got none"):
        model(torch.zeros(2, 2, 12))


def test_axes_that_are_not_periodic_are_refused_where_waves_are_needed() -> None:
    with pytest.raises(InputError, match="Expected a periodic grid"):
        solvers.Burgers(Grid(shape=(12,)), viscosity=0.1, dt=0.1)


def test_stretched_axes_come_to_networks_that_take_coordinates() -> None:
    """Nobody can forget them: the surrogate gives them, in the unit box, at the true points."""
    grid = Grid(shape=(12,), stretching=("chebyshev",))
    seen: list[Tensor] = []

    class Places(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.ones(1))

        def forward(self, x: Tensor, coordinates: Tensor) -> Tensor:
            seen.append(coordinates)
            return x * self.weight

    values = np.random.default_rng(0).normal(size=(6, 12))
    variables = {name: (("sample", "x"), values, {"units": "1"}) for name in ("a", "u")}
    data = prepare(xr.Dataset(variables, grid.coordinates()), inputs=["a"], outputs=["u"], split=(4, 2, 0))
    fit(Places(), data, epochs=1, trainer={"accelerator": "cpu"})
    expected = (1 - np.cos(np.pi * np.arange(12) / 11)) / 2
    np.testing.assert_allclose(seen[0][:, 0], expected, atol=1e-7)
