"""From fields to tensors and back."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
import xarray as xr

from surrogate.datasets import Grid
from surrogate.datasets.samples.tensors import to_fields, to_parameters, to_tensor

GRID = Grid(shape=(4, 3))


def test_channels_are_stacked_in_the_order_of_the_names(as_fields: Callable[..., xr.Dataset]) -> None:
    rng = np.random.default_rng(0)
    u, v, k = rng.normal(size=(2, 5, 4, 3)), rng.normal(size=(2, 5, 4, 3)), rng.normal(size=(4, 3))
    variables = {"u": ("sample time x y", u), "v": ("sample time x y", v), "k": ("x y", k), "re": ("sample", [3, 7])}
    fields = as_fields(GRID, variables, time=np.arange(5))
    frames = to_tensor(fields, ["v", "u"], torch.float64)
    assert torch.equal(frames, torch.tensor(np.stack([v, u], axis=2)))
    static = to_tensor(fields, ["k"], torch.float64)
    assert torch.equal(static, torch.tensor(np.stack([k, k])[:, None]))  # repeated for both samples
    parameters = to_parameters(fields.assign(mu=0.5), ["re", "mu"])
    assert parameters is not None
    assert parameters.tolist() == [[3.0, 0.5], [7.0, 0.5]]
    assert to_parameters(fields, []) is None


def test_read_only_arrays_are_read_without_a_warning_and_not_shared(as_fields: Callable[..., xr.Dataset]) -> None:
    u = np.ones((2, 4, 3))
    u.setflags(write=False)
    tensor = to_tensor(as_fields(GRID, {"u": ("sample x y", u)}), ["u"], torch.float64)
    tensor[:] = 0
    assert u.min() == 1


def test_there_and_back(as_fields: Callable[..., xr.Dataset]) -> None:
    u = np.random.default_rng(0).normal(size=(2, 5, 4, 3))
    fields = as_fields(GRID, {"u": ("sample time x y", u)}, time=np.arange(5.0)).assign_coords(sample=[10, 20])
    back = to_fields(to_tensor(fields, ["u"], torch.float64), ["u"], fields, time=fields["time"].values)
    xr.testing.assert_identical(back, fields)


def test_attributes_come_from_the_maker_then_from_the_template(as_fields: Callable[..., xr.Dataset]) -> None:
    template = as_fields(GRID, {"u": ("sample x y", np.ones((2, 4, 3)))})
    template["u"].attrs = {"units": "m", "role": "static"}
    made = to_fields(torch.ones(2, 3, 4, 3), ["u", "p", "q"], template, attributes={"p": {"units": "Pa"}})
    assert made["u"].attrs == {"units": "m"}
    assert made["p"].attrs == {"units": "Pa"}
    assert made["q"].attrs == {"units": "1", "long_name": "q"}
