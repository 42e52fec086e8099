"""What several test files share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import hypothesis
import numpy as np
import pytest
import torch
import xarray as xr

from surrogate.datasets import Grid

hypothesis.settings.register_profile("surrogate", deadline=None, derandomize=True)  # the same on a busy machine
hypothesis.settings.load_profile("surrogate")

AsFields = Callable[..., xr.Dataset]


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    """Tiny tensors: more threads only wait for each other."""
    torch.set_num_threads(1)


@pytest.fixture
def as_fields() -> AsFields:
    """Return a function that makes fields: ``as_fields(grid, {"u": ("sample time x", values)}, time=times)``."""

    def make(grid: Grid, variables: Mapping[str, tuple[str, Any]], time: Any = None, **attributes: Any) -> xr.Dataset:
        coords: dict[str, Any] = dict(grid.coordinates(units="m"))
        if time is not None:
            coords["time"] = xr.Variable(("time",), np.asarray(time, dtype=float), {"units": "s"})
        contents = {name: (dims.split(), values, {"units": "1"}) for name, (dims, values) in variables.items()}
        return xr.Dataset(contents, coords=coords, attrs=attributes)

    return make


@pytest.fixture(scope="session")
def polygons() -> xr.DataTree:
    """Return prepared diffusion problems in small random polygons: 16, 3 and 5 samples."""
    import surrogate as sg

    case = sg.cases.PoissonPolygons(nodes=(80, 160))
    fields = sg.generate(case, samples=24, seed=0, progress=False)
    inputs = [name for names in case.input_functions.values() for name in names]
    return sg.prepare(fields, inputs=inputs, outputs=["u"], split=(16, 3, 5))
