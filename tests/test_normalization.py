"""A training with statistics of each point: what the network sees, what is saved, and where it holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr

from surrogate import Corrected, Grid, InputError, Surrogate, fit, load, models, prepare, solvers

GRID = Grid(shape=(24,), periodic=True)


def fields(grid: Grid = GRID) -> xr.Dataset:
    """Return waves around a profile that is much larger than they are."""
    x, rng = grid.axes[0], np.random.default_rng(0)
    waves = np.sin(2 * np.pi * (x + rng.uniform(size=(10, 1)))) * rng.uniform(0.5, 1.5, size=(10, 1))
    a, u = waves + 50 * np.cos(2 * np.pi * x), 0.1 * waves - 30 * np.sin(4 * np.pi * x)
    variables = {"a": (("sample", "x"), a, {"units": "1"}), "u": (("sample", "x"), u, {"units": "1"})}
    return xr.Dataset(variables, coords=grid.coordinates())


def train(network: Any, data: xr.DataTree | None = None, **options: Any) -> Surrogate:
    tree = prepare(fields(), inputs=["a"], outputs=["u"], split=(8, 2, 0)) if data is None else data
    given = {"epochs": 1, "batch_size": 4, "normalize": "point", "trainer": {"accelerator": "cpu"}, **options}
    return fit(network, tree, **given)


def network() -> models.FNO:
    torch.manual_seed(0)
    return models.FNO(1, 1, dim=1, hidden_channels=8, n_modes=6, periodic=True)


def test_every_point_has_its_own_mean_and_is_saved_so(tmp_path: Path) -> None:
    data = prepare(fields(), inputs=["a"], outputs=["u"], split=(8, 2, 0))
    model = train(network(), data)
    truth = data["train"]["a"].values
    np.testing.assert_allclose(model.normalizer("input").mean[0], truth.mean(0), rtol=1e-6)
    x = torch.tensor(truth, dtype=torch.float32)[:, None]
    normal = (truth - truth.mean(0)) / truth.std(0)
    with torch.no_grad():
        inner = model.network(torch.tensor(normal, dtype=torch.float32)[:, None])[:, 0].numpy()
        outer = model(x)[:, 0].numpy()
    target = data["train"]["u"].values
    np.testing.assert_allclose(outer, inner * target.std(0) + target.mean(0), rtol=1e-5, atol=1e-4)
    model.save(tmp_path / "model.safetensors")
    again = load(tmp_path / "model.safetensors")
    assert isinstance(again, Surrogate)
    assert torch.equal(again(x), model(x))
    assert model.record["settings"]["normalize"] == "point"


def test_a_profile_is_known_from_the_start() -> None:
    """One epoch: the mean field is in the statistics, and only the waves remain to be learned."""
    losses = {kind: train(network(), normalize=kind).record["validation_loss"] for kind in ("field", "point")}
    assert losses["point"] < 0.1 * losses["field"]  # the waves are 0.1 of 30


def test_other_resolutions_and_domains_are_refused() -> None:
    model = train(network())
    finer = fields(Grid(shape=(48,), periodic=True))
    with pytest.raises(InputError, match=r"the training resolution \(24,\).* train with normalize='field'"):
        model.predict(finer)
    assert train(network(), normalize="field").predict(finer).sizes["x"] == 48


def test_a_corrected_solver_has_no_statistics_of_points() -> None:
    solver = solvers.Burgers(GRID, viscosity=0.05, dt=0.01)
    with pytest.raises(InputError, match="normalize='field' for a corrected solver, got 'point'"):
        train(Corrected(solver, network()))


def test_meshes_have_no_statistics_of_points(polygons: xr.DataTree) -> None:
    with pytest.raises(InputError, match="fields on a grid to normalize each point"):
        train(models.GNOT.for_data(polygons, hidden_channels=8, n_heads=2), polygons)
