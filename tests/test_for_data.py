"""Sizes of a network read from prepared data."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import xarray as xr

from surrogate.datasets.grids.grid import Grid
from surrogate.datasets.samples.preparation import prepare
from surrogate.models import FFNO, FNO, TFNO, DeepONet, GalerkinTransformer, UNet

SPECTRAL = [GalerkinTransformer, FNO, FFNO, TFNO]
NETWORKS = [*SPECTRAL, UNet, DeepONet]


def fields(grid: Grid, names: dict[str, tuple[str, ...]]) -> xr.Dataset:
    sizes = {"sample": 6, "time": 4, **dict(zip(grid.names, grid.shape, strict=True))}
    random = np.random.default_rng(0)
    dataset = xr.Dataset(coords={"time": ("time", 0.1 * np.arange(4.0), {"units": "1"}), **grid.coordinates()})
    for name, dims in names.items():
        values = random.normal(size=[sizes[dim] for dim in dims])
        dataset[name] = (dims, values, {"units": "1", "long_name": name})
    return dataset


@pytest.mark.parametrize("network", NETWORKS)
def test_stepper_on_a_periodic_line(network):
    grid = Grid(shape=(24,), periodic=True)
    names = {"u": ("sample", "time", "x"), "a": ("sample", "x"), "viscosity": ("sample",)}
    data = prepare(fields(grid, names), inputs=["u", "a", "viscosity"], outputs=["u"], history=2, split=(4, 1, 1))
    for given in (data, data["train"].to_dataset()):
        built = network.for_data(given, hidden_channels=8, n_layers=1)
        assert (built.in_channels, built.out_channels, built.parameter_channels) == (3, 1, 1)
        assert (built.dim, built.periodic, built.hidden_channels) == (1, [True], 8)
        assert built(torch.randn(2, 3, 24), None, torch.randn(2, 1)).shape == (2, 1, 24)


@pytest.mark.parametrize("network", NETWORKS)
def test_stretched_axes_are_warned_of(network):
    grid = Grid(shape=(12,), stretching=("chebyshev",))
    data = prepare(fields(grid, {"u": ("sample", "time", "x")}), inputs=["u"], outputs=["u"], split=(4, 1, 1))
    with pytest.warns(UserWarning, match=rf"axes \('chebyshev',\), but {network.__name__} takes points as equally"):
        network.for_data(data, hidden_channels=8, n_layers=1)


@pytest.mark.parametrize("network", SPECTRAL)
def test_modes_are_what_a_small_grid_holds(network):
    grid = Grid(shape=(7, 6), boundary=(("wall", "wall"), ("periodic", "periodic")))
    data = prepare(
        fields(grid, {"a": ("sample", "x", "y"), "u": ("sample", "x", "y")}).drop_vars("time"),
        inputs=["a"],
        outputs=["u"],
        split=(4, 1, 1),
    )
    built = network.for_data(data, hidden_channels=8, n_layers=1)
    assert (built.dim, built.periodic) == (2, [False, True])
    x = torch.randn(1, 1, 7, 6)
    assert built(x).isfinite().all()
    modes = {"n_frequencies": built.n_frequencies + 1} if network is GalerkinTransformer else {"n_modes": [8, 6]}
    with pytest.raises(ValueError, match="Fourier coefficients"):
        network.for_data(data, hidden_channels=8, n_layers=1, **modes)(x)
