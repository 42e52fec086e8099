"""Known values on the boundary, from the case through files and training to a saved surrogate."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr

import surrogate as sg
from surrogate.cases import Darcy
from surrogate.datasets import Grid
from surrogate.datasets.samples.signature import Signature
from surrogate.training.boundary_values import BoundaryValues, on_dirichlet_sides

SIDES = (("dirichlet", "wall"), ("periodic", "periodic"))


def prepared(location: str, path: Path | None = None) -> xr.DataTree:
    fields = sg.generate(Darcy(9, location=location), 10, progress=False)
    if path is not None:
        sg.datasets.save_dataset(fields, path)
        fields = sg.open_dataset(path)
    return sg.prepare(fields, inputs=["permeability"], outputs=["pressure"], split=(6, 2, 2))


def train(data: xr.DataTree) -> sg.Surrogate:
    torch.manual_seed(0)
    network = sg.models.FNO.for_data(data, hidden_channels=4, n_layers=1)
    return sg.fit(network, data, epochs=1, batch_size=3, trainer={"accelerator": "cpu"})


def rim(values: np.ndarray) -> np.ndarray:
    inner = np.zeros(values.shape[1:], dtype=bool)
    inner[1:-1, 1:-1] = True
    return values[:, ~inner]


def test_the_pressure_is_zero_on_dirichlet_nodes(tmp_path: Path) -> None:
    data = prepared("node", tmp_path / "darcy.h5")
    assert Signature.from_data(data).boundary_values == (0.0,)
    model = train(data)
    model.save(tmp_path / "model.safetensors")
    for surrogate in (model, sg.load(tmp_path / "model.safetensors")):
        pressure = surrogate.predict(data["test"])["pressure"].values
        assert np.all(rim(pressure) == 0)
        assert np.all(pressure[:, 1:-1, 1:-1] != 0)
    finer = sg.generate(Darcy(17, location="node"), 1, seed=3, progress=False)
    assert np.all(rim(model.predict(finer)["pressure"].values) == 0)


def test_cells_have_no_points_on_the_boundary() -> None:
    data = prepared("cell")
    assert Signature.from_data(data).boundary_values == (0.0,)
    pressure = train(data).predict(data["test"])["pressure"].values
    assert np.all(rim(pressure) != 0)


def test_only_stated_values_on_dirichlet_sides_are_set() -> None:
    grid = Grid((4, 3), boundary=SIDES)
    expected = torch.zeros(6, 3, dtype=torch.bool)
    expected[0] = True  # the lower side of the first axis, at any resolution
    assert torch.equal(on_dirichlet_sides(grid, (6, 3)), expected)
    signature = Signature(("u", "v"), ("u", "v"), grid, horizon=2, dt=0.1, boundary_values=(None, -1.5))
    y = torch.randn(2, 4, 4, 3, requires_grad=True)
    z = BoundaryValues(signature)(y)
    assert torch.equal(z[:, ::2], y[:, ::2])
    assert torch.equal(z[:, 1::2, 1:], y[:, 1::2, 1:])
    assert torch.all(z[:, 1::2, 0] == -1.5)
    z.sum().backward()
    assert torch.all(y.grad[:, 1::2, 0] == 0)
    assert y.grad.sum() == y.numel() - 2 * 2 * 3


@pytest.mark.parametrize("change", [{"boundary_values": ()}, {"domain": Grid((4, 3))}])
def test_nothing_is_set_without_values_or_such_sides(change: dict) -> None:
    settings = {"domain": Grid((4, 3), boundary=SIDES), "boundary_values": (2.0,)} | change
    values = BoundaryValues(Signature(("a",), ("u",), **settings))
    y = torch.randn(1, 1, 4, 3)
    assert not values.is_active
    assert values(y) is y
